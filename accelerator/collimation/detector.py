"""Judges loss maps and streams: which setting is wrong, by how much, how sure, and what cannot be seen."""

import json
from collections.abc import Mapping
from math import log10
from pathlib import Path
from typing import Protocol

from accelerator.collimation import describing, laying
from accelerator.collimation.diagnosis import EVIDENCE, MEDIA_TYPE, Answer, Diagnosis
from accelerator.collimation.judging import Judged, judge_pattern
from accelerator.collimation.knowledge import Knowledge
from accelerator.collimation.lossmap import Domain, Pattern, pattern
from accelerator.collimation.mapclass import LEGITIMATE, Kind, MapClass, classify
from accelerator.collimation.quantities import measurements as measured
from core.errors import InputError, ShiftwatchError
from core.inference import ModelPackage, find_package, load_package
from core.observation import Observation
from core.settings import CollimationSettings, Settings
from core.verdict import Cause, Evidence, Measurement, Quality, Verdict, unreadable

SHIPPED_MODELS = Path(__file__).parent / "models"
SHIPPED = "simulated"
_UNITS = {"cleaning inefficiency max": "1/m"}
OTHER_BEAM = 5.0
"""So much more is lost at the collimators of the other beam before the name of the beam is doubted."""


class StreamJudge(Protocol):
    """Judges pieces of a stream."""

    def judge(self, observation: Observation) -> Verdict:
        """Return the verdict on one piece."""
        ...


class CollimationDetector:
    """The detector of LHC collimation."""

    def __init__(self, package: ModelPackage, settings: CollimationSettings | None = None, home: Path | None = None):
        self.model = package.model
        self.settings = settings or CollimationSettings()
        self.knowledge = Knowledge.of(package)
        self._home = home
        self._streams: StreamJudge | None = None

    @classmethod
    def load(cls, settings: Settings) -> "CollimationDetector":
        """Return the detector that the settings name.

        Raises
        ------
        core.errors.ModelError
            There is no such model, or its package is damaged.
        core.errors.CalibrationError
            It holds no calibration.
        """
        return cls(load_package(find_model(settings)), settings.collimation, settings.home / "collimation")

    def judge(self, observation: Observation) -> Verdict:
        """Return the verdict on a loss map or a piece of a stream; NULL with the reason if it cannot be judged."""
        try:
            if observation.conditions.get("kind") == "stream":
                return self._stream_judge().judge(observation)
            return self._map(observation)
        except ShiftwatchError as error:
            return unreadable(str(error), self.model)
        except (ValueError, KeyError, TypeError, IndexError, FloatingPointError) as error:
            return unreadable(f"{observation.origin}: cannot be judged ({error!r:.160})", self.model)

    def _stream_judge(self) -> StreamJudge:
        if self._streams is None:
            from accelerator.collimation.monitor import Monitor

            self._streams = Monitor(self.knowledge, self.model, self.settings, self._home)
        return self._streams

    def _map(self, observation: Observation) -> Verdict:
        seen = pattern(observation, find_beam(observation))
        doubt = wrong_beam(observation, seen)
        if doubt:
            return unreadable(f"{observation.origin}: {doubt}", self.model)
        kind = classify(seen)
        if kind.of is MapClass.EMPTY:
            return unreadable(f"{observation.origin}: {kind.why}: the map is empty", self.model)
        if kind.of is not MapClass.BETATRON:
            return self._other_class(observation, seen, kind)
        laid = laying.lay(seen, self.knowledge)
        judged = judge_pattern(laid, self.knowledge, self.settings.false_alarms_per_map)
        return self._verdict(observation, judged)

    def _other_class(self, observation: Observation, seen: Pattern, kind: Kind) -> Verdict:
        found = Diagnosis(
            answer=Answer.OTHER_CLASS if kind.of in LEGITIMATE else Answer.CANNOT_TELL,
            map_class=kind.of.value,
            beam=seen.beam,
            plane=seen.plane,
            state=seen.state,
            probability=kind.probability,
            channels=describing.plain_channels(seen),
            facts={"class": kind.why},
        )
        return Verdict(
            quality=Quality.GOOD,
            cause=Cause(kind.of.value, kind.probability),
            measurements=quantities(observation, seen),
            model=self.model,
            evidence=evidence(observation, found),
            reason=kind.why,
        )

    def _verdict(self, observation: Observation, judged: Judged) -> Verdict:
        found = describing.diagnose(judged)
        regions = describing.regions(judged, found)
        cause = regions[0].cause if regions and found.answer in {Answer.BROKEN, Answer.UNKNOWN} else None
        return Verdict(
            quality=judged.quality,
            score=-log10(judged.p_value),
            threshold=-log10(self.settings.false_alarms_per_map),
            p_value=judged.p_value,
            cause=cause,
            regions=regions,
            measurements={
                **quantities(observation, pattern(observation, judged.laid.table.key.beam)),
                **describing.margin_measurements(found),
            },
            model=self.model,
            evidence=evidence(observation, found),
            reason=judged.reason,
        )


def find_beam(observation: Observation) -> int:
    """Return the beam of a map: the one it names, else the one at whose collimators most is lost.

    Raises
    ------
    core.errors.InputError
        Nothing is lost at the collimators of either beam.
    """
    told = observation.conditions.get("beam")
    if told in {1, 2}:
        return int(str(told))
    at = {beam: _at_collimators(pattern(observation, beam)) for beam in (1, 2)}
    if max(at.values()) <= 0:
        raise InputError(observation.origin, "names no beam, and nothing is lost at collimators: the map is empty")
    return max(at, key=lambda beam: at[beam])


def wrong_beam(observation: Observation, seen: Pattern) -> str | None:
    """Say so if the losses are at the collimators of the other beam."""
    other = pattern(observation, 3 - seen.beam)
    if _at_collimators(other) > OTHER_BEAM * _at_collimators(seen):
        return f"most is lost at collimators of beam {other.beam}, not of beam {seen.beam} as it is called"
    return None


def _at_collimators(seen: Pattern) -> float:
    own = [number for number, name in enumerate(seen.channels) if name.startswith("t") and "triplet" not in name]
    values = seen.values[own]
    noise = seen.sigma[own] if seen.domain is Domain.BLM else 0.0
    return float(((values > 5 * noise) * values).clip(min=0).sum())


def quantities(observation: Observation, seen: Pattern) -> Mapping[str, Measurement]:
    """Return the quantities of the field that a pattern gives."""
    return {
        name: Measurement(one.value, one.sigma, _UNITS.get(name, ""))
        for name, one in measured(observation, seen).items()
    }


def evidence(observation: Observation, found: Diagnosis) -> Mapping[str, Evidence]:
    """Return the diagnosis as JSON, and its pictures."""
    from accelerator.collimation.drawing import draw

    told = Evidence(json.dumps(found.to_json()).encode(), MEDIA_TYPE)
    return {EVIDENCE: told, **draw(observation, found)}


def find_model(settings: Settings) -> Path:
    """Return the package of the model that the settings pin, else name: the site's own first, then those that ship.

    Raises
    ------
    core.errors.ModelError
        There is none; the text lists those there are.
    """
    folders = (settings.site_models / "collimation", SHIPPED_MODELS)
    pinned = settings.pinned.get("collimation")
    return pinned or find_package(settings.collimation.model, folders, "model of loss patterns")
