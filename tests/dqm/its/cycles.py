"""A cycle with all objects, for tests that write and read it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np

from dqm.its.cycle import Cycle, assemble
from dqm.its.histogram import Histogram
from dqm.its.objects import OBJECTS

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
METADATA = {
    "RunNumber": "559123",
    "CycleNumber": "7",
    "RunType": "PHYSICS",
    "PeriodName": "LHC26a",
    "BeamType": "pp",
    "FillNumber": "9876",
}


def histograms(seed: int = 1) -> dict[str, Histogram]:
    """All objects with whole numbers of a Poisson distribution, by payload name."""
    rng = np.random.default_rng(seed)
    return {payload: found.histogram(rng.poisson(3, found.shape)) for payload, found in OBJECTS.items()}


def a_cycle(
    without: Iterable[str] = (),
    *,
    reasons: Mapping[str, str] | None = None,
    run_began_at: datetime | None = NOON - timedelta(minutes=30),
    masked: Iterable[str] = ("L3_07",),
) -> Cycle:
    """Three minutes of a run that began half an hour ago."""
    left_out = set(without)
    found = {payload: histogram for payload, histogram in histograms().items() if payload not in left_out}
    began_at = NOON - timedelta(minutes=3)
    return assemble(found, METADATA, began_at, NOON, "test", reasons=reasons, run_began_at=run_began_at, masked=masked)
