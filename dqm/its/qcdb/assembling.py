"""One cycle out of what was fetched: what came since the cycle before, and a word on everything that is not exact."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from statistics import median_low

import numpy as np

from core.observation import Condition
from dqm.its.cycle import Cycle, assemble
from dqm.its.histogram import Histogram
from dqm.its.objects import CLUSTERS, HITS, OBJECTS, READOUT, TRACKS
from dqm.its.qcdb.bodies import Bodies
from dqm.its.qcdb.history import SAME_START_MS, Anchor, RunHistory, Span, anchor_of, span_of
from dqm.its.qcdb.listing import Version
from dqm.its.qcdb.sums import GENERAL, Difference, FellError, Values, difference, general_occupancy, together
from dqm.its.qcdb.taking import Take, Taken, histograms, take, with_more
from dqm.its.qcdb.windows import CYCLE, FIRST_NUMBERS, RUN, UNKNOWN, window_of

TASKS = (CLUSTERS, TRACKS, HITS, READOUT)
SHORT = {TRACKS: "track", HITS: "hit", READOUT: "readout"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A cycle with the digest of all bytes that it was made of."""

    cycle: Cycle
    sha256: str


@dataclass(slots=True)
class _Made:
    """What became of the objects: their values, the time that these cover, and what was subtracted."""

    values: dict[str, Values] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    windows: dict[str, str] = field(default_factory=dict)
    approximate: dict[str, list[str]] = field(default_factory=dict)


def fetch(
    bodies: Bodies,
    listed: Mapping[str, Version],
    history: RunHistory,
    origin: str,
    now: datetime,
    *,
    masked: Iterable[str] = (),
    window: str = "auto",
) -> Fetched:
    """Fetch all objects of a cycle; one that cannot be used counts as missing, with the reason.

    Parameters
    ----------
    listed
        The objects of the cluster task in this cycle, by payload.
    history
        What is listed of the run.
    now
        No cycle ends later, whatever the clock of the QCDB says.
    masked
        As in ``dqm.its.cycle.Cycle``.
    window
        What the objects hold: ``cycle``, ``run`` (everything since its start) or ``auto``.

    Raises
    ------
    core.errors.SourceError
        If the QCDB does not answer: worth another try.
    core.errors.InputError
        If no object can be used.
    """
    anchor = anchor_of(dict(listed), history)
    got = take(bodies, listed, history, anchor, window)
    made = _Made()
    for task in TASKS:
        _make(task, got, made, window)
        if made.windows[task] == CYCLE and task != CLUSTERS:
            for taken in got.of_task(task):
                got.found[taken.payload] = with_more(bodies, taken, history.of(taken.payload), anchor)
            _add_up(got.of_task(task), made)
    _remark(got, made, history)
    good = {name: _histogram(got.found[name], values) for name, values in made.values.items()}
    began_at, ended_at, run_began_at = _times(got, made, anchor, history, now)
    cycle = assemble(
        good,
        _metadata(listed, got),
        began_at,
        ended_at,
        origin,
        reasons=got.reasons,
        run_began_at=run_began_at,
        masked=masked,
        matching=_matching(got, made, anchor),
    )
    return Fetched(cycle, _digest(got))


def _make(task: str, got: Take, made: _Made, window: str) -> None:
    """Subtract within one task, where its objects hold what the versions before them held."""
    found = got.of_task(task)
    with_base = [taken for taken in found if taken.base is not None]
    made.windows[task] = window_of(found, with_base, window, made.windows.get(CLUSTERS, UNKNOWN))
    fell: dict[str, str] = {}
    for taken in found:
        made.values[taken.payload], made.spans[taken.payload] = taken.body.found.values, taken.span
    if made.windows[task] != RUN:
        return
    results = dict(_differences(with_base, found, fell))
    exact = [taken for taken in with_base if taken.payload != GENERAL]
    if fell and 2 * len(fell) >= len(exact):
        _restarted(task, with_base, got, made)
        return
    for taken in with_base:
        _put(taken, results.get(taken.payload), fell.get(taken.payload), got, made)
    if task == CLUSTERS:
        _general(got, made)


def _add_up(found: list[Taken], made: _Made) -> None:
    """Several short cycles of a task make one of the cluster task."""
    for taken in found:
        pieces = [(taken.version, taken.body), *taken.more]
        result = together(
            taken.payload,
            [(body.found, _beside(found, version), taken.lasted_s(version)) for version, body in pieces],
        )
        if taken.more and result is not None:
            made.values[taken.payload] = result.values
            made.spans[taken.payload] = Span(span_of(pieces[-1][0]).begin_ms, taken.span.end_ms)
            if result.how:
                made.approximate.setdefault(result.how, []).append(taken.payload)


def _beside(found: list[Taken], version: Version) -> dict[str, Histogram]:
    """The other objects of the same cycle of a task."""
    end_ms = span_of(version).end_ms
    return {
        taken.payload: body.found
        for taken in found
        for one, body in ((taken.version, taken.body), *taken.more)
        if abs(span_of(one).end_ms - end_ms) <= SAME_START_MS
    }


def _differences(
    with_base: list[Taken], found: list[Taken], fell: dict[str, str]
) -> Iterator[tuple[str, Difference | None]]:
    """What each object counted since the version before; ``fell`` takes what got less."""
    new = histograms(found)
    for taken in with_base:
        assert taken.base is not None
        assert taken.before is not None
        later = (taken.body.found, new, taken.lasted_s(taken.version))
        earlier = (taken.base.found, histograms(found, base_of=taken), taken.lasted_s(taken.before))
        try:
            yield taken.payload, difference(taken.payload, later, earlier)
        except FellError as error:
            fell[taken.payload] = str(error)


def _put(taken: Taken, result: Difference | None, fell: str | None, got: Take, made: _Made) -> None:
    """Note the result for one object, or why there is none."""
    assert taken.before is not None
    if result is None:
        del made.values[taken.payload], made.spans[taken.payload]
        got.reasons[taken.payload] = f"{fell} while others of its task grew" if fell else _why_not(taken)
        return
    made.values[taken.payload] = result.values
    made.spans[taken.payload] = Span(span_of(taken.before).end_ms, taken.span.end_ms)
    if result.how:
        made.approximate.setdefault(result.how, []).append(taken.payload)


def _why_not(taken: Taken) -> str:
    assert taken.base is not None
    if np.array_equal(taken.body.found.values, taken.base.found.values):
        return "has not changed since the version before it"
    return "is an average that cannot be subtracted"


def _general(got: Take, made: _Made) -> None:
    """A maximum cannot be subtracted: it is made anew of the maps of the cycle."""
    taken = got.found.get(GENERAL)
    if taken is None or taken.before is None:
        return
    values = general_occupancy(made.values)
    if values is None:
        got.reasons[GENERAL] = "a maximum cannot be subtracted, and not all maps are there to make it anew"
        return
    made.values[GENERAL] = values
    made.spans[GENERAL] = Span(span_of(taken.before).end_ms, taken.span.end_ms)
    got.reasons.pop(GENERAL, None)


def _restarted(task: str, with_base: list[Taken], got: Take, made: _Made) -> None:
    """Counts fell: everything in the objects is new, from some time after the version before."""
    since = max(span_of(taken.before).end_ms for taken in with_base if taken.before)
    for taken in got.of_task(task):
        made.spans[taken.payload] = Span(max(since, taken.span.begin_ms or since), taken.span.end_ms)
    got.remarks.append(f"{task}: counts fell since {_clock(since)}, so it started anew and nothing is subtracted")


def _remark(got: Take, made: _Made, history: RunHistory) -> None:
    """Say what holds more than a cycle, or another time than the rest, and what is listed of no known layer."""
    for task in TASKS:
        alone = [taken for taken in got.of_task(task) if taken.alone and taken.number not in FIRST_NUMBERS]
        begins = [taken.span.begin_ms for taken in alone if taken.span.begin_ms is not None]
        if alone:
            since = f"counted since {_clock(median_low(begins))}" if begins else "it is not told since when it counts"
            got.remarks.append(f"{task}: no earlier version to subtract, {since}")
    usual = {task: _common(made, task) for task in TASKS}
    for payload, span in made.spans.items():
        others = usual[OBJECTS[payload].task]
        if others is not None and span.begin_ms is not None and abs(span.begin_ms - others) > SAME_START_MS:
            got.remarks.append(f"{payload}: counted since {_clock(span.begin_ms)}")
    got.remarks += [f"{path}: no such layer" for path in sorted(history.strange)[:5]]


def _common(made: _Made, task: str) -> int | None:
    begins = [s.begin_ms for name, s in made.spans.items() if OBJECTS[name].task == task and s.begin_ms is not None]
    return median_low(begins) if begins else None


def _matching(got: Take, made: _Made, anchor: Anchor) -> dict[str, Condition]:
    """What the observation says of how its objects were brought together."""
    subtracted = {taken.before.metadata.get("CycleNumber", "") for taken in got.of_task(CLUSTERS) if taken.before}
    told: dict[str, Condition] = {
        "window": made.windows[CLUSTERS],
        "subtracted": ", ".join(sorted(subtracted)) if made.windows[CLUSTERS] == RUN else "",
    }
    for task, short in SHORT.items():
        spans = [span for payload, span in made.spans.items() if OBJECTS[payload].task == task]
        begin, end = _common(made, task), median_low(span.end_ms for span in spans) if spans else None
        told[f"{short}_s"] = None if begin is None or end is None else max(end - begin, 0) / 1000
        told[f"{short}_lag_s"] = None if end is None else (end - anchor.end_ms) / 1000
    told["approximate"] = "; ".join(f"{how}: {', '.join(names)}" for how, names in made.approximate.items())
    told["remarks"] = "; ".join(got.remarks)[:2000]
    return told


def _times(
    got: Take, made: _Made, anchor: Anchor, history: RunHistory, now: datetime
) -> tuple[datetime, datetime, datetime | None]:
    """Begin and end of the cycle, and begin of the run where that is known."""
    begin = _common(made, CLUSTERS)
    begin = begin if begin is not None else anchor.before_ms
    ended_at = min(_instant(anchor.end_ms), now)
    began_at = min(_instant(begin if begin is not None else anchor.end_ms), ended_at)
    starts = [taken.span.begin_ms for taken in got.of_task(CLUSTERS) if taken.before and taken.sure]
    firsts = [v for v in history.of("bc_clusters") if v.metadata.get("CycleNumber") in FIRST_NUMBERS]
    starts = starts if made.windows[CLUSTERS] == RUN else []
    known = [start for start in (*starts, *(span_of(version).begin_ms for version in firsts)) if start is not None]
    return began_at, ended_at, _instant(min(known)) if known else None


def _histogram(taken: Taken, values: Values) -> Histogram:
    return replace(taken.body.found, values=values, numerator=None, denominator=None)


def _metadata(listed: Mapping[str, Version], got: Take) -> dict[str, str]:
    """What the objects say, the cluster task's own word first."""
    metadata: dict[str, str] = {}
    for version in (*listed.values(), *(taken.version for taken in got.found.values())):
        metadata = {**version.metadata, **metadata}
    return metadata


def _digest(got: Take) -> str:
    digest = hashlib.sha256()
    for payload, taken in got.found.items():
        digest.update(payload.encode() + taken.body.digest + (taken.base.digest if taken.base else b""))
        digest.update(b"".join(body.digest for _, body in taken.more))
    return digest.hexdigest()


def _instant(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _clock(milliseconds: int) -> str:
    return f"{_instant(milliseconds):%H:%M:%S}"
