"""ALICE ITS2 as one of the monitored systems: cycles out of the QCDB, and files of cycles or of chip hit maps."""

import re
from collections.abc import Sequence
from pathlib import Path

from core.alarms.severity import Severity
from core.contracts import AlarmRule, Archive, Detector, System
from core.drilling import DrillFault
from core.errors import ModelError
from core.observation import Observation
from core.settings import Settings
from core.verdict import Verdict
from dqm.its.alarming import circumstances, incidents
from dqm.its.guidance import guidance
from dqm.its.source import QcdbSource

NAME = "its"
PIXELS = "pixels"
"""Name of the model package, among the site's models of ITS, that chip hit maps are judged with."""

CLEAR_COUNT = 3
"""So many good cycles in a row end an alarm: a faint incident is not seen in every cycle."""

_URL = re.compile(r"\A(https?):/+")
FLOOD = 8
"""More places than this that go wrong at once are one alarm."""

UNJUDGED_COUNT = 3
"""So many cycles in a row that cannot be judged are an alarm: the first of a run is often too short."""


class ItsJudge:
    """Judges cycles, and runs of chip hit maps with the reference that the site has learnt."""

    def __init__(self, settings: Settings) -> None:
        from dqm.its.detector import ItsDetector  # networks: only what judges needs them

        self._pixel_model = settings.site_models / NAME / PIXELS
        self._cycles: Detector = ItsDetector.load(settings)
        self._pixels: Detector | None = None

    def judge(self, observation: Observation) -> Verdict:
        """Return the verdict on one observation.

        Raises
        ------
        core.errors.ModelError
            If no reference of chip hit maps was learnt.
        """
        if "plane" not in observation.payload:
            return self._cycles.judge(observation)
        if self._pixels is None:
            self._pixels = self._pixel_detector()
        return self._pixels.judge(observation)

    def _pixel_detector(self) -> Detector:
        from dqm.its.pixels.detector import PixelDetector

        if not self._pixel_model.exists():
            raise ModelError(
                f"{self._pixel_model}: no reference of chip hit maps was learnt yet; "
                "type: shiftwatch train its RUNS_DIR --product pixels"
            )
        return PixelDetector.load(self._pixel_model)


def read_file(path: Path, settings: Settings) -> Observation:
    """Read one cycle (ROOT, npz, or from a QCDB where ``path`` is a URL) or one run of chip hit maps (npz).

    Raises
    ------
    core.errors.InputError
        If it cannot be read or used; the text names file or URL, and reason.
    """
    from dqm.its import cycle_files, source
    from dqm.its.pixels import files

    url, is_url = _URL.subn(r"\1://", str(path), count=1)  # a path object leaves one slash of two
    if is_url:
        return source.read_url(url, settings)
    if files.is_run(path):
        return files.read_observation(path)
    return cycle_files.read_observation(path)


def find_model(settings: Settings) -> Path:
    """Return the package of the model that judges (ModelError if there is none)."""
    from dqm.its.detector import find_model as find

    return find(settings)


def archive(settings: Settings) -> Archive:
    """Return the runs of the past (SettingsError if no QCDB is set)."""
    from dqm.its.archive import QcdbArchive

    return QcdbArchive(settings)


def drills() -> Sequence[DrillFault]:
    """Return the faults that a drill can put on what the source gives."""
    from dqm.its.drills import faults  # the simulation: only a drill needs it

    return faults()


ITS = System(
    name=NAME,
    title="ALICE ITS",
    source=QcdbSource,
    detector=ItsJudge,
    read_file=read_file,
    rule=AlarmRule(clear_count=CLEAR_COUNT, counts={Severity.INVALID: UNJUDGED_COUNT}, flood=FLOOD),
    guidance=guidance,
    silent_after_s=lambda settings: settings.its.silent_after_s,
    incidents=incidents,
    circumstances=circumstances,
    reads_urls=True,
    find_model=find_model,
    drills=drills,
    archive=archive,
)
