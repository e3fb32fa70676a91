"""A person's answer on an alarm, and what it changes at once: what is known or false asks for nobody for a while.

The answer is kept and counts in the detector's precision. A false alarm is over and seen; what is known stays in the
list. Both are set aside until an instant, if the person may do that, so that the same place does not ask again
meanwhile: the shelf has its author and reason and ends by itself.
"""

from dataclasses import dataclass
from datetime import datetime

from core.alarms.events import AlarmAction
from core.desk import Deeds, Desk
from core.errors import AlarmError
from core.store.views import AlarmView, Judgement

EXEMPTS = frozenset({Judgement.KNOWN, Judgement.FALSE_ALARM})


@dataclass(frozen=True, slots=True)
class Said:
    """What a person says of an alarm; ``cause``: what it was, if it was something else."""

    judgement: Judgement
    cause: str | None = None
    comment: str = ""


def answer(desk: Desk, alarm: AlarmView, said: Said, until: datetime) -> tuple[str, ...]:
    """Keep an answer on an alarm and do what follows from it; return what was done, in words.

    Raises
    ------
    AlarmError
        The alarm is about no observation, or another cause is not named.
    NotAllowedError
        The person may not answer.
    """
    if alarm.observation_id is None:
        raise AlarmError(f"alarm {alarm.id} is about the watch itself: there is nothing to learn from an answer")
    if said.judgement is Judgement.WRONG_CAUSE and not said.cause:
        raise AlarmError("say what it was")
    cause = said.cause or (None if said.judgement is Judgement.FALSE_ALARM else alarm.cause)
    desk.say(alarm.observation_id, said.judgement, None, cause, said.comment, alarm.id)
    return ("kept", *_exempt(desk, alarm, said, until), *_end(desk, alarm, said))


def _exempt(desk: Desk, alarm: AlarmView, said: Said, until: datetime) -> tuple[str, ...]:
    now = desk.clock.now()
    if said.judgement not in EXEMPTS or not alarm.is_open or alarm.is_shelved(now) or until <= now:
        return ()
    if not desk.person.may(Deeds.SHELVE):
        return ()
    word = said.judgement.value.replace("_", " ")
    desk.act(alarm.id, AlarmAction.SHELVE, f"{word}: {said.comment}" if said.comment else word, until)
    return ("set aside",)


def _end(desk: Desk, alarm: AlarmView, said: Said) -> tuple[str, ...]:
    """A false alarm is seen, and over."""
    if said.judgement is not Judgement.FALSE_ALARM or not alarm.is_open:
        return ()
    done = []
    if alarm.acknowledged_at is None:
        alarm = desk.act(alarm.id, AlarmAction.ACKNOWLEDGE, "false alarm")
        done.append("acknowledged")
    if alarm.is_open and alarm.recovered_at is None:
        desk.act(alarm.id, AlarmAction.CLEAR, "false alarm")
        done.append("cleared")
    return tuple(done)
