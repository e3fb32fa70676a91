"""What people do, through whichever way in: the one place that asks whether they may and that keeps a trail of it.

Pages and command line act through a ``Desk``, never through the store's own methods (an architecture test sees to
it). A deed and its line of the audit trail are one transaction; what is refused is kept as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from core.alarms.events import AlarmAction
from core.clock import Clock, SystemClock
from core.drilling import LONGEST_MIN
from core.errors import AlarmError, DrillError, NotAllowedError
from core.roles import Role
from core.shifts import Span
from core.store import Store, drills
from core.store.audit import EVERYTHING, Deed, Sought
from core.store.guidance_log import Guidance
from core.store.views import AlarmView, Alias, AuditView, Disposition, Judgement, RegionDecision

LONGEST_SHELF = timedelta(days=7)
"""An alarm is set aside for a time: what shall stay silent longer is a matter of guidance, or of the detector."""


class Way(StrEnum):
    """Through which way in a person acts."""

    PAGE = "page"
    COMMAND = "command line"


class Deeds(StrEnum):
    """What people do."""

    ACKNOWLEDGE = "acknowledge"
    CLEAR = "clear"
    COMMENT = "comment"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    JUDGE = "judge"
    DECIDE = "decide"
    GUIDE = "edit guidance"
    PROMOTE = "promote"
    REPLAY = "replay"
    HAND_OVER = "hand over"
    READ_TRAIL = "read the trail"
    DRILL = "drill"


NEEDS: Mapping[Deeds, Role] = {
    Deeds.ACKNOWLEDGE: Role.SHIFTER,
    Deeds.CLEAR: Role.SHIFTER,
    Deeds.COMMENT: Role.SHIFTER,
    Deeds.JUDGE: Role.SHIFTER,
    Deeds.DECIDE: Role.SHIFTER,
    Deeds.SHELVE: Role.EXPERT,
    Deeds.UNSHELVE: Role.EXPERT,
    Deeds.GUIDE: Role.EXPERT,
    Deeds.PROMOTE: Role.EXPERT,
    Deeds.REPLAY: Role.EXPERT,
    Deeds.HAND_OVER: Role.SHIFTER,
    Deeds.READ_TRAIL: Role.EXPERT,
    Deeds.DRILL: Role.EXPERT,
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts. ``name`` is kept with everything that they do; without one they only look.

    ``identity``: who they are known to be (e-mail address of the sign-in, login), for the trail.
    """

    name: str
    role: Role
    way: Way
    identity: str = ""

    @property
    def signature(self) -> str:
        """Name and identity, where they differ."""
        return f"{self.name} <{self.identity}>" if self.identity not in {"", self.name} else self.name

    def may(self, deed: Deeds) -> bool:
        """Whether they may do it."""
        return bool(self.name.strip()) and self.role >= NEEDS[deed]


@dataclass(frozen=True, slots=True)
class Desk:
    """A person at the store."""

    store: Store
    person: Person
    clock: Clock = field(default_factory=SystemClock)

    def act(self, alarm_id: int, action: AlarmAction, note: str = "", until: datetime | None = None) -> AlarmView:
        """Acknowledge, clear, comment, shelve or take back an alarm.

        Raises
        ------
        NotAllowedError
            The person may not.
        AlarmError
            There is no such alarm, or its state does not allow it.
        """
        deed = self.deed(Deeds(action.value), f"alarm {alarm_id}", note)
        if until is not None and until - deed.at > LONGEST_SHELF + timedelta(minutes=1):
            raise AlarmError(f"an alarm can be set aside for {LONGEST_SHELF.days} days at most")
        return self.store.act(alarm_id, action, self.person.name, note, deed.at, until, deed)

    def say(
        self,
        observation_id: int,
        judgement: Judgement,
        region_index: int | None = None,
        cause: str | None = None,
        comment: str = "",
        alarm_id: int | None = None,
    ) -> int:
        """Say what an observation, or one region of it, really was; return the number of what was said."""
        note = " ".join(word for word in (judgement.value, cause or "", comment) if word)
        deed = self.deed(Deeds.JUDGE, f"observation {observation_id}", note)
        return self.store.add_feedback(
            observation_id, self.person.name, deed.at, judgement, region_index, cause, comment, alarm_id, deed
        )

    def decide(
        self,
        observation_id: int,
        decisions: Sequence[RegionDecision],
        record: Mapping[str, Any] | None,
        disposition: Disposition | None = None,
    ) -> int:
        """Decide on a whole observation; return the number of the decision."""
        deed = self.deed(Deeds.DECIDE, f"observation {observation_id}", disposition.value if disposition else "")
        return self.store.decide(observation_id, self.person.name, deed.at, decisions, record, disposition, deed=deed)

    def write_guidance(self, system: str, topic: str, said: Guidance, reason: str) -> None:
        """Write a new version of what to do about a cause."""
        deed = self.deed(Deeds.GUIDE, f"guidance for {topic}", reason, system)
        self.store.write_guidance(system, topic, said, self.person.name, reason, deed.at, deed)

    def set_alias(self, system: str, name: str, alias: Alias, version: str | None, reason: str) -> None:
        """Point ``champion`` or ``challenger`` to a version (None: to none): promote, or roll back."""
        subject = f"{alias.value} of {name}: {version or 'none'}"
        deed = self.deed(Deeds.PROMOTE, subject, reason, system)
        self.store.set_alias(system, name, alias, version, self.person.name, reason, deed.at, deed)

    def hand_over(self, shift: Span) -> None:
        """Note that the person hands a shift over: posts its report to the logbook. NotAllowedError if they may not."""
        deed = self.deed(Deeds.HAND_OVER, f"shift of {shift.begins.isoformat()}", "")
        self.store.note_deed(deed, allowed=True)

    def drill(self, asked: drills.Asked) -> int:
        """Begin a drill; return its number. The trail keeps it at once and tells of it once it is revealed.

        Raises
        ------
        NotAllowedError
            The person may not.
        DrillError
            One of this system goes on, or it would last too long.
        """
        deed = self.deed(Deeds.DRILL, "drill", f"{asked.fault}: {asked.title}", asked.system)
        if not timedelta(0) < asked.lasts <= timedelta(minutes=LONGEST_MIN):
            raise DrillError(f"a drill lasts {LONGEST_MIN:g} minutes at most")
        return drills.ask(self.store.database, asked, self.person.name, deed.at, deed)

    def end_drill(self, number: int) -> drills.DrillView:
        """End a drill before its time, and tell of it."""
        deed = self.deed(Deeds.DRILL, "drill", "ended before its time")
        return drills.reveal(self.store.database, number, deed.at, f"{self.person.name} ended it", deed)

    def drills_going_on(self) -> list[drills.DrillView]:
        """Return the drills that are not revealed, for those who may begin and end them."""
        self.deed(Deeds.DRILL, "drill", "asked which go on")
        return drills.all_running(self.store.database)

    def trail(self, limit: int, before_id: int | None = None, sought: Sought = EVERYTHING) -> list[AuditView]:
        """Return what people did and were refused, newest first; reading is kept only where it is refused.

        Raises
        ------
        NotAllowedError
            The person may not.
        """
        if not self.person.may(Deeds.READ_TRAIL):
            self.deed(Deeds.READ_TRAIL, "trail", "")
        return self.store.trail(limit, before_id, sought)

    def deed(self, what: Deeds, subject: str, note: str, system: str = "") -> Deed:
        """The deed, if the person may do it; else it is kept that it was refused."""
        person = self.person
        deed = Deed(
            self.clock.now(), person.signature, person.role.word, person.way.value, what.value, subject, note, system
        )
        if person.may(what):
            return deed
        self.store.note_deed(deed, allowed=False)
        if not person.name.strip():
            raise NotAllowedError(f"to {what.value} needs the name of who does it")
        raise NotAllowedError(f"{person.name} may not {what.value}: that needs the role {NEEDS[what].word}")
