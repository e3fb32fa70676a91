"""The console in a real browser, where people sign in: who may what, the life of an alarm, models, the trail.

One server, one store, one tab for each person. The store is that of ``console_home``: what people and files can
write is hostile in it.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

import core.desk
from app.supervision import Service, crew, free_port
from core.alarms.events import AlarmAction, ChangeKind
from core.desk import Person, Way
from core.errors import NotAllowedError
from core.roles import Role
from core.store import Store, replays
from core.store.audit import Sought
from tests.e2e.conftest import ROOT, SLOWEST_MS, settle
from tests.e2e.console_home import SERIAL, fill
from tests.e2e.provider import CLIENT, CLIENT_SECRET, Provider, provider

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
LANE, BACKGROUND, CHIP, OTHER_CHIP, BOARD, CUT = 8, 9, 11, 12, 1, 2
EVA, SAM, VIC = ("Eva Expert", "eva@cern.ch"), ("Sam Shifter", "sam@cern.ch"), ("Vic Viewer", "vic@elsewhere.org")
SCRIPT = "<script>window.hacked=1</script>"


@dataclass
class Desk:
    """The dashboard behind its sign-in, and the tab of everybody who has signed in so far."""

    address: str
    home: Path
    accounts: Provider
    browser: Browser
    tabs: dict[str, Page] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def store(self) -> Store:
        return Store.open(f"sqlite:///{self.home / 'shiftwatch.db'}", self.home / "artefacts")

    def open(self, who: tuple[str, str], path: str, *, verified: bool = True) -> Page:
        """Return the tab of a person at an address; they sign in first if they have not."""
        name, email = who
        key = f"{email} {verified}"
        if key not in self.tabs:
            self.accounts.claims = {"name": name, "email": email, "email_verified": verified}
            page = self.tabs[key] = self.stranger()
            page.goto(self.address)
            settle(page)
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_text(name).first).to_be_visible(timeout=SLOWEST_MS)
        page = self.tabs[key]
        page.goto(f"{self.address}{path}")
        settle(page)
        return page

    def stranger(self) -> Page:
        """Return a tab of a browser in which nobody signed in."""
        context = self.browser.new_context(viewport={"width": 1280, "height": 720}, timezone_id="Europe/Zurich")
        context.set_default_timeout(SLOWEST_MS)
        page = context.new_page()
        page.on("dialog", self._dialog)
        return page

    def _dialog(self, one: Dialog) -> None:
        self.asked.append(one.message)
        one.dismiss()


@pytest.fixture(scope="module")
def desk(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Run the dashboard where people sign in: Eva is an expert, everybody else at cern.ch a shifter."""
    home, port = tmp_path_factory.mktemp("console"), free_port(0)
    fill(home, datetime.now(UTC))
    with provider() as accounts, crew(tmp_path_factory.mktemp("logs")) as members:
        secrets = home / "secrets.toml"
        secrets.write_text(
            f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\n'
            f'cookie_secret = "a-long-secret-for-this-test-alone"\nclient_id = "{CLIENT}"\n'
            f'client_secret = "{CLIENT_SECRET}"\n'
            f'server_metadata_url = "{accounts.url}/.well-known/openid-configuration"\n'
        )
        secrets.chmod(0o600)
        command = [
            sys.executable, "-m", "streamlit", "run", str(ROOT / "app/dashboard/main.py"), f"--server.port={port}",
            f"--secrets.files={secrets}",
        ]  # fmt: skip
        environment = {
            "SHIFTWATCH_HOME": str(home), "PYTHONPATH": str(ROOT),
            "SHIFTWATCH_ACCESS__EXPERTS": '["eva@cern.ch"]', "SHIFTWATCH_ACCESS__SHIFTERS": '["*@cern.ch"]',
        }  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        members.start(Service("signed", command, environment, f"{address}/_stcore/health"))
        members.wait_ready("signed", timeout_s=180)
        opened = Desk(address, home, accounts, browser)
        yield opened
        for page in opened.tabs.values():
            page.context.close()


# -- who may what


def test_who_did_not_sign_in_sees_nothing(desk: Desk) -> None:
    page = desk.stranger()
    page.goto(f"{desk.address}/alarms?alarm={LANE}")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert page.get_by_text("L4_12").count() == 0
    page.context.close()


def test_the_role_goes_by_the_verified_address(desk: Desk) -> None:
    path = f"/alarms?alarm={CHIP}"
    for page in (desk.open(VIC, path), desk.open(("Not Eva", "eva@cern.ch"), path, verified=False)):
        for label in ("I take care of it", "It is over", "Only add the note", "Set aside", "It is so"):
            expect(page.get_by_role("button", name=label).first).to_be_disabled()
    expect(desk.open(SAM, path).get_by_role("button", name="Set aside")).to_be_disabled()
    expect(desk.open(EVA, path).get_by_role("button", name="Set aside")).to_be_enabled()


def test_two_people_at_one_alarm_the_second_learns_who_was_first(desk: Desk) -> None:
    path = f"/alarms?alarm={CHIP}"
    expert, shifter = desk.open(EVA, path), desk.open(SAM, path)
    shifter.keyboard.press("e")
    expect(shifter.get_by_text("Acknowledged by Sam Shifter")).to_be_visible()
    expert.get_by_role("button", name="I take care of it").click()  # its page is seconds older
    expect(expert.get_by_text("already acknowledged by Sam Shifter")).to_be_visible()
    with desk.store() as store:
        known = store.alarm(CHIP)
        assert known is not None
        assert known.view.acknowledged_by == "Sam Shifter"
        assert store.trail()[0].author == "Sam Shifter <sam@cern.ch>"


def test_a_viewer_who_forges_what_the_keys_send_changes_nothing(desk: Desk) -> None:
    """Streamlit drops what a disabled key sends; that the service refuses as well is tested in ``tests/app``."""
    keys = ("acknowledge", "clear", "alarm_answer_right")
    forge(desk, VIC, "alarms", f"alarm={OTHER_CHIP}", keys)
    forge(desk, VIC, "models", "models_of=its", ("model_promote", "model_rollback", "model_replay"))
    with desk.store() as store:
        known = store.alarm(OTHER_CHIP)
        assert known is not None
        assert known.view.acknowledged_at is None
        assert known.view.is_open
        assert len(store.alias_history("its")) == 2
        assert not replays.newest(store.database, "its")
        assert not [line for line in store.trail(100, None, Sought(person="vic@")) if line.allowed]
    forge(desk, SAM, "alarms", f"alarm={OTHER_CHIP}", keys[:1])  # the same message of one who may
    with desk.store() as store:
        assert store.trail()[0].author == "Sam Shifter <sam@cern.ch>"
        assert store.trail()[0].subject == f"alarm {OTHER_CHIP}"


def forge(desk: Desk, who: tuple[str, str], page: str, query: str, keys: tuple[str, ...]) -> None:
    """Send that keys of a page were pressed, disabled or not, without a browser but with the cookies of a person's."""
    held = desk.open(who, f"/{page}?{query}").context.cookies()
    cookies = {str(one.get("name")): str(one.get("value")) for one in held}
    with connect(
        desk.address.replace("http", "ws", 1) + "/_stcore/stream",
        subprotocols=[Subprotocol("streamlit"), Subprotocol(cookies["_streamlit_xsrf"])],
        additional_headers={
            "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
            "Origin": desk.address,
        },
        max_size=None,
    ) as socket:
        ids = run(socket, page, query, "")
        for key in keys:
            [number] = [one for one in ids if key in one]
            run(socket, page, query, number)


def run(socket, page: str, query: str, pressed: str) -> set[str]:  # type: ignore[no-untyped-def]
    """Run the page, with one key pressed; return the ids of all keys that it drew."""
    message, ids = BackMsg(), set()
    message.rerun_script.page_name, message.rerun_script.query_string = page, query
    if pressed:
        message.rerun_script.widget_states.widgets.add(id=pressed, trigger_value=True)
    socket.send(message.SerializeToString())
    while True:
        told = ForwardMsg.FromString(socket.recv(timeout=60))
        if told.WhichOneof("type") == "delta" and told.delta.new_element.WhichOneof("type") == "button":
            ids.add(told.delta.new_element.button.id)
        if told.WhichOneof("type") == "script_finished":
            return ids


# -- hostile text


def test_whatever_people_and_files_write_is_shown_as_text(desk: Desk) -> None:
    shown = {
        "/": "",
        "/alarms": SCRIPT,
        "/alarms?view=shelved": "masked tomorrow <script>",
        "/alarms?view=held": "egnp.exe",
        f"/alarms?alarm={LANE}": r"\u202egnp.exe\u2069",
        f"/alarms?alarm={BOARD}": SERIAL,
        f"/alarms?alarm={CUT}": r"\u202egnp.exe\u2069",
        f"/inspection?board={BOARD}": SERIAL,
        "/models?models_of=its": "rival<script>1",
        "/health": "",
        "/report": SCRIPT,
        "/trail?since=All": "",
    }
    for path, words in shown.items():
        page = desk.open(EVA, path)
        assert page.evaluate("window.hacked") is None, path
        assert page.locator("img[src='x'], a[href^='javascript']").count() == 0, path
        assert page.locator("[data-testid='stException']").count() == 0, path
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, (path, wide)
        text = page.inner_text(".stMain")
        assert words in text, (path, words)
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", text), path
    assert not desk.asked


# -- the life of an alarm


def test_an_alarm_is_set_aside_with_reason_and_end_and_taken_back(desk: Desk) -> None:
    page = desk.open(EVA, f"/alarms?alarm={LANE}")
    page.get_by_role("button", name="Set aside").click()
    page.get_by_role("button", name="Set it aside").click()
    expect(page.get_by_text("setting an alarm aside needs a reason")).to_be_visible()
    page.get_by_label("Why (everybody sees it)").fill("lane is being repaired")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Set it aside").click()
    expect(
        page.get_by_text(re.compile(r"Set aside by Eva Expert until \d\d:\d\d: lane is being repaired"))
    ).to_have_count(2)
    listed = desk.open(SAM, "/alarms?view=shelved")
    expect(listed.get_by_text("lane is being repaired")).to_be_visible()
    page.keyboard.press("b")
    expect(page.get_by_text("Taken back by Eva Expert")).to_be_visible()
    expect(desk.open(SAM, "/alarms").get_by_text("L4_12/lane 7", exact=True)).to_be_visible()


def test_an_experts_guidance_is_kept_in_versions_and_shown_to_who_acts(desk: Desk) -> None:
    page = desk.open(EVA, f"/alarms?alarm={LANE}")
    page.get_by_text("What to do about “dead lane” (1 version)").click()
    page.get_by_label("What to do", exact=True).fill("Reset the lane from the DCS panel.")
    page.get_by_label("Whom to call").fill("ITS expert, 16 5555")
    page.get_by_label("Why you change it").fill("procedure of November")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Store as a new version").click()
    expect(page.get_by_text("Version 2 of Eva Expert")).to_be_visible()
    reader = desk.open(SAM, f"/alarms?alarm={LANE}")
    expect(reader.get_by_text("Reset the lane from the DCS panel.").first).to_be_visible()
    reader.get_by_text("What to do about “dead lane” (2 versions)").click()
    expect(reader.get_by_text("Power cycle it once.")).to_be_visible()
    expect(reader.get_by_text("Only experts write here.")).to_be_visible()


def test_an_alarm_is_answered_noted_taken_care_of_and_ended_by_keys(desk: Desk) -> None:
    page = desk.open(SAM, f"/alarms?alarm={BACKGROUND}")
    page.keyboard.press("a")
    expect(page.get_by_text("Sam Shifter said: it is so.")).to_be_visible()
    page.get_by_label("Note (optional)").fill("collimators asked in the control room")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Only add the note").click()
    expect(page.get_by_text("collimators asked in the control room")).to_be_visible()
    page.keyboard.press("e")
    expect(page.get_by_text("Acknowledged by Sam Shifter")).to_be_visible()
    page.keyboard.press("o")
    expect(page.get_by_text("This alarm is closed.")).to_be_visible()
    with desk.store() as store:
        known = store.alarm(BACKGROUND)
        assert known is not None
        kinds = [event.kind for event in known.events if event.author == "Sam Shifter"]
        assert kinds[:2] == [ChangeKind.COMMENTED, ChangeKind.ACKNOWLEDGED]
        assert not known.view.is_open


def test_a_false_alarm_is_closed_by_one_key_and_counts(desk: Desk) -> None:
    page = desk.open(EVA, f"/alarms?alarm={BOARD}")
    page.keyboard.press("x")
    expect(page.get_by_text("This alarm is closed.")).to_be_visible()
    expect(page.get_by_text("Eva Expert said: false alarm.")).to_be_visible()


# -- models, health, report, trail


def test_a_version_is_promoted_with_a_reason_and_rolled_back(desk: Desk) -> None:
    page = desk.open(EVA, "/models?models_of=its")
    page.get_by_role("button", name="Promote").click()
    expect(page.get_by_text("say why: the reason is kept with the change")).to_be_visible()
    for reason, button, then in (
        ("fewer false alarms", "Promote", "judges from now on: the watch takes it within seconds"),
        ("misses lanes", "Roll back", "judges again."),
    ):
        page.get_by_label("Why", exact=True).fill(reason)
        page.keyboard.press("Tab")
        page.get_by_role("button", name=button).click()
        expect(page.get_by_text(then)).to_be_visible()
        expect(page.get_by_role("cell", name=reason, exact=True)).to_be_visible()
    with desk.store() as store:
        reasons = [change.reason for change in store.alias_history("its")]
    assert reasons[-1] == "misses lanes"
    assert "fewer false alarms" in reasons


def test_a_past_shift_is_replayed_and_how_far_it_came_is_told(desk: Desk) -> None:
    page = desk.open(EVA, "/models?models_of=its")
    page.get_by_label("Version").click()
    page.get_by_role("option", name="rival").click()
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("cell", name=re.compile("asked|running|done|failed"))).to_be_visible()
    with desk.store() as store:
        [one] = replays.newest(store.database, "its")
        assert (one.model.version, one.author) == ("rival<script>1", "Eva Expert")


def test_alarm_health_tells_floods_and_keeps_its_time_in_the_address(desk: Desk) -> None:
    page = desk.open(SAM, "/health")
    expect(page.get_by_text("Over the target:")).to_be_visible()
    page.get_by_role("radio", name="7 days").click()
    page.wait_for_url("**/health?over=7*days")
    expect(page.get_by_text("L4_12/lane 7").first).to_be_visible()


def test_the_report_of_the_shift_is_read_and_taken_home(desk: Desk) -> None:
    page = desk.open(SAM, "/report")
    expect(page.get_by_text("L4_12/lane 7").first).to_be_visible()
    page.get_by_label("In your words").fill(f"Quiet night. {SCRIPT}")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Quiet night.").last).to_be_visible()
    settle(page)
    for label, begins in (("PDF", b"%PDF-"), ("HTML", b"<!DOCTYPE html>")):
        with page.expect_download() as caught:
            page.get_by_role("button", name=label, exact=True).click()
        content = Path(caught.value.path()).read_bytes()
        assert content[: len(begins)].lower() == begins.lower()
        assert b"<script" not in content


def test_the_trail_is_for_experts_and_tells_what_was_refused(desk: Desk) -> None:
    assert "Your role (shifter) does not include this" in desk.open(SAM, "/trail").inner_text(".stMain")
    with desk.store() as store, pytest.raises(NotAllowedError):
        core.desk.Desk(store, Person(VIC[0], Role.VIEWER, Way.COMMAND, VIC[1])).act(LANE, AlarmAction.CLEAR)
    with desk.store() as store:
        core.desk.Desk(store, Person(SAM[0], Role.SHIFTER, Way.COMMAND, SAM[1])).act(LANE, AlarmAction.COMMENT, "seen")
    page = desk.open(EVA, "/trail?refused=true&who=vic")
    expect(page.get_by_role("cell", name="clear")).to_be_visible()
    assert page.get_by_role("cell", name="Sam Shifter").count() == 0
    page = desk.open(EVA, "/trail")
    expect(page.get_by_role("cell", name=re.compile("sam@cern.ch")).first).to_be_visible()
    with page.expect_download() as caught:
        page.get_by_role("button", name="CSV").click()
    assert "Vic Viewer <vic@elsewhere.org>,viewer,command line,clear" in Path(caught.value.path()).read_text(
        "utf-8-sig"
    )
