"""The lifecycle under any sequence of events, against a model that keeps the whole story."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.alarms.events import (
    Acknowledge,
    Change,
    ChangeKind,
    Clear,
    Comment,
    Event,
    Inhibit,
    Judged,
    Release,
    Shelve,
    Tick,
    Unshelve,
)
from core.alarms.lifecycle import step
from core.alarms.severity import Severity
from core.alarms.state import AlarmState, Phase
from core.contracts import AlarmRule
from core.errors import AlarmError

BAD = st.sampled_from([severity for severity in Severity if severity is not Severity.OK])
SECONDS = st.integers(0, 40)
_ASKING = {ChangeKind.RAISED, ChangeKind.REOPENED, ChangeKind.UNSHELVED, ChangeKind.RELEASED, ChangeKind.ACKNOWLEDGED}


@dataclass
class Story:
    """What is known of the present spell, told independently of the lifecycle."""

    severities: list[Severity] = field(default_factory=list)
    began: datetime | None = None
    raised: bool = False
    worst: Severity = Severity.OK
    over: bool = True
    acknowledged: bool = False
    goods: int = 0


class Lifecycle(RuleBasedStateMachine):
    """Judges, people and time act on one alarm."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 5, 4, tzinfo=UTC)
        self.state = AlarmState()
        self.history: list[Change] = []
        self.story = Story()
        self.shelved_until: datetime | None = None
        self.inhibited = False

    @initialize(
        delay_s=st.sampled_from([0.0, 30.0]), count=st.integers(1, 3), latch=st.booleans(), clear=st.integers(1, 3)
    )
    def choose_rule(self, delay_s: float, count: int, latch: bool, clear: int) -> None:
        self.rule = AlarmRule(delay_s=delay_s, count=count, latch=latch, clear_count=clear, overdue_after_s=90.0)

    def do(self, event: Event) -> tuple[Change, ...]:
        if self.shelved_until is not None and event.at >= self.shelved_until:
            self.shelved_until = None
        self.state, changes = step(self.state, event, self.rule)
        self.history += changes
        return changes

    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def raise_if_due(self) -> None:
        story = self.story
        if story.raised or story.began is None:
            return
        long = self.rule.delay_s > 0 and (self.now - story.began).total_seconds() >= self.rule.delay_s
        often = len(story.severities) >= self.rule.count and (self.rule.count > 1 or not self.rule.delay_s)
        if long or often:
            story.raised, story.worst, story.over = True, story.severities[-1], False

    @rule(severity=BAD, seconds=SECONDS)
    def bad(self, severity: Severity, seconds: int) -> None:
        self.wait(seconds)
        self.do(Judged(self.now, severity, self.now, "bad"))
        story = self.story
        story.began = story.began or self.now
        story.severities.append(severity)
        story.goods = 0
        if story.raised:
            story.over = False
            story.acknowledged = story.acknowledged and severity <= story.worst
            story.worst = max(story.worst, severity) if self.rule.latch else severity
        self.raise_if_due()

    @rule(seconds=SECONDS)
    def good(self, seconds: int) -> None:
        self.wait(seconds)
        self.do(Judged(self.now, Severity.OK, self.now))
        self.story.goods += 1
        if self.story.raised and self.story.goods < self.rule.clear_count:
            return
        self.story.over = True
        if not self.story.raised or self.story.acknowledged or not self.rule.latch:
            self.story = Story()

    @rule(seconds=SECONDS)
    def tick(self, seconds: int) -> None:
        self.wait(seconds)
        self.do(Tick(self.now))
        self.raise_if_due()

    @precondition(lambda self: self.story.raised and not self.story.acknowledged)
    @rule()
    def acknowledge(self) -> None:
        self.do(Acknowledge(self.now, "ana"))
        self.story.acknowledged = True
        if self.story.over:
            self.story = Story()

    @precondition(lambda self: self.story.raised and not self.story.over)
    @rule()
    def clear(self) -> None:
        self.do(Clear(self.now, "ana"))
        self.story.over = True
        self.story.goods = self.rule.clear_count
        if self.story.acknowledged or not self.rule.latch:
            self.story = Story()

    @precondition(lambda self: self.story.raised)
    @rule(seconds=st.integers(1, 60))
    def shelve(self, seconds: int) -> None:
        until = self.now + timedelta(seconds=seconds)
        self.do(Shelve(self.now, "ana", "noisy", until))
        self.shelved_until = until

    @precondition(lambda self: self.story.raised and self.shelved_until is not None and self.now < self.shelved_until)
    @rule()
    def unshelve(self) -> None:
        self.do(Unshelve(self.now, "ana"))
        self.shelved_until = None

    @precondition(lambda self: self.story.began is not None)
    @rule(reason=st.sampled_from(["no beam", "the source is silent"]))
    def inhibit(self, reason: str) -> None:
        was = self.state
        self.do(Inhibit(self.now, reason))
        assert self.state.inhibited is not None
        assert (self.state.phase, self.state.severity) == (was.phase, was.severity)
        self.inhibited = True

    @rule()
    def release(self) -> None:
        was = self.state
        self.do(Release(self.now))
        assert self.state.inhibited is None
        assert (self.state.phase, self.state.severity) == (was.phase, was.severity)
        self.inhibited = False

    @rule()
    def comment(self) -> None:
        before = self.state.phase, self.state.severity
        self.do(Comment(self.now, "ana", "looking"))
        assert (self.state.phase, self.state.severity) == before

    @precondition(lambda self: not self.story.raised)
    @rule(event=st.sampled_from([Acknowledge, Clear, Unshelve]))
    def nothing_to_act_on(self, event: type[Acknowledge | Clear | Unshelve]) -> None:
        before = self.state
        with pytest.raises(AlarmError):
            step(self.state, event(self.now, "ana"), self.rule)
        assert self.state == before

    @invariant()
    def agrees_with_the_story(self) -> None:
        assert self.state.is_raised is self.story.raised
        assert self.state.severity is self.story.worst
        assert (self.state.acknowledged is not None) is self.story.acknowledged
        if self.story.raised:
            assert (self.state.current is Severity.OK) is self.story.over
            assert (self.state.recovered_at is not None) is self.story.over
        assert (self.state.shelf.until if self.state.shelf else None) == self.shelved_until

    @invariant()
    def nobody_is_asked_while_it_is_put_off(self) -> None:
        """Overdue is said at most once from one asking to the next, never of what is put off, over or acknowledged."""
        self.inhibited = self.inhibited and self.story.began is not None
        assert (self.state.inhibited is not None) is self.inhibited
        story = self.story
        put_off = self.inhibited or self.shelved_until is not None
        asking = story.raised and not story.over and not story.acknowledged and not put_off
        assert self.state.is_asking is asking
        if self.state.overdue_at is not None:
            assert story.raised
            assert not story.acknowledged
            assert self.state.asked_at is not None
        overdue = False
        for change in self.history:
            if change.kind in _ASKING:
                overdue = False
            if change.kind is ChangeKind.OVERDUE:
                assert not overdue
                overdue = True

    @invariant()
    def is_consistent(self) -> None:
        state = self.state
        if not state.is_raised:
            assert state.phase in {Phase.NORMAL, Phase.PENDING}
            assert state.acknowledged is None
            assert state.raised_at is None
        if state.phase is Phase.NORMAL:
            assert state == AlarmState(shelf=state.shelf)
        if state.phase is Phase.RECOVERED:
            assert state.acknowledged is None
            assert state.recovered_at is not None
        if hasattr(self, "rule") and self.rule.latch:
            assert state.severity >= state.current or not state.is_raised
        if state.good_count:
            assert state.current is not Severity.OK
            assert state.good_count < self.rule.clear_count

    @invariant()
    def history_tells_the_state(self) -> None:
        """Raised and cleared alternate, times do not run backwards, and the last of the two says if it is open."""
        turns = [c.kind for c in self.history if c.kind in {ChangeKind.RAISED, ChangeKind.CLEARED}]
        assert turns == [ChangeKind.RAISED, ChangeKind.CLEARED] * (len(turns) // 2) + (
            [ChangeKind.RAISED] if len(turns) % 2 else []
        )
        assert bool(len(turns) % 2) is self.state.is_raised
        instants = [change.at for change in self.history]
        assert instants == sorted(instants)


Lifecycle.TestCase.settings = settings(
    max_examples=150,
    derandomize=True,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLifecycle = Lifecycle.TestCase
