"""The parts of the console itself: whether they live, in words. Pure functions of their signs of life."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.dashboard.states import Tone, failing_since
from app.dashboard.wording import age
from core.signs import CONSOLE, DISK, GUARD, GUARD_LATE, SCHEDULE, SCHEDULE_LATE, STARTERS, WATCH, watch_late
from core.space import TODO, Level, Room
from core.store.views import ChannelState, Heartbeat, SystemState

NOT_JUDGED = "What arrives is not judged until it is back; nothing is lost."
GO_ON = (
    "The watches go on without it. If it does not come back, start it with `prefect server start`, or call the expert."
)
START = "Start it with `shiftwatch up`, or `python -m flows.serve`; or call the expert."
GUARDLESS = (
    "Nobody is told of alarms by mail or chat, and dead watches raise no alarm. "
    "Start it with `shiftwatch up`, or `python -m flows.guarding`."
)


@dataclass(frozen=True, slots=True)
class Part:
    """One part: what it is called, how it is, since when, and what to do about it."""

    name: str
    tone: Tone
    word: str
    since: datetime | None = None
    todo: str = ""


def parts(
    states: Sequence[SystemState],
    signs: Iterable[Heartbeat],
    channels: Sequence[ChannelState],
    now: datetime,
    room: Room | None = None,
) -> list[Part]:
    """Return the parts that are known of, the database first: whoever asks has just read it.

    ``room``: how full the disk is as this machine sees it; the guard cannot write so once it is full.
    """
    own = {beat.flow: beat for beat in signs if beat.system == CONSOLE}
    found = [Part("Database", Tone.CALM, "answers")]
    found += [one for one in (_schedule(states, now), _watches(states, now)) if one is not None]
    found.append(_guard(own.get(GUARD), now))
    found += [one for one in [_disk(own.get(DISK), now, room)] if one is not None]
    return found + [_channel(one) for one in channels]


def missing(signs: Iterable[Heartbeat], now: datetime) -> frozenset[tuple[str, str]]:
    """Return the parts, as system and flow, that are late with their sign of life or say that something is wrong."""
    known = list(signs)
    handed_over = {beat.system for beat in known if beat.flow in STARTERS}
    patience = {SCHEDULE: SCHEDULE_LATE, GUARD: GUARD_LATE}

    def is_missing(beat: Heartbeat) -> bool:
        is_watch = beat.flow == WATCH
        late = watch_late(handed_over=beat.system in handed_over) if is_watch else patience.get(beat.flow)
        return not beat.ok or (late is not None and now - beat.at > late)

    return frozenset((beat.system, beat.flow) for beat in known if is_missing(beat))


def _schedule(states: Sequence[SystemState], now: datetime) -> Part | None:
    """The serve process with the Prefect server that it asks; a site may do without, or have pools on other hosts."""
    beats = [beat for state in states if (beat := state.sign(SCHEDULE)) is not None]
    if not beats:
        return None
    newest = max(beats, key=lambda beat: beat.at)
    if now - newest.at > SCHEDULE_LATE:
        return Part("Scheduler", Tone.BLIND, "not running", newest.at, f"{NOT_JUDGED} {START}")
    bad = next((beat for beat in beats if not beat.ok), None)
    if bad is not None:
        return Part("Scheduler", Tone.BLIND, "Prefect does not answer", failing_since(bad), GO_ON)
    return Part("Scheduler", Tone.CALM, "runs")


def _watches(states: Sequence[SystemState], now: datetime) -> Part | None:
    """How many watches live; which one does not is said on its own tile."""
    known = [(beat, state.is_handed_over) for state in states if (beat := state.heartbeat) is not None]
    if not known:
        return None
    alive = sum(now - beat.at <= watch_late(handed_over=is_so) and beat.ok for beat, is_so in known)
    return Part("Watches", Tone.CALM, f"{alive} of {len(known)}")


def _guard(beat: Heartbeat | None, now: datetime) -> Part:
    if beat is None:
        return Part("Guard", Tone.QUIET, "never ran", None, GUARDLESS)
    if now - beat.at > GUARD_LATE:
        return Part("Guard", Tone.BLIND, "not running", beat.at, GUARDLESS)
    if not beat.ok:
        return Part("Guard", Tone.BLIND, "failed", failing_since(beat), beat.detail[:240])
    return Part("Guard", Tone.CALM, "runs")


def _disk(beat: Heartbeat | None, now: datetime, room: Room | None) -> Part | None:
    """What is seen here counts; where the home is on another machine, what the guard signed there."""
    since = failing_since(beat) if beat is not None and not beat.ok else None
    if room is not None and room.level is not Level.ENOUGH:
        word = "full" if room.level is Level.FULL else "nearly full"
        return Part("Disk", Tone.BLIND, word, since, f"{room.left()}. {TODO}")
    if beat is None:
        return None
    if not beat.ok and (room is None or now - beat.at <= GUARD_LATE):
        return Part("Disk", Tone.BLIND, "short of room", since, f"{beat.detail[:200]}. {TODO}")
    return Part("Disk", Tone.CALM, "has room")


def _channel(one: ChannelState) -> Part:
    name = f"Messages to {one.channel}"
    if one.failing_since is None:
        return Part(name, Tone.CALM, "sent")
    todo = f"{one.waiting} waiting. {one.error[:200]}"
    return Part(name, Tone.BLIND, "not delivered", one.failing_since, todo)


def told(part: Part, now: datetime) -> str:
    """Return a part in a few words."""
    since = f" for {age(part.since, now)}" if part.since is not None else ""
    return f"{part.name}: {part.word}{since}"
