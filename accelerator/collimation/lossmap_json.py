"""xcoll LossMap JSON: protons (or ions) lost on collimators and on the aperture, as tracking codes count them.

Keys as `xcoll.LossMap.to_json` writes them (versions 0.6 to 0.12): ``collimator`` {name, n, e, s, length, type},
``aperture`` {s_bins, n_bins, e_bins, length_bins} or, without interpolation, {s, n, e, name}; ``momentum`` [eV/c],
``beam_type`` (PDG), ``num_initial``, ``machine_length``, ``reversed``, ``date``. Only names and counts are needed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.engines import engine_of
from accelerator.collimation.files import MAX_SIDECAR_BYTES, read_bytes
from accelerator.collimation.geometry import LHC_LENGTH_M, Collimator, UnknownCollimatorError, find
from accelerator.collimation.json_fields import numbers, parse_object, positive
from accelerator.collimation.lossmap import SYSTEM, Domain
from accelerator.collimation.observing import LOSSMAP, element_of, noted
from accelerator.collimation.placing import PLANES, plane_of_protons
from accelerator.collimation.states import State, state_of
from core.errors import InputError
from core.inbox import printable
from core.observation import Array, Condition, Observation

_PARTICLES = {2212: "proton", 1000822080: "Pb"}
_CHARGES = {2212: 1, 1000822080: 82}
_TAGS = {"eos": State.COLLISIONS, "inj": State.INJECTION, "ft": State.FLAT_TOP}
"""Settings that a sidecar may name: ``eos`` are those of ``lhc_run3.yaml``, whose debris collimators are in."""
_MAX_OFF_M = 30.0
META = ".meta.json"


@dataclass(frozen=True, slots=True)
class Losses:
    """Losses by place: names or positions, counts, and energies in eV (NaN where not told)."""

    names: tuple[str, ...]
    s_m: NDArray[np.float64]
    count: NDArray[np.float64]
    energy_ev: NDArray[np.float64]


def decode(content: bytes, origin: str, sha256: str, seen_at: datetime, told: Mapping[str, Condition]) -> Observation:
    """Return the loss map in the bytes of a file.

    Parameters
    ----------
    seen_at
        When, if the file does not say.
    told
        What is known from elsewhere (`read_sidecar`): beam, plane, state.

    Raises
    ------
    core.errors.InputError
        It is cut off, no loss map, of another machine, holds impossible numbers or no losses at all.
    """
    found = parse_object(content, origin)
    notes: list[str] = []
    losses, on_aperture = _collimators(found, origin, notes), _aperture(found, origin, notes)
    if losses.count.sum() + on_aperture.count.sum() <= 0:
        raise InputError(origin, "holds no losses at all: an empty map")
    known, unknown = _known(losses, origin)
    is_down = _counted_down(losses, known, found.get("reversed"), origin, notes)
    at_m = _along_beam_1(on_aperture.s_m, _length_m(found, origin), is_down=is_down)
    beam = _beam(losses, known, told, notes)
    plane = _plane(losses, known, beam, told, notes)
    conditions = _conditions(found, told, notes) | engine_of(found)
    conditions |= {"beam": beam, "plane": plane, "reversed": is_down, "lost": _total(losses, on_aperture)}
    conditions |= _of_unknown(unknown)
    payload = _payload(losses, known, on_aperture, at_m)
    return Observation(
        system=SYSTEM,
        element=element_of(beam, plane),
        key=sha256[:16],
        observed_at=_date(found) or seen_at,
        origin=origin,
        sha256=sha256,
        conditions=noted(conditions, notes),
        payload=payload,
        axes={name: ("bin",) if name.startswith("bin_") else ("collimator",) for name in payload},
    )


def read_sidecar(path: Path) -> dict[str, Condition]:
    """Return what ``NAME.meta.json`` beside a map says of beam, plane and settings; nothing else of it is looked at.

    Raises
    ------
    core.errors.InputError
        It is there, and no JSON object.
    """
    beside = meta_beside(path)
    if not beside.is_file():
        return {}
    found = parse_object(read_bytes(beside, MAX_SIDECAR_BYTES), printable(beside))
    told: dict[str, Condition] = {}
    if found.get("beam") in {1, 2}:
        told["beam"] = int(found["beam"])
    if found.get("plane") in PLANES:
        told["plane"] = str(found["plane"])
    tag = found.get("tag")
    if isinstance(tag, str) and tag in _TAGS:
        told["state"] = _TAGS[tag].value
    return told


def meta_beside(path: Path) -> Path:
    """Return where the sidecar of a map is, if it has one."""
    return path.with_name(f"{path.stem}{META}")


def looks_like(content: bytes) -> bool:
    """Return whether some bytes begin like a JSON object."""
    return content[:64].lstrip().startswith(b"{")


def _collimators(found: dict[str, Any], origin: str, notes: list[str]) -> Losses:
    part = found.get("collimator")
    if not isinstance(part, dict) or not isinstance(part.get("name"), list):
        raise InputError(origin, "has no losses by collimator: no xcoll loss map")
    names = part["name"]
    if not all(isinstance(one, str) and one for one in names):
        raise InputError(origin, "has collimators without a name")
    count = numbers(part.get("n"), len(names), f"{origin}: collimator n", notes)
    if count is None:
        raise InputError(origin, "does not count the losses by collimator (n)")
    position = numbers(part.get("s"), len(names), f"{origin}: collimator s", notes)
    energy = numbers(part.get("e"), len(names), f"{origin}: collimator e", notes)
    _check_counts(count, origin)
    nan = np.full(len(names), np.nan)
    return Losses(
        tuple(one[:40] for one in names),
        nan if position is None else position,
        count,
        nan if energy is None else energy,
    )


def _aperture(found: dict[str, Any], origin: str, notes: list[str]) -> Losses:
    part = found.get("aperture")
    if part is None:
        notes.append("no losses on the aperture are told")
        part = {}
    if not isinstance(part, dict):
        raise InputError(origin, "has an aperture that is no object")
    at, n, e = ("s_bins", "n_bins", "e_bins") if "s_bins" in part or "n_bins" in part else ("s", "n", "e")
    raw = part.get(at, [])
    if not isinstance(raw, list):
        raise InputError(origin, f"has {at} of the aperture that is no list")
    position = numbers(raw, len(raw), f"{origin}: aperture {at}", notes)
    count = numbers(part.get(n, []), len(raw), f"{origin}: aperture {n}", notes)
    energy = numbers(part.get(e), len(raw), f"{origin}: aperture {e}", notes)
    if position is None or count is None:
        raise InputError(origin, f"does not count the losses on the aperture ({n})")
    _check_counts(count, origin)
    return Losses((), position, count, np.full(len(raw), np.nan) if energy is None else energy)


def _check_counts(count: NDArray[np.float64], origin: str) -> None:
    if (count < 0).any():
        raise InputError(origin, "counts fewer than no losses somewhere")
    if (count > 1e15).any():
        raise InputError(origin, "counts more losses than a beam has particles")


def _known(losses: Losses, origin: str) -> tuple[list[Collimator | None], list[str]]:
    known: list[Collimator | None] = []
    for name in losses.names:
        try:
            known.append(find(name))
        except UnknownCollimatorError:
            known.append(None)
    unknown = [name for name, one in zip(losses.names, known, strict=True) if one is None]
    if losses.names and len(unknown) == len(known):
        raise InputError(origin, f"names no collimator of the LHC ({', '.join(unknown[:3])})")
    if len(set(losses.names)) < len(losses.names):
        raise InputError(origin, "names a collimator twice")
    return known, unknown


def _counted_down(losses: Losses, known: list[Collimator | None], told: object, origin: str, notes: list[str]) -> bool:
    """Whether positions run against beam 1 (a line of beam 2): where the collimators stand says so, the flag else."""
    pairs = [
        (at, one.s_m)
        for at, one in zip(losses.s_m.tolist(), known, strict=True)
        if one is not None and math.isfinite(at)
    ]
    if not pairs:
        return bool(told) if isinstance(told, bool) else False
    at_m, true_m = np.array(pairs).T
    off_up_m = float(np.median(_apart_m(at_m, true_m)))
    off_down_m = float(np.median(_apart_m(LHC_LENGTH_M - at_m, true_m)))
    if min(off_up_m, off_down_m) > _MAX_OFF_M:
        raise InputError(
            origin, f"has its collimators {min(off_up_m, off_down_m):.0f} m from where they stand in the LHC"
        )
    is_down = off_down_m < off_up_m
    if isinstance(told, bool) and told is not is_down:
        notes.append(f"says reversed {str(told).lower()}, but its collimators stand the other way round")
    return is_down


def _apart_m(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    away = np.abs(one - other) % LHC_LENGTH_M
    return np.minimum(away, LHC_LENGTH_M - away)


def _length_m(found: dict[str, Any], origin: str) -> float:
    told = found.get("machine_length")
    if told is None:
        return LHC_LENGTH_M
    if isinstance(told, bool) or not isinstance(told, int | float) or not abs(told - LHC_LENGTH_M) < 10:
        raise InputError(origin, f"is of a machine of {str(told)[:20]} m: not the LHC ({LHC_LENGTH_M} m)")
    return float(told)


def _beam(
    losses: Losses, known: list[Collimator | None], told: Mapping[str, Condition], notes: list[str]
) -> int | None:
    """The beam on whose collimators most is lost; what a sidecar says is only compared."""
    lost = dict.fromkeys((1, 2), 0.0)
    for one, count in zip(known, losses.count.tolist(), strict=True):
        if one is not None:
            lost[one.beam] += count
    if sum(lost.values()) <= 0:
        return None
    beam = max(lost, key=lambda which: lost[which])
    other = lost[3 - beam] / sum(lost.values())
    if other > 0:
        notes.append(f"{100 * other:.3g} % of the losses are on collimators of beam {3 - beam}")
    if told.get("beam") not in {None, beam}:
        notes.append(f"is told to be of beam {told['beam']}, but its losses are on collimators of beam {beam}")
    return beam


def _plane(
    losses: Losses, known: list[Collimator | None], beam: int | None, told: Mapping[str, Condition], notes: list[str]
) -> str | None:
    """The plane that a sidecar tells, else the one that the losses show."""
    of_beam = {one.name: count for one, count in zip(known, losses.count, strict=True) if one and one.beam == beam}
    shown = plane_of_protons(of_beam)
    said = told.get("plane")
    if said is None:
        return shown
    if shown is not None and not str(said).startswith(shown):
        notes.append(f"is told to be of plane {said}, but its losses look like {shown}")
    return str(said)


def _along_beam_1(s_m: NDArray[np.float64], length_m: float, *, is_down: bool) -> NDArray[np.float64]:
    along: NDArray[np.float64] = (length_m - s_m if is_down else s_m) % LHC_LENGTH_M
    return along


def _of_unknown(unknown: list[str]) -> dict[str, Condition]:
    if not unknown:
        return {}
    return {"unknown_collimators": len(unknown), "unknown_collimators_some": ", ".join(unknown[:5])}


def _payload(
    losses: Losses, known: list[Collimator | None], on_aperture: Losses, at_m: NDArray[np.float64]
) -> dict[str, Array]:
    official = [one.name if one else name for name, one in zip(losses.names, known, strict=True)]
    return {
        "collimator": np.array(official, dtype="U40"),
        "lost": losses.count,
        "lost_energy_ev": losses.energy_ev,
        "bin_s_m": at_m,
        "bin_lost": on_aperture.count,
        "bin_energy_ev": on_aperture.energy_ev,
    }


def _total(*parts: Losses) -> float:
    return float(sum(part.count.sum() for part in parts))


def _conditions(found: dict[str, Any], told: Mapping[str, Condition], notes: list[str]) -> dict[str, Condition]:
    pdg = found.get("beam_type")
    particle = _PARTICLES.get(pdg, str(pdg)[:20]) if isinstance(pdg, int) else None
    conditions: dict[str, Condition] = {
        "kind": LOSSMAP,
        "domain": Domain.PROTONS.value,
        "particle": particle or "proton",
    }
    momentum = positive(found.get("momentum"))
    if momentum is not None:
        conditions["energy_gev"] = momentum / 1e9 / (_CHARGES.get(pdg, 1) if isinstance(pdg, int) else 1)
    else:
        notes.append("tells no momentum")
    initial = positive(found.get("num_initial"))
    if initial is not None:
        conditions["n_initial"] = initial
    energy = positive(found.get("tot_energy_initial"))
    if energy is not None:
        conditions["energy_initial_ev"] = energy
    for name in ("warm_regions", "cold_regions"):
        conditions[f"has_{name}"] = bool(found.get(name))
    state, told_by = _state(told, conditions.get("energy_gev"))
    conditions |= {"state": state, "state_from": told_by}
    return conditions


def _state(told: Mapping[str, Condition], energy: Condition) -> tuple[str | None, str | None]:
    """The machine state: as told, else by the energy (at top energy: xcoll's settings, with everything in)."""
    if told.get("state"):
        return str(told["state"]), "sidecar"
    if not isinstance(energy, int | float):
        return None, None
    found = state_of(None, float(energy))
    if found is None and 5000 <= energy <= 7100:
        found = State.COLLISIONS
    return (found.value, "energy") if found else (None, None)


def _date(found: dict[str, Any]) -> datetime | None:
    """When the map was made: xcoll writes ``2026-11-22 03:54:32``, one for each part, without a zone."""
    raw = found.get("date")
    parts = raw if isinstance(raw, list) else [raw]
    times = []
    for one in parts:
        if isinstance(one, str):
            try:
                at = datetime.fromisoformat(one)
            except ValueError:
                continue
            times.append(at if at.tzinfo else at.replace(tzinfo=UTC))
    return max(times, default=None)
