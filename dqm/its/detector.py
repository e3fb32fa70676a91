"""Judges cycles of the ITS: what departs from what these conditions should give, since when, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log10
from pathlib import Path

import numpy as np

from core.errors import CalibrationError
from core.inference import ModelPackage, find_package, load_package
from core.observation import Observation
from core.remembered import keep, version
from core.settings import Settings
from core.verdict import Cause, Quality, Region, Verdict, unreadable
from dqm.its import memory
from dqm.its.background import Scales
from dqm.its.calibration import SHIFT_S, Calibration
from dqm.its.drawing import draw
from dqm.its.incidents import Incident, Kind
from dqm.its.looking import Eyes, Look, look
from dqm.its.measuring import measurements
from dqm.its.naming import name_cause, where

SHIPPED_MODELS = Path(__file__).parent / "models"
SHIPPED = "simulated"
MEMORY_FILE = "memory.npz"
MOST_REGIONS = 60
CONFIRMED = 2
"""Cycles that must show what is worth a look, but no alarm; and background that is slight."""
SLIGHT = 1.001
"""Ratio of clusters below which beam background is slight: nothing that cannot wait for a second cycle to show it, and
the usual halo of a run that has just begun looks like it for one."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Nominal regions per shift that may be an alarm (BAD), and that may be worth a look (MEDIUM)."""

    alarms: float = 1.0
    looks: float = 10.0


class ItsDetector:
    """The detector of the ITS; it remembers incidents and the standing of cells from cycle to cycle."""

    def __init__(self, package: ModelPackage, memory_path: Path, budget: Budget | None = None) -> None:
        self.model = package.model
        self.budget = budget or Budget()
        self._eyes = Eyes.of(package)
        self._calibrations = read_calibrations(package)
        self._path = memory_path
        self._memory = memory.load(memory_path)
        self._written = version(memory_path)

    @classmethod
    def load(cls, settings: Settings) -> "ItsDetector":
        """Return the detector that the settings name.

        Raises
        ------
        core.errors.ModelError
            There is no such model, or its package is damaged.
        core.errors.CalibrationError
            It holds no calibration.
        """
        package = load_package(find_model(settings))
        budget = Budget(settings.its.false_alarms_per_shift, settings.its.looks_per_shift)
        return cls(package, settings.home / "its" / MEMORY_FILE, budget)

    def judge(self, observation: Observation) -> Verdict:
        """Return the verdict on one cycle; NULL with the reason if it cannot be judged.

        Judging the last cycle again gives the same; an earlier one is judged by what is known now and changes nothing.
        """
        self._read_again()
        calibration = self._calibration(observation)
        seen = look(self._eyes, observation, self._memory.state_for(observation), _scales(calibration))
        if self._memory.is_new(observation) and not seen.pulls.trust:
            self._memory = self._memory.then(seen.state, observation)
            self._written = keep(self._path, lambda: memory.save(self._memory, self._path))
        return self._verdict(observation, seen, calibration)

    def _read_again(self) -> None:
        """Another process may have judged cycles since: a watch that took over, a backfill."""
        current = version(self._path)
        if current != self._written:
            self._memory, self._written = memory.load(self._path), current

    def _calibration(self, observation: Observation) -> Calibration | None:
        return self._calibrations.get(str(observation.conditions.get("beam_type")))

    def _verdict(self, observation: Observation, seen: Look, calibration: Calibration | None) -> Verdict:
        if seen.pulls.trust:
            return unreadable(f"{observation.origin}: {seen.pulls.trust}", self.model)
        if calibration is None:
            beams = observation.conditions.get("beam_type")
            return unreadable(f"{observation.origin}: no calibration for {beams} beams", self.model)
        cycle_s = float(observation.conditions.get("cycle_s") or 0.0)
        regions, worst = self._regions(seen, calibration, cycle_s)
        expected = worst if worst is not None else HIGHEST
        quality = Quality(str(regions[0].where["quality"])) if regions else Quality.GOOD
        return Verdict(
            quality=quality,
            score=-log10(expected),
            threshold=-log10(self.budget.alarms),
            p_value=chance(expected, cycle_s),
            cause=regions[0].cause if regions else None,
            regions=regions,
            measurements=measurements(seen.pulls, seen.background, calibration, self.budget.alarms),
            model=self.model,
            evidence=draw(seen.pulls, regions),
        )

    def _regions(self, seen: Look, calibration: Calibration, cycle_s: float) -> tuple[tuple[Region, ...], float | None]:
        """Regions worth a look, worst first, and how many nominal ones a shift shows like the worst of all."""
        rated = sorted(
            ((rate(one, calibration, cycle_s), one) for one in seen.incidents if one.now and not _waits(one)),
            key=lambda pair: (pair[0], -max(pair[1].support.values())),
        )
        kept = [pair for pair in rated if pair[0] <= self._most(pair[1])][:MOST_REGIONS]
        regions = tuple(self._region(incident, expected, cycle_s) for expected, incident in kept)
        return regions, rated[0][0] if rated else None

    def _most(self, incident: Incident) -> float:
        """How usual what is shown of an incident may be; what is no alarm is shown when it is seen again."""
        return self.budget.looks if incident.sightings >= CONFIRMED else self.budget.alarms

    def _region(self, incident: Incident, expected: float, cycle_s: float) -> Region:
        quality = Quality.BAD if expected <= self.budget.alarms else Quality.MEDIUM
        cause = name_cause(incident)
        return Region(
            where(incident, cause) | {"quality": quality.value},
            score=-log10(expected),
            p_value=chance(expected, cycle_s),
            cause=Cause(cause.name, cause.probability),
        )


def _waits(incident: Incident) -> bool:
    """Whether it is slight background that no second cycle has shown yet."""
    slight = incident.kind is Kind.BACKGROUND and incident.now is not None and incident.now.ratio < SLIGHT
    return slight and incident.sightings < CONFIRMED


HIGHEST = 1e4
"""Nominal regions per shift that a cycle without any is said to be like."""


def rate(incident: Incident, calibration: Calibration, cycle_s: float) -> float:
    """Return how many nominal incidents per shift are as strange as this one still is, where it is strangest."""
    return min(calibration.per_shift(check, score, cycle_s) for check, score in incident.support.items())


def chance(expected_per_shift: float, cycle_s: float) -> float:
    """Return the chance that a nominal cycle shows what so many cycles of a shift show."""
    cycles = SHIFT_S / max(cycle_s, 1.0)
    return float(-np.expm1(-expected_per_shift / cycles))


def find_model(settings: Settings) -> Path:
    """Return the package of the model that the settings pin, else name: the site's own first, then those that ship.

    Raises
    ------
    core.errors.ModelError
        There is none; the text lists those there are.
    """
    folders = (settings.site_models / "its", SHIPPED_MODELS)
    return settings.pinned.get("its") or find_package(settings.its.model, folders, "model of the ITS")


def read_calibrations(package: ModelPackage) -> Mapping[str, Calibration]:
    """Return the calibrations of a package by beam type.

    Raises
    ------
    core.errors.CalibrationError
        If it holds none.
    """
    content = package.card.calibration.get("beams")
    if not isinstance(content, dict) or not content:
        raise CalibrationError(f"{package.path}: holds no calibration of ITS maps")
    return {beams: Calibration.from_json(one) for beams, one in content.items() if isinstance(one, dict)}


def _scales(calibration: Calibration | None) -> Scales:
    return Scales.unit() if calibration is None else calibration.scales
