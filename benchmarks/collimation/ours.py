"""Our detector in the benchmark: as it ships, and after it has learnt the same references as the peers."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from accelerator.collimation.detector import CollimationDetector, find_model
from accelerator.collimation.geometry import find
from accelerator.collimation.lossmap import Pattern
from accelerator.collimation.teaching import learn
from core.inference import load_package
from core.observation import Observation
from core.settings import Settings
from core.verdict import Quality, Verdict

SITE_MAPS = 12
"""A site that calibrates has so many nominal maps of each beam and plane."""


class Answer(NamedTuple):
    """A verdict in the words of the benchmark; sizes are None where no setting is named."""

    score: float
    quality: str
    element: str | None
    quantity: str | None
    value: float | None
    sigma: float | None
    cause: str | None
    ms: float


def load(home: Path) -> CollimationDetector:
    """Return the detector with the model that ships."""
    return CollimationDetector.load(Settings(home=home))


def calibrated(references: Sequence[Pattern], home: Path) -> CollimationDetector:
    """Return the detector after it learnt nominal maps as ``shiftwatch calibrate collimation`` does (in memory).

    Thresholds stay those that ship: they are kept by scale of model error.
    """
    settings = Settings(home=home)
    detector = CollimationDetector(load_package(find_model(settings)), settings.collimation, home)
    tables, site = learn(detector.knowledge, references, report=lambda _: None)
    detector.knowledge = replace(detector.knowledge, tables={**detector.knowledge.tables, **tables}, site=site)
    return detector


@contextmanager
def without_pictures() -> Iterator[None]:
    """Judge without drawing: pictures say nothing that is measured here."""
    with patch("accelerator.collimation.drawing.draw", lambda *_: {}):
        yield


def judge(detector: CollimationDetector, observation: Observation) -> Answer:
    """Judge one map."""
    began = time.process_time()
    verdict = detector.judge(observation)
    return answer(verdict, 1e3 * (time.process_time() - began))


def answer(verdict: Verdict, ms: float = 0.0) -> Answer:
    """Return what a verdict says."""
    where = verdict.regions[0].where if verdict.regions else {}
    known = where.get("quantity") in {"gap_sigma", "offset_mm", "tilt_urad", "orbit_mm"}
    return Answer(
        score=verdict.score if verdict.score is not None else -1.0,
        quality=verdict.quality.value,
        element=str(where["element"]) if where else None,
        quantity=str(where["quantity"]) if where else None,
        value=float(where["value"]) - float(where["nominal"]) if known else None,
        sigma=float(where["sigma"]) if known else None,
        cause=verdict.cause.name if verdict.cause else None,
        ms=ms,
    )


def in_sigma(element: str, quantity: str, size: float) -> float:
    """Return a size in beam sigma at 6.8 TeV: millimetres over the beam size in the collimator's plane."""
    return size / find(element).sigma_mm if quantity in {"offset_mm", "orbit_mm"} else size


BAD = Quality.BAD.value
