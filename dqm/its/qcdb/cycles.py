"""Versions of objects sorted into runs and into cycles of the cluster task."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core.errors import SourceError
from dqm.its.objects import OBJECTS, SAME_TASK, payload_of
from dqm.its.qcdb.history import CLUSTER_OBJECTS, History
from dqm.its.qcdb.listing import Version

RUN, CYCLE = "RunNumber", "CycleNumber"
_LAYER = re.compile(r"Layer\d+")


@dataclass(frozen=True, order=True, slots=True)
class CycleName:
    """Which cycle of the cluster task in which run."""

    run: int
    number: int


@dataclass(slots=True)
class CycleVersions:
    """What the QCDB lists of one cycle of the cluster task: the newest version of each of its objects, by payload."""

    versions: dict[str, Version] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether all objects of the cluster task are listed."""
        return len(self.versions) == len(CLUSTER_OBJECTS)

    @property
    def first_created_ms(self) -> int:
        """When the first of them was stored, by the clock of the QCDB."""
        return min(version.created_ms for version in self.versions.values())

    def add(self, payload: str, version: Version) -> None:
        """Take a version in, unless a newer one of the same object is there."""
        before = self.versions.get(payload)
        if before is None or (version.created_ms, version.etag) >= (before.created_ms, before.etag):
            self.versions[payload] = version


def folders(provenance: str) -> list[str]:
    """Return the folders of the tasks that our objects come from; other processings name some tasks otherwise."""
    tasks = {found.task for found in OBJECTS.values()} | (set() if provenance == "qc" else SAME_TASK.keys())
    return [f"{provenance}/ITS/MO/{task}/.*" for task in sorted(tasks)]


def gather(versions: Iterable[Version], history: History) -> dict[CycleName, CycleVersions]:
    """Note all versions in ``history``, and return those of the cluster task by cycle.

    Objects that are not ours are left out.

    Raises
    ------
    core.errors.SourceError
        If objects of ours are there but none says to which run and cycle it belongs.
    """
    cycles, named, nameless = dict[CycleName, CycleVersions](), False, list[Version]()
    for version in versions:
        payload, run = payload_of(version.path), _number(version.metadata, RUN)
        if payload is None:
            _note_strange(version, run, history)
            continue
        name = cycle_name(version.metadata)
        if run is None or (name is None and payload in CLUSTER_OBJECTS):
            nameless.append(version)
            continue
        named = True
        history.run(run).add(payload, version)
        if name is not None and payload in CLUSTER_OBJECTS:
            cycles.setdefault(name, CycleVersions()).add(payload, version)
    if nameless and not named:
        raise SourceError(f"{nameless[0].path}: has no {RUN} and {CYCLE}, nor has any other object of the QCDB")
    return cycles


def cycle_name(metadata: Mapping[str, str]) -> CycleName | None:
    """Return the run and cycle that metadata tell, None if they do not."""
    run, number = _number(metadata, RUN), _number(metadata, CYCLE)
    return None if run is None or number is None else CycleName(run, number)


def _number(metadata: Mapping[str, str], key: str) -> int | None:
    text = metadata.get(key, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _note_strange(version: Version, run: int | None, history: History) -> None:
    """An object of a layer that there is not."""
    if run is not None and payload_of(_LAYER.sub("Layer0", version.path)) is not None:
        history.run(run).strange.add(version.path)
