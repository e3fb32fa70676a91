"""The disk is full, really (a small file system of its own): nothing is lost or doubled, and it is told before."""

import os
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.dashboard.parts import parts
from app.dashboard.states import Tone
from core.alarms.severity import Severity
from core.backup.taking import take
from core.clock import ManualClock, SystemClock
from core.errors import StoreError
from core.keeping import DiskSettings
from core.settings import Settings, load_settings
from core.signs import CONSOLE, DISK
from core.space import Level, look
from core.store import Store
from core.store.models import ArtefactRow, TicketRow
from core.verdict import Quality
from flows.guarding import Guard
from flows.room import Disk
from flows.watching import pipeline
from tests.flows.fakes import FAKE, NAME, drop
from tests.postgres import find_binaries, own_cluster

MB = 1 << 20


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[Path]:
    """Mount a file system of so many megabytes; skips where that is not allowed."""
    path.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=1777", "tmpfs", str(path)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("a file system can only be mounted by root")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)
        path.rmdir()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 8) as path:
        yield path


@pytest.fixture
def settings(disk: Path, tmp_path: Path) -> Settings:
    """A home on the small disk; what the scanner writes to is elsewhere."""
    home = disk / "home"
    home.mkdir()
    (tmp_path / "inbox").mkdir()
    (home / "inbox").symlink_to(tmp_path / "inbox")
    return load_settings(home=home, poll_s=0.05)


def fill_up(disk: Path, leave: int = 0) -> Path:
    """Write until no more than ``leave`` bytes are free; return the file that takes the room."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        while (free := os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - leave) > 0:
            try:
                file.write(bytes(min(free, MB)))
            except OSError:
                break
    return ballast


@contextmanager
def watching(store: Store, settings: Settings) -> Iterator[Callable[[], int]]:
    """Watch beside the test; gives the function that counts what was judged."""
    stop = threading.Event()
    thread = threading.Thread(target=lambda: pipeline(FAKE, store, settings, SystemClock(), stop.is_set))
    thread.start()
    try:
        yield lambda: len(store.observations(NAME, limit=1000))
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def wait_until(true: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def every_one_once(store: Store, elements: set[str]) -> None:
    """Nothing lost, nothing doubled: verdicts, tickets, pictures, alarms."""
    seen = Counter(view.element for view in store.observations(NAME, limit=1000))
    assert seen == Counter(elements)
    with store.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(TicketRow)) == len(elements)
        digests = list(session.scalars(select(ArtefactRow.digest)))
    for digest in digests:
        store.artefacts.get(digest)
    assert {path.stem for path in store.artefacts.folder.rglob("*") if path.is_file()} == set(digests)
    bad = {element for element in elements if "bad" in element}
    assert Counter(alarm.element for alarm in store.alarms() if alarm.system == NAME) == Counter(bad)


def give(settings: Settings, *elements: str) -> set[str]:
    inbox = (settings.home / "inbox").resolve()
    for element in elements:
        drop(inbox, element, element=element, judge="bad" if "bad" in element else "good")
    return set(elements)


def test_a_watch_waits_for_room_and_goes_on_with_everything_once(settings: Settings, disk: Path) -> None:
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
        with watching(store, settings) as count:
            elements = give(settings, "first", "bad first")
            wait_until(lambda: count() == 2)
            ballast = fill_up(disk)
            elements |= give(settings, *(f"full {number}" for number in range(6)), "bad while full")
            drop((settings.home / "inbox").resolve(), "broken", read="unusable")
            time.sleep(4)
            assert count() == 2, "it cannot have been stored"
            with pytest.raises(StoreError, match=r"full|No space"):
                store.artefacts.put(os.urandom(100_000), "image/png")
            ballast.unlink()
            wait_until(lambda: count() == len(elements) + 1)
            wait_until(lambda: all(beat.ok for beat in store.heartbeats()))
        broken = [view for view in store.observations(NAME, limit=99) if view.quality is Quality.NULL]
        assert [view.reason for view in broken] == [f"{settings.home / 'inbox' / 'broken.json'}: no image at all"]
        kept = list((settings.quarantine / NAME).glob("*.json"))
        assert len(kept) == 2  # the file and its reason
        elements.add(broken[0].element)
        assert store.alarms()
        without = {alarm.element for alarm in store.alarms()} - {broken[0].element}
        assert without == {"bad first", "bad while full"}
        seen = Counter(view.element for view in store.observations(NAME, limit=1000))
        assert seen == Counter(elements)


def test_a_new_watch_finds_all_of_it_after_one_was_killed_on_a_full_disk(settings: Settings, disk: Path) -> None:
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
        elements = give(settings, "before", "bad before")
        with watching(store, settings) as count:
            wait_until(lambda: count() == 2)
            ballast = fill_up(disk)
            elements |= give(settings, "a", "b", "bad c")
            time.sleep(2)
        with watching(store, settings):  # stopped while full: what was judged is not settled
            time.sleep(1)
        ballast.unlink()
        with watching(store, settings) as count:
            wait_until(lambda: count() == len(elements))
        every_one_once(store, elements)


def test_it_is_an_alarm_before_it_is_full_and_over_when_there_is_room(settings: Settings, disk: Path) -> None:
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
        clock = ManualClock()
        told = Disk(store, settings)

        def alarm() -> tuple[Severity, Severity, str]:
            (one,) = store.alarms()
            assert (one.system, one.element) == (CONSOLE, DISK)
            return one.severity, one.current, one.message

        told.look(clock.now())
        assert not store.alarms()
        ballast = fill_up(disk, leave=int(0.7 * MB))
        told.look(clock.now())
        assert alarm()[:2] == (Severity.MINOR, Severity.MINOR)
        assert "nearly full, 0.7 MB of 8.4 MB free" in alarm()[2]
        fill_up(disk)
        with pytest.raises(StoreError, match="full"):
            _tell_until_refused(told, clock)
        seen = look(settings)
        assert seen is not None
        assert seen.level is Level.FULL
        (part,) = [one for one in parts([], store.heartbeats(), [], clock.now(), seen) if one.name == "Disk"]
        assert (part.tone, part.word) == (Tone.BLIND, "full")
        assert "0.0 MB of 8.4 MB free" in part.todo
        os.truncate(ballast, ballast.stat().st_size - int(0.9 * MB))
        told.told = Level.LOW
        room = told.look(clock.now())
        assert room is not None
        assert room.level is Level.LOW, "a little more than the limit is not yet enough"
        ballast.unlink()
        told.look(clock.now())
        assert alarm()[1] is Severity.OK
        (part,) = [one for one in parts([], store.heartbeats(), [], clock.now(), look(settings)) if one.name == "Disk"]
        assert part.tone is Tone.CALM


def _tell_until_refused(told: Disk, clock: ManualClock) -> None:
    """The log has some room left that it may overwrite."""
    for _ in range(400):
        told.told = None
        told.look(clock.now())


def test_the_guard_sees_it(settings: Settings, disk: Path) -> None:
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
        guard = Guard(store, settings, {}, SystemClock(), lambda *_: None)
        guard.begin()
        guard.round()
        fill_up(disk, leave=MB // 2)
        guard.round()
        assert [(one.system, one.severity) for one in store.alarms()] == [(CONSOLE, Severity.MINOR)]


def test_a_backup_that_does_not_fit_leaves_nothing(settings: Settings, disk: Path) -> None:
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
        give(settings, *(f"board {number}" for number in range(3)))
        with watching(store, settings) as count:
            wait_until(lambda: count() == 3)
        fill_up(disk, leave=MB // 8)
        before = {path for path in disk.rglob("*") if "-wal" not in path.name and "-shm" not in path.name}
        with pytest.raises(StoreError, match=r"No space left|full"):
            take(store.database, settings, disk / "backup.tar", SystemClock())
        after = {path for path in disk.rglob("*") if "-wal" not in path.name and "-shm" not in path.name}
        assert after - before <= {settings.home / ".housekeeping"}


def test_limits_are_told_in_gigabytes_or_shares_of_a_small_disk(settings: Settings, disk: Path) -> None:
    tight = settings.model_copy(update={"disk": DiskSettings(warn_gb=0.001, full_gb=0.0001)})
    fill_up(disk, leave=MB + MB // 2)
    seen, strict = look(settings), look(tight)
    assert seen is not None
    assert strict is not None
    assert (seen.level, strict.level) == (Level.ENOUGH, Level.ENOUGH)
    fill_up(disk, leave=MB // 2)
    assert (seen := look(settings)) is not None
    assert seen.level is Level.LOW


@pytest.mark.postgresql
@pytest.mark.slow
def test_a_database_server_without_room_comes_back_with_everything_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed")
    open_to_all = Path(tempfile.mkdtemp(prefix="shiftwatch-small-"))  # the server is another user's
    open_to_all.chmod(0o755)
    with small_disk(open_to_all, 120) as disk:
        monkeypatch.setattr("tempfile.tempdir", str(disk))
        with own_cluster(binaries) as cluster:
            monkeypatch.setattr("tempfile.tempdir", None)
            settings = load_settings(home=tmp_path / "home", poll_s=0.05, database_url=f"{cluster.url}/postgres")
            (tmp_path / "home" / "inbox").mkdir(parents=True)
            with Store.open(settings.url, settings.artefacts) as store:
                store.upgrade()
                with watching(store, settings) as count:
                    elements = give(settings, "first", "bad first")
                    wait_until(lambda: count() == 2)
                    ballast = fill_up(disk)
                    for piece in range(15):
                        elements |= give(settings, *(f"full {piece} {number}" for number in range(10)))
                    elements |= give(settings, "bad while full")
                    time.sleep(8)
                    assert not _answers(store) or count() < len(elements), "it had room for everything"
                    ballast.unlink()
                    if not _answers(store):
                        cluster.start()
                    wait_until(lambda: _answers(store) and count() == len(elements), 90)
                every_one_once(store, elements)


def _answers(store: Store) -> bool:
    try:
        store.heartbeats()
    except StoreError:
        time.sleep(1)
        return False
    return True
