"""The life of an alarm on its pages and at the command line: views, roles, setting aside, guidance, free text."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner, Result

from app.cli import app
from app.dashboard.alarm_groups import Shelf, flood, grouped, shelf_of
from core.alarms.events import AlarmAction
from core.alarms.severity import Severity
from core.contracts import AlarmRule, Arrival, Incident, Settled
from core.errors import NotAllowedError
from core.observation import Observation
from core.store import Store
from core.store.guidance_log import Guidance
from core.store.views import AlarmView, Judgement
from core.verdict import Quality, Verdict
from tests.app.conftest import PageRun
from tests.app.test_pages import press, text

RULE = AlarmRule(flood=50)
SCRIPT = "<script>document.title='hacked'</script><img src=x onerror=alert(1)>"


def cycle(store: Store, minutes_ago: float, *incidents: Incident) -> datetime:
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    seen = Observation(
        system="its", element="ITS", key=f"c{minutes_ago}", observed_at=at, origin="qcdb", sha256="a" * 64,
        conditions={"run": 1, "cycle": 2, "beam_type": "pp"},
    )  # fmt: skip
    verdict = Verdict(quality=Quality.BAD if incidents else Quality.GOOD, score=1.0, threshold=0.5)
    store.record("its", "qcdb", [Settled(Arrival(f"t{minutes_ago}", "q"), seen, verdict, at, incidents, ())], RULE)
    return at


def incident(element: str = "L3_07", cause: str = "dead lane", minutes_ago: float = 5) -> Incident:
    since = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    return Incident("place", frozenset({element}), element, Quality.BAD, since, cause, f"{cause} at {element}")


@pytest.fixture
def alarm(shelf: Store) -> AlarmView:
    """One open alarm of a dead lane; one like it was closed before."""
    cycle(shelf, 500, incident(minutes_ago=500))
    cycle(shelf, 490)
    [past] = shelf.alarms()
    shelf.act(past.id, AlarmAction.ACKNOWLEDGE, "Eva", "power cycled", datetime.now(UTC) - timedelta(minutes=480))
    assert past.observation_id is not None
    at = datetime.now(UTC)
    shelf.add_feedback(past.observation_id, "Eva", at, Judgement.KNOWN, alarm_id=past.id)
    cycle(shelf, 5, incident())
    return shelf.alarms()[0]


def viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTWATCH_ACCESS__LOCAL", "viewer")


# -- views


def test_every_view_has_an_address(run_page: PageRun, shelf: Store, alarm: AlarmView) -> None:
    now = datetime.now(UTC)
    cycle(shelf, 4, incident(), incident("L0_01", "hot pixel"), incident("L6_20", "noisy chip"))
    hot, noisy = (view.id for view in sorted(shelf.alarms(), key=lambda view: view.element)[:3:2])
    shelf.write_guidance("its", "hot pixel", Guidance("nothing to do", needs_action=False), "Eva", "never", now)
    shelf.act(noisy, AlarmAction.SHELVE, "Eva", "is masked soon", now, now + timedelta(hours=2))
    assert hot != noisy
    shelf.condition("flex", "source folder", Severity.INVALID, now, "nothing came", holds_back=True)
    shelf.condition("flex", "other source", Severity.INVALID, now, "silent too")
    shown = {name: text(run_page("alarms", view=name)) for name in Shelf}
    assert "L3\\_07" in shown[Shelf.OPEN]
    assert "hot pixel" in shown[Shelf.NOTICES]
    assert "Needs nobody" in shown[Shelf.NOTICES]
    assert "Set aside by Eva" in shown[Shelf.SHELVED]
    assert "is masked soon" in shown[Shelf.SHELVED]
    assert "Closed, seen by Eva" in shown[Shelf.CLOSED]
    assert "Nothing is held back" in shown[Shelf.HELD]
    assert "hot pixel" not in shown[Shelf.OPEN] + shown[Shelf.CLOSED]
    only = text(run_page("alarms", system="flex"))
    assert "source folder" in only
    assert "dead lane" not in only


@pytest.mark.parametrize("query", [{"view": "nonsense"}, {"system": "x"}, {"view": "closed", "before": "x"}])
def test_nonsense_in_an_address_is_no_error(run_page: PageRun, alarm: AlarmView, query: dict[str, str]) -> None:
    assert not run_page("alarms", **query).exception


def test_what_is_held_back_says_why(run_page: PageRun, shelf: Store) -> None:
    now = datetime.now(UTC)
    shelf.condition("flex", "source folder", Severity.INVALID, now, "nothing came for 600 s", holds_back=True)
    with shelf.database.writing("flex"):
        pass
    broken = Verdict(quality=Quality.NULL, score=None, threshold=None, reason="no image")
    seen = Observation(
        system="flex", element="B1", key="k", observed_at=now, origin="/b.jpg", sha256="a" * 64, conditions={}
    )
    shelf.record("flex", "folder", [Settled(Arrival("t", "/b.jpg"), seen, broken, now)], AlarmRule())
    shown = text(run_page("alarms", view="held"))
    assert "B1" in shown
    assert "Held back: nothing came for 600 s" in shown
    assert "B1" not in text(run_page("alarms"))


def test_many_of_one_cause_are_one_line_and_a_flood_is_told(run_page: PageRun, shelf: Store) -> None:
    cycle(shelf, 2, *(incident(f"L3_{n:02d}", "dead chip", 2) for n in range(12)))
    shown = text(run_page("alarms"))
    assert "**12 alarms**: dead chip" in shown
    assert "Flood: 12 alarms in ten minutes" in shown
    assert "ITS, dead chip: 12" in shown
    now = datetime.now(UTC)
    assert len(grouped(shelf.alarms())) == 1
    assert flood(shelf.alarms(), now + timedelta(minutes=20)) is None
    assert {shelf_of(view, now) for view in shelf.alarms()} == {Shelf.OPEN}


# -- one alarm


def test_an_alarm_tells_what_past_ones_turned_out_to_be(run_page: PageRun, alarm: AlarmView) -> None:
    shown = text(run_page("alarms", alarm=alarm.id))
    assert "Turned out: known. “power cycled”" in shown


def test_an_expert_sets_an_alarm_aside_and_takes_it_back(run_page: PageRun, shelf: Store, alarm: AlarmView) -> None:
    page = run_page("alarms", alarm=alarm.id)
    page = press(page, f"shelve_{alarm.id}")
    assert "needs a reason" in page.error[0].value
    page.text_input(key="shelf_reason").set_value("lane is being repaired")
    page.selectbox(key="shelf_span").set_value("8 hours")
    page = press(page, f"shelve_{alarm.id}")
    [view] = shelf.alarms()
    assert (view.shelved_by, view.shelved_reason) == ("Anna Keller", "lane is being repaired")
    assert view.shelved_until is not None
    assert timedelta(hours=7.9) < view.shelved_until - datetime.now(UTC) <= timedelta(hours=8)
    press(page, f"unshelve_{alarm.id}")
    assert shelf.alarms()[0].shelved_until is None
    assert [line.deed for line in shelf.trail()] == ["unshelve", "shelve"]


def test_an_expert_writes_what_to_do_and_the_page_and_the_overview_say_it(
    run_page: PageRun, shelf: Store, alarm: AlarmView
) -> None:
    page = run_page("alarms", alarm=alarm.id)
    key = "guidance_its_dead lane_0"
    page.text_area(key=f"{key}_text").set_value("Power cycle the lane once.")
    page.text_input(key=f"{key}_contact").set_value("ITS expert, 16 5555")
    page = press(page, f"{key}_store")
    assert "needs its author's name and a reason" in page.error[0].value
    page.text_input(key=f"{key}_reason").set_value("new procedure")
    page.number_input(key=f"{key}_respond").set_value(20.0)
    page = press(page, f"{key}_store")
    shown = text(page)
    assert "Power cycle the lane once\\." in shown
    assert "Version 1 of Anna Keller" in shown
    [version] = shelf.guidance("its", "dead lane")
    assert (version.contact, version.respond_min, version.reason) == ("ITS expert, 16 5555", 20.0, "new procedure")
    assert "Power cycle the lane once. ITS expert, 16 5555" in text(run_page("overview"))


def test_a_viewer_only_looks(
    run_page: PageRun, shelf: Store, alarm: AlarmView, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer(monkeypatch)
    page = run_page("alarms", alarm=alarm.id)
    assert "Your role (viewer) does not include this" in text(page)
    assert all(page.button(key=f"{action}_{alarm.id}").disabled for action in ("acknowledge", "clear", "comment"))
    assert "guidance_its_dead lane_0_text" not in {area.key for area in page.text_area}
    tampered = AppTest.from_function(_press_all, default_timeout=30, kwargs={"alarm_id": alarm.id})
    tampered.session_state["operator_name"] = "Anna Keller"
    tampered.session_state["alarm_note"] = "tampered with"
    assert not tampered.run().exception
    detail = shelf.alarm(alarm.id)
    assert detail is not None
    assert [event.author for event in detail.events] == [""]
    assert not shelf.guidance("its", "dead lane")
    assert [line.allowed for line in shelf.trail()] == [False] * 4


def _press_all(alarm_id: int) -> None:
    """Do what the keys do, as a page that was tampered with would."""
    from app.dashboard.panels import alarm_actions, alarm_guidance
    from core.alarms.events import AlarmAction

    for action in (AlarmAction.ACKNOWLEDGE, AlarmAction.CLEAR, AlarmAction.COMMENT):
        alarm_actions._act(alarm_id, action)
    alarm_guidance._store("its", "dead lane", "guidance_its_dead lane_0")


def test_a_viewer_does_nothing_at_the_command_line(
    shelf: Store, alarm: AlarmView, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.register_model("its", "m", "1", "d" * 64, "/m", {}, datetime.now(UTC))
    monkeypatch.setenv("SHIFTWATCH_ACCESS__EXPERTS", '["nobody-else"]')
    number = str(alarm.id)
    for words in (
        ["alarms", "ack", number],
        ["alarms", "clear", number, "--by", "nobody-else"],
        ["alarms", "comment", number, "--note", "x"],
        ["alarms", "shelve", number, "--for", "2h", "--reason", "x"],
        ["alarms", "unshelve", number],
        ["models", "promote", "its", "m", "1", "--by", "nobody-else"],
    ):
        assert isinstance(run(*words).exception, NotAllowedError), words
    assert shelf.alarm(alarm.id) is not None
    assert shelf.model("its", "m") is None
    assert [line.allowed for line in shelf.trail()] == [False] * 6
    assert "REFUSED promote" in run("alarms", "trail").output


def test_an_open_network_without_sign_in_only_shows(
    run_page: PageRun, alarm: AlarmView, monkeypatch: pytest.MonkeyPatch
) -> None:
    import streamlit as st

    st.config.set_option("server.address", "0.0.0.0")
    page = run_page("alarms", alarm=alarm.id)
    assert page.button(key=f"acknowledge_{alarm.id}").disabled
    assert "open to the network: it only shows" in text(page)
    monkeypatch.setenv("SHIFTWATCH_ACCESS__OPEN_NETWORK", "true")
    st.cache_resource.clear()
    assert not run_page("alarms", alarm=alarm.id).button(key=f"acknowledge_{alarm.id}").disabled


# -- free text


def test_what_people_and_files_write_is_text_on_every_page(run_page: PageRun, shelf: Store, alarm: AlarmView) -> None:
    now = datetime.now(UTC)
    shelf.act(alarm.id, AlarmAction.COMMENT, SCRIPT, SCRIPT, now)
    shelf.act(alarm.id, AlarmAction.SHELVE, SCRIPT, SCRIPT, now, now + timedelta(hours=1))
    shelf.write_guidance("its", "dead lane", Guidance(SCRIPT, SCRIPT), SCRIPT, SCRIPT, now)
    bad = Verdict(quality=Quality.BAD, score=1.0, threshold=0.5)
    seen = Observation(
        system="flex", element=SCRIPT, key="k", observed_at=now, origin=f"/{SCRIPT}", sha256="a" * 64, conditions={}
    )
    shelf.record("flex", "folder", [Settled(Arrival("t", f"/{SCRIPT}"), seen, bad, now)], AlarmRule())
    flex = shelf.alarms(system="flex")[0].id
    for page in (
        run_page("overview"),
        run_page("alarms"),
        run_page("alarms", view="shelved"),
        run_page("alarms", alarm=alarm.id),
        run_page("alarms", alarm=flex),
    ):
        assert not page.exception
        for element in page.get("html"):
            assert "<script" not in str(element.proto)
            assert "<img src=x" not in str(element.proto)
        for element in [*page.markdown, *page.caption, *page.error, *page.header]:
            assert "<script" not in element.value.replace("\\<", "")
            assert not getattr(element, "allow_html", False)


# -- command line


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_the_life_of_an_alarm_at_the_command_line(home: Path, shelf: Store, alarm: AlarmView) -> None:
    number = str(alarm.id)
    shelved = run("alarms", "shelve", number, "--for", "1.5h", "--reason", "noisy", "--by", "Eva")
    assert "set aside until" in shelved.output
    assert "[set aside by Eva: noisy]" in run("alarms", "list").output
    assert run("alarms", "unshelve", number, "--by", "Eva").exit_code == 0
    assert run("alarms", "comment", number, "--note", "a\x1b[31m remark", "--by", "Eva").exit_code == 0
    assert run("alarms", "ack", number, "--by", "Eva").exit_code == 0
    assert run("alarms", "clear", number, "--by", "Eva").output.endswith("closed\n")
    trail = run("alarms", "trail").output
    assert "\x1b" not in trail
    assert trail.count("command line") == 5
    assert "Eva <" in trail


@pytest.mark.parametrize("time", ["", "2", "-2h", "8d", "1e9h", "2 weeks", "0h"])
def test_a_time_that_is_none_is_refused(home: Path, shelf: Store, alarm: AlarmView, time: str) -> None:
    done = run("alarms", "shelve", str(alarm.id), "--for", time, "--reason", "x")
    assert done.exit_code != 0
    assert shelf.alarms()[0].shelved_until is None
