"""A backup of a living store, restored on a clean machine: the same verdicts, alarms and files, and nothing else."""

import io
import json
import os
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from core.backup import dumps
from core.backup.checking import check
from core.backup.manifest import DATABASE, MANIFEST
from core.backup.restoring import restore
from core.backup.taking import take
from core.errors import StoreError
from core.housekeeping import alone
from core.inbox import Inbox
from core.settings import Settings, load_settings
from core.store import Store, schema
from core.store.artefacts import Artefacts
from core.store.audit import Deed, Sought
from core.store.contents import JUDGED, contents
from core.store.engine import Database
from core.store.views import Alias, Judgement
from core.verdict import Evidence, Quality, Verdict
from tests.core.store.conftest import NOW, RULE, Server, a_broken_arrival, a_verdict, an_arrival

DEED = Deed(NOW, "ops", "expert", "command line", "restore", "backup")


class At:
    """A clock that stands."""

    def now(self) -> object:
        return NOW

    def sleep(self, seconds: float) -> None: ...


CLOCK = At()


@pytest.fixture
def site(server: Server, tmp_path: Path) -> Iterator[tuple[Store, Settings]]:
    """A store that has seen something, and a home with all that collects there."""
    settings = at_home(tmp_path / "old")
    url = server.make(settings.home, tables=True)
    with Store.open(url, settings.artefacts) as store:
        fill(store)
        store_files(settings)
        yield store, settings
    server.drop(url)


@pytest.fixture
def clean(server: Server, tmp_path: Path) -> Iterator[tuple[Database, Settings]]:
    """A machine on which nothing is yet."""
    settings = at_home(tmp_path / "new")
    url = server.make(settings.home, tables=False)
    database = Database.open(url)
    yield database, settings
    database.close()
    server.drop(url)


def at_home(home: Path) -> Settings:
    home.mkdir(parents=True)
    return load_settings(home=home)


def fill(store: Store) -> None:
    """Good, bad, unreadable; an alarm taken care of, one that is over, words and a decision of people, a model."""
    batch = [an_arrival(Quality.GOOD, f"board {n}", verdict=pictured(n)) for n in range(20)]
    batch += [an_arrival(Quality.BAD, "bad board"), an_arrival(Quality.BAD, "worse board"), a_broken_arrival()]
    store.record("flex", "inbox", batch, RULE, {"taken_at": NOW.isoformat()})
    store.record("flex", "inbox", [an_arrival(Quality.GOOD, "bad board", "k2", at=NOW + timedelta(minutes=1))], RULE)
    store.add_feedback(21, "ana", NOW, Judgement.RIGHT, comment='said "so"; näïve ☃')
    store.decide(22, "ana", NOW, [], {"passed": False, "share": 0.1})
    store.heartbeat("flex", "watch", NOW - timedelta(hours=1), ok=True)


def pictured(number: int) -> Verdict:
    return a_verdict(evidence={"thumbnail": Evidence(f"picture {number}".encode() * 100, "image/png")})


def store_files(settings: Settings) -> None:
    for name in (
        *("its/memory.npz", "collimation/fill.json", "models/its/card.json", "versions/flex/m/1/card.json"),
        *("inbox/flex/a.jpg", "inbox/flex/deep/b.jpg", "inbox/flex/.hidden", "inbox/flex/new.jpg.part"),
        *("quarantine/flex/c.png", "quarantine/flex/c.png.reason.json", "logs/worker.log", "prefect/prefect.db"),
    ):
        path = settings.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 50)
        os.utime(path, ns=(1_700_000_000_123_456_789, 1_700_000_000_123_456_789))


def files(home: Path) -> dict[str, tuple[bytes, int]]:
    left_out = {"logs", "prefect", "backups"}
    return {
        str(path.relative_to(home)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(home.rglob("*"))
        if path.is_file() and path.relative_to(home).parts[0] not in left_out and ".db" not in path.name
        and not path.name.startswith(".") and not path.name.endswith(".part")
    }  # fmt: skip


def tickets(settings: Settings) -> list[str]:
    inbox = Inbox(settings.flex_inbox, CLOCK, settle_s=0, wanted=lambda name: name.endswith(".jpg"))  # type: ignore[arg-type]
    return [one.ticket for one in inbox.arrivals(lambda _: set())]


def test_on_a_clean_machine_everything_is_as_it_was(
    site: tuple[Store, Settings], clean: tuple[Database, Settings], tmp_path: Path
) -> None:
    store, settings = site
    before = contents(store.database)
    assert before["verdict"].rows == 24
    assert before["alarm"].rows >= 3
    taken = take(store.database, settings, tmp_path, CLOCK)  # type: ignore[arg-type]
    assert taken.path.name == "shiftwatch-20260504T120000Z.tar"
    assert taken.path.stat().st_mode & 0o077 == 0
    assert dict(taken.manifest.tables) == before
    assert not taken.manifest.left_out
    database, new = clean
    restore(taken.path, database, new, CLOCK, DEED)  # type: ignore[arg-type]
    after = contents(database)
    assert {name: after[name] for name in JUDGED} == {name: before[name] for name in JUDGED}
    assert {name for name in before if after[name] != before[name]} == {"audit"}  # the restore itself
    assert files(new.home) == files(settings.home)
    assert tickets(new) == tickets(settings)
    assert not (new.home / "logs").exists()
    assert not (new.home / "prefect").exists()
    with Store.open(str(database.engine.url.render_as_string(hide_password=False)), new.artefacts) as restored:
        assert [one.deed for one in restored.trail(sought=Sought(what="restore"))] == ["restore"]
        assert [one.id for one in restored.alarms()] == [one.id for one in store.alarms()]
        assert restored.artefacts.get(restored.observation(3).evidence["thumbnail"]) == b"picture 2" * 100  # type: ignore[union-attr]
        restored.record("flex", "inbox", [an_arrival(Quality.BAD, "next")], RULE)  # and it goes on
        assert len(restored.alarms()) == len(store.alarms()) + 1


def test_a_checksum_changes_with_any_value_and_not_with_the_order_of_rows(store: Store) -> None:
    fill(store)
    before = contents(store.database)
    with store.database.writing("test") as session:
        session.execute(text("UPDATE verdict SET score = score + 1e-9 WHERE observation_id = 5"))
    after = contents(store.database)
    assert {name for name in before if before[name] != after[name]} == {"verdict"}
    with store.database.writing("test") as session:
        session.execute(text("UPDATE verdict SET score = score - 1e-9 WHERE observation_id = 5"))
        session.execute(text("UPDATE verdict SET score = 7.5 WHERE observation_id = 5"))  # PostgreSQL moves the row
    assert contents(store.database) == before


@pytest.mark.postgresql
def test_both_databases_have_the_same_checksums(postgres_url: str, tmp_path: Path) -> None:
    other = Server(postgres_url, tmp_path, "")
    url = other.make(tmp_path, tables=False)
    found = []
    for one in (url, f"sqlite:///{tmp_path / 'own.db'}"):
        with Store.open(one, tmp_path / "artefacts") as store:
            store.upgrade()
            fill(store)
            found.append(contents(store.database, JUDGED))
    other.drop(url)
    assert found[0] == found[1]


def test_taken_while_a_watch_writes_it_is_of_one_instant(
    site: tuple[Store, Settings], clean: tuple[Database, Settings], tmp_path: Path
) -> None:
    store, settings = site
    stop = threading.Event()
    written: list[int] = []

    def watch() -> None:
        while not stop.is_set():
            number = len(written)
            batch = [an_arrival(Quality.BAD if number % 5 == 0 else Quality.GOOD, f"live {number} {k}",
                                verdict=pictured(1000 + 10 * number + k)) for k in range(4)]  # fmt: skip
            store.record("flex", "inbox", batch, RULE)
            written.append(number)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        while len(written) < 3:
            stop.wait(0.01)
        first = len(written)
        taken = take(store.database, settings, tmp_path / "live.tar", CLOCK)  # type: ignore[arg-type]
        during = len(written) - first
    finally:
        stop.set()
        thread.join()
    assert during > 0, "the watch waited for the backup"
    database, new = clean
    restore(taken.path, database, new, CLOCK, DEED)  # type: ignore[arg-type]
    rows = {name: one.rows for name, one in contents(database).items()}
    assert rows["observation"] == rows["verdict"] == rows["ticket"]
    assert 24 + 4 * first <= rows["verdict"] <= 24 + 4 * len(written)
    artefacts = Artefacts(new.home / "artefacts")
    with database.reading() as session:
        digests = list(session.scalars(text("SELECT digest FROM artefact")))
    assert len(digests) > 20
    for digest in digests:
        artefacts.get(digest)  # raises where a file is missing or damaged


@pytest.fixture
def made(site: tuple[Store, Settings], tmp_path: Path) -> Path:
    return take(site[0].database, site[1], tmp_path / "made.tar", CLOCK).path  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.5, 0.8, 0.95])
def test_one_that_was_cut_short_is_refused(made: Path, clean: tuple[Database, Settings], share: float) -> None:
    content = made.read_bytes()
    made.write_bytes(content[: int(share * len(content))])
    refused(made, clean, "cut short|damaged|manifest")


def test_one_whose_last_entry_is_missing_is_refused(made: Path, clean: tuple[Database, Settings]) -> None:
    rewrite(made, lambda name, content: None if name == MANIFEST else content)
    refused(made, clean, "no manifest at its end")


@pytest.mark.parametrize("name", [DATABASE, "home/its/memory.npz", "home/inbox/flex/a.jpg"])
def test_a_changed_byte_is_found_and_named(made: Path, clean: tuple[Database, Settings], name: str) -> None:
    rewrite(made, lambda own, content: content[:-1] + bytes([content[-1] ^ 1]) if own == name else content)
    refused(made, clean, f"{name} is not what was written")


def test_a_missing_and_an_added_file_are_named(made: Path, clean: tuple[Database, Settings]) -> None:
    whole = made.read_bytes()
    rewrite(made, lambda name, content: None if name == "home/its/memory.npz" else content)
    refused(made, clean, "home/its/memory.npz is missing")
    made.write_bytes(whole)
    rewrite(made, lambda _, content: content, first=[("home/its/evil.npz", b"x")])
    refused(made, clean, "home/its/evil.npz is not in its manifest")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "home/../../evil", "elsewhere/evil", "home"])
def test_a_name_that_leads_out_of_the_home_is_refused(made: Path, clean: tuple[Database, Settings], name: str) -> None:
    rewrite(made, lambda _, content: content, first=[(name, b"x")])
    refused(made, clean, "does not belong into a backup")


def test_a_link_is_refused(made: Path, clean: tuple[Database, Settings]) -> None:
    link = tarfile.TarInfo("home/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(made, "a") as tar:
        tar.addfile(link)
    refused(made, clean, "does not belong into a backup")


@pytest.mark.parametrize(
    ("change", "why"),
    [({"format": 2}, "of a newer one"), ({"revision": "0999"}, "does not know"), ({"tables": 3}, "damaged")],
)
def test_one_of_a_newer_release_is_refused(
    made: Path, clean: tuple[Database, Settings], change: dict[str, object], why: str
) -> None:
    rewrite(made, lambda name, content: json.dumps(json.loads(content) | change).encode() if name == MANIFEST
            else content)  # fmt: skip
    refused(made, clean, why)


def test_what_is_no_backup_at_all_is_refused(tmp_path: Path, clean: tuple[Database, Settings]) -> None:
    for content in (b"", b"no backup", bytes(20_000)):
        path = tmp_path / "none.tar"
        path.write_bytes(content)
        refused(path, clean, "no backup|no manifest|cut short")
    with pytest.raises(StoreError, match=r"missing\.tar: No such file"):
        check(tmp_path / "missing.tar")


def test_one_of_the_other_database_is_refused(made: Path, clean: tuple[Database, Settings]) -> None:
    other = "postgresql" if dumps.kind_of(clean[0]) == "sqlite" else "sqlite"
    rewrite(made, lambda name, content: json.dumps(json.loads(content) | {"kind": other}).encode() if name == MANIFEST
            else content)  # fmt: skip
    refused(made, clean, f"holds a database of {other}")


def refused(path: Path, clean: tuple[Database, Settings], why: str) -> None:
    """Nothing of a refused backup is left anywhere."""
    with pytest.raises(StoreError, match=why) as caught:
        restore(path, clean[0], clean[1], CLOCK, DEED)  # type: ignore[arg-type]
    assert str(path) in str(caught.value)
    assert dumps.is_empty(clean[0])
    assert not files(clean[1].home)


def rewrite(
    path: Path, change: Callable[[str, bytes], bytes | None], first: list[tuple[str, bytes]] | None = None
) -> None:
    """Write a backup anew with its entries changed (None: left out)."""
    with tarfile.open(path) as tar:
        entries = [(one.name, tar.extractfile(one).read()) for one in tar]  # type: ignore[union-attr]
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in [*(first or []), *entries]:
            changed = change(name, content)
            if changed is not None:
                entry = tarfile.TarInfo(name)
                entry.size = len(changed)
                tar.addfile(entry, io.BytesIO(changed))


def test_what_is_there_is_not_overwritten_but_moved_aside_if_told(made: Path, site: tuple[Store, Settings]) -> None:
    store, settings = site
    before, kept = contents(store.database, JUDGED), files(settings.home)
    with pytest.raises(StoreError, match="restored where nothing is"):
        restore(made, store.database, settings, CLOCK, DEED)  # type: ignore[arg-type]
    store.record("flex", "inbox", [an_arrival(Quality.BAD, "after the backup")], RULE)
    (settings.home / "its" / "memory.npz").write_bytes(b"newer")
    store.heartbeat("flex", "watch", NOW, ok=True)
    with pytest.raises(StoreError, match="still in use"):
        restore(made, store.database, settings, CLOCK, DEED, replace=True)  # type: ignore[arg-type]
    store.heartbeat("flex", "watch", NOW - timedelta(hours=1), ok=True)
    done = restore(made, store.database, settings, CLOCK, DEED, replace=True)  # type: ignore[arg-type]
    assert contents(store.database, JUDGED) == before
    assert {name: one for name, one in files(settings.home).items() if "before-restore" not in name} == kept
    assert (settings.home / "its.before-restore-20260504T120000" / "memory.npz").read_bytes() == b"newer"
    assert len(done.aside) > 3


def test_an_older_backup_is_brought_up_to_date(
    site: tuple[Store, Settings], clean: tuple[Database, Settings], tmp_path: Path
) -> None:
    store, settings = site
    schema.downgrade(store.database, "0005")
    before = contents(store.database, JUDGED)
    taken = take(store.database, settings, tmp_path, CLOCK)  # type: ignore[arg-type]
    assert taken.manifest.revision == "0005"
    restore(taken.path, clean[0], clean[1], CLOCK, DEED)  # type: ignore[arg-type]
    assert schema.is_current(clean[0])
    after = contents(clean[0], JUDGED)
    assert {name: one.rows for name, one in after.items()} == {name: one.rows for name, one in before.items()}


def test_models_are_found_under_another_home(
    site: tuple[Store, Settings], clean: tuple[Database, Settings], tmp_path: Path
) -> None:
    store, settings = site
    path = settings.home.absolute() / "versions" / "flex" / "m" / "1"
    store.register_model("flex", "m", "1", "d" * 64, str(path), {}, NOW)
    store.register_model("flex", "shipped", "1", "e" * 64, "/usr/share/model", {}, NOW)
    store.set_alias("flex", "m", Alias.CHAMPION, "1", "ana", "best", NOW)
    taken = take(store.database, settings, tmp_path, CLOCK)  # type: ignore[arg-type]
    restore(taken.path, clean[0], clean[1], CLOCK, DEED)  # type: ignore[arg-type]
    url = clean[0].engine.url.render_as_string(hide_password=False)
    with Store.open(url, clean[1].artefacts) as restored:
        paths = {model.name: Path(model.path) for model in restored.models("flex")}
    assert paths == {"m": clean[1].home.absolute() / "versions/flex/m/1", "shipped": Path("/usr/share/model")}
    assert (paths["m"] / "card.json").is_file()


def test_two_at_once_take_turns(site: tuple[Store, Settings], tmp_path: Path) -> None:
    store, settings = site
    with (
        alone(settings.home, "retention"),
        pytest.raises(StoreError, match="retention goes on"),
        alone(settings.home, "a restore"),
    ):
        pass
    take(store.database, settings, tmp_path, CLOCK)  # type: ignore[arg-type]


def test_without_the_tools_of_postgresql_the_error_says_what_to_install(
    site: tuple[Store, Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, settings = site
    if dumps.kind_of(store.database) == "sqlite":
        pytest.skip("SQLite needs no tools")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match=r"pg_dump is not there.*postgresql-client"):
        take(store.database, settings, tmp_path, CLOCK)  # type: ignore[arg-type]
    assert not list(tmp_path.glob("*.tar"))
    assert not list(tmp_path.glob(".*.part"))


def test_where_nothing_can_be_written_nothing_is_left(site: tuple[Store, Settings], tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with pytest.raises(StoreError, match="the backup cannot be written"):
        take(site[0].database, site[1], blocked / "sub" / "b.tar", CLOCK)  # type: ignore[arg-type]


def test_tables_in_which_nothing_has_happened_are_as_good_as_none(
    made: Path, clean: tuple[Database, Settings], site: tuple[Store, Settings]
) -> None:
    """As after ``docker compose up`` on a new machine, once everything but the database is stopped again."""
    database, settings = clean
    schema.upgrade(database)
    (settings.home / "inbox" / "flex").mkdir(parents=True)
    done = restore(made, database, settings, CLOCK, DEED)  # type: ignore[arg-type]
    assert contents(database, JUDGED) == contents(site[0].database, JUDGED)
    assert len(done.aside) == 1


def test_the_password_goes_to_the_tools_unseen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[list[str], str]] = []

    def tool(command: list[str], env: dict[str, str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append((command, env["PGPASSWORD"]))
        return subprocess.CompletedProcess(command, 1, "", "pg_restore: error: server version mismatch")

    monkeypatch.setattr(subprocess, "run", tool)
    monkeypatch.setattr(dumps, "is_empty", lambda _: True)
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/pg_restore")
    database = Database.open("postgresql+psycopg://me:s3cret@db:5433/shiftwatch?sslmode=require")
    with pytest.raises(StoreError, match="server version mismatch") as caught:
        dumps.load(database, tmp_path / "dump")
    ((command, password),) = asked
    assert password == "s3cret"
    assert "postgresql://me@db:5433/shiftwatch?sslmode=require" in command
    assert "s3cret" not in " ".join(command) + str(caught.value)
