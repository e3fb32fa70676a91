"""How the alarm list is put together: which alarms ask, which need nobody and why, what is one group, and floods."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.alarms.health import FLOOD_BEGINS
from core.alarms.severity import Severity
from core.store.views import AlarmView

FLOOD_WITHIN = timedelta(minutes=10)
GROUP = 4
"""So many alarms of one system, cause and standing are one line that opens."""
PRESSING = {
    Severity.OK: 0,
    Severity.MINOR: 1,
    Severity.UNDEFINED: 2,
    Severity.INVALID: 3,
    Severity.MAJOR: 4,
}
"""A bad board cannot wait; a photo that could not be judged can be taken again."""


class Shelf(StrEnum):
    """The views of the alarm list; their names are part of its address."""

    OPEN = "open"
    SHELVED = "shelved"
    HELD = "held"
    NOTICES = "notices"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Group:
    """Alarms of one system and cause that stand alike, most pressing first; often it is one alone."""

    alarms: tuple[AlarmView, ...]

    @property
    def first(self) -> AlarmView:
        """The most pressing one, which stands for the group."""
        return self.alarms[0]

    @property
    def began(self) -> datetime:
        """When the earliest of them began."""
        return min(alarm.began_at for alarm in self.alarms)


@dataclass(frozen=True, slots=True)
class Flood:
    """More alarms within ten minutes than a person can follow: how many, of which systems and causes, which first."""

    count: int
    parts: tuple[tuple[str, str, int], ...]
    first: AlarmView


def shelf_of(alarm: AlarmView, now: datetime) -> Shelf:
    """Return the view that an alarm belongs to."""
    if not alarm.is_open:
        return Shelf.CLOSED
    if alarm.is_shelved(now):
        return Shelf.SHELVED
    if alarm.inhibited_by is not None:
        return Shelf.HELD
    return Shelf.NOTICES if alarm.is_notice else Shelf.OPEN


def urgency(alarm: AlarmView) -> tuple[bool, bool, bool, bool, int, float]:
    """Return the sorting key: open before closed, unseen first, overdue first, pressing first, newest first."""
    return (
        alarm.closed_at is not None,
        alarm.acknowledged_at is not None,
        alarm.recovered_at is not None,
        alarm.overdue_at is None,
        -PRESSING[alarm.severity],
        -alarm.raised_at.timestamp(),
    )


def grouped(alarms: Sequence[AlarmView]) -> list[Group]:
    """Return alarms in the order of urgency; four or more of one system and cause that stand alike are one group."""
    ordered = sorted(alarms, key=urgency)
    by_key: dict[tuple[object, ...], list[AlarmView]] = {}
    for alarm in ordered:
        by_key.setdefault(_key(alarm), []).append(alarm)
    groups: list[Group] = []
    for own in by_key.values():
        groups += [Group(tuple(own))] if len(own) >= GROUP and own[0].is_open else [Group((alarm,)) for alarm in own]
    return sorted(groups, key=lambda group: urgency(group.first))


def flood(alarms: Sequence[AlarmView], now: datetime) -> Flood | None:
    """Return what is known of a flood: ten alarms or more that began to ask within the last ten minutes, or None."""
    new = [alarm for alarm in alarms if alarm.asked_at is not None and now - alarm.asked_at <= FLOOD_WITHIN]
    new = [alarm for alarm in new if alarm.needs_person(now)]
    if len(new) < FLOOD_BEGINS:
        return None
    parts = Counter((alarm.system, alarm.cause or "") for alarm in new)
    return Flood(
        len(new),
        tuple((system, cause, count) for (system, cause), count in parts.most_common()),
        min(new, key=lambda alarm: (alarm.began_at, alarm.id)),
    )


def _key(alarm: AlarmView) -> tuple[object, ...]:
    standing = (alarm.is_open, alarm.acknowledged_at is not None, alarm.recovered_at is not None)
    return (alarm.system, alarm.kind, alarm.cause, alarm.severity, alarm.inhibited_by, *standing)
