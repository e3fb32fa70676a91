"""Which simulated runs the benchmark judges: all of seeds and detectors that nothing was trained on.

Whoever trains or calibrates a detector on the simulator must keep below seed `HELD_OUT` (runs and detectors). Ranges:

- detectors: ``HELD_OUT`` and up, `DETECTORS` for the nominal generator, the first `FEW_DETECTORS` for the others;
- nominal shifts: ``HELD_OUT + 10_000 * setting``; runs with a fault: ``HELD_OUT + 200_000 + 10_000 * setting``;
- history (nominal runs that every method may look at before a test): ``HELD_OUT + 400_000``...;
- what the baselines learn from (their own detectors): ``HELD_OUT + 900_000``...
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np

from dqm.its.causes import Cause
from dqm.its.lessons import HELD_OUT
from dqm.its.simulate.beams import BeamType
from dqm.its.simulate.faults import BACKGROUNDS, draw_fault
from dqm.its.simulate.settings import SHIFTS, RunSettings
from dqm.its.simulate.shift import draw_shift

DETECTORS, FEW_DETECTORS = 6, 2
FRACTIONS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3)
FEW_FRACTIONS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.3)
"""Clusters that beam background adds to one side of the inner barrel, as a share of what the side has."""
HISTORY_RUNS, HISTORY_S = 8, 540.0
HEALTHY_CYCLES, FAULTY_CYCLES = 4, 7
_FIRST_DAY = datetime(2026, 5, 1, 6, 0, tzinfo=UTC)
_TEST_DAY = _FIRST_DAY + timedelta(days=2)
SETTINGS = tuple(SHIFTS)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to judge. ``shifts``: nominal shifts of the nominal generator; ``few_shifts``: of each other setting;
    ``tries``: runs with a fault per fraction or cause, nominal generator; ``few_tries``: other settings, per fraction;
    ``few_faults``: other settings, per cause of the hardware; ``learnt``: runs per beam type to learn from.
    ``everyone``: as many of the nominal shifts are judged by the baselines too (the level for all comes from these).
    """

    shifts: int = 100
    everyone: int = 40
    few_shifts: int = 12
    tries: int = 16
    few_tries: int = 4
    few_faults: int = 2
    learnt: int = 24
    cycle_s: float = 180.0
    settings: tuple[str, ...] = SETTINGS
    fractions: tuple[float, ...] = FRACTIONS
    few_fractions: tuple[float, ...] = FEW_FRACTIONS


QUICK = Plan(
    shifts=2, everyone=2, few_shifts=0, tries=2, few_tries=0, few_faults=0, learnt=3, settings=("nominal",),
    fractions=(0.01, 0.05, 0.3),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """One run to judge.

    ``part``: ``learning``, ``history``, ``shift`` or ``fault``; ``group``: runs of one shift have one; ``cause`` and
    ``fraction`` (of background) of what is put in.
    """

    part: str
    setting: str
    group: int
    run: RunSettings
    seed: int
    cause: Cause | None = None
    fraction: float | None = None

    @property
    def beams(self) -> BeamType:
        return self.run.beam_type

    @property
    def line(self) -> tuple[str, str, int]:
        """Time line: runs of one detector in one setting with one kind of beams share their history."""
        return self.setting, self.beams.value, self.run.detector_seed

    @property
    def key(self) -> str:
        """Distinguishes the scenes of all plans of one cycle length."""
        put_in = "" if self.cause is None else f"/{self.cause.value}/{self.fraction}"
        return f"{self.part}/{'/'.join(map(str, self.line))}/{self.seed}/{self.run.run}{put_in}/{self.run.cycle_s}"


@cache
def history(line: tuple[str, str, int], cycle_s: float) -> tuple[Scene, ...]:
    """Return the runs of a time line before its tests: `HISTORY_RUNS` short nominal ones in the same setting."""
    setting, beams, detector = line
    found = []
    for number in range(HISTORY_RUNS):
        seed = HELD_OUT + 400_000 + 1000 * SETTINGS.index(setting) + 100 * (detector % 10) + 10 * number
        seed += list(BeamType).index(BeamType(beams))
        run = _drawn(seed, BeamType(beams), setting, detector, cycle_s)[0]
        began = _FIRST_DAY + timedelta(hours=3 * number)
        run = replace(run, duration_s=HISTORY_S, began_at=began, run=540_000 + number)
        found.append(Scene("history", setting, number, run, seed))
    return tuple(found)


def learning(plan: Plan) -> Iterator[Scene]:
    """Yield runs of other detectors, nominal: what baselines that learn may learn from."""
    for place, beams in enumerate(BeamType):
        for number in range(plan.learnt):
            seed = HELD_OUT + 900_000 + 1000 * place + number
            run = _drawn(seed, beams, "nominal", HELD_OUT + 900_000 + number % 8, plan.cycle_s)[0]
            yield Scene("learning", "nominal", number, replace(run, duration_s=6 * plan.cycle_s), seed)


def shifts(plan: Plan, setting: str) -> Iterator[Scene]:
    """Yield the runs of the nominal shifts of a setting; 7 of 10 are pp, half of those of the other settings."""
    for number in range(plan.shifts if setting == "nominal" else plan.few_shifts):
        seed = HELD_OUT + 10_000 * SETTINGS.index(setting) + number
        share = number % 10 < 7 if setting == "nominal" and plan.shifts >= 10 else number % 2 == 0
        beams = BeamType.PP if share else BeamType.PBPB
        for run in _drawn(seed, beams, setting, _detector(setting, number), plan.cycle_s):
            yield Scene("shift", setting, number, run, seed)


def faults(plan: Plan, setting: str) -> Iterator[Scene]:
    """Yield runs in which one thing goes wrong after `HEALTHY_CYCLES` cycles and stays."""
    tries = plan.tries if setting == "nominal" else plan.few_tries
    for fraction in plan.fractions if setting == "nominal" else plan.few_fractions:
        for number in range(tries):
            yield _fault(plan, setting, number, BACKGROUNDS[number // 2 % 2], fraction)
    for cause in Cause:
        if cause not in BACKGROUNDS:
            for number in range(plan.tries if setting == "nominal" else plan.few_faults):
                yield _fault(plan, setting, number, cause, None)


def _fault(plan: Plan, setting: str, number: int, cause: Cause, fraction: float | None) -> Scene:
    """The seed does not depend on the fraction: the same run with more of the same background."""
    kind = 0 if fraction is not None else 1 + list(Cause).index(cause)
    seed = HELD_OUT + 200_000 + 10_000 * SETTINGS.index(setting) + 100 * kind + number
    beams = list(BeamType)[number % 2]
    run = _drawn(seed, beams, setting, _detector(setting, number // 2), plan.cycle_s)[0]
    duration_s = (HEALTHY_CYCLES + FAULTY_CYCLES) * plan.cycle_s
    rng = np.random.default_rng([seed, 0xFA])
    began_s = (HEALTHY_CYCLES + rng.random()) * plan.cycle_s
    fault = draw_fault(rng, cause, began_s, duration_s, fraction)
    run = replace(run, duration_s=duration_s, faults=(fault,))
    return Scene("fault", setting, number, run, seed, cause, fraction)


def _detector(setting: str, number: int) -> int:
    return HELD_OUT + number % (DETECTORS if setting == "nominal" else FEW_DETECTORS)


def _drawn(seed: int, beams: BeamType, setting: str, detector: int, cycle_s: float) -> tuple[RunSettings, ...]:
    """The runs of a nominal shift, moved to the day of the tests."""
    runs = draw_shift(seed, beam_type=beams, shift=SHIFTS[setting], detector_seed=detector, cycle_s=cycle_s)
    moved = _TEST_DAY - runs[0].began_at
    return tuple(replace(run, began_at=run.began_at + moved) for run in runs)
