"""Cycles of a scene as the console would get them, simulated once and kept in a folder.

The folder is named by ``SHIFTWATCH_BENCH_CACHE``; without it, the user's cache. A file holds one run; its name holds a
digest of the scene and of the simulator's source, so that nothing stale is read.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import cramjam
import numpy as np

import dqm.its
from benchmarks.its.scenes import Scene
from core.observation import Observation
from dqm.its.cycle import to_observation
from dqm.its.objects import OBJECTS
from dqm.its.simulate.cells import CELLS, name
from dqm.its.simulate.publishing import to_cycle
from dqm.its.simulate.run import SimulatedCycle, simulate_run
from dqm.its.simulate.truth import Truth

_SOURCES = ("simulate/*.py", "objects.py", "geometry.py", "readout.py")


@dataclass(frozen=True, slots=True)
class Labels:
    """What is true of a cycle: cause put in (None: nothing), share of the cycle, places of the cells that it affects,
    share of clusters that it adds."""

    cause: str | None = None
    active: float = 0.0
    cells: tuple[int, ...] = ()
    added: float = 0.0

    @property
    def good(self) -> bool:
        return self.cause is None


def cache_folder() -> Path:
    """Return where simulated runs and judgements are kept."""
    named = os.environ.get("SHIFTWATCH_BENCH_CACHE")
    return (Path(named) if named else Path.home() / ".cache" / "shiftwatch-benchmarks") / "its"


@cache
def places() -> Mapping[str, int]:
    """Return the place of every cell in the row by its name."""
    return {name(cell): cell for cell in range(CELLS)}


@cache
def simulator_digest() -> str:
    """Return a digest of the source that makes the cycles."""
    folder = Path(dqm.its.__file__).parent
    files = sorted(path for pattern in _SOURCES for path in folder.glob(pattern))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def path_of(scene: Scene) -> Path:
    """Return the file of a scene."""
    digest = hashlib.sha256(f"{scene.key} {simulator_digest()}".encode()).hexdigest()[:24]
    return cache_folder() / "cycles" / f"{digest}.npz"


def make(scene: Scene) -> Path:
    """Simulate a scene unless that was done before; return its file."""
    path = path_of(scene)
    if not path.exists():
        arrays: dict[str, Any] = {}
        told = []
        for number, cycle in enumerate(simulate_run(scene.run, scene.seed)):
            observation = to_observation(to_cycle(scene.run, cycle), "benchmark", "0" * 64)
            arrays[f"c{number}"] = _packed(observation)
            told.append({"key": observation.key, "at": observation.observed_at.isoformat(),
                         "conditions": dict(observation.conditions), "labels": _labels(cycle)})  # fmt: skip
        arrays["told"] = np.array(json.dumps(told))
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        with unfinished.open("wb") as file:
            np.savez(file, **arrays)
        unfinished.replace(path)
    return path


def cycles(scene: Scene) -> Iterator[tuple[Observation, Labels]]:
    """Yield the cycles of a scene, each with what is true of it."""
    with np.load(make(scene), allow_pickle=False) as file:
        for number, told in enumerate(json.loads(str(file["told"]))):
            labels = Labels(**{**told["labels"], "cells": tuple(told["labels"]["cells"])})
            yield _observation(told, file[f"c{number}"]), labels


def _labels(cycle: SimulatedCycle) -> dict[str, Any]:
    truth: Truth = cycle.truth
    if not truth.faults:
        return {"cause": None, "active": 0.0, "cells": [], "added": 0.0}
    (fault,) = truth.faults
    cells = [places()[element] for element in fault.elements]
    return {"cause": fault.cause.value, "active": fault.active, "cells": cells, "added": fault.added}


def _packed(observation: Observation) -> Any:
    row = np.concatenate([np.asarray(observation.payload[payload], np.float64).ravel() for payload in OBJECTS])
    return np.frombuffer(bytes(cramjam.zstd.compress(row.tobytes(), 3)), np.uint8)


def _observation(told: Mapping[str, Any], packed: Any) -> Observation:
    row = np.frombuffer(bytes(cramjam.zstd.decompress(packed.tobytes())), np.float64)
    ends = np.cumsum([int(np.prod(found.shape)) for found in OBJECTS.values()])
    parts = np.split(row, ends[:-1])
    return Observation(
        system="its",
        element="ITS",
        key=told["key"],
        observed_at=datetime.fromisoformat(told["at"]),
        origin="benchmark",
        sha256="0" * 64,
        conditions=told["conditions"],
        payload={payload: part.reshape(OBJECTS[payload].shape) for payload, part in zip(OBJECTS, parts, strict=True)},
        axes={payload: tuple(axis.name for axis in found.axes) for payload, found in OBJECTS.items()},
    )
