"""Versions of objects sorted into cycles, and the bodies of one cycle fetched."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from core.errors import InputError, SourceError
from dqm.its.cycle import Cycle, assemble
from dqm.its.histogram import Histogram, decode
from dqm.its.objects import OBJECTS, SAME_TASK, payload_of
from dqm.its.qcdb.client import QcdbClient, Stored
from dqm.its.qcdb.listing import Version

LOST_IN_A_ROW = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RUN, CYCLE = "RunNumber", "CycleNumber"


@dataclass(frozen=True, order=True, slots=True)
class CycleName:
    """Which cycle of which run."""

    run: int
    number: int


@dataclass(slots=True)
class CycleVersions:
    """What the QCDB lists of one cycle: the newest version of each object, by payload name."""

    versions: dict[str, Version] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether all objects are listed."""
        return len(self.versions) == len(OBJECTS)

    @property
    def first_created_ms(self) -> int:
        """When the first of them was stored, by the clock of the QCDB."""
        return min(version.created_ms for version in self.versions.values())

    def add(self, payload: str, version: Version) -> None:
        """Take a version in, unless a newer one of the same object is there."""
        before = self.versions.get(payload)
        if before is None or (version.created_ms, version.etag) > (before.created_ms, before.etag):
            self.versions[payload] = version


@dataclass(frozen=True, slots=True)
class Fetched:
    """A cycle with the digest of all bytes that it was made of."""

    cycle: Cycle
    sha256: str


def folders(provenance: str) -> list[str]:
    """Return the folders of the tasks that our objects come from; other processings name some tasks otherwise."""
    tasks = {found.task for found in OBJECTS.values()} | (set() if provenance == "qc" else SAME_TASK.keys())
    return [f"{provenance}/ITS/MO/{task}/.*" for task in sorted(tasks)]


def gather(versions: Iterable[Version]) -> dict[CycleName, CycleVersions]:
    """Sort versions into cycles by RunNumber and CycleNumber; objects that are not ours are left out.

    Raises
    ------
    core.errors.SourceError
        If objects of ours are there but none says to which run and cycle it belongs.
    """
    cycles, nameless = dict[CycleName, CycleVersions](), list[Version]()
    for version in versions:
        payload = payload_of(version.path)
        name = cycle_name(version.metadata)
        if payload is not None and name is None:
            nameless.append(version)
        elif payload is not None and name is not None:
            cycles.setdefault(name, CycleVersions()).add(payload, version)
    if nameless and not cycles:
        raise SourceError(f"{nameless[0].path}: has no {RUN} and {CYCLE}, nor has any other object of the QCDB")
    return cycles


def cycle_name(metadata: Mapping[str, str]) -> CycleName | None:
    """Return the run and cycle that metadata tell, None if they do not."""
    run, number = metadata.get(RUN, ""), metadata.get(CYCLE, "")
    if not all(text.isascii() and text.isdigit() and len(text) < 10 for text in (run, number)):
        return None
    return CycleName(int(run), int(number))


def fetch(
    client: QcdbClient,
    listed: CycleVersions,
    origin: str,
    now: datetime,
    *,
    masked: Iterable[str] = (),
    give_up: bool = False,
) -> Fetched:
    """Fetch all objects of a cycle; one that cannot be used counts as missing, with the reason.

    Parameters
    ----------
    now
        No cycle ends later, whatever the clock of the QCDB says.
    masked
        As in ``dqm.its.cycle.Cycle``.
    give_up
        Whether an object that the QCDB fails to deliver counts as missing too (unless three in a row fail).

    Raises
    ------
    core.errors.SourceError
        If the QCDB does not answer: worth another try.
    core.errors.InputError
        If no object can be used.
    """
    got = _Got()
    for payload in (name for name in OBJECTS if name in listed.versions):
        try:
            got.take(payload, client.version(listed.versions[payload]))
        except InputError as error:
            got.reasons[payload] = error.reason
        except SourceError as error:
            got.lost += 1
            if not give_up or got.lost >= LOST_IN_A_ROW:
                raise
            got.reasons[payload] = str(error)
    return Fetched(_assemble(listed, got, origin, now, masked), got.digest.hexdigest())


@dataclass(slots=True)
class _Got:
    """What was fetched so far, and how many objects in a row the QCDB failed to deliver."""

    histograms: dict[str, Histogram] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    digest: Any = field(default_factory=hashlib.sha256)
    lost: int = 0

    def take(self, payload: str, found: Stored) -> None:
        self.lost = 0
        self.histograms[payload] = decode(found.body, found.url)
        self.digest.update(payload.encode() + hashlib.sha256(found.body).digest())


def _assemble(listed: CycleVersions, got: _Got, origin: str, now: datetime, masked: Iterable[str]) -> Cycle:
    began_at, ended_at = _period(listed.versions.values(), now)
    metadata: dict[str, str] = {}
    for version in listed.versions.values():
        metadata = {**version.metadata, **metadata}
    return assemble(got.histograms, metadata, began_at, ended_at, origin, reasons=got.reasons, masked=masked)


def _period(versions: Iterable[Version], now: datetime) -> tuple[datetime, datetime]:
    """When the data of a cycle were taken.

    An object that is not reset with each cycle is valid from the start of the run: the latest begin counts. Validity
    may end years ahead ("until replaced"): the end is when the objects were stored, if that is earlier.
    """
    ends, begins = list[int](), list[int]()
    for version in versions:
        ends.append(min(version.valid_until_ms, version.created_ms))
        begins.append(version.valid_from_ms)
    ended_at = min(_instant(max(ends)), now)
    began_at = max((at for at in map(_instant, begins) if at <= ended_at), default=ended_at)
    return began_at, ended_at


def _instant(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
