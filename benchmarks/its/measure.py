"""Stream all methods over the cycles of all scenes, once, and keep what they said in compact form.

What a method said of a run is kept in the cache under a digest of the method's source, so that a second run of the
command only judges anew with what has changed.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.its.cycles import Labels, cache_folder, cycles, path_of
from benchmarks.its.scenes import SETTINGS, Plan, Scene, faults, history, shifts
from benchmarks.its.seen import Judge, Judgement, Method, Seen

_SHARED = ("seen.py",)
_FORMAT = "1"
"""Change it with what this module keeps."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What one row said of the cycles of one run: ``scores`` (cycles,), and what goes with them."""

    scores: NDArray[np.float64]
    alarms: tuple[bool | None, ...]
    causes: tuple[str | None, ...]
    cells: tuple[tuple[int, ...], ...]
    values: tuple[tuple[float, ...], ...]
    incidents: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One run judged: labels of its cycles, what each row said, seconds of CPU per cycle of each method."""

    scene: Scene
    labels: tuple[Labels, ...]
    rows: Mapping[str, Told]
    seconds: Mapping[str, tuple[float, ...]]


def scenes_of(plan: Plan) -> list[Scene]:
    """Return all scenes to judge, those that set the level first."""
    found = [scene for setting in plan.settings for scene in (*shifts(plan, setting), *faults(plan, setting))]
    return sorted(found, key=lambda scene: not level_setting(plan, scene))


def level_setting(plan: Plan, scene: Scene) -> bool:
    """Whether this run is one that every method judges."""
    return scene.part != "shift" or scene.setting != "nominal" or scene.group < plan.everyone


def by_line(scenes: Iterable[Scene]) -> dict[tuple[str, str, int], list[Scene]]:
    """Return the scenes of each time line."""
    found: dict[tuple[str, str, int], list[Scene]] = {}
    for scene in scenes:
        found.setdefault(scene.line, []).append(scene)
    return dict(sorted(found.items(), key=lambda item: (SETTINGS.index(item[0][0]), item[0])))


def judge_line(plan: Plan, scenes: Sequence[Scene], methods: Sequence[Method], say: Callable[[str], None]) -> None:
    """Judge all scenes of one time line with the methods that have not done so, and keep the answers."""
    for method in methods:
        wanted = [scene for scene in scenes if method.everywhere or level_setting(plan, scene)]
        wanted = [scene for scene in wanted if not _kept(method, scene).exists()]
        if wanted:
            began = time.perf_counter()
            past = [[Seen(seen) for seen, _ in cycles(before)] for before in history(scenes[0].line, plan.cycle_s)]
            judge = method.warmed(past)
            for scene in wanted:
                _keep(_kept(method, scene), _judge(judge.fork(), scene))
            say(f"{' '.join(map(str, scenes[0].line))}: {method.name}, {time.perf_counter() - began:.0f} s")


def judged(scene: Scene, methods: Sequence[Method]) -> Judged:
    """Return what the methods said of a scene; those that did not judge it are left out."""
    rows: dict[str, Told] = {}
    seconds: dict[str, tuple[float, ...]] = {}
    for method in methods:
        path = _kept(method, scene)
        if path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            seconds[method.name] = tuple(kept["seconds"])
            rows |= {name: _told(row) for name, row in kept["rows"].items()}
    return Judged(scene, labels_of(scene), rows, seconds)


def labels_of(scene: Scene) -> tuple[Labels, ...]:
    """Return the labels of a scene without reading its cycles."""
    with np.load(path_of(scene), allow_pickle=False) as file:
        told = json.loads(str(file["told"]))
    return tuple(Labels(**{**one["labels"], "cells": tuple(one["labels"]["cells"])}) for one in told)


def _judge(judge: Judge, scene: Scene) -> dict[str, Any]:
    rows: dict[str, list[Judgement]] = {}
    seconds = []
    for observation, labels in cycles(scene):
        began = time.process_time()
        said = judge.judge(Seen(observation), good=labels.good)
        seconds.append(round(time.process_time() - began, 6))
        for name, judgement in said.items():
            rows.setdefault(name, []).append(judgement)
    return {"seconds": seconds, "rows": {name: _packed(row, scene) for name, row in rows.items()}}


def _packed(row: Sequence[Judgement], scene: Scene) -> dict[str, Any]:
    """One row of one run for JSON; places only where something is wrong, for nothing else needs them."""
    places = scene.part == "fault"
    return {
        "scores": [one.score if np.isfinite(one.score) else None for one in row],
        "alarms": [one.alarm for one in row],
        "causes": [one.cause for one in row],
        "cells": [list(one.cells) if places else [] for one in row],
        "values": [list(one.values) if places else [] for one in row],
        "incidents": [list(one.incidents) for one in row],
    }


def _told(row: Mapping[str, Any]) -> Told:
    scores = np.array([-np.inf if score is None else score for score in row["scores"]], np.float64)
    return Told(
        scores,
        tuple(row["alarms"]),
        tuple(row["causes"]),
        tuple(map(tuple, row["cells"])),
        tuple(map(tuple, row["values"])),
        tuple(map(tuple, row["incidents"])),
    )


def _kept(method: Method, scene: Scene) -> Path:
    past = " ".join(path_of(before).stem for before in history(scene.line, scene.run.cycle_s))
    by_method = f"{method.name} {method.taught} {_digest(method.sources)}"
    digest = hashlib.sha256(f"{_FORMAT} {path_of(scene).stem} {past} {by_method}".encode()).hexdigest()[:24]
    return cache_folder() / "judged" / f"{digest}.json"


@cache
def _digest(sources: tuple[str, ...]) -> str:
    """A digest of the source of a method; names are relative to this folder."""
    folder = Path(__file__).parent
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in (*_SHARED, *sources))).hexdigest()


def _keep(path: Path, said: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(said), encoding="utf-8")
    unfinished.replace(path)


def each(scenes: Iterable[Scene], methods: Sequence[Method]) -> Iterator[Judged]:
    """Yield all scenes judged."""
    for scene in scenes:
        yield judged(scene, methods)
