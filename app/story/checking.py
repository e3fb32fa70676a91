"""What became of every incident of the script: which alarms it raised, how late, what else was raised, how often."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.story.playback import Playback
from app.story.script import LENGTH_S, SILENT_AFTER_S, Injected
from core.alarms.events import ChangeKind
from core.alarms.health import Health, Line, measure
from core.alarms.targets import Standing, compare
from core.shifts import Span
from core.store import Store
from core.store.rows import UNREADABLE
from core.store.views import AlarmDetail, AlarmView

SLACK_S = 180.0
"""An alarm may say that it began so long before or after; a cycle or piece of the stream lasts up to two minutes."""
FALSE_ALARMS = 1
"""So many are accepted of a system in a shift: its budget."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one incident: its alarms; ``data_s`` and ``work_s`` until the first was raised.

    ``data_s`` is by the clock of the shift, from the beginning to what was seen last when the alarm was raised;
    ``work_s`` is what reading and judging took after that, by our clock.
    """

    injected: Injected
    alarms: tuple[AlarmView, ...]
    data_s: float | None = None
    work_s: float | None = None

    @property
    def word(self) -> str:
        """In a word."""
        return ("MISSED", "found")[bool(self.alarms)] if len(self.alarms) < 2 else "DOUBLED"


@dataclass(frozen=True, slots=True)
class Checked:
    """The whole shift: outcomes in order of the script, alarms that nothing explains, figures in the shift's time."""

    outcomes: tuple[Outcome, ...]
    false: tuple[AlarmView, ...]
    health: Health

    def troubles(self) -> tuple[str, ...]:
        """Return what is not as it should be."""
        return tuple(self._troubles())

    def _troubles(self) -> Iterator[str]:
        for one in self.outcomes:
            if len(one.alarms) != 1:
                yield f"{one.injected.name} ({one.injected.system}) raised {len(one.alarms)} alarms instead of one"
        for system, count in sorted(Counter(alarm.system for alarm in self.false).items()):
            if count > FALSE_ALARMS:
                yield f"{system}: {count} false alarms, accepted are {FALSE_ALARMS}"
        for figure in compare(self.health)[:5]:
            if figure.standing is Standing.FAR:
                yield f"{figure.name}: {figure.value}, {figure.source} asks for {figure.target}"


def check(store: Store, injected: Sequence[Injected], playback: Playback, length_s: float = LENGTH_S) -> Checked:
    """Compare the script with the alarms that were raised since playing started."""
    details = [detail for system in {one.system for one in injected} for detail in _raised(store, system, playback)]
    views = [detail.view for detail in details]
    owner = {view.id: _owner(view, injected, playback) for view in views}
    seen = {detail.view.id: _seen(store, detail, playback) for detail in details}
    outcomes = []
    for one in injected:
        own = tuple(view for view in views if owner[view.id] is one)
        outcomes.append(_timed(one, own, seen, playback))
    span = Span(playback.began_at, playback.at(length_s))
    lines = [line for detail in details if not detail.view.is_notice for line in seen[detail.view.id]]
    false = tuple(view for view in views if owner[view.id] is None and not view.is_notice)
    return Checked(tuple(outcomes), false, measure(sorted(lines, key=lambda line: line.at), span))


def _raised(store: Store, system: str, playback: Playback) -> Iterator[AlarmDetail]:
    for view in store.alarms(open_only=False, system=system, limit=1000):
        detail = store.alarm(view.id)
        if detail is not None and view.raised_at >= playback.started_at:
            yield detail


def _owner(view: AlarmView, injected: Sequence[Injected], playback: Playback) -> Injected | None:
    """Return what an alarm is of: of several, what began nearest to it."""
    mine = [one for one in injected if is_of(view, one, playback)]
    return min(mine, key=lambda one: abs((view.bad_since - playback.at(one.begins_s)).total_seconds()), default=None)


def is_of(view: AlarmView, one: Injected, playback: Playback) -> bool:
    """Whether an alarm tells of an incident."""
    if view.system != one.system or (one.kinds and view.kind not in one.kinds):
        return False
    if one.elements and view.element.lower() not in {name.lower() for name in one.elements}:
        return False
    if one.places and set(one.places).isdisjoint(view.places):
        return False
    if one.system == "flex" or one.is_outage:
        return True
    slack = timedelta(seconds=SLACK_S)
    first = playback.at(one.begins_s if one.from_s is None else one.from_s)
    return first - slack <= view.bad_since <= playback.at(one.ends_s) + slack


def _seen(store: Store, detail: AlarmDetail, playback: Playback) -> list[Line]:
    """Return the history of an alarm by the clock of the shift: when what changed it was observed."""
    view = detail.view
    found = []
    for event in detail.events:
        if event.kind is ChangeKind.COMMENTED:
            continue
        of = None if event.observation_id is None else store.observation(event.observation_id)
        at = playback.at(playback.second(event.at)) if of is None else of.view.observed_at
        found.append(Line(view.id, view.system, view.element, view.kind, view.severity, event.kind, at, event.author))
    return found


def _timed(one: Injected, own: tuple[AlarmView, ...], seen: Mapping[int, Sequence[Line]], play: Playback) -> Outcome:
    first = min(own, key=lambda view: view.raised_at, default=None)
    if first is None:
        return Outcome(one, own)
    if one.is_outage:
        late = (first.raised_at - play.due(play.at(one.begins_s))).total_seconds()
        return Outcome(one, own, late, max(late - SILENT_AFTER_S, 0.0))
    at = next(line.at for line in seen[first.id] if line.change is ChangeKind.RAISED)
    if first.element == UNREADABLE:  # what cannot be read tells no time of its own
        at = play.at(one.begins_s)
    data_s = (at - play.at(one.begins_s)).total_seconds()
    return Outcome(one, own, data_s, (first.raised_at - play.due(at)).total_seconds())


def table(checked: Checked, playback: Playback) -> Iterator[str]:
    """Yield the lines of the report, for people."""
    yield f"{'in the shift':>12}  {'system':<12}{'incident':<58}{'':<9}{'after':>8}  {'judged in':>9}  alarm"
    for one in checked.outcomes:
        told, ids = one.injected, ", ".join(f"#{view.id}" for view in one.alarms)
        after, work = (_minutes(seconds) for seconds in (one.data_s, one.work_s))
        clock = f"{playback.at(told.begins_s):%H:%M} +{told.begins_s / 60:.0f}"
        yield f"{clock:>12}  {told.system:<12}{told.name:<58}{one.word:<9}{after:>8}  {work:>9}  {ids}"
    counts = Counter(view.system for view in checked.false)
    yield "false alarms: " + ", ".join(f"{name} {counts[name]}" for name in sorted(_systems(checked)))
    for view in checked.false:
        yield f"    #{view.id} {view.system} {view.element}: {view.message}"
    for figure in compare(checked.health)[:6]:
        yield f"{figure.name}: {figure.value} ({figure.standing}; {figure.source}: {figure.target})"


def _systems(checked: Checked) -> set[str]:
    return {one.injected.system for one in checked.outcomes} | {view.system for view in checked.false}


def _minutes(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.0f} s" if abs(seconds) < 120 else f"{seconds / 60:.1f} min"
