"""Notifications as they leave the site: mail to a real mail server, a post to a Mattermost-like one."""

from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import pytest

from core.alarms.severity import Severity
from core.clock import ManualClock
from core.contracts import AlarmRule
from core.errors import NotifyError
from core.settings import ChannelSettings, NotifySettings, Settings
from core.store import Store
from flows.delivering import deliver
from flows.guarding import Guard
from tests.flows.receivers import Mailbox, Rooms, mail_server, mattermost

PASSWORD = "pa55/w:rd"
TOKEN = "k4token0f0ther00m"
CONSOLE = "http://console:8501"
ODD = "Łukasz's board <script>x</script>"
FLEX = "flex"


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server(Mailbox("watch", PASSWORD, frozenset({"gone@cern.example"}))) as known:
        yield known


@pytest.fixture
def rooms() -> Iterator[Rooms]:
    with mattermost(Rooms(TOKEN)) as known:
        yield known


def mail_address(box: Mailbox, to: str, password: str = PASSWORD) -> str:
    return (
        f"mailto://{box.user}:{quote(password, safe='')}@127.0.0.1:{box.port}"
        f"?smtp=127.0.0.1&mode=insecure&from=watch@cern.example&to={to}"
    )


def told(message: EmailMessage, form: str) -> str:
    body = message.get_body((form,))
    assert body is not None
    return str(body.get_content())


def guarded(home: Path, channels: dict[str, str]) -> tuple[Store, Guard, ManualClock]:
    known = {name: ChannelSettings(url=url) for name, url in channels.items()}  # type: ignore[arg-type]
    settings = Settings(home=home, notify=NotifySettings(console_url=CONSOLE, channels=known))
    clock, store = ManualClock(), Store.open(settings.url, settings.artefacts)
    store.upgrade()
    guard = Guard(store, settings, {FLEX: AlarmRule()}, clock, deliver)
    guard.begin()
    return store, guard, clock


def test_an_alarm_is_mailed_to_everybody_named_and_posted_in_the_room(
    tmp_path: Path, box: Mailbox, rooms: Rooms
) -> None:
    to = "ana@cern.example,ben@cern.example"
    room = f"mmost://127.0.0.1:{rooms.port}/{TOKEN}"
    store, guard, clock = guarded(tmp_path, {"experts": mail_address(box, to), "room": room})
    with store:
        store.condition(FLEX, ODD, Severity.MAJOR, clock.now(), "burnt & scratched, 3 µm deep")
        guard.round()
        guard.round()
        link = f"{CONSOLE}/alarms?alarm={store.alarms()[0].id}"
        states = store.channels(["experts", "room"])
    assert [state.failing_since for state in states] == [None, None]
    assert sorted(one for envelope in box.receivers for one in envelope) == to.split(",")
    assert set(box.senders) == {"watch@cern.example"}
    for message in box.messages:
        assert message["Subject"] == f"MAJOR: {FLEX}, {ODD}"
        assert link in told(message, "plain")
        assert "burnt & scratched, 3 µm deep" in told(message, "plain")
        assert "<script>" not in told(message, "html")
        assert message["X-Application"] == "shiftwatch"
    [post] = rooms.posts
    assert link in post["text"]
    assert "burnt & scratched, 3 µm deep" in post["text"]
    assert post["username"] == "shiftwatch"
    assert "icon_url" not in post, "nobody's chat fetches a picture from elsewhere"


def test_a_name_from_outside_makes_no_link_in_the_room_and_calls_nobody(rooms: Rooms) -> None:
    name = "@channel [open](http://elsewhere.example) *now* `x`"
    deliver(f"mmost://127.0.0.1:{rooms.port}/{TOKEN}", f"MAJOR: {name}", f"{name}\n{CONSOLE}/alarms?alarm=1")
    text = rooms.posts[0]["text"]
    assert "@channel" not in text
    assert r"\[open\](http" in text
    assert r"\*now\*" in text
    assert f"{CONSOLE}/alarms?alarm=1" in text


def test_a_mail_server_that_refuses_says_why_and_the_mail_is_sent_later(tmp_path: Path, box: Mailbox) -> None:
    """A wrong password and a mailbox that is gone are told by name of the channel, never with the password."""
    store, guard, clock = guarded(tmp_path, {"wrong": mail_address(box, "ana@cern.example", "0ther/w:rd")})
    with store:
        store.condition(FLEX, "board", Severity.MAJOR, clock.now(), "board looks bad")
        guard.round()
        [state] = store.channels(["wrong"])
        assert state.waiting == 1
        assert state.failing_since == clock.now()
        assert state.error
        assert "0ther" not in state.error
        assert not box.messages
        box.password = "0ther/w:rd"
        clock.at += timedelta(minutes=10)
        guard.round()
        assert not store.channels(["wrong"])[0].waiting
    assert len(box.messages) == 1


def test_a_mailbox_that_is_gone_and_a_webhook_that_was_deleted_are_failures(box: Mailbox, rooms: Rooms) -> None:
    with pytest.raises(NotifyError) as gone:
        deliver(mail_address(box, "gone@cern.example"), "title", "body")
    with pytest.raises(NotifyError) as deleted:
        deliver(f"mmost://127.0.0.1:{rooms.port}/d3leted0t0ken0long", "title", "body")
    assert "d3leted" not in str(deleted.value)
    assert PASSWORD not in str(gone.value)
    assert not box.messages
    assert not rooms.posts
