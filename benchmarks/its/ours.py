"""Our detector as a method: its verdicts on the cycles of a time line, with the memory that it keeps between them.

The detector judges the history as it would at its installation, and every test goes on from what it then remembers.
Pictures are not drawn here and the memory is not written to disk (`speed.py` measures with both). Truth reaches
nothing of it.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import dqm.its
from benchmarks.its.cycles import places
from benchmarks.its.seen import Judgement, Method, Seen
from core.settings import ItsSettings, Settings
from core.verdict import Quality, Verdict
from dqm.its.alarming import incidents
from dqm.its.detector import ItsDetector, find_model

OURS = "ours"
_NOWHERE = Path("/nonexistent")
"""The detector has no home: it finds no memory there and writes none."""
_NOTHING_TO_SAY = ("drawing", "measuring")
_IMPORT = re.compile(r"from dqm\.its(?:\.(\w+))? import \(?([\w, ]*)")


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """A detector with what it remembers."""

    detector: ItsDetector

    def fork(self) -> "Detector":
        return Detector(copy(self.detector))

    def judge(self, seen: Seen, *, good: bool) -> dict[str, Judgement]:
        del good
        with judging_only():
            return {OURS: judgement(self.detector.judge(seen.observation), seen)}


@contextmanager
def judging_only() -> Iterator[None]:
    """Let the detector skip its pictures and keep its memory to itself."""
    nothing = {"draw": lambda *_, **__: {}, "memory.save": lambda *_: None}
    with patch("dqm.its.detector.draw", nothing["draw"]), patch("dqm.its.memory.save", nothing["memory.save"]):
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


def check_model(settings: ItsSettings | None = None) -> None:
    """Raise ModelError if there is no model package to judge with."""
    find_model(Settings(its=settings or ItsSettings()))


def method(settings: ItsSettings | None = None) -> Method:
    """Return our detector with the model that the settings name."""

    def warmed(history: Sequence[Sequence[Seen]]) -> Detector:
        detector = Detector(ItsDetector.load(Settings(home=_NOWHERE, its=settings or ItsSettings())))
        for run in history:
            for seen in run:
                detector.judge(seen, good=True)
        return detector

    return Method(OURS, {OURS: None}, warmed, ("ours.py", *_sources()), everywhere=True)


def _sources() -> Iterator[str]:
    """What decides what the detector says, relative to this folder: modules that it imports, models that ship."""
    folder = Path(dqm.its.__file__).parent
    wanted, found = ["detector"], set[str]()
    while wanted:
        module = wanted.pop()
        path = folder / f"{module}.py"
        if module not in found and path.exists() and not module.startswith(_NOTHING_TO_SAY):
            found.add(module)
            for one, several in _IMPORT.findall(path.read_text(encoding="utf-8")):
                wanted += [one] if one else [name.strip() for name in several.split(",")]
    models = (path for path in folder.glob("models/**/*") if path.is_file())
    for path in sorted((*(folder / f"{module}.py" for module in found), *models)):
        yield str(Path("../../dqm/its") / path.relative_to(folder))
