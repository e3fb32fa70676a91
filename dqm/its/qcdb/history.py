"""What is listed of the last runs: versions by object, and which of them belong to one cycle of the cluster task.

Each QC task counts its own cycles and has its own period. A cycle here is one of the cluster task; from the other tasks
it takes what ended nearest to it, no farther away than three quarters of its length.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median_low

from dqm.its.objects import CLUSTERS, OBJECTS
from dqm.its.qcdb.listing import Version

CLUSTER_OBJECTS = tuple(payload for payload, found in OBJECTS.items() if found.task == CLUSTERS)
RUNS_KEPT, VERSIONS_KEPT = 16, 150
LONGEST_RUN_MS = 4 * 86_400_000
AT_ONCE_MS = 10_000
SAME_START_MS = 5_000
SHORTEST_MS, LONGEST_MS = 30_000, 300_000
TOLERANCE = 0.75
MOST_IN_A_ROW = 20


@dataclass(frozen=True, slots=True)
class Span:
    """Between these the data of a version were taken, ms since 1970; ``begin_ms`` is None where that is not told."""

    begin_ms: int | None
    end_ms: int


def span_of(version: Version) -> Span:
    """Return when the data of a version were taken.

    The validity is that of the data: from the start of the run, or the last reset, to the publication
    (``TimekeeperSynchronous.cxx`` of the QC, since 2023). Before, it began with the publication and lasted ten years
    (QualityControl pull requests 1788 and 1855), shortened to the next version's where the end is adjustable: such a
    one lasts on after it was stored, and does not say when its data began.
    """
    begin, end, stored = version.valid_from_ms, version.valid_until_ms, version.created_ms
    if abs(begin - stored) <= AT_ONCE_MS < end - stored:
        return Span(None, stored)
    return Span(begin, end if end - begin <= LONGEST_RUN_MS else max(stored, begin))


@dataclass(slots=True)
class RunHistory:
    """Versions of one run, by payload and ETag; ``strange`` are paths like ours of layers that there are not."""

    versions: dict[str, dict[str, Version]] = field(default_factory=dict)
    strange: set[str] = field(default_factory=set)

    def add(self, payload: str, version: Version) -> None:
        """Take a version in, or what is listed of it now; the oldest of too many are forgotten."""
        kept = self.versions.setdefault(payload, {})
        kept[version.etag] = version
        while len(kept) > VERSIONS_KEPT:
            del kept[min(kept, key=lambda etag: kept[etag].created_ms)]

    def of(self, payload: str) -> list[Version]:
        """Return the versions of an object, by the end of their data, then by creation."""
        return sorted(self.versions.get(payload, {}).values(), key=_by_time)


class History:
    """The last runs."""

    def __init__(self) -> None:
        self._runs: dict[int, RunHistory] = {}

    def run(self, number: int) -> RunHistory:
        """Return what is known of a run, which counts as the last one then."""
        kept = self._runs.pop(number, None) or RunHistory()
        self._runs[number] = kept
        while len(self._runs) > RUNS_KEPT:
            del self._runs[next(iter(self._runs))]
        return kept


@dataclass(frozen=True, slots=True)
class Anchor:
    """One cycle of the cluster task in time.

    Parameters
    ----------
    number
        Its CycleNumber.
    end_ms
        When its data end.
    before_ms
        When those of the cycle before it ended, if one of this run is known.
    begin_ms
        When its own data begin: there, or else as their validity says; None where nothing tells.
    length_ms
        How long it lasts, as far as that is known; between half a minute and five minutes.
    """

    number: str
    end_ms: int
    before_ms: int | None
    begin_ms: int | None
    length_ms: int

    @property
    def span_ms(self) -> int:
        """How long its data were taken, ``length_ms`` where nothing tells."""
        return self.length_ms if self.begin_ms is None else self.end_ms - self.begin_ms

    @property
    def tolerance_ms(self) -> int:
        """How far from its end others may end."""
        return int(TOLERANCE * self.length_ms)


def anchor_of(listed: dict[str, Version], history: RunHistory) -> Anchor:
    """Return where a cycle of the cluster task, given by its versions, is in time."""
    number = next(iter(listed.values())).metadata.get("CycleNumber", "")
    end_ms = median_low(span_of(version).end_ms for version in listed.values())
    ends = [span_of(version).end_ms for version in _others_of_task(number, history)]
    before_ms = max((end for end in ends if end < end_ms - SAME_START_MS), default=None)
    begins = [begin for begin in (span_of(version).begin_ms for version in listed.values()) if begin is not None]
    begin_ms = before_ms if before_ms is not None else max(begins, default=None)
    length = LONGEST_MS if begin_ms is None else end_ms - begin_ms
    return Anchor(number, end_ms, before_ms, begin_ms, min(max(length, SHORTEST_MS), LONGEST_MS))


def nearest(versions: Sequence[Version], anchor: Anchor) -> list[Version]:
    """Return the versions of another task's object that may belong to a cycle, the best first.

    Of those that end at the same time, one of the same CycleNumber comes first, then the newest created.
    """

    def distance(version: Version) -> tuple[int, bool, int]:
        off = abs(span_of(version).end_ms - anchor.end_ms)
        return off, version.metadata.get("CycleNumber") != anchor.number, -version.created_ms

    near = (version for version in versions if abs(span_of(version).end_ms - anchor.end_ms) <= anchor.tolerance_ms)
    return sorted(near, key=distance)


def is_settled(versions: Sequence[Version], anchor: Anchor) -> bool:
    """Whether no version that is still to come can be nearer to the end of a cycle."""
    ends = [span_of(version).end_ms for version in versions]
    if not ends:
        return False
    if ends[-1] >= anchor.end_ms - SAME_START_MS:
        return True
    return len(ends) > 1 and anchor.end_ms - ends[-1] <= (ends[-1] - ends[-2]) / 2


def earlier(versions: Sequence[Version], version: Version, target_ms: int) -> list[Version]:
    """Return the versions whose data end before those of ``version``, the nearest to a time first."""
    end_ms = span_of(version).end_ms
    before = [one for one in versions if span_of(one).end_ms < end_ms - SAME_START_MS]
    return sorted(before, key=lambda one: (abs(span_of(one).end_ms - target_ms), -one.created_ms))


def row(versions: Sequence[Version], version: Version, since_ms: int) -> list[Version]:
    """Return the versions right before one, the latest first, each beginning where the one before it in time ends.

    They go on as long as more than half of one is after ``since_ms``.
    """
    made, at = list[Version](), span_of(version).begin_ms
    for one in sorted(versions, key=_by_time, reverse=True):
        span = span_of(one)
        if at is None or span.begin_ms is None or len(made) == MOST_IN_A_ROW:
            break
        if abs(span.end_ms - at) <= SAME_START_MS and span.begin_ms < at:
            if (span.begin_ms + span.end_ms) / 2 <= since_ms:
                break
            made.append(one)
            at = span.begin_ms
    return made


def _others_of_task(number: str, history: RunHistory) -> Iterator[Version]:
    for payload in CLUSTER_OBJECTS:
        for version in history.versions.get(payload, {}).values():
            if version.metadata.get("CycleNumber") != number:
                yield version


def _by_time(version: Version) -> tuple[int, int, str]:
    return span_of(version).end_ms, version.created_ms, version.etag
