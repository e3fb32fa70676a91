"""Cycles of the simulator as a detector would judge them, for tests of pages: the regions are the true ones.

What these conditions should give is the mean of another run without faults; the pages' own tests need no model.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from core.contracts import Arrival, Detector, Settled
from core.observation import Observation
from core.verdict import Cause as Named
from core.verdict import Measurement, Model, Quality, Region, Verdict, unreadable
from dqm.its.causes import Cause
from dqm.its.cycle import to_observation
from dqm.its.drawing import draw
from dqm.its.drawing_layout import WIDTH, boxes, height
from dqm.its.layout import CELLS, INNER, cell_of, chips_per_cell, flatten
from dqm.its.simulate.beams import BeamType
from dqm.its.simulate.faults import Fault
from dqm.its.simulate.publishing import to_cycle
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import RunSettings
from dqm.its.simulate.truth import TrueFault
from dqm.its.system import incidents

CYCLE_S = 60.0
FRAMES = 0.3 * CYCLE_S * 202e3
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """A cycle, what is true of it, and its occupation in one row."""

    observation: Observation
    faults: tuple[TrueFault, ...]
    occupation: Floats


def background(minutes: float = 8.0, share: float = 0.06) -> Fault:
    """Return beam background from side A that begins so many minutes after the start of the run."""
    details = {"phi_rad": 1.2, "spread_rad": 0.5, "angle_rad": 0.06}
    return Fault(Cause.BEAM_BACKGROUND_A, minutes * 60, 1e6, share, details=details)


def dead_lane(name: str = "L4_12/lane 7", minutes: float = 10.0) -> Fault:
    """Return a lane that dies so many minutes after the start of the run."""
    return Fault(Cause.DEAD_LANE, minutes * 60, 1e6, 1.0, (cell_of(name),))


@cache
def run(
    faults: tuple[str, ...] = (),
    seed: int = 1,
    minutes: float = 15.0,
    until: datetime | None = None,
    cycle_s: float = CYCLE_S,
    healthy: float | None = None,
) -> list[Seen]:
    """Return the cycles of a pp run that ends at ``until``; ``faults`` are of ``background`` and ``dead lane``.

    They begin so many minutes after the start of the run (``healthy``), or where each begins by itself.
    """
    made: dict[str, Callable[..., Fault]] = {"background": background, "dead lane": dead_lane}
    begin = {} if healthy is None else {"minutes": healthy}
    ended = until or datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
    settings = RunSettings(
        beam_type=BeamType.PP,
        run=559_123,
        began_at=ended - timedelta(minutes=minutes),
        duration_s=minutes * 60,
        cycle_s=cycle_s,
        faults=tuple(made[name](**begin) for name in faults),
    )
    return list(_seen(settings, seed))


def settle(seen: Sequence[Seen]) -> list[Settled]:
    """Return the cycles as the watch would settle them."""
    began: dict[Cause, datetime] = {}
    return [_settled(one, began) for one in seen]


def judged_by(detector: Detector, seen: Sequence[Seen]) -> list[Settled]:
    """Return the cycles as the watch settles them with this detector."""
    verdicts = [(one, detector.judge(one.observation)) for one in seen]
    return [
        replace(_arrived(one, verdict), incidents=tuple(incidents(one.observation, verdict)))
        for one, verdict in verdicts
    ]


def without(one: Seen, **conditions: str) -> Seen:
    """Return the cycle under other conditions (``missing``, ``why_missing``, ``masked``)."""
    return replace(one, observation=replace(one.observation, conditions={**one.observation.conditions, **conditions}))


def emptied(one: Seen) -> Seen:
    """Return the cycle as published by tasks that have seen no data."""
    payload = {name: np.zeros_like(array) for name, array in one.observation.payload.items()}
    return replace(one, observation=replace(one.observation, payload=payload))


def not_judged(one: Seen, reason: str) -> Settled:
    """Return the cycle as one that could not be judged."""
    verdict = unreadable(f"{one.observation.origin}: {reason}")
    return Settled(Arrival(one.observation.key, one.observation.origin), one.observation, verdict, _processed(one))


def box(name: str) -> tuple[float, float, float, float]:
    """Return left, top, width and height of a cell as shares of the picture."""
    left, top, width, tall = boxes()[cell_of(name)].tolist()
    return left / WIDTH, top / height(), width / WIDTH, tall / height()


def _processed(one: Seen) -> datetime:
    return one.observation.observed_at + timedelta(seconds=2)


def _seen(settings: RunSettings, seed: int) -> Iterator[Seen]:
    for simulated in simulate_run(settings, seed):
        observation = to_observation(to_cycle(settings, simulated), "simulated", f"{simulated.number:064x}")
        maps = [simulated.payload[f"cluster_occupation_L{layer}"] for layer in range(7)]
        yield Seen(observation, simulated.truth.faults, np.asarray(flatten(maps), np.float64))


@cache
def _template() -> Floats:
    """The mean occupation of a run without faults, in units of its total."""
    return np.mean([one.occupation / one.occupation[INNER:].sum() for one in run(seed=7)[1:]], axis=0)


def _settled(one: Seen, began: dict[Cause, datetime]) -> Settled:
    observation = one.observation
    expected = _template() * one.occupation[INNER:].sum()
    valid = (expected > 0) & ~np.isin(np.arange(CELLS), _masked(observation))
    frames = FRAMES * float(observation.conditions["cycle_s"] or CYCLE_S) / CYCLE_S * chips_per_cell()
    sigma = np.sqrt(np.maximum(expected, 1e-9) / frames + (0.02 * expected) ** 2)
    pull = np.where(valid, (one.occupation - expected) / sigma, 0.0)
    nothing = np.zeros(CELLS)
    pulls = SimpleNamespace(
        occupation=pull, size=nothing, hits=nothing, long=nothing, fault=nothing,
        observed=one.occupation, expected=expected, valid=valid,
    )  # fmt: skip
    regions = tuple(_region(fault, one, expected, began) for fault in one.faults)
    verdict = Verdict(
        quality=Quality.BAD if regions else Quality.GOOD,
        score=regions[0].score if regions else float(np.random.default_rng(len(observation.key)).normal(-3, 0.5)),
        threshold=0.0,
        p_value=1e-4 if regions else 0.4,
        cause=regions[0].cause if regions else None,
        regions=regions,
        measurements={
            "interactions per frame": Measurement(float(one.occupation[INNER:].sum() / 60), 0.01, ""),
            "vertices": Measurement(62_000.0, 120.0, "Hz"),
            "vertex z": Measurement(0.12, 0.01, "cm"),
            "smallest visible background": Measurement(0.04, None, "of the clusters of a side"),
        },
        model=Model("its", "0123456789ab"),
        evidence=draw(pulls, regions),  # type: ignore[arg-type]
    )
    return _arrived(one, verdict)


def _arrived(one: Seen, verdict: Verdict) -> Settled:
    arrival = Arrival(f"{one.observation.key} {one.observation.sha256[:8]}", one.observation.origin)
    return Settled(arrival, one.observation, verdict, _processed(one))


def _region(fault: TrueFault, one: Seen, expected: Floats, began: dict[Cause, datetime]) -> Region:
    length = timedelta(seconds=float(one.observation.conditions["cycle_s"] or CYCLE_S))
    since = began.setdefault(fault.cause, one.observation.observed_at - length)
    cells = [cell_of(name) for name in fault.elements]
    element = "inner barrel A" if fault.cause is Cause.BEAM_BACKGROUND_A else fault.elements[0]
    where = {
        "element": element,
        "cells": " ".join(name.replace("lane ", "lane_") for name in fault.elements),
        "kind": "background" if fault.cause is Cause.BEAM_BACKGROUND_A else "place",
        "since": since.isoformat(),
        "cycles": 1 + round((one.observation.observed_at - length - since).total_seconds() / CYCLE_S),
        "quality": "BAD",
        "ratio": float(one.occupation[cells].sum() / expected[cells].sum()),
    }
    return Region(where, score=2.7, p_value=1e-4, cause=Named(fault.cause.value, 0.97))


def _masked(observation: Observation) -> list[int]:
    names = [name for name in str(observation.conditions.get("masked") or "").split(", ") if "/" in name]
    return [cell_of(name) for name in names]
