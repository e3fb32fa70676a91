"""Which versions make a cycle, and which ones before them may be subtracted: chosen, fetched, decoded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from core.errors import InputError
from dqm.its.histogram import Histogram
from dqm.its.objects import CLUSTERS, OBJECTS
from dqm.its.qcdb.bodies import Bodies, Body
from dqm.its.qcdb.history import (
    CLUSTER_OBJECTS,
    SAME_START_MS,
    Anchor,
    RunHistory,
    Span,
    earlier,
    nearest,
    row,
    span_of,
)
from dqm.its.qcdb.listing import Version
from dqm.its.qcdb.sums import only_grew

TRIES = 3
WITNESSES = ("bc_clusters", "long_clusters_L0")
"""In pp nearly all counts are in the former; in Pb-Pb most ROFs are beyond its axis, and the latter has many."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An object of a cycle, and the version before it that may be a part of it.

    Parameters
    ----------
    before, base
        The version before, and what it holds; None if there is none that may be a part.
    sure
        Whether ``before`` is a part by its validity (or by the settings); else the contents must tell.
    alone
        Whether no version before this one is known at all.
    more
        Cycles of its task before this one that are within the cycle of the cluster task, the latest first.
    """

    payload: str
    version: Version
    body: Body
    before: Version | None = None
    base: Body | None = None
    sure: bool = False
    alone: bool = False
    more: tuple[tuple[Version, Body], ...] = ()

    @property
    def task(self) -> str:
        """The QC task that it is from."""
        return OBJECTS[self.payload].task

    @property
    def span(self) -> Span:
        """Between which its data were taken."""
        return span_of(self.version)

    @property
    def number(self) -> str:
        """Its CycleNumber."""
        return self.version.metadata.get("CycleNumber", "")

    def lasted_s(self, version: Version) -> float:
        """Seconds that a version holds; 0 where that is not told."""
        span = span_of(version)
        return 0.0 if span.begin_ms is None else (span.end_ms - span.begin_ms) / 1000


@dataclass(slots=True)
class Take:
    """Everything that was fetched for a cycle, why the rest was not, and what there is to say.

    ``dated``: whether the beginning of the validity tells what the objects hold.
    """

    found: dict[str, Taken] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    dated: bool = True

    def of_task(self, task: str) -> list[Taken]:
        """Return what is of one task."""
        return [taken for taken in self.found.values() if taken.task == task]


def take(bodies: Bodies, listed: Mapping[str, Version], history: RunHistory, anchor: Anchor, window: str) -> Take:
    """Fetch the objects of a cycle and, where the window is not a cycle, the versions before them.

    Raises
    ------
    core.errors.SourceError
        If the QCDB does not answer: worth another try.
    """
    made = Take()
    if window == "auto" and _only_grows(bodies, listed, history, anchor):
        made.dated = False
        made.remarks.append("the validity is of one cycle, but counts only grow: taken for everything since the start")
    for payload in OBJECTS:
        versions = history.of(payload)
        if payload in CLUSTER_OBJECTS:
            choices = [listed[payload]] if payload in listed else []
        else:
            choices = nearest(versions, anchor)
        got = _first(bodies, payload, choices, made)
        if got is None:
            made.reasons.setdefault(payload, _absent(versions, anchor))
            continue
        made.reasons.pop(payload, None)
        made.found[payload] = _with_base(bodies, Taken(payload, *got), versions, anchor, window, made)
    return made


def _with_base(bodies: Bodies, taken: Taken, versions: list[Version], anchor: Anchor, window: str, made: Take) -> Taken:
    """The same with the version before it, if that may be a part of it."""
    if window == "cycle":
        return taken
    target = taken.span.end_ms - anchor.span_ms
    if taken.task == CLUSTERS and anchor.before_ms is not None:
        target = anchor.before_ms
    before = earlier(versions, taken.version, target)
    parts = [version for version in before if not made.dated or _is_part(version, taken.version) is not False]
    begin = taken.span.begin_ms if made.dated else None
    if parts and begin is not None and abs(begin - target) < abs(span_of(parts[0]).end_ms - target):
        return taken  # as a whole it is nearest to what is wanted: the first cycle of the run
    trouble = Take()
    got = _first(bodies, taken.payload, parts, trouble)
    if got is None:
        if trouble.reasons:
            made.remarks.append(f"{taken.payload}: no version before it can be used ({trouble.reasons[taken.payload]})")
        return Taken(taken.payload, taken.version, taken.body, alone=not before or bool(parts))
    sure = window == "run" or (made.dated and _is_part(got[0], taken.version) is True)
    return Taken(taken.payload, taken.version, taken.body, got[0], got[1], sure)


def _only_grows(bodies: Bodies, listed: Mapping[str, Version], history: RunHistory, anchor: Anchor) -> bool:
    """Whether contents contradict a validity of one cycle: witnesses with many counts tell."""
    if anchor.before_ms is None:
        return False
    votes = list[bool | None]()
    for payload in (name for name in WITNESSES if name in listed):
        before = earlier(history.of(payload), listed[payload], anchor.before_ms)
        if not before or _is_part(before[0], listed[payload]) is not False:
            continue
        try:
            later, sooner = (bodies.get(payload, version).found.values for version in (listed[payload], before[0]))
        except InputError:
            continue
        votes.append(only_grew(later, sooner))
    return True in votes and False not in votes


def with_more(bodies: Bodies, taken: Taken, versions: list[Version], anchor: Anchor) -> Taken:
    """Return an object with those right before it that are within the cycle of the cluster task, as far as usable.

    Raises
    ------
    core.errors.SourceError
        As ``take``.
    """
    more = list[tuple[Version, Body]]()
    for version in row(versions, taken.version, taken.span.end_ms - anchor.span_ms):
        try:
            more.append((version, bodies.get(taken.payload, version)))
        except InputError:
            break
    return replace(taken, more=tuple(more))


def _is_part(before: Version, version: Version) -> bool | None:
    """Whether a version holds all of an earlier one, by the beginnings of their validity; None if these do not tell."""
    first, second = span_of(before).begin_ms, span_of(version).begin_ms
    if first is None or second is None:
        return None
    return abs(first - second) <= SAME_START_MS


def _first(bodies: Bodies, payload: str, choices: Iterable[Version], made: Take) -> tuple[Version, Body] | None:
    """The first version that can be used; the reason against the best one is kept."""
    for version in list(choices)[:TRIES]:
        try:
            return version, bodies.get(payload, version)
        except InputError as error:
            made.reasons.setdefault(payload, error.reason)
    return None


def _absent(versions: list[Version], anchor: Anchor) -> str:
    """Why nothing of a task belongs to a cycle; "" where none of it is listed."""
    if not versions:
        return ""
    off = min((span_of(version).end_ms - anchor.end_ms for version in versions), key=abs) / 1000
    return f"the nearest version ends {abs(off):.0f} s {'after' if off > 0 else 'before'} the cycle"


def histograms(found: Iterable[Taken], *, base_of: Taken | None = None) -> dict[str, Histogram]:
    """Return objects by payload; with ``base_of``, those of the versions before that end when its does."""
    if base_of is None:
        return {taken.payload: taken.body.found for taken in found}
    assert base_of.before is not None
    end_ms = span_of(base_of.before).end_ms
    return {
        taken.payload: taken.base.found
        for taken in found
        if taken.base and taken.before and abs(span_of(taken.before).end_ms - end_ms) <= SAME_START_MS
    }
