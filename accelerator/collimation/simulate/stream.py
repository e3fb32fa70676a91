"""A whole fill at 1 Hz, piece by piece, as the logging system would deliver it; the truth stays beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation import parquet
from accelerator.collimation.geometry import BEAMS, LHC_LENGTH_M, find
from accelerator.collimation.simulate import disturbances
from accelerator.collimation.simulate.blm import Response, draw_dead, model_error_factors
from accelerator.collimation.simulate.course import PLANES, Course, course
from accelerator.collimation.simulate.emulator import Emulator
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.simulate.fill import FillPlan, Ufo
from accelerator.collimation.states import State
from accelerator.collimation.stream import Stream

Floats: TypeAlias = NDArray[np.float64]

PIECE_S = 60


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Some seconds of a fill: what is logged, and the truth, which is never written."""

    stream: Stream
    truth: tuple[Setting, ...]
    """Settings errors at the middle of the piece."""


class _Patterns:
    """Signals of all monitors for one lost proton per second, by beam, plane, state and settings."""

    def __init__(self, plan: FillPlan, response: Response, emulator: Emulator) -> None:
        self._response, self._emulator, self._seed = response, emulator, plan.machine_seed
        rng = np.random.default_rng((plan.machine_seed, 3))
        self._factors = {beam: model_error_factors(rng, beam, plan.model_error) for beam in BEAMS}
        self._known: dict[object, Floats] = {}

    def of(self, beam: int, state: State, settings: tuple[Setting, ...]) -> Floats:
        """Return an array (planes, M)."""
        key = (beam, state, settings)
        if key not in self._known:
            rows = []
            for plane in PLANES:
                usable = [one for one in settings if _usable(self._emulator, one, beam, plane, state)]
                logs = self._emulator.logs(usable, beam, plane, state, tolerances=self._seed + beam)
                lost = np.exp(logs) * self._factors[beam]
                rows.append(lost / lost.sum())
            if len(self._known) > 64:
                self._known.clear()
            self._known[key] = np.array(rows) @ self._response.matrices[beam].T
        return self._known[key]


def simulate_fill(plan: FillPlan, seed: int, piece_s: int = PIECE_S) -> Iterator[Piece]:
    """Simulate a fill.

    Parameters
    ----------
    plan
        What happens.
    seed
        Of everything that is drawn for this fill; the machine has its own in the plan.
    piece_s
        Seconds per piece.

    Yields
    ------
    Piece
        In the order of time.
    """
    rng = np.random.default_rng((seed, plan.fill))
    machine = np.random.default_rng((plan.machine_seed, 1))
    response = Response.load(plan.machine_seed)
    dead = draw_dead(response, machine, plan.dead_part)
    debris = disturbances.debris(machine)
    fill = course(plan, rng)
    patterns = _Patterns(plan, response, Emulator.load())
    single = _singles(plan, fill, rng)
    begin_s = plan.begins_at.timestamp()
    for begin in range(0, plan.seconds, piece_s):
        chosen = np.arange(begin, min(begin + piece_s, plan.seconds))
        signal = fill.luminosity[chosen, None].astype(np.float32) * debris.astype(np.float32)
        _add_halo(signal, plan, fill, chosen, patterns)
        for second in chosen:
            for extra in single.get(int(second), ()):
                signal[second - begin] += extra
        logged = response.read(signal, rng, dead)
        stream = Stream(
            np.asarray(begin_s + chosen, dtype=np.float64), response.names, logged, _context(plan, fill, chosen)
        )
        yield Piece(stream, _wrong(plan, float(chosen.mean())))


def write_piece(folder: Path, piece: Piece) -> Path:
    """Write a piece as Parquet into a folder, as the logging system would; returns the file."""
    stream = piece.stream
    fill = str(stream.context["fill"][0])
    path = folder / f"blm_{fill}_{int(stream.time_unix_s[0])}.parquet"
    parquet.write(path, stream)
    return path


def _add_halo(
    signal: NDArray[np.float32], plan: FillPlan, fill: Course, chosen: NDArray[np.intp], patterns: _Patterns
) -> None:
    """Add what the halo of both beams makes; settings change between stretches, a drift every piece."""
    edges = {int(one.begins_s) for one in plan.wrong} | set((np.flatnonzero(np.diff(fill.phase)) + 1).tolist())
    cuts = [int(chosen[0]), *sorted(edge for edge in edges if chosen[0] < edge <= chosen[-1]), int(chosen[-1]) + 1]
    for low, high in pairwise(cuts):
        state = plan.phases[fill.phase[low]].state
        settings = _wrong(plan, (low + high) / 2)
        energy = (fill.energy_gev[low:high, None] / 6800.0).astype(np.float32)
        for beam in BEAMS:
            own = tuple(one for one in settings if find(one.element).beam == beam)
            rates = fill.rate_per_s[beam][low:high].astype(np.float32)
            made = (rates * energy) @ patterns.of(beam, state, own).astype(np.float32)
            signal[low - chosen[0] : high - chosen[0]] += made


def _wrong(plan: FillPlan, second: float) -> tuple[Setting, ...]:
    return tuple(found for one in plan.wrong if (found := one.at(second)) is not None)


def _usable(emulator: Emulator, setting: Setting, beam: int, plane: str, state: State) -> bool:
    return (find(setting.element).name, setting.quantity) in emulator.tables(beam, plane, state).curves


def _singles(plan: FillPlan, fill: Course, rng: np.random.Generator) -> Mapping[int, list[NDArray[np.float32]]]:
    """Return what happens in single seconds: dust, injections, the dump."""
    found: dict[int, list[NDArray[np.float32]]] = {}

    def add(second: int, signal: Floats) -> None:
        found.setdefault(second, []).append(signal.astype(np.float32))

    for one in (*plan.ufos, *_drawn_ufos(plan, fill, rng)):
        add(int(one.at_s), disturbances.dust(one.beam, one.s_m, one.protons))
    for beam, seconds in fill.injections.items():
        for second in seconds.tolist():
            add(second, disturbances.injection(beam) * rng.lognormal(0.0, 0.5))
    has_beam = fill.intensity[1] > 0
    for second in (np.flatnonzero(has_beam[:-1] & ~has_beam[1:]) + 1).tolist():
        for beam in BEAMS:
            add(second, disturbances.dump(beam))
    return found


def _drawn_ufos(plan: FillPlan, fill: Course, rng: np.random.Generator) -> list[Ufo]:
    stable = np.flatnonzero(fill.luminosity > 0)
    number = rng.poisson(plan.ufos_per_hour * len(stable) / 3600)
    return [
        Ufo(float(rng.choice(stable)), int(rng.integers(1, 3)), float(rng.uniform(0, LHC_LENGTH_M)), size)
        for size in 2e6 * (1 + rng.pareto(1.0, size=number))
    ]


def _context(plan: FillPlan, fill: Course, chosen: NDArray[np.intp]) -> Mapping[str, NDArray[np.generic]]:
    phases = [plan.phases[at] for at in fill.phase[chosen]]
    flags = {
        f"blowup_b{beam}{plane.lower()}": flag[chosen].astype(float) for (beam, plane), flag in fill.blowup.items()
    }
    return {
        "beam_mode": np.array([one.beam_mode for one in phases]),
        "fill": np.full(len(chosen), str(plan.fill)),
        "energy_gev": np.round(fill.energy_gev[chosen], 1),
        "intensity_b1": fill.intensity[1][chosen],
        "intensity_b2": fill.intensity[2][chosen],
        "beta_star_m": np.array([one.beta_star_m for one in phases]),
        **flags,
    }
