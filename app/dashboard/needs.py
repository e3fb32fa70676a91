"""What needs somebody, over all systems and parts of the console, the most urgent first: a pure function."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.dashboard.alarm_groups import urgency
from app.dashboard.parts import Part
from app.dashboard.states import Tile, Tone
from app.dashboard.wording import age
from core.alarms.severity import Severity
from core.store.views import AlarmView

PRESSING, BLIND, OTHER, SEEN, STALE = range(5)
"""Alarms that nobody has taken, what is not known at all, lesser alarms, those taken care of, models to look at."""


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that needs somebody. Without ``alarm`` it is a state, and ``todo`` says what to do."""

    rank: int
    tone: Tone
    title: str
    word: str
    since: datetime | None
    todo: str
    system: str | None = None
    alarm: AlarmView | None = None

    @property
    def is_pressing(self) -> bool:
        """Whether somebody must do something about it."""
        return self.rank < SEEN


def needs(tiles: Mapping[str, Tile], alarms: Sequence[AlarmView], parts: Sequence[Part]) -> list[Need]:
    """Return everything that needs somebody. Of many alarms of a system only the most urgent one is named."""
    found = [_of_part(one) for one in parts if one.tone is Tone.BLIND]
    for name, tile in tiles.items():
        found += [_of_alarm(tile, alarm) for alarm in _most_urgent(name, alarms)]
        found += [_of_state(tile, at) for at, one in enumerate(tile.troubles) if one.tone in {Tone.BLIND, Tone.STALE}]
    return sorted(found, key=_order)


def standing(alarm: AlarmView, now: datetime) -> str:
    """Return who has an alarm in hand, or for how long nobody."""
    if alarm.acknowledged_by:
        return f"{alarm.acknowledged_by} takes care of it."
    asked = alarm.asked_at or alarm.raised_at
    late = " That is too long." if alarm.overdue_at is not None else ""
    return f"Nobody has answered for {age(asked, now)}.{late}"


def _most_urgent(system: str, alarms: Sequence[AlarmView]) -> list[AlarmView]:
    own = [alarm for alarm in alarms if alarm.system == system]
    return [min(own, key=urgency)] if own else []


def _of_alarm(tile: Tile, alarm: AlarmView) -> Need:
    major = alarm.severity is Severity.MAJOR
    rank = SEEN if alarm.acknowledged_at is not None else PRESSING if major else OTHER
    tone = Tone.ALARM if major else Tone.NOTICE
    word = f"{tile.open_alarms} alarms" if tile.open_alarms > 1 else "1 alarm"
    return Need(rank, tone, tile.title, word, alarm.began_at, "", tile.system, alarm)


def _of_state(tile: Tile, at: int) -> Need:
    one = tile.troubles[at]
    rank = BLIND if one.tone is Tone.BLIND else STALE
    return Need(rank, one.tone, tile.title, one.word, one.since, one.todo, tile.system)


def _of_part(part: Part) -> Need:
    return Need(BLIND, part.tone, part.name, part.word, part.since, part.todo)


def _order(need: Need) -> tuple[object, ...]:
    """By rank; alarms among each other as the list of alarms has them; what lasts longest comes first."""
    since = need.since.timestamp() if need.since is not None else 0.0
    own = urgency(need.alarm) if need.alarm is not None else ()
    return (need.rank, need.system is not None, own, since)
