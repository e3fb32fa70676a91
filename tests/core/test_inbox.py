import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

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
