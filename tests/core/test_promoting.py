"""Promoting, going back, challenging, asking for replays: with a reason, by whom it may be done."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.desk import Desk, Person, Way
from core.errors import ModelError, NotAllowedError, StoreError
from core.promoting import ask_replay, challenge, promote, roll_back
from core.roles import Role
from core.shifts import Span
from core.store import Store, replays
from core.store.views import Alias
from core.verdict import Model
from tests.core.store.conftest import NOW

SPAN = Span(NOW - timedelta(hours=8), NOW)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Store.open(f"sqlite:///{tmp_path / 'shiftwatch.db'}", tmp_path / "artefacts") as store:
        store.upgrade()
        for version in "1234":
            store.register_model("its", "m", version, version * 64, "/m", {}, NOW)
        yield Desk(store, Person("Eva", Role.EXPERT, Way.PAGE), ManualClock(NOW))


def champion(desk: Desk) -> str | None:
    known = desk.store.model("its", "m")
    return known.version if known else None


def test_going_back_goes_back_step_by_step(desk: Desk) -> None:
    with pytest.raises(ModelError, match="no other champion"):
        roll_back(desk, "its", "m", "why not")
    for version in "123":
        promote(desk, "its", Model("m", version), "better")
    assert roll_back(desk, "its", "m", "worse after all") == "2"
    assert roll_back(desk, "its", "m", "also worse") == "1"
    with pytest.raises(ModelError, match="no other champion"):
        roll_back(desk, "its", "m", "again")
    promote(desk, "its", Model("m", "4"), "new")
    assert roll_back(desk, "its", "m", "no") == champion(desk) == "1"
    assert desk.store.alias_history("its", "m")[-1].reason == "no"


def test_a_challenger_that_is_promoted_challenges_no_more(desk: Desk) -> None:
    promote(desk, "its", Model("m", "1"), "first")
    challenge(desk, "its", "m", "2", "try it")
    with pytest.raises(ModelError, match="cannot challenge itself"):
        challenge(desk, "its", "m", "1", "?")
    promote(desk, "its", Model("m", "2"), "it is better")
    assert champion(desk) == "2"
    assert desk.store.model("its", "m", Alias.CHALLENGER) is None


def test_a_change_needs_its_reason_and_an_expert(desk: Desk) -> None:
    with pytest.raises(ModelError, match="say why"):
        promote(desk, "its", Model("m", "1"), "  ")
    shifter = Desk(desk.store, Person("Ben", Role.SHIFTER, Way.COMMAND), desk.clock)
    for act in (
        lambda: promote(shifter, "its", Model("m", "1"), "better"),
        lambda: challenge(shifter, "its", "m", "2", "try"),
        lambda: ask_replay(shifter, "its", Model("m", "2"), SPAN),
    ):
        with pytest.raises(NotAllowedError, match="Ben may not"):
            act()
    assert champion(desk) is None
    assert replays.newest(desk.store.database, "its") == []


def test_replays_are_asked_for_once_and_kept_in_the_trail(desk: Desk) -> None:
    number = ask_replay(desk, "its", Model("m", "2"), SPAN)
    [view] = replays.newest(desk.store.database, "its")
    assert (view.id, view.model, view.span, view.author, view.is_over) == (number, Model("m", "2"), SPAN, "Eva", False)
    assert [deed.deed for deed in desk.store.trail()] == ["replay"]
    with pytest.raises(StoreError, match="under way"):
        ask_replay(desk, "its", Model("m", "3"), SPAN)
    desk.clock.sleep(3600)  # its process was killed
    assert ask_replay(desk, "its", Model("m", "3"), SPAN) > number
    assert replays.newest(desk.store.database, "its")[1].detail == "its process is gone"
    with pytest.raises(ModelError, match="no model m 9"):
        ask_replay(desk, "its", Model("m", "9"), SPAN)
