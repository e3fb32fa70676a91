"""Storing the objects of a cycle in a QCDB, as the QC tasks do (the fake QCDB and test databases)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Literal

import numpy as np

from dqm.its.cycle import Cycle
from dqm.its.histogram import Histogram, encode
from dqm.its.objects import OBJECTS, TRACKS
from dqm.its.qcdb.client import QcdbClient
from dqm.its.qcdb.cycles import CYCLE, RUN
from dqm.its.qcdb.sums import GENERAL, Sum, general_occupancy, is_counts

TEN_YEARS_MS = 10 * 365 * 86_400_000


def publish(client: QcdbClient, cycle: Cycle, provenance: str = "qc") -> None:
    """Store all objects of a cycle, valid while its data were taken.

    Raises
    ------
    core.errors.SourceError
        If the QCDB does not take one.
    """
    validity = _ms(cycle.began_at), _ms(cycle.ended_at)
    for payload, histogram in cycle.histograms.items():
        _put(client, cycle, payload, histogram, validity, cycle.number, provenance)


@dataclass(frozen=True, slots=True)
class TaskCycles:
    """How one QC task counts: so many of the given cycles make one of its own.

    Parameters
    ----------
    every
        Cycles given for each of its own.
    phase
        After how many given cycles the first of its own ends, if that is another number.
    first
        Its first CycleNumber (0 in the QC: ``TaskRunner.cxx``).
    """

    every: int = 1
    phase: int = 0
    first: int = 1

    def ends_after(self, given: int) -> bool:
        """Whether a cycle of its own ends with the last of so many given ones."""
        return given % self.every == self.phase % self.every


USUAL = TaskCycles()


@dataclass(slots=True)
class _Counter:
    """What one task has counted since its last reset."""

    began_at: datetime
    number: int
    sums: dict[str, Sum] = field(default_factory=dict)
    entries: dict[str, float] = field(default_factory=dict)
    given: int = 0

    def add(self, task: str, cycle: Cycle, frames: float) -> None:
        """Count a cycle of so many ROFs in."""
        self.given += 1
        for payload, found in cycle.histograms.items():
            if OBJECTS[payload].task == task and payload != GENERAL:
                made = _sum(payload, found, cycle, frames)
                self.sums[payload] = self.sums[payload].plus(made) if payload in self.sums else made
                self.entries[payload] = self.entries.get(payload, 0.0) + _weight(made)

    def histograms(self) -> Iterator[tuple[str, Histogram]]:
        """What it publishes."""
        for payload, counted in self.sums.items():
            found = OBJECTS[payload].histogram(counted.values, self.entries[payload])
            if OBJECTS[payload].class_name.endswith("Ratio") and counted.denominator is not None:
                found = replace(found, numerator=counted.numerator, denominator=counted.denominator)
            yield payload, found
        largest = general_occupancy({payload: counted.values for payload, counted in self.sums.items()})
        if largest is not None:
            yield GENERAL, OBJECTS[GENERAL].histogram(largest)


class Publisher:
    """Stores what the QC tasks would, each in its own cycles, out of short cycles in a row.

    Parameters
    ----------
    window
        What the objects hold: one cycle of their task, or everything since the start of the ``run``.
    tasks
        How each task counts its cycles; one that is not named: as given.
    ratios
        Whether ratios are stored with numerator and denominator, as today's QC does, or as plain averages.
    dated
        Whether the validity is that of the data, or begins with the publication and lasts ten years (QC before 2023).
    mistaken
        Whether the validity is of one cycle although the objects hold the run.
    """

    def __init__(
        self,
        client: QcdbClient,
        *,
        window: Literal["cycle", "run"] = "cycle",
        tasks: Mapping[str, TaskCycles] = MappingProxyType({}),
        provenance: str = "qc",
        ratios: bool = True,
        dated: bool = True,
        mistaken: bool = False,
    ) -> None:
        self._client, self._provenance = client, provenance
        self._window, self._tasks, self._mistaken = window, tasks, mistaken
        self._ratios, self._dated = ratios, dated
        self._run: int | None = None
        self._counters: dict[str, _Counter] = {}
        self._frames_per_s = 1.0

    def publish(self, cycle: Cycle) -> None:
        """Count a cycle in, and store the objects of the tasks of which a cycle ends with it.

        Raises
        ------
        core.errors.SourceError
            If the QCDB does not take one.
        """
        if cycle.run != self._run:
            self._run, self._counters = cycle.run, {}
        frames = self._frames(cycle)
        for task in dict.fromkeys(found.task for found in OBJECTS.values()):
            counts = self._tasks.get(task, USUAL)
            counter = self._counters.setdefault(task, _Counter(cycle.run_began_at or cycle.began_at, counts.first))
            counter.add(task, cycle, frames)
            if counts.ends_after(counter.given):
                self._store(counter, cycle)

    def restart(self, task: str, cycle: Cycle) -> None:
        """Let a task forget what it has counted, as when it dies and is started again; its numbers go on."""
        counter = self._counters[task]
        self._counters[task] = _Counter(counter.began_at, counter.number, given=counter.given)
        if self._dated:
            self._counters[task].began_at = cycle.ended_at

    def _frames(self, cycle: Cycle) -> float:
        """ROFs of a cycle: those in ``bc_clusters``, or as many per second as last where all are beyond its axis."""
        lasted_s = (cycle.ended_at - cycle.began_at).total_seconds()
        found = cycle.histograms.get("bc_clusters")
        frames = 0.0 if found is None else float(found.values.sum())
        if frames and lasted_s:
            self._frames_per_s = frames / lasted_s
        return frames or lasted_s * self._frames_per_s

    def _store(self, counter: _Counter, cycle: Cycle) -> None:
        since, until = _ms(counter.began_at), _ms(cycle.ended_at)
        validity = (since, until) if self._dated else (until, until + TEN_YEARS_MS)
        for payload, histogram in counter.histograms():
            stored = histogram if self._ratios else replace(histogram, numerator=None, denominator=None)
            _put(self._client, cycle, payload, stored, validity, counter.number, self._provenance)
        counter.number += 1
        if self._window == "cycle" or self._mistaken:
            counter.began_at = cycle.ended_at
        if self._window == "cycle":
            counter.sums, counter.entries = {}, {}


def _sum(payload: str, found: Histogram, cycle: Cycle, frames: float) -> Sum:
    """An object of a cycle as the QC adds it up; triggers of hit occupancies are in proportion to ROFs."""
    if is_counts(payload):
        return Sum(found.values)
    if OBJECTS[payload].task == TRACKS:
        vertices = cycle.histograms.get("vertex_z")
        weight = np.array(frames if vertices is None else float(vertices.values.sum()))
    elif payload.startswith("cluster_size_"):
        occupation = cycle.histograms.get(payload.replace("size", "occupation"))
        weight = np.full(found.values.shape, frames) if occupation is None else occupation.values * frames
    else:
        weight = np.array(frames)
    return Sum(found.values * weight, weight)


def _weight(counted: Sum) -> float:
    return float(counted.numerator.sum() if counted.denominator is None else counted.denominator.sum())


def _put(
    client: QcdbClient,
    cycle: Cycle,
    payload: str,
    histogram: Histogram,
    validity: tuple[int, int],
    number: int,
    provenance: str,
) -> None:
    found, plain = OBJECTS[payload], f"TH{histogram.values.ndim}D"
    ratio = f"o2::quality_control_modules::common::{plain[:3]}Ratio<{plain}>"
    metadata = {
        **cycle.metadata,
        RUN: str(cycle.run),
        CYCLE: str(number),
        "BeamType": cycle.beam_type,
        "qc_detector_name": "ITS",
        "qc_task_name": found.task,
        "ObjectType": plain if histogram.numerator is None else ratio,
        "adjustableEOV": "1",
    }
    since, until = validity
    client.put(found.path(provenance), since, max(until, since + 1), encode(histogram), metadata)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
