"""Eight hours of somebody's shift: a few runs of one fill, with or without things that go wrong."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.random import Generator

from dqm.its.causes import Cause
from dqm.its.simulate.beams import BeamType
from dqm.its.simulate.cells import staves
from dqm.its.simulate.faults import Fault, draw_fault
from dqm.its.simulate.luminosity import draw_fill
from dqm.its.simulate.run import SimulatedCycle, simulate_run
from dqm.its.simulate.settings import RunSettings, Shift

SHIFT_S = 8 * 3600.0
_SHORTEST_RUN_S = 900.0
_BREAK_S = 300.0
_SHARE_PP = 0.7
_LENGTHS_S = (300.0, 7200.0)
_BEGAN_AT = datetime(2026, 5, 1, 6, 0, tzinfo=UTC)


def draw_shift(
    seed: int,
    *,
    beam_type: BeamType | None = None,
    faults_per_shift: float = 0.0,
    causes: tuple[Cause, ...] = tuple(Cause),
    shift: Shift | None = None,
    detector_seed: int | None = None,
    cycle_s: float = 60.0,
) -> tuple[RunSettings, ...]:
    """Draw the runs of one shift.

    A shift has one to three runs of at least a quarter of an hour, five minutes apart, pp in 7 of 10 shifts. Faults are
    Poisson in number, uniform in onset, log-uniform in length (5 minutes to 2 hours, cut at the end of the run),
    equally often of each cause, and never two in one stave at a time.

    Parameters
    ----------
    detector_seed
        Which detector takes the shift; by default the one of the shift's seed.
    """
    rng = np.random.default_rng([seed, 0x5817])
    beams = beam_type or (BeamType.PP if rng.random() < _SHARE_PP else BeamType.PBPB)
    detector = seed if detector_seed is None else detector_seed
    usual = replace(_usual(rng, seed, beams), cycle_s=cycle_s, detector_seed=detector, shift=shift or Shift())
    runs, began_s = [], 0.0
    for number, length_s in enumerate(_lengths(rng)):
        faults = draw_faults(rng, length_s, faults_per_shift * length_s / SHIFT_S, causes)
        runs.append(_later(usual, number, began_s, length_s, faults))
        began_s += length_s + _BREAK_S
    return tuple(runs)


def _usual(rng: Generator, seed: int, beams: BeamType) -> RunSettings:
    """The settings that the runs of a shift share; the first begins in the first half of a fill."""
    fill = draw_fill(rng, beams)
    return RunSettings(
        beam_type=beams,
        fill=fill,
        fill_number=10_000 + seed,
        run=550_000 + 10 * seed,
        began_at=_BEGAN_AT + timedelta(days=seed),
        began_in_fill_s=float(rng.uniform(600, 0.5 * fill.length_h * 3600 + 600)),
        vertex_wander_cm=float(rng.uniform(0.05, 0.2)),
    )


def _later(usual: RunSettings, number: int, began_s: float, length_s: float, faults: tuple[Fault, ...]) -> RunSettings:
    return replace(
        usual,
        run=usual.run + number,
        began_at=usual.began_at + timedelta(seconds=began_s),
        began_in_fill_s=usual.began_in_fill_s + began_s,
        duration_s=length_s,
        faults=faults,
    )


def draw_faults(rng: Generator, duration_s: float, mean: float, causes: tuple[Cause, ...]) -> tuple[Fault, ...]:
    """Draw the faults of a run; one that would meet another in a stave at a time is left out."""
    kept: list[Fault] = []
    for _ in range(int(rng.poisson(mean))):
        began_s = float(rng.uniform(0, duration_s))
        length_s = float(np.exp(rng.uniform(*np.log(_LENGTHS_S))))
        cause = causes[int(rng.integers(len(causes)))]
        fault = draw_fault(rng, cause, began_s, min(began_s + length_s, duration_s))
        if not any(_meet(fault, other) for other in kept):
            kept.append(fault)
    return tuple(kept)


def simulate_shift(runs: tuple[RunSettings, ...], seed: int) -> Iterator[tuple[RunSettings, SimulatedCycle]]:
    """Yield all cycles of all runs, each with the settings of its run."""
    for number, settings in enumerate(runs):
        for cycle in simulate_run(settings, seed * 10 + number):
            yield settings, cycle


def _lengths(rng: Generator) -> list[float]:
    """Lengths of the runs of a shift in s."""
    cuts = np.sort(rng.uniform(0, SHIFT_S, int(rng.integers(0, 3))))
    edges = np.concatenate(([0.0], cuts, [SHIFT_S]))
    lengths = np.diff(edges) - _BREAK_S
    return [float(length) for length in lengths if length >= _SHORTEST_RUN_S] or [SHIFT_S - _BREAK_S]


def _meet(one: Fault, other: Fault) -> bool:
    at_once = one.began_s < other.ended_s and other.began_s < one.ended_s
    if not one.cells or not other.cells:
        return at_once and not one.cells and not other.cells
    return at_once and bool(set(staves()[list(one.cells)].tolist()) & set(staves()[list(other.cells)].tolist()))
