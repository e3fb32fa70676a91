"""Who is told, in which words, and never more messages than a channel bears."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from core.alarms.events import ChangeKind
from core.alarms.notification import LONGEST_RETRY, Line, Wish, plan, retry_after
from core.alarms.severity import Severity

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def line(number: int = 1, change: ChangeKind = ChangeKind.RAISED, **changes: object) -> Line:
    values = {
        "event_id": number, "alarm_id": number, "system": "its", "element": f"L4_{number:02d}", "cause": "dead lane",
        "message": "dead lane (97 %)", "severity": Severity.MAJOR, "change": change, "at": NOW, "note": "",
    }  # fmt: skip
    return Line(**(values | changes))  # type: ignore[arg-type]


def wish(**changes: object) -> Wish:
    values = {
        "channel": "room", "systems": frozenset(), "severities": frozenset({Severity.MAJOR}), "raised": True,
        "overdue": True, "most_per_ten_minutes": 6,
    }  # fmt: skip
    return Wish(**(values | changes))  # type: ignore[arg-type]


def test_a_channel_gets_what_it_asked_for() -> None:
    assert wish().wants(line())
    assert wish().wants(line(change=ChangeKind.OVERDUE))
    assert not wish(raised=False).wants(line())
    assert not wish(overdue=False).wants(line(change=ChangeKind.OVERDUE))
    assert not wish(systems=frozenset({"flex"})).wants(line())
    assert not wish().wants(line(severity=Severity.MINOR))
    assert not wish().wants(line(change=ChangeKind.ACKNOWLEDGED))


def test_a_message_says_what_where_since_when_and_its_address() -> None:
    [message] = plan([line()], 0, 6, "http://console:8501/")
    assert message.title == "MAJOR: its, dead lane at L4_01"
    assert message.body.splitlines() == [
        "dead lane (97 %)",
        "Since 2026-05-04 12:00 UTC.",
        "http://console:8501/alarms?alarm=1",
    ]


def test_text_of_files_calls_nobody_and_moves_no_terminal() -> None:
    [message] = plan([line(element="@all\x1b[2J", message="<b>@channel</b>\r\nx")], 0, 6, None)
    assert "@" not in message.title + message.body
    assert "\x1b" not in message.title
    assert "\r" not in message.body


def test_a_burst_is_one_message_with_the_overdue_and_the_worst_first() -> None:
    lines = [line(n, severity=Severity.MINOR) for n in range(1, 14)] + [line(14, ChangeKind.OVERDUE)]
    [message] = plan(lines, 0, 6, None)
    assert message.title == "14 alarms (its)"
    assert message.body.splitlines()[0].startswith("OVERDUE, MAJOR: its, dead lane at L4_14")
    assert message.body.splitlines()[-1] == "and 4 more"
    assert len(message.event_ids) == 14


@given(arrivals=st.lists(st.integers(0, 7), min_size=1, max_size=60), most=st.integers(1, 8))
def test_no_ten_minutes_bring_more_than_a_channel_bears_and_nothing_is_lost(arrivals: list[int], most: int) -> None:
    """One round a minute, with that many new lines each; then it is quiet until all is told."""
    waiting: list[Line] = []
    sent: list[int] = []
    told: list[int] = []
    number = 0
    for minute, new in enumerate([*arrivals, *([0] * 30)]):
        waiting += [line(number + i) for i in range(new)]
        number += new
        for message in plan(waiting, sum(minute - at < 10 for at in sent), most, None):
            sent.append(minute)
            told += message.event_ids
        waiting = [one for one in waiting if one.event_id not in told]
        assert sum(minute - at < 10 for at in sent) <= most
    assert sorted(told) == list(range(number))


def test_retries_come_less_and_less_often() -> None:
    waits = [retry_after(attempts) for attempts in (1, 2, 3, 20, 500)]
    assert waits[0] == timedelta(seconds=30)
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_RETRY
