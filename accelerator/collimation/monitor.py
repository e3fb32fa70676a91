"""Judges pieces of a 1 Hz stream: sudden faults second by second, margins minute by minute, trends over the fill.

Each beam is compared with itself: its first minutes in a machine state are its reference (unless they are broken
already by what the model knows), which takes most of the model error away.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log10
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation import fill_memory
from accelerator.collimation.blowup import excited
from accelerator.collimation.diagnosis import CASCADES, EVIDENCE, MEDIA_TYPE, SHRINKING
from accelerator.collimation.fill_memory import BeamState
from accelerator.collimation.knowledge import Knowledge
from accelerator.collimation.seconds import Seconds, seconds_of
from accelerator.collimation.states import state_of
from accelerator.collimation.watching import Watched, watch, without_crosstalk
from core.observation import Observation
from core.remembered import keep, version
from core.settings import CollimationSettings
from core.verdict import Cause, Evidence, Measurement, Model, Quality, Region, Verdict

MEMORY_FILE = "fill.json"
SHIFT_S = 8 * 3600.0
FEWEST_SECONDS = 10
SMALLEST_MARGIN = "smallest margin"
"""Name of a measurement: the least of what the primaries have to their secondaries in sigma, of both beams."""
NO_BEAM = 1e10
"""Protons in a beam below which it is not there."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Seconds of one machine state in a piece: their times, and which they are."""

    state: str
    fill: str
    times_s: "np.typing.NDArray[np.float64]"
    rows: "np.typing.NDArray[np.bool_]"


class Monitor:
    """Judges pieces of a stream; remembers the fill."""

    def __init__(self, knowledge: Knowledge, model: Model, settings: CollimationSettings, home: Path | None) -> None:
        self._knowledge, self._model, self._settings = knowledge, model, settings
        self._path = None if home is None else home / MEMORY_FILE
        self._written = None if self._path is None else version(self._path)
        self._memory = fill_memory.Memory() if self._path is None else fill_memory.load(self._path)

    def judge(self, observation: Observation) -> Verdict:
        """Return the verdict on one piece; judging the last piece again gives the same."""
        if self._path is not None and (current := version(self._path)) != self._written:
            self._memory, self._written = fill_memory.load(self._path), current
        before = self._memory.state_for(observation.key)
        stretches = stretches_of(observation)
        beams: dict[str, BeamState] = dict(before.beams)
        background = dict(before.background)
        quiet = without_beam(observation)
        watched: list[Watched] = []
        for beam in (1, 2):
            seconds = seconds_of(observation, beam)
            if quiet.sum() >= FEWEST_SECONDS:
                background[str(beam)] = tuple(seconds.rows(quiet).values.mean(axis=0).tolist())
            if len(background.get(str(beam), ())) == len(seconds.channels):
                seconds = seconds.less(np.array(background[str(beam)]))
            for stretch in stretches:
                known = beams.get(str(beam), BeamState())
                seen = self._watch(seconds, stretch, known, observation)
                if seen is not None:
                    watched.append(seen)
                    beams[str(beam)] = seen.state
        watched = without_crosstalk(watched)
        beams |= {str(one.beam): one.state for one in watched}
        ended = float(np.asarray(observation.payload["time_unix_s"])[-1])
        if self._memory.is_new(ended):
            self._memory = self._memory.then(
                replace(before, beams=beams, background=background), observation.key, ended
            )
            if (path := self._path) is not None:
                self._written = keep(path, lambda: fill_memory.save(self._memory, path))
        return self._verdict(observation, watched, stretches)

    def _watch(self, seconds: Seconds, stretch: Stretch, known: BeamState, observation: Observation) -> Watched | None:
        intensity = observation.payload.get(f"intensity_b{seconds.beam}")
        if intensity is not None:
            there = np.nan_to_num(np.asarray(intensity, np.float64), nan=np.inf) > NO_BEAM
            if not (there & stretch.rows).sum() >= FEWEST_SECONDS:
                return None
        return watch(
            self._knowledge,
            seconds.rows(stretch.rows),
            stretch.times_s,
            (stretch.fill, stretch.state),
            known,
            self._settings,
        )

    def _verdict(self, observation: Observation, watched: list[Watched], stretches: list[Stretch]) -> Verdict:
        if not watched:
            why = "no beam, or no machine state in which the hierarchy is judged"
            return Verdict(Quality.GOOD, cause=Cause("no beam", 0.9), model=self._model, reason=why)
        worst = max(watched, key=lambda one: (_RANK[one.quality], -one.p_value))
        regions = tuple(
            sorted(
                (region for one in watched for region in one.regions),
                key=lambda region: (-_RANK[Quality(str(region.where["quality"]))], _is_slow(region), -region.score),
            )
        )
        return Verdict(
            quality=worst.quality,
            score=-log10(max(worst.p_value, 1e-12)),
            threshold=-log10(self._settings.false_alarms_per_shift * len(stretches or [0]) / SHIFT_S),
            p_value=worst.p_value,
            cause=regions[0].cause if regions else None,
            regions=regions,
            measurements=measurements(watched),
            model=self._model,
            evidence=_evidence(observation, worst, watched),
            reason=worst.reason,
        )


def _evidence(observation: Observation, worst: Watched, watched: list[Watched]) -> Mapping[str, Evidence]:
    """The worst beam is drawn in full; of every beam with something wrong the cascade, which its alarm shows."""
    from accelerator.collimation.drawing import draw, draw_cascade

    found = worst.diagnosis
    own = {CASCADES[one.beam]: draw_cascade(one.diagnosis) for one in watched if one.regions and one.diagnosis.channels}
    return {EVIDENCE: Evidence(json.dumps(found.to_json()).encode(), MEDIA_TYPE), **draw(observation, found), **own}


def _is_slow(region: Region) -> bool:
    return region.cause is not None and region.cause.name == SHRINKING


_RANK = {Quality.GOOD: 0, Quality.MEDIUM: 1, Quality.BAD: 2, Quality.NULL: 3}


def stretches_of(observation: Observation) -> list[Stretch]:
    """Cut a piece into stretches of one machine state and fill; seconds without a state, or excited, are left out."""
    times = np.asarray(observation.payload["time_unix_s"], np.float64)
    told = observation.conditions
    alone = ~excited(observation)
    modes, fills = observation.payload.get("beam_mode"), observation.payload.get("fill")
    if modes is None or not len(modes):
        state = str(told.get("state") or "")
        return (
            [Stretch(state, str(told.get("fill") or ""), times[alone], alone)]
            if state and alone.sum() >= FEWEST_SECONDS
            else []
        )
    names = np.asarray(modes).astype(str)
    fill = np.asarray(fills).astype(str) if fills is not None and len(fills) else np.full(len(times), "")
    found = []
    for mode, number in dict.fromkeys(zip(names.tolist(), fill.tolist(), strict=True)):
        state_found = state_of(mode)
        rows = (names == mode) & (fill == number) & alone
        if state_found is not None and rows.sum() >= FEWEST_SECONDS:
            found.append(Stretch(state_found.value, number, times[rows], rows))
    return found


def without_beam(observation: Observation) -> NDArray[np.bool_]:
    """Return in which seconds there is no beam in the machine; none where intensities are not told."""
    told = [observation.payload.get(f"intensity_b{beam}") for beam in (1, 2)]
    count = len(np.asarray(observation.payload["time_unix_s"]))
    if any(one is None or len(one) != count for one in told):
        return np.zeros(count, bool)
    levels = np.array([np.nan_to_num(np.asarray(one, np.float64), nan=np.inf) for one in told])
    return np.asarray((levels < NO_BEAM).all(axis=0), np.bool_)


def measurements(watched: list[Watched]) -> Mapping[str, Measurement]:
    """Return the margins of both beams, and the smallest that the course of the fill shows, once there is one."""
    found = {}
    lasts = [
        (trend.values_sigma[-1], trend.errors_sigma[-1])
        for one in watched
        for trend in one.diagnosis.trends
        if trend.values_sigma
    ]
    if lasts:
        found[SMALLEST_MARGIN] = Measurement(*min(lasts), "sigma")
    for one in watched:
        for margin in one.diagnosis.margins:
            if margin.sigma is not None:
                name = f"margin {margin.inner}-{margin.outer} B{margin.beam} {margin.plane}"
                found[name] = Measurement(margin.value_sigma, margin.sigma, "sigma")
    return found
