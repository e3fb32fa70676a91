"""The detector of a run: a shot judged by itself, then beside those before it (frozen frames, drifts), then drawn."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from accelerator.schlieren import run_memory
from accelerator.schlieren.causes import Cause
from accelerator.schlieren.drawing import draw
from accelerator.schlieren.drift import FOLLOWED, drifts
from accelerator.schlieren.result import EVIDENCE, MEDIA_TYPE, UNKNOWN, ShotResult, withheld
from accelerator.schlieren.run_memory import Seen
from core.contracts import Detector
from core.errors import ShiftwatchError
from core.observation import Observation
from core.remembered import keep, version
from core.verdict import Cause as Named
from core.verdict import Evidence, Quality, Verdict

MEMORY_FILE = "run.json"
_SURE = 0.99
_USABLE = frozenset({Quality.GOOD, Quality.MEDIUM})
_OF_A_RUN = ("run", "mask", "density_set_cm3", "detuning_set_ghz")
_SAYS_MORE = frozenset({Cause.STALE, Cause.DARK, Cause.SATURATION})
"""Causes that explain why a frame is the same as one before better than a camera that hangs."""


class RunMonitor:
    """Judges shots; remembers the run in ``home``, or only while it lives."""

    def __init__(self, detector: Detector, home: Path | None = None) -> None:
        self._detector = detector
        self._path = None if home is None else home / MEMORY_FILE
        self._written = None if self._path is None else version(self._path)
        self._memory = run_memory.Memory() if self._path is None else run_memory.load(self._path)

    def judge(self, observation: Observation) -> Verdict:
        """Return the verdict on one shot; judging it again gives the same."""
        verdict = self._detector.judge(observation)
        result = result_of(verdict)
        self._recall()
        shot = _seen(observation, verdict, result)
        before = [one for one in self._memory.before(shot) if one.digest == shot.digest]
        if before and result is not None:
            verdict, result = _frozen(verdict, result, before[-1])
            shot = _seen(observation, verdict, result)
        self._remember(observation, shot)
        if result is None:
            return replace(verdict, evidence={**verdict.evidence, **draw(observation, None)})
        result = replace(result, drifts=drifts(self._memory, shot))
        told = Evidence(json.dumps(result.to_json()).encode(), MEDIA_TYPE)
        evidence = {**verdict.evidence, EVIDENCE: told, **draw(observation, result)}
        return replace(_drifting(verdict, result), evidence=evidence)

    def _recall(self) -> None:
        """Take up what another process remembered meanwhile."""
        if self._path is not None and (current := version(self._path)) != self._written:
            self._memory, self._written = run_memory.load(self._path), current

    def _remember(self, observation: Observation, shot: Seen) -> None:
        name = ", ".join(str(observation.conditions.get(key)) for key in _OF_A_RUN)
        self._memory = self._memory.then(name, shot)
        if (path := self._path) is not None:
            self._written = keep(path, lambda: run_memory.save(self._memory, path))


def result_of(verdict: Verdict) -> ShotResult | None:
    """Return the result that a verdict carries, None if it has none."""
    kept = verdict.evidence.get(EVIDENCE)
    if kept is None:
        return None
    try:
        return ShotResult.from_json(json.loads(kept.content))
    except (ValueError, ShiftwatchError):
        return None


def _seen(observation: Observation, verdict: Verdict, result: ShotResult | None) -> Seen:
    """What is to be remembered; of a shot that is bad no more than what the instruments say."""
    image = observation.payload.get("image")
    varies = image is not None and image.size > 0 and bool((image != image.flat[0]).any())
    digest = hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()[:32] if varies else observation.key
    told = observation.conditions
    values = {name: float(told[name]) for name in FOLLOWED if isinstance(told.get(name), int | float)}  # type: ignore[arg-type]
    if result is not None and verdict.quality in _USABLE:
        values |= {one.name: one.value for one in result.bench if one.name in FOLLOWED}
        values |= {one.name: one.value for one in result.parameters if one.name in FOLLOWED and one.value is not None}
    return Seen(observation.key, observation.observed_at.timestamp(), digest, values)


def _frozen(verdict: Verdict, result: ShotResult, before: Seen) -> tuple[Verdict, ShotResult]:
    """The frame of an earlier shot: nothing is known of this one, whatever the picture shows."""
    why = f"the camera gave the same frame as for {_shot_name(before.key)}"
    known = verdict.cause is not None and verdict.cause.name in _SAYS_MORE
    causes = result.causes if known else {Cause.FROZEN.value: _SURE, UNKNOWN: round(1 - _SURE, 6)}
    missing = (*result.missing, why)
    nothing = replace(result, parameters=withheld(why), causes=causes, missing=missing, bench=(), best_fit=None)
    cause = verdict.cause if known else Named(Cause.FROZEN.value, _SURE)
    return replace(verdict, quality=Quality.BAD, cause=cause, measurements={}, reason=why), nothing


def _shot_name(key: str) -> str:
    """The numbers of a shot out of its observation's key (``RUN_EVENT_DIGEST``)."""
    numbers = key.split("_")[:-1]
    return f"run {numbers[0]} shot {numbers[1]}" if len(numbers) == 2 else "an earlier shot"


def _drifting(verdict: Verdict, result: ShotResult) -> Verdict:
    """A good shot of a run that drifts is worth a look."""
    if not result.drifts or verdict.quality is not Quality.GOOD:
        return verdict
    worst = result.drifts[0]
    return replace(verdict, quality=Quality.MEDIUM, cause=Named(worst.cause, _SURE))
