"""What a tile of the overview says: a pure function of what the store knows of a system."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.dashboard.wording import age, plural
from core.alarms.inhibition import SOURCE
from core.alarms.severity import Severity
from core.signs import DEAD, MODEL, POOL, watch_late
from core.store.views import AlarmView, Heartbeat, SystemState

QUIET_GAPS = 10
QUIET_LEAST_S = 600.0
"""No new data for ten times as long as usual, and for ten minutes at least, is no longer "all well"."""
HEARD = timedelta(seconds=90)
"""Old data that was judged within so long is a backlog that is being caught up with, no silent source."""
LONGEST_DETAIL = 240


class Tone(StrEnum):
    """How a tile looks: grey when well, colour only for trouble, its own look for not knowing."""

    CALM = "calm"
    QUIET = "quiet"
    EMPTY = "empty"
    STALE = "stale"
    NOTICE = "notice"
    BLIND = "blind"
    ALARM = "alarm"


URGENCY = tuple(Tone)
"""From what can wait to what cannot."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing to say of a system: in a word or two, since when, and what to do."""

    tone: Tone
    word: str
    since: datetime | None = None
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """One system on the overview; ``troubles`` are ordered, what is worst first."""

    system: str
    title: str
    troubles: tuple[Trouble, ...]
    newest: datetime | None
    open_alarms: int
    unseen: int = 0

    @property
    def worst(self) -> Trouble:
        """What the tile says in large letters."""
        return self.troubles[0] if self.troubles else Trouble(Tone.CALM, "All well")

    @property
    def tone(self) -> Tone:
        """How the tile looks."""
        return self.worst.tone

    @property
    def word(self) -> str:
        """The state in a word or two."""
        return self.worst.word

    @property
    def since(self) -> datetime | None:
        """Since when it is so."""
        return self.worst.since

    @property
    def todo(self) -> str:
        """What to do, empty where the alarm itself says so."""
        return self.worst.todo


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
    watch = _watch(state, now)
    heard = watch is None or watch.word == FAILED  # of a source that nobody listens to nothing is known
    found = [
        _alarms(state, alarms),
        watch,
        _source(state, alarms, now, silent_after_s, when_silent) if heard else None,
        _model(state),
        _quiet(state, now),
        _empty(state, next_step),
    ]
    troubles = sorted((one for one in found if one is not None), key=lambda one: -URGENCY.index(one.tone))
    count = sum(state.open_alarms.values())
    return Tile(state.system, title, tuple(troubles), state.last_observed_at, count, state.unacknowledged)


def _alarms(state: SystemState, alarms: Sequence[AlarmView]) -> Trouble | None:
    count = sum(state.open_alarms.values())
    if not count:
        return None
    major = any(alarm.severity is Severity.MAJOR for alarm in alarms)
    oldest = min((alarm.began_at for alarm in alarms), default=None)
    return Trouble(Tone.ALARM if major else Tone.NOTICE, plural(count, "alarm"), oldest)


def _watch(state: SystemState, now: datetime) -> Trouble | None:
    beat = state.heartbeat
    if beat is None:
        started = state.last_processed_at
        if started is None or now - started <= HEARD:  # its first sign follows its first batch
            return None
        return Trouble(Tone.BLIND, "Watch not running", started, _restart(state))
    silent_for = now - beat.at
    if silent_for > DEAD:
        return Trouble(Tone.BLIND, "Watch not running", beat.at, _restart(state))
    if silent_for > watch_late(handed_over=state.is_handed_over):
        return Trouble(
            Tone.BLIND, "Watch late", beat.at, f"No sign of life of the watch for {age(beat.at, now)}. {LOST}"
        )
    if not beat.ok:
        return Trouble(Tone.BLIND, FAILED, failing_since(beat), _shortened(beat.detail) or _restart(state))
    return None


def _restart(state: SystemState) -> str:
    """Return what to do about a watch that is gone: where it is started depends on who starts it."""
    pool = state.sign(POOL)
    return RESTART if pool is None else RESTART_FAR.format(pool.detail)


def _source(
    state: SystemState, alarms: Sequence[AlarmView], now: datetime, limit_s: float | None, when_silent: str
) -> Trouble | None:
    """A source is silent if its own alarm says so, or if what it gave last is older than this site allows."""
    told = [alarm for alarm in alarms if alarm.element.startswith(SOURCE) and alarm.recovered_at is None]
    newest = state.last_observed_at
    if told:
        since = min(alarm.began_at for alarm in told) if newest is None else newest
    elif limit_s is not None and newest is not None and (now - newest).total_seconds() > limit_s:
        if _hears(state, now):
            return Trouble(Tone.QUIET, CATCHING_UP, newest)
        since = newest
    else:
        return None
    return Trouble(Tone.BLIND, "Source silent", since, f"Nothing came for {age(since, now)}. {when_silent}".strip())


def _model(state: SystemState) -> Trouble | None:
    beat = state.sign(MODEL)
    if beat is None or beat.ok:
        return None
    todo = f"{_shortened(beat.detail)} The Models page shows its figures; call the expert."
    return Trouble(Tone.STALE, "Model stale", failing_since(beat), todo)


def _quiet(state: SystemState, now: datetime) -> Trouble | None:
    newest, usual = state.last_observed_at, state.usual_gap_s
    if newest is None or usual is None:
        return None
    if now - newest <= timedelta(seconds=max(QUIET_GAPS * usual, QUIET_LEAST_S)):
        return None
    return Trouble(Tone.QUIET, CATCHING_UP if _hears(state, now) else "No new data", newest)


def _hears(state: SystemState, now: datetime) -> bool:
    """Whether something was judged just now, however old it is."""
    return state.last_processed_at is not None and now - state.last_processed_at <= HEARD


def _empty(state: SystemState, next_step: str) -> Trouble | None:
    return Trouble(Tone.EMPTY, "No data yet", None, next_step) if state.last_processed_at is None else None


def failing_since(beat: Heartbeat) -> datetime:
    """Return since when a part has not succeeded."""
    return beat.last_success_at or beat.last_failure_at or beat.at


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_DETAIL else f"{text[: LONGEST_DETAIL - 1]}…"


FAILED = "Watch failed"
CATCHING_UP = "Catching up"
RESTART = "New data is not being judged. Start it with `shiftwatch up`, or call the expert."
RESTART_FAR = (
    "New data is not being judged. Its workers are on other hosts, in the pool {0}: if one of them runs, "
    "`python -m flows.pooling {0}` starts the watch again. Or call the expert."
)
LOST = "Nothing is lost: what came meanwhile is judged afterwards. If this lasts, call the expert."
