"""Cycles with all objects, for tests that store and read them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np

from dqm.its.histogram import encode
from dqm.its.objects import OBJECTS
from dqm.its.qcdb.versions import Versions

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
METADATA = {"RunType": "PHYSICS", "BeamType": "PbPb", "FillNumber": "9000", "PeriodName": "LHC26a"}


@cache
def body(payload: str, level: int = 1) -> bytes:
    """The object behind a payload with the same contents everywhere."""
    found = OBJECTS[payload]
    return encode(found.histogram(np.full(found.shape, float(level))))


def store(
    versions: Versions,
    number: int,
    run: int = 560123,
    *,
    but: Iterable[str] = (),
    only: Iterable[str] | None = None,
    level: int = 1,
    ended_at: datetime | None = None,
    provenance: str = "qc",
    lasts_s: int = 180,
) -> None:
    """Put the objects of one cycle of three minutes into a fake QCDB."""
    until = ended_at or NOON + timedelta(seconds=180 * number)
    until_ms = int(until.timestamp() * 1000)
    told = {**METADATA, "RunNumber": str(run), "CycleNumber": str(number), "adjustableEOV": "1"}
    for payload in (name for name in (OBJECTS if only is None else only) if name not in but):
        path = OBJECTS[payload].path(provenance)
        versions.put(path, until_ms - 1000 * lasts_s, until_ms, body(payload, level), told)
