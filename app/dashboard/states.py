"""What a tile of the overview says: a pure function of what the store knows of a system."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.dashboard.wording import age, began, plural
from core.alarms.severity import Severity
from core.store.views import AlarmView, Heartbeat, SystemState

WATCH_IS_SILENT_AFTER = timedelta(seconds=180)


class Tone(StrEnum):
    """How a tile looks: grey when well, colour only for trouble, its own look for not knowing."""

    CALM = "calm"
    NOTICE = "notice"
    ALARM = "alarm"
    BLIND = "blind"
    EMPTY = "empty"


URGENCY = (Tone.CALM, Tone.EMPTY, Tone.NOTICE, Tone.BLIND, Tone.ALARM)


@dataclass(frozen=True, slots=True)
class Tile:
    """One system on the overview."""

    system: str
    title: str
    tone: Tone
    word: str
    since: datetime | None
    newest: datetime | None
    open_alarms: int
    todo: str


def tile(
    title: str,
    state: SystemState,
    alarms: Sequence[AlarmView],
    now: datetime,
    *,
    silent_after_s: float | None,
    next_step: str,
    when_silent: str = "",
) -> Tile:
    """Return the tile of one system; not knowing comes before alarms of minor severity, never looks well."""
    count = sum(state.open_alarms.values())
    tone, word, since, todo = _condition(state, alarms, now, _Advice(silent_after_s, when_silent, next_step))
    return Tile(state.system, title, tone, word, since, state.last_observed_at, count, todo)


def most_urgent(tiles: Sequence[Tile]) -> Tile | None:
    """Return the tile that needs a person first, None if all is well; a system not in use yet can wait for others."""
    used = [one for one in tiles if one.tone is not Tone.EMPTY] or tiles
    worst = max(used, key=lambda t: (URGENCY.index(t.tone), t.open_alarms), default=None)
    return None if worst is None or worst.tone is Tone.CALM else worst


Condition = tuple[Tone, str, datetime | None, str]


@dataclass(frozen=True, slots=True)
class _Advice:
    silent_after_s: float | None
    when_silent: str
    next_step: str


def _condition(state: SystemState, alarms: Sequence[AlarmView], now: datetime, advice: _Advice) -> Condition:
    count = sum(state.open_alarms.values())
    oldest = min((began(alarm) for alarm in alarms), default=None)
    if any(alarm.severity is Severity.MAJOR for alarm in alarms):
        return (Tone.ALARM, plural(count, "alarm"), oldest, "")
    if blind := _blindness(state, now, advice):
        return blind
    if count:
        return (Tone.NOTICE, plural(count, "alarm"), oldest, "")
    if state.last_processed_at is None:
        return (Tone.EMPTY, "No data yet", None, advice.next_step)
    return (Tone.CALM, "All well", None, "")


def _blindness(state: SystemState, now: datetime, advice: _Advice) -> Condition | None:
    beat = state.heartbeat
    if beat is None:
        started = state.last_processed_at
        if started is None:
            return None
        return (Tone.BLIND, "Watch not running", started, _RESTART)
    if not beat.ok:
        return (Tone.BLIND, "Watch failed", _failing_since(beat), beat.detail or _RESTART)
    if now - beat.at > WATCH_IS_SILENT_AFTER:
        return (Tone.BLIND, "Watch not running", beat.at, _RESTART)
    newest = state.last_observed_at
    limit = advice.silent_after_s
    if limit is not None and newest is not None and (now - newest).total_seconds() > limit:
        todo = f"Nothing came for {age(newest, now)}. {advice.when_silent}".strip()
        return (Tone.BLIND, "Source silent", newest, todo)
    return None


def _failing_since(beat: Heartbeat) -> datetime:
    return beat.last_failure_at or beat.at


_RESTART = "New data is not being judged. Start it with `shiftwatch up`, or call the expert."
