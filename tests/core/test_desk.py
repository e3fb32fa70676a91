"""Who may what, through the desk that every route goes through, and the trail of it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.alarms.events import AlarmAction
from core.clock import ManualClock
from core.desk import LONGEST_SHELF, NEEDS, Deeds, Desk, Person, Way
from core.errors import AlarmError, NotAllowedError
from core.roles import Role, local_role, role_of
from core.settings import AccessSettings
from core.store import Store
from core.store.drills import Asked
from core.store.guidance_log import Guidance
from core.store.views import Alias, Judgement
from core.verdict import Quality
from tests.core.store.conftest import NOW, RULE, an_arrival

DRILL = Asked("flex", "scratch", "A scratch", ("scratch",), 1, timedelta(minutes=5))
Act = Callable[[Desk], Any]
DEEDS: dict[Deeds, Act] = {
    Deeds.ACKNOWLEDGE: lambda desk: desk.act(1, AlarmAction.ACKNOWLEDGE, "mine"),
    Deeds.CLEAR: lambda desk: desk.act(1, AlarmAction.CLEAR),
    Deeds.COMMENT: lambda desk: desk.act(1, AlarmAction.COMMENT, "a remark"),
    Deeds.SHELVE: lambda desk: desk.act(1, AlarmAction.SHELVE, "noisy", NOW + timedelta(hours=1)),
    Deeds.UNSHELVE: lambda desk: desk.act(1, AlarmAction.UNSHELVE),
    Deeds.JUDGE: lambda desk: desk.say(1, Judgement.FALSE_ALARM, 0),
    Deeds.DECIDE: lambda desk: desk.decide(1, (), None),
    Deeds.GUIDE: lambda desk: desk.write_guidance("flex", "scratch", Guidance("look"), "was missing"),
    Deeds.PROMOTE: lambda desk: desk.set_alias("flex", "m", Alias.CHAMPION, "1", "better"),
    Deeds.DRILL: lambda desk: desk.end_drill(desk.drill(DRILL)),
}


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}", tmp_path) as opened:
        opened.upgrade()
        opened.record("flex", "inbox", [an_arrival(Quality.BAD)], RULE)
        opened.register_model("flex", "m", "1", "d" * 64, "/m", {}, NOW)
        yield opened


def desk(store: Store, role: Role, name: str = "Ana") -> Desk:
    return Desk(store, Person(name, role, Way.PAGE, "ana@cern.ch"), ManualClock(NOW))


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_what_it_may_and_the_trail_tells_both(store: Store, role: Role, deed: Deeds) -> None:
    if deed is Deeds.UNSHELVE:
        store.act(1, AlarmAction.SHELVE, "Eva", "noisy", NOW, NOW + timedelta(hours=1))
    before = store.alarm(1), store.alias_history("flex"), store.guidance("flex", "scratch"), store.observation(1)
    if role >= NEEDS[deed]:
        DEEDS[deed](desk(store, role))
    else:
        with pytest.raises(NotAllowedError, match=f"needs the role {NEEDS[deed].word}"):
            DEEDS[deed](desk(store, role))
        assert before == (
            store.alarm(1), store.alias_history("flex"), store.guidance("flex", "scratch"), store.observation(1),
        )  # fmt: skip
    line = store.trail()[0]
    assert (line.author, line.role, line.via, line.deed) == ("Ana <ana@cern.ch>", role.word, "page", deed.value)
    assert (line.allowed, line.at) == (role >= NEEDS[deed], NOW)
    assert line.system in {"flex", ""}


@pytest.mark.parametrize("deed", DEEDS)
def test_nobody_without_a_name_does_anything(store: Store, deed: Deeds) -> None:
    with pytest.raises(NotAllowedError, match="needs the name"):
        DEEDS[deed](desk(store, Role.EXPERT, "  "))


def test_every_deed_says_which_role_it_needs() -> None:
    assert set(NEEDS) == set(Deeds)
    assert all(NEEDS[deed] > Role.VIEWER for deed in Deeds)


def test_what_the_store_refuses_leaves_no_trail_of_having_been_done(store: Store) -> None:
    ana = desk(store, Role.EXPERT)
    ana.act(1, AlarmAction.ACKNOWLEDGE)
    with pytest.raises(AlarmError, match="already acknowledged by Ana"):
        desk(store, Role.SHIFTER, "Ben").act(1, AlarmAction.ACKNOWLEDGE)
    with pytest.raises(AlarmError, match="7 days at most"):
        ana.act(1, AlarmAction.SHELVE, "for ever", NOW + LONGEST_SHELF + timedelta(hours=1))
    assert [line.deed for line in store.trail()] == ["acknowledge"]


@pytest.mark.parametrize(
    ("identity", "access", "signed_in", "role"),
    [
        ("eva@cern.ch", AccessSettings(experts=("Eva@CERN.ch",)), True, Role.EXPERT),
        ("ben@cern.ch", AccessSettings(shifters=("*@cern.ch",)), True, Role.SHIFTER),
        ("eve@evil.org", AccessSettings(shifters=("*@cern.ch",)), True, Role.VIEWER),
        ("", AccessSettings(experts=("*",)), True, Role.VIEWER),
        ("eve@evil.org", AccessSettings(), True, Role.VIEWER),
        ("eve@evil.org", AccessSettings(others="shifter"), True, Role.SHIFTER),
        ("root", AccessSettings(), False, Role.EXPERT),
        ("root", AccessSettings(experts=("eva",)), False, Role.VIEWER),
        ("eva", AccessSettings(experts=("eva",)), False, Role.EXPERT),
    ],
)
def test_who_has_which_role(identity: str, access: AccessSettings, signed_in: bool, role: Role) -> None:
    assert role_of(identity, access, signed_in=signed_in) is role


def test_who_only_told_a_name_acts_at_this_machine_only() -> None:
    assert local_role(AccessSettings(), loopback=True) is Role.EXPERT
    assert local_role(AccessSettings(local="shifter"), loopback=True) is Role.SHIFTER
    assert local_role(AccessSettings(experts=("eva",)), loopback=False) is Role.VIEWER
    assert local_role(AccessSettings(open_network=True), loopback=False) is Role.EXPERT
