"""Simulated shifts kept on disk, to learn from and to calibrate on: observations as a source gives them, truth beside.

One compressed ``npz`` per run: arrays of all cycles stacked (float32), conditions and truth as JSON. No pickles.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import SettingsError
from core.observation import Observation
from dqm.its.causes import Cause
from dqm.its.cycle import to_observation
from dqm.its.objects import OBJECTS
from dqm.its.simulate.publishing import to_cycle
from dqm.its.simulate.run import SimulatedCycle, simulate_run
from dqm.its.simulate.settings import RunSettings
from dqm.its.simulate.shift import draw_shift
from dqm.its.simulate.truth import TrueFault

ORIGIN = "simulated"
HELD_OUT = 1_000_000
"""Seeds of runs and detectors from here on are those of the benchmark: nothing is ever learned from them."""
_RUNS = 10
"""Seeds that the runs of one shift take."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which shift to simulate: see `draw_shift`; ``detector_seed`` None: one of its own."""

    seed: int
    faults_per_shift: float = 0.0
    cycle_s: float = 180.0
    detector_seed: int | None = None

    def __post_init__(self) -> None:
        """Raise SettingsError for seeds that are held out."""
        if not (0 <= _RUNS * self.seed < HELD_OUT - _RUNS and (self.detector_seed or 0) < HELD_OUT):
            raise SettingsError(
                f"no shift to learn from has seed {self.seed}, detector {self.detector_seed}: runs of seed {HELD_OUT} "
                f"and up are held out, and a shift takes {_RUNS} seeds of runs"
            )

    @property
    def name(self) -> str:
        """Name of its folder."""
        detector = self.seed if self.detector_seed is None else self.detector_seed
        return f"shift{self.seed}_faults{self.faults_per_shift:g}_cycle{self.cycle_s:g}_detector{detector}"

    def runs(self) -> tuple[RunSettings, ...]:
        """Return the runs of the shift."""
        return draw_shift(
            self.seed,
            faults_per_shift=self.faults_per_shift,
            cycle_s=self.cycle_s,
            detector_seed=self.detector_seed,
        )


@dataclass(frozen=True, slots=True)
class Lesson:
    """One cycle: what a source would give, what is true of it, which lanes restarted by themselves."""

    observation: Observation
    faults: tuple[TrueFault, ...]
    recovered: tuple[str, ...]


def lessons(wanted: Wanted, cache: Path | None = None) -> Iterator[Lesson]:
    """Yield the cycles of a shift, from ``cache`` (a folder) where they are there, else simulated and kept there."""
    for number, settings in enumerate(wanted.runs()):
        if cache is None:
            yield from _simulated(settings, wanted.seed * _RUNS + number)
            continue
        path = cache / wanted.name / f"{number}.npz"
        if not path.is_file():
            _keep(path, list(_simulated(settings, wanted.seed * _RUNS + number)))
        yield from read(path)


def keep(cache: Path, wanted: Wanted) -> None:
    """Simulate a shift and keep it, unless it is there."""
    for number, settings in enumerate(wanted.runs()):
        path = cache / wanted.name / f"{number}.npz"
        if not path.is_file():
            _keep(path, list(_simulated(settings, wanted.seed * _RUNS + number)))


def _simulated(settings: RunSettings, seed: int) -> Iterator[Lesson]:
    for cycle in simulate_run(settings, seed):
        yield _lesson(settings, cycle)


def _lesson(settings: RunSettings, cycle: SimulatedCycle) -> Lesson:
    seen = to_observation(to_cycle(settings, cycle), ORIGIN, "0" * 64)
    return Lesson(seen, cycle.truth.faults, cycle.truth.recovered)


def _keep(path: Path, run: Sequence[Lesson]) -> None:
    arrays: dict[str, Any] = {
        name: np.stack([np.asarray(lesson.observation.payload[name], np.float32) for lesson in run]) for name in OBJECTS
    }
    arrays["cycles"] = np.array(json.dumps([_to_json(lesson) for lesson in run]))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.part.npz")
    np.savez_compressed(unfinished, **arrays)
    unfinished.rename(path)


def _to_json(lesson: Lesson) -> dict[str, Any]:
    seen = lesson.observation
    return {
        "key": seen.key,
        "observed_at": seen.observed_at.isoformat(),
        "conditions": dict(seen.conditions),
        "faults": [asdict(fault) for fault in lesson.faults],
        "recovered": list(lesson.recovered),
    }


def read(path: Path) -> Iterator[Lesson]:
    """Yield the cycles of one kept run."""
    with np.load(path, allow_pickle=False) as file:
        stacks = {name: file[name] for name in OBJECTS}
        cycles = json.loads(str(file["cycles"]))
    for number, content in enumerate(cycles):
        payload = {name: stack[number].astype(np.float64) for name, stack in stacks.items()}
        yield Lesson(
            Observation(
                system="its",
                element="ITS",
                key=content["key"],
                observed_at=datetime.fromisoformat(content["observed_at"]),
                origin=ORIGIN,
                sha256="0" * 64,
                conditions=content["conditions"],
                payload=payload,
                axes={name: tuple(axis.name for axis in OBJECTS[name].axes) for name in OBJECTS},
            ),
            tuple(_fault(fault) for fault in content["faults"]),
            tuple(content["recovered"]),
        )


def _fault(content: dict[str, Any]) -> TrueFault:
    return TrueFault(**{**content, "cause": Cause(content["cause"]), "elements": tuple(content["elements"])})
