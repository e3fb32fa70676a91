import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core import inbox as inbox_module
from core.clock import ManualClock
from core.contracts import Arrival
from core.errors import IncompleteInputError, InputError
from core.inbox import Inbox, printable

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def made(folder: Path, clock: ManualClock, **more: bool) -> Inbox:
    return Inbox(
        folder,
        clock,
        settle_s=1.0,
        wanted=lambda name: name.endswith(".csv"),
        sidecar=lambda path: path.with_suffix(".txt"),
        **more,
    )


def put(path: Path, age_s: float = 10.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    at = NOW.timestamp() - age_s
    os.utime(path, (at, at))
    return path


def arrivals(inbox: Inbox, settled: frozenset[str] = frozenset()) -> list[Arrival]:
    return list(inbox.arrivals(lambda tickets: set(settled) & set(tickets)))


def test_wanted_files_come_oldest_first_and_once(tmp_path: Path, clock: ManualClock) -> None:
    inbox = made(tmp_path, clock)
    put(tmp_path / "b.csv", 5)
    put(tmp_path / "deep" / "a.CSV", 9)
    for name in (".a.csv", "~a.csv", "a.csv.part", "a.json", "a.csv.TMP"):
        put(tmp_path / name)
    put(tmp_path / "new.csv", 0.5)
    (tmp_path / "link.csv").symlink_to("nowhere")
    (tmp_path / "linked").symlink_to(tmp_path / "deep")
    found = arrivals(inbox)
    assert [Path(one.origin).name for one in found] == ["a.CSV", "b.csv"]
    assert arrivals(inbox, frozenset(one.ticket for one in found)) == []
    assert found[0].detail["bytes"] == 1


def test_a_sidecar_makes_it_another_state(tmp_path: Path, clock: ManualClock) -> None:
    inbox = made(tmp_path, clock)
    put(tmp_path / "a.csv")
    (before,) = arrivals(inbox)
    put(tmp_path / "a.txt", 3)
    (after,) = arrivals(inbox)
    assert before.ticket != after.ticket
    put(tmp_path / "a.txt", 0.2)
    assert arrivals(inbox) == [], "the sidecar is still being written"


def test_a_time_ahead_of_the_clock_is_waited_for_as_long(tmp_path: Path, clock: ManualClock) -> None:
    inbox = made(tmp_path, clock)
    put(tmp_path / "a.csv", -3600)
    assert arrivals(inbox) == []
    clock.sleep(1)
    assert len(arrivals(inbox)) == 1


def test_a_name_that_is_no_text(tmp_path: Path, clock: ManualClock) -> None:
    inbox = made(tmp_path, clock)
    path = put(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv")))
    (one,) = arrivals(inbox)
    assert one.origin.endswith(r"caf\xe9.csv")
    assert inbox.path(one).read_bytes() == path.read_bytes()
    assert printable(path) == one.origin


def test_the_folder_must_be_there_or_is_made(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(InputError, match="does not exist"):
        arrivals(made(tmp_path / "gone", clock))
    assert arrivals(made(tmp_path / "new", clock, is_made=True)) == []
    assert (tmp_path / "new").is_dir()
    put(tmp_path / "file")
    with pytest.raises(InputError, match="does not exist"):
        arrivals(made(tmp_path / "file", clock, is_made=True))


def test_a_folder_that_could_not_be_listed_tells_so(tmp_path: Path, clock: ManualClock, monkeypatch) -> None:
    put(tmp_path / "locked" / "a.csv")
    at = NOW.timestamp() - 10
    os.utime(tmp_path / "locked", (at, at))
    really, closed = os.scandir, [True]

    def scandir(path):
        if closed[0] and str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return really(path)

    monkeypatch.setattr(os, "scandir", scandir)
    inbox = made(tmp_path, clock)
    (one,) = arrivals(inbox)
    with pytest.raises(PermissionError):
        inbox.path(one)
    closed[0] = False
    with pytest.raises(IncompleteInputError, match="listed again"):
        inbox.path(one)


def test_what_was_settled_is_not_asked_for_again(tmp_path: Path, clock: ManualClock) -> None:
    inbox, asked = made(tmp_path, clock), list[str]()
    put(tmp_path / "a.csv")

    def settled(tickets: Sequence[str]) -> set[str]:
        asked.extend(tickets)
        return set(tickets)

    assert list(inbox.arrivals(settled)) == []
    put(tmp_path / "b.csv")
    assert list(inbox.arrivals(settled)) == []
    assert len(asked) == len(set(asked)) == 2
    put(tmp_path / "a.csv", age_s=5)
    assert list(inbox.arrivals(settled)) == []
    assert len(set(asked)) == 3, "written anew, it is another arrival"
    (tmp_path / "a.csv").unlink()
    put(tmp_path / "a.csv", age_s=5)
    assert [one.ticket for one in inbox.arrivals(lambda _: set())] == []


def test_news_are_seen_without_listing(tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    elapsed = [100.0]
    monkeypatch.setattr(inbox_module.time, "monotonic", lambda: elapsed[0])
    (tmp_path / "under").mkdir()
    inbox = made(tmp_path, clock)
    assert inbox.has_news(), "nobody looked so far"
    assert arrivals(inbox) == []
    assert not inbox.has_news()
    put(tmp_path / "under" / "a.csv")
    assert inbox.has_news()
    assert len(arrivals(inbox)) == 1
    assert not inbox.has_news()
    put(tmp_path / "b.csv", age_s=0.5)
    assert inbox.has_news()
    assert len(arrivals(inbox)) == 1
    assert not inbox.has_news(), "it may still be written"
    elapsed[0] += 1.0
    assert inbox.has_news()
    clock.sleep(1)
    assert len(arrivals(inbox)) == 2
    assert not inbox.has_news()


def test_a_folder_that_takes_long_to_list_is_looked_at_seldom(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    elapsed = [0.0]
    monkeypatch.setattr(inbox_module.time, "monotonic", lambda: elapsed[0])

    def wanted(_: str) -> bool:
        elapsed[0] += 0.5
        return True

    inbox = Inbox(tmp_path, clock, settle_s=0.0, wanted=wanted)
    put(tmp_path / "a")
    assert len(arrivals(inbox)) == 1
    put(tmp_path / "b")
    elapsed[0] += 4.5
    assert not inbox.has_news()
    elapsed[0] += 1.0
    assert inbox.has_news()
