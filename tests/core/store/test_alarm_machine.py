"""Alarms in the store under any interleaving of verdicts, people, circumstances and clock, on both databases.

The lifecycle itself has a machine of its own (``tests/core/alarms``): here it is whether rows, history, verdicts and
overview stay of one mind, whoever comes in whichever order.
"""

import itertools
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from core.alarms.events import AlarmAction, ChangeKind
from core.alarms.severity import Severity
from core.clock import ManualClock
from core.contracts import AlarmRule, Arrival, Circumstance, Incident, Settled
from core.desk import Desk, Person, Way
from core.errors import AlarmError, NotAllowedError
from core.observation import Observation
from core.roles import Role
from core.store import Store
from core.store.guidance_log import Guidance
from core.verdict import Quality

from .conftest import NOW, a_verdict

PLACES = ("L0_01", "L3_07")
CAUSES = ("dead lane", "hot pixel")
NO_BEAM = Circumstance("no beam", "no beam (cosmics)", frozenset({"background", ""}))
ALL_APART = Circumstance("ramp", "the beams are being ramped")
SOURCE = "source qcdb"


class Console(RuleBasedStateMachine):
    """Cycles are judged, sources fall silent, people of all roles act, and time passes."""

    store: Store
    numbers = itertools.count()

    @initialize(count=st.integers(1, 2), clear=st.integers(1, 2), delay_s=st.sampled_from([0.0, 60.0]))
    def begin(self, count: int, clear: int, delay_s: float) -> None:
        self.system = f"s{next(self.numbers)}"
        self.rule = AlarmRule(count=count, clear_count=clear, delay_s=delay_s, flood=1, overdue_after_s=120.0)
        self.clock = ManualClock(NOW)
        self.cycle = 0

    def desk(self, role: Role) -> Desk:
        return Desk(self.store, Person(role.word, role, Way.PAGE), self.clock)

    @rule(
        kinds=st.lists(st.tuples(st.sampled_from(["place", "background"]), st.sampled_from(PLACES)), max_size=2),
        cause=st.sampled_from(CAUSES),
        quality=st.sampled_from([Quality.BAD, Quality.MEDIUM, Quality.NULL]),
        standing=st.sampled_from([None, (), (NO_BEAM,), (ALL_APART,)]),
    )
    def judge(
        self, kinds: list[tuple[str, str]], cause: str, quality: Quality, standing: tuple[Circumstance, ...] | None
    ) -> None:
        self.clock.sleep(10)
        self.cycle += 1
        at, key = self.clock.now(), f"c{self.cycle}"
        seen = Observation(
            system=self.system, element="ITS", key=key, observed_at=at, origin="qcdb", sha256="ab" * 32, conditions={}
        )
        told = tuple(
            Incident(kind, frozenset({place}), place, quality, at, cause, cause) for kind, place in dict.fromkeys(kinds)
        )
        verdict = a_verdict(quality if kinds or quality is Quality.NULL else Quality.GOOD, evidence={})
        settled = Settled(Arrival(key, "qcdb"), seen, verdict, at, None if quality is Quality.NULL else told, standing)
        self.store.record(self.system, "qcdb", [settled], self.rule)

    @rule(silent=st.booleans())
    def source(self, silent: bool) -> None:
        severity = Severity.INVALID if silent else Severity.OK
        self.store.condition(self.system, SOURCE, severity, self.clock.now(), "nothing came", holds_back=True)

    @rule(seconds=st.sampled_from([1, 30, 200]))
    def wait(self, seconds: int) -> None:
        self.clock.sleep(seconds)
        self.store.tick(self.clock.now(), {self.system: self.rule})

    @rule(
        which=st.integers(0, 5),
        action=st.sampled_from(AlarmAction),
        role=st.sampled_from(Role),
        minutes=st.integers(1, 4),
    )
    def act(self, which: int, action: AlarmAction, role: Role, minutes: int) -> None:
        known = self.store.alarms(open_only=False, system=self.system)
        if not known:
            return
        number = known[which % len(known)].id
        before = self.store.alarm(number)
        until = self.clock.now() + timedelta(minutes=minutes) if action is AlarmAction.SHELVE else None
        expert = action in {AlarmAction.SHELVE, AlarmAction.UNSHELVE}
        may = role >= (Role.EXPERT if expert else Role.SHIFTER)
        try:
            self.desk(role).act(number, action, "a note", until)
        except NotAllowedError:
            assert not may
            assert self.store.alarm(number) == before
        except AlarmError:
            assert may
            assert self.store.alarm(number) == before
        else:
            assert may
            after = self.store.alarm(number)
            assert after is not None
            assert len(after.events) > len(before.events if before else ())

    @rule(cause=st.sampled_from(CAUSES), needs=st.booleans())
    def guide(self, cause: str, needs: bool) -> None:
        self.desk(Role.EXPERT).write_guidance(self.system, cause, Guidance("look", needs_action=needs), "because")

    @invariant()
    def rows_and_history_agree(self) -> None:
        if not hasattr(self, "system"):
            return
        now = self.clock.now()
        for view in self.store.alarms(open_only=False, system=self.system):
            detail = self.store.alarm(view.id)
            assert detail is not None
            kinds = [event.kind for event in detail.events]
            assert kinds.count(ChangeKind.RAISED) == 1
            assert kinds.count(ChangeKind.CLEARED) == (not view.is_open)
            if not view.is_open:
                assert kinds[-1] in {ChangeKind.CLEARED, ChangeKind.COMMENTED}
                assert view.inhibited_by is None
            last = {kind: place for place, kind in enumerate(kinds)}
            if view.is_open:
                held = last.get(ChangeKind.INHIBITED, -1) > last.get(ChangeKind.RELEASED, -1)
                assert held is (view.inhibited_by is not None)
                assert (view.acknowledged_at is not None) is (
                    last.get(ChangeKind.ACKNOWLEDGED, -1) > last.get(ChangeKind.REOPENED, -1)
                )
            assert [event.at for event in detail.events] == sorted(event.at for event in detail.events)
            if view.element == SOURCE:
                assert view.inhibited_by is None
            assert view.needs_person(now) is (
                view.is_open and not view.is_shelved(now) and view.inhibited_by is None and not view.is_notice
            )

    @invariant()
    def nothing_is_lost_in_the_overview(self) -> None:
        if not hasattr(self, "system"):
            return
        now = self.clock.now()
        opened = self.store.alarms(system=self.system)
        [state] = [one for one in self.store.overview(now, systems=[self.system]) if one.system == self.system]
        apart = state.shelved + state.inhibited + state.notices
        assert sum(state.open_alarms.values()) + apart == len(opened)
        assert sum(state.open_alarms.values()) == sum(view.needs_person(now) for view in opened)
        assert state.unacknowledged == sum(v.needs_person(now) and v.acknowledged_at is None for v in opened)

    def teardown(self) -> None:
        """The trail tells every deed, and no other."""
        if not hasattr(self, "system"):
            return
        signed = sum(
            bool(event.author) and event.kind in {ChangeKind.ACKNOWLEDGED, ChangeKind.COMMENTED}
            for event in self.store.alarm_history(NOW, self.clock.now() + timedelta(seconds=1), self.system)
        )
        done = [
            line
            for line in self.store.trail(10_000)
            if line.allowed and line.system == self.system and line.deed in {"acknowledge", "comment"}
        ]
        assert len(done) == signed


@pytest.mark.slow
def test_alarms_under_any_interleaving(store: Store) -> None:
    machine = type("Machine", (Console,), {"store": store})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=16,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
