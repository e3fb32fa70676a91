"""Cases into loss maps as a reader gives them: our Monte Carlo, the emulator, or monitors behind the emulator."""

import os
import zlib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.channels import channels, group_at, names
from accelerator.collimation.geometry import LHC_LENGTH_M, is_warm
from accelerator.collimation.lossmap import Domain
from accelerator.collimation.observing import LOSSMAP, blm_lossmap
from accelerator.collimation.simulate.blm import Response, draw_dead
from accelerator.collimation.simulate.emulator import FOLDER, Emulator
from accelerator.collimation.simulate.library import Case as McCase
from accelerator.collimation.simulate.library import Key, Library, simulate
from benchmarks.collimation.scenes import FOLLOWED, HELD_OUT, REFERENCE_SEEDS, STATE, Case
from core.observation import Observation

Floats: TypeAlias = NDArray[np.float64]

PROTONS = {FOLLOWED: 10_000, "protons 1M": 1_000_000}
CACHE = Path(os.environ.get("SHIFTWATCH_BENCH_CACHE", "/tmp/shiftwatch-bench")) / "collimation"  # noqa: S108
SECONDS, QUIET_SECONDS = 6, 28
PROTONS_PER_S = 8e9
"""A blow-up of 6e10 protons over 12 s (`simulate.fill.BlowUp`), the seconds above half of its peak."""
CODE_SHARES = {
    "everest": {"TCP7": 0.835, "TCSG7": 0.127, "TCLA7": 6.8e-4, "cold": 4.2e-4},
    "fluka": {"TCP7": 0.606, "TCSG7": 0.262, "TCLA7": 2.4e-3, "cold": 2.1e-4},
    "geant4": {"TCP7": 0.667, "TCSG7": 0.211, "TCLA7": 1.7e-3, "cold": 5.4e-5},
}
"""What three codes give for the same nominal machine (facts/collimation.md, A2: from maps of xcoll's authors)."""
WARM_SHARE = 0.065
"""FLUKA and Geant4 put so much on the warm aperture (same place)."""
PER_CHANNEL = 0.35
"""Half of ln 2: "typically within a factor 2" (Bruce et al., arXiv:1409.3123), for single channels besides."""
AT = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def observation(case: Case) -> Observation:
    """Return the map of a case."""
    rng = np.random.default_rng((case.seed, 7))
    if case.ensemble == "monitors":
        return _monitors(case, _shares(case, rng), rng)
    if case.ensemble == FOLLOWED and not case.code:
        return protons(case.beam, case.plane, _followed(case), "everest", f"{case.seed}")
    counts = rng.multinomial(PROTONS[case.ensemble], _shares(case, rng))
    return protons(case.beam, case.plane, counts, case.code or "everest", f"{case.seed}")


def references(ensemble: str, beam: int, plane: str, count: int) -> list[Observation]:
    """Return nominal maps of the machine that is measured, with tolerances: what peers and ``calibrate`` learn from.

    Of 10,000 protons they come out of the library's tolerance cases, which our model was made from as well.
    """
    rng = np.random.default_rng((REFERENCE_SEEDS, beam, plane == "V"))
    if ensemble == FOLLOWED:
        library = Library.read(FOLDER / f"{Key(beam, plane, STATE)}.npz")
        own = library.shares()[library.kind == "tolerance"]
        drawn = [rng.multinomial(PROTONS[ensemble], _placed(library, beam, own[at % len(own)])) for at in range(count)]
        return [protons(beam, plane, counts, "everest", f"r{at}") for at, counts in enumerate(drawn)]
    made = [Case(ensemble, "nominal", REFERENCE_SEEDS + at, beam, plane) for at in range(count)]
    return [observation(case) for case in made]


def _placed(library: Library, beam: int, shares: Floats) -> Floats:
    place = {name: at for at, name in enumerate(library.channels)}
    found = np.array([shares[place[name]] if name in place else 0.0 for name in names(beam)])
    return found / found.sum()


def _shares(case: Case, rng: np.random.Generator) -> Floats:
    logs = _emulator().logs(case.settings, case.beam, case.plane, STATE, tolerances=case.seed)
    shares = np.exp(logs)
    if case.code:
        shares = as_code(shares, case.beam, case.code, rng)
    return shares / shares.sum()


def as_code(shares: Floats, beam: int, code: str, rng: np.random.Generator) -> Floats:
    """Return shares (C,) as another code might give them: its families, and factors of single channels besides."""
    strength = rng.uniform(0.5, 1.1)
    ratio = {name: CODE_SHARES[code][name] / share for name, share in CODE_SHARES["everest"].items()}
    families = [_family(str(one.family) if one.family else one.name, one.kind) for one in channels(beam)]
    factor = np.array([ratio.get(name, 1.0) ** strength for name in families])
    factor *= np.exp(PER_CHANNEL * rng.normal(size=len(factor)))
    found = shares * factor
    warm = names(beam).index(f"warm ir7 b{beam}")
    found[warm] = WARM_SHARE * strength * found.sum()
    return found / found.sum()


def _family(name: str, kind: str) -> str:
    return "cold" if kind == "cold" else name


@cache
def _emulator() -> Emulator:
    return Emulator.load()


def _followed(case: Case) -> NDArray[np.int64]:
    """Protons followed one by one (`simulate.cascade`), 10,000 of them; kept, since it takes about a second."""
    told = f"{case.seed} {case.beam} {case.plane} {case.settings}"
    path = CACHE / f"{zlib.crc32(told.encode()):08x}_{case.seed}.npy"
    if path.exists():
        kept: NDArray[np.int64] = np.load(path, allow_pickle=False)
        return kept
    mc = McCase("drawn", case.settings, case.seed, PROTONS[case.ensemble])
    counts = simulate(Key(case.beam, case.plane, STATE), mc, case.seed)
    CACHE.mkdir(parents=True, exist_ok=True)
    np.save(path, counts, allow_pickle=False)
    return counts


def protons(beam: int, plane: str, counts: NDArray[np.int64], code: str, key: str) -> Observation:
    """Return a map of lost protons with these counts by channel, as the reader of xcoll's maps gives them."""
    known = channels(beam)
    single = [(one.name, int(n)) for one, n in zip(known, counts, strict=True) if one.family is not None and n]
    groups = [(_place(beam)[at], int(n)) for at, n in enumerate(counts) if known[at].family is None and n]
    conditions = {
        "kind": LOSSMAP, "domain": Domain.PROTONS.value, "beam": beam, "plane": plane, "state": STATE.value,
        "energy_gev": 6800.0, "particle": "proton", "n_initial": int(counts.sum()), "engine": code,
    }  # fmt: skip
    payload = {
        "collimator": np.array([name for name, _ in single]),
        "lost": np.array([float(n) for _, n in single]),
        "bin_s_m": np.array([s_m for s_m, _ in groups]),
        "bin_lost": np.array([float(n) for _, n in groups]),
    }
    axes = {"collimator": ("collimator",), "lost": ("collimator",), "bin_s_m": ("bin",), "bin_lost": ("bin",)}
    return Observation(
        "collimation", f"B{beam}{plane}", key, AT, f"made/{key}.json", f"{zlib.crc32(key.encode()):064x}",
        conditions, payload, axes,
    )  # fmt: skip


@cache
def _place(beam: int) -> dict[int, float]:
    """A position within each group of a beam."""
    at_m = np.arange(0.05, LHC_LENGTH_M, 1.0)
    group, first = np.unique(group_at(at_m, beam, is_warm(at_m)), return_index=True)
    return dict(zip(group.tolist(), at_m[first].tolist(), strict=True))


@cache
def _machine(seed: int) -> tuple[Response, NDArray[np.bool_]]:
    response = Response.load(seed)
    return response, draw_dead(response, np.random.default_rng((seed, 1)))


def _monitors(case: Case, shares: Floats, rng: np.random.Generator) -> Observation:
    """Monitors of one machine; of another for each code (factors of monitors and backgrounds are its own)."""
    number = 1 + case.seed % 6 if case.code else 0
    response, dead = _machine(HELD_OUT + number)
    clean = response.signals({case.beam: shares * PROTONS_PER_S})
    signal = response.read(np.broadcast_to(clean, (SECONDS, len(clean))), rng, dead)
    quiet = response.read(np.zeros((QUIET_SECONDS, len(clean))), rng, dead).astype(np.float64)
    return blm_lossmap(
        response.names,
        signal.mean(axis=0, dtype=np.float64),
        background_gy_per_s=quiet.mean(axis=0),
        noise_gy_per_s=quiet.std(axis=0, ddof=1),
        beam=case.beam,
        plane=case.plane,
        seen_at=AT,
        told={"state": STATE.value, "energy_gev": 6800.0, "seconds": SECONDS, "background_seconds": QUIET_SECONDS},
        origin=f"made/{case.seed}.npz",
        sha256=f"{case.seed:064x}",
    )
