"""Cycles in a row out of which a publisher makes what the QC tasks would store, and a source that reads it all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

from core.clock import ManualClock
from core.observation import Observation
from core.settings import Settings
from dqm.its.cycle import Cycle, assemble
from dqm.its.histogram import decode, encode
from dqm.its.objects import OBJECTS
from dqm.its.qcdb.client import QcdbClient
from dqm.its.qcdb.publishing import Publisher
from dqm.its.qcdb.server import FakeQcdb
from dqm.its.qcdb.sums import general_occupancy
from dqm.its.source import QcdbSource

BEGAN = datetime(2026, 5, 1, 6, tzinfo=UTC)
CYCLE_S = 180.0
FEW = (
    *("cluster_occupation_L0", "cluster_size_L0", "hit_occupancy_L0", "long_clusters_L0", "hits_when_long_L0"),
    *("cluster_occupation_L3", "cluster_size_L3", "bc_clusters"),
    *("lane_fault", "angular", "track_clusters", "vertex_z"),
)
"""One of each kind: a test that publishes these only takes a quarter of the time."""


@cache
def cycle(number: int, run: int = 560123) -> Cycle:
    """Three minutes, the ``number``-th (from 1) of a run, of which all objects fit together."""
    rng = np.random.default_rng([run, number])
    values: dict[str, Any] = {}
    frames = np.zeros(OBJECTS["bc_clusters"].shape)
    frames[rng.integers(0, 103, 500), rng.integers(0, 150, 500)] += 1
    for payload, found in OBJECTS.items():
        values[payload] = rng.poisson(3, found.shape).astype(float)
    values["bc_clusters"] = frames
    for layer in range(7):
        clusters = rng.poisson(400, OBJECTS[f"cluster_occupation_L{layer}"].shape)
        values[f"cluster_occupation_L{layer}"] = clusters / frames.sum()
        values[f"cluster_size_L{layer}"] = rng.poisson(3 * clusters) / clusters
        values[f"hit_occupancy_L{layer}"] = clusters / 5e8
    values["angular"] = values["angular"] / values["vertex_z"].sum()
    values["track_clusters"] = values["track_clusters"] / values["vertex_z"].sum()
    values["general_occupancy"] = general_occupancy(values)
    metadata = {"RunNumber": str(run), "CycleNumber": str(number), "BeamType": "PbPb", "FillNumber": "9000"}
    return assemble(
        {payload: OBJECTS[payload].histogram(array) for payload, array in values.items()},
        metadata,
        BEGAN + timedelta(seconds=CYCLE_S * (number - 1)),
        BEGAN + timedelta(seconds=CYCLE_S * number),
        "tape",
        run_began_at=BEGAN,
    )


class Desk:
    """A fake QCDB, a publisher that stores in it, and a source that reads it, all by one clock."""

    def __init__(
        self, server: FakeQcdb, client: QcdbClient, clock: ManualClock, payloads: Sequence[str], **how: Any
    ) -> None:
        self.server, self.clock, self.payloads = server, clock, payloads
        self.publisher = Publisher(client, **how)
        self.done = set[str]()
        self.sources = list[QcdbSource]()

    def source(self, **its: Any) -> QcdbSource:
        """A source that knows nothing yet."""
        settings = Settings(its={"qcdb_url": self.server.url, "attempts": 1, "poll_s": 0, "patience_s": 0, **its})
        made = QcdbSource(settings, self.clock, monotonic=lambda: self.clock.now().timestamp())
        self.sources.append(made)
        return made

    def publish(self, *numbers: int, run: int = 560123) -> None:
        """Let cycles pass, the first of which begins when the clock stands at its beginning or later."""
        for number in numbers:
            given = with_only(cycle(number, run), self.payloads)
            self.clock.at = max(self.clock.at, given.ended_at)
            self.publisher.publish(given)

    def read(self, source: QcdbSource) -> dict[str, Observation]:
        """What is offered, by key; it counts as settled then."""
        seen: dict[str, Observation] = {}
        for arrival in source.arrivals(lambda tickets: self.done & set(tickets)):
            made = source.read(arrival)
            seen[made.key] = made
            self.done.add(arrival.ticket)
        return seen

    def forget(self, pattern: str, number: int) -> None:
        """Let retention thin a cycle's objects away."""
        versions = self.server.versions
        for held in versions.browse(pattern, {"CycleNumber": str(number)}, 0, 2**63):
            versions.remove(held.uuid)

    def change(self, payload: str, number: int, body: Callable[[bytes], bytes]) -> None:
        """Store another body in place of a cycle's object."""
        versions = self.server.versions
        (held,) = versions.browse(OBJECTS[payload].path(), {"CycleNumber": str(number)}, 0, 2**63)
        versions.remove(held.uuid)
        versions.put(held.path, held.valid_from_ms, held.valid_until_ms, body(held.body), held.metadata)


@contextmanager
def desk(payloads: Sequence[str] = FEW, **how: Any) -> Iterator[Desk]:
    """A desk whose clock stands at the beginning of the run, and where only some objects are published."""
    clock = ManualClock(BEGAN)
    with FakeQcdb(clock=clock) as server, QcdbClient(server.url) as client:
        made = Desk(server, client, clock, payloads, **how)
        try:
            yield made
        finally:
            for source in made.sources:
                source.close()


def with_only(given: Cycle, payloads: Sequence[str]) -> Cycle:
    """The same cycle with some objects only."""
    left = {payload: found for payload, found in given.histograms.items() if payload in payloads}
    return assemble(left, given.metadata, given.began_at, given.ended_at, "tape", run_began_at=given.run_began_at)


def expect(
    seen: Observation,
    *numbers: int,
    run: int = 560123,
    payloads: Sequence[str] = FEW,
    but: Sequence[str] = (),
    rtol: float = 1e-9,
) -> None:
    """Compare an observation with what these cycles hold together."""
    for payload in payloads:
        if payload not in but:
            wanted = together(payload, *(cycle(number, run) for number in numbers))
            np.testing.assert_allclose(seen.payload[payload], wanted, rtol=rtol, atol=1e-12, err_msg=payload)


def together(payload: str, *given: Cycle) -> Any:
    """Some cycles as one, worked out apart from the code that is tested."""
    arrays = [each.histograms[payload].values for each in given]
    if payload.startswith(("long_", "hits_when", "bc_", "lane_", "vertex_")):
        return np.sum(arrays, axis=0)
    if payload == "general_occupancy":
        maps = {f"cluster_occupation_L{n}": together(f"cluster_occupation_L{n}", *given) for n in range(7)}
        return general_occupancy(maps)
    if payload.startswith("cluster_size_"):
        weights: Any = [each.histograms[payload.replace("size", "occupation")].values * _frames(each) for each in given]
    elif payload in {"angular", "track_clusters"}:
        weights = [np.full_like(a, c.histograms["vertex_z"].values.sum()) for a, c in zip(arrays, given, strict=True)]
    else:
        weights = [np.full_like(array, _frames(each)) for array, each in zip(arrays, given, strict=True)]
    return np.average(arrays, axis=0, weights=weights)


def _frames(given: Cycle) -> float:
    return float(given.histograms["bc_clusters"].values.sum())


def missing(seen: Observation, payloads: Sequence[str] = FEW) -> set[str]:
    """What is missing of what was published."""
    return set(str(seen.conditions["missing"]).split(", ")) & set(payloads)


def only(conditions: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Some conditions of an observation."""
    return {name: conditions[name] for name in names}


def edited(change: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    """What does something to the contents (and to the numerator) of an object."""

    def done(body: bytes) -> bytes:
        found = decode(body, "test")
        above = None if found.numerator is None else change(found.numerator.copy())
        return encode(replace(found, values=change(found.values.copy()), numerator=above))

    return done
