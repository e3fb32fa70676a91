"""Our detector as a method: its verdicts on the cycles of a time line, with the memory that it keeps between them.

The detector judges the history as it would at its installation, and every test goes on from a copy of the memory that
this left. Pictures are not drawn here (`speed.py` measures with them). Truth reaches nothing of it.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import dqm.its
from benchmarks.its.cycles import places
from benchmarks.its.seen import Judgement, Method, Seen
from core.settings import ItsSettings, Settings
from core.verdict import Quality, Verdict
from dqm.its.detector import ItsDetector, find_model
from dqm.its.system import incidents

OURS = "ours"
_MEMORY = Path("its/memory.npz")
_NOTHING_TO_SAY = ("drawing", "display", "guidance", "source", "training", "lessons", "cause_training")


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """A detector with a home of its own; ``settings`` but for the home."""

    detector: ItsDetector
    home: Path
    settings: ItsSettings

    def fork(self) -> "Detector":
        return started(self.settings, self.home / _MEMORY)

    def judge(self, seen: Seen, *, good: bool) -> dict[str, Judgement]:
        del good
        with without_pictures():
            return {OURS: judgement(self.detector.judge(seen.observation), seen)}


@contextmanager
def without_pictures() -> Iterator[None]:
    """Let the detector skip its pictures, which nothing here looks at."""
    with patch("dqm.its.detector.draw", lambda *_, **__: {}):
        yield


def judgement(verdict: Verdict, seen: Seen) -> Judgement:
    """Return a verdict as the tables need it: a cell's value is the score of the highest region that holds it."""
    values: dict[int, float] = {}
    for region in verdict.regions:
        for named in str(region.where.get("cells", "")).split():
            cell = places()[named.replace("/lane_", "/lane ")]
            values[cell] = max(values.get(cell, region.score), region.score)
    ranked = sorted(values, key=lambda cell: -values[cell])
    bad = [one for one in incidents(seen.observation, verdict) if one.quality is Quality.BAD]
    return Judgement(
        score=float("-inf") if verdict.score is None else float(verdict.score),
        cells=ranked,
        values=[round(values[cell], 5) for cell in ranked],
        cause=verdict.regions[0].cause.name if verdict.regions and verdict.regions[0].cause else None,
        alarm=verdict.quality is Quality.BAD,
        incidents=tuple(f"{one.kind}; {' '.join(sorted(one.places))}" for one in bad),
    )


def started(settings: ItsSettings, memory: Path | None = None) -> Detector:
    """Return a detector in a new home, with a copy of a memory."""
    home = Path(tempfile.mkdtemp(prefix="shiftwatch-bench-"))
    _HOMES.append(home)
    if memory is not None and memory.exists():
        (home / _MEMORY).parent.mkdir(parents=True)
        shutil.copy(memory, home / _MEMORY)
    return Detector(ItsDetector.load(Settings(home=home, its=settings)), home, settings)


def check_model(settings: ItsSettings | None = None) -> None:
    """Raise ModelError if there is no model package to judge with."""
    find_model(Settings(its=settings or ItsSettings()))


_HOMES: list[Path] = []


def forget_homes() -> None:
    """Remove the homes of all detectors that were started."""
    while _HOMES:
        shutil.rmtree(_HOMES.pop(), ignore_errors=True)


def method(settings: ItsSettings | None = None) -> Method:
    """Return our detector with the model that the settings name."""

    def warmed(history: Sequence[Sequence[Seen]]) -> Detector:
        detector = started(settings or ItsSettings())
        for run in history:
            for seen in run:
                detector.judge(seen, good=True)
        return detector

    return Method(OURS, {OURS: None}, warmed, ("ours.py", *_sources()), everywhere=True)


def _sources() -> Iterator[str]:
    """What decides what the detector says: its modules and the models that ship, relative to this folder."""
    folder = Path(dqm.its.__file__).parent
    modules = (path for path in folder.glob("*.py") if not path.name.startswith(_NOTHING_TO_SAY))
    models = (path for path in folder.glob("models/**/*") if path.is_file())
    for path in sorted((*modules, *models)):
        yield str(Path("../../dqm/its") / path.relative_to(folder))
