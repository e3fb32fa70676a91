"""AWAKE Schlieren as one of the monitored systems: event files and pictures of the plasma channel."""

from collections.abc import Sequence
from pathlib import Path

from accelerator.schlieren.guidance import guidance
from accelerator.schlieren.incidents import incidents
from core.alarms.severity import Severity
from core.contracts import AlarmRule, Detector, Source, System
from core.drilling import DrillFault
from core.observation import Observation
from core.settings import Settings

NAME = "schlieren"
RAISE_COUNT, CLEAR_COUNT, UNJUDGED_COUNT = 2, 3, 3
"""A cause in two shots in a row is an alarm (one lost shot needs nobody), three without it end it."""


def _source(settings: Settings) -> Source:
    from accelerator.schlieren.source import FolderSource

    return FolderSource(settings)


def _detector(settings: Settings) -> Detector:
    from accelerator.schlieren.detector import SchlierenDetector  # networks: only what judges needs them
    from accelerator.schlieren.monitor import RunMonitor

    return RunMonitor(SchlierenDetector.load(settings), settings.home / NAME)


def read_file(path: Path, settings: Settings) -> Observation:
    """Read one event file or picture.

    Raises
    ------
    core.errors.InputError
        If it cannot be read or used; the text names file and reason.
    """
    from accelerator.schlieren import observing

    return observing.read_file(path, settings)


def find_model(settings: Settings) -> Path:
    """Return the package of the model that judges (ModelError if there is none)."""
    from accelerator.schlieren.detector import find_model as find

    return find(settings)


def ties(observation: Observation) -> frozenset[str]:
    """Return the run that a shot belongs to: its first shots are what later ones are compared with."""
    return frozenset({f"run {observation.conditions.get('run')}"})


def drills() -> Sequence[DrillFault]:
    """Return the faults that a drill can put on what the source gives."""
    from accelerator.schlieren.drills import faults  # the simulation: only a drill needs it

    return faults()


SCHLIEREN = System(
    name=NAME,
    title="AWAKE plasma",
    source=_source,
    detector=_detector,
    read_file=read_file,
    rule=AlarmRule(
        count=RAISE_COUNT,
        clear_count=CLEAR_COUNT,
        counts={Severity.INVALID: UNJUDGED_COUNT},
    ),
    guidance=guidance,
    silent_after_s=lambda settings: settings.schlieren.silent_after_s,
    incidents=incidents,
    find_model=find_model,
    poll_s=lambda settings: settings.schlieren.poll_s,
    drills=drills,
    ties=ties,
)
