"""A backup of a living store, restored on a clean machine: the same verdicts, alarms and files, and nothing else."""

import subprocess
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from core.backup import dumps
from core.backup.restoring import restore
from core.backup.taking import take
from core.errors import StoreError
from core.housekeeping import alone
from core.inbox import Inbox
from core.settings import Settings
from core.store import Store, schema
from core.store.artefacts import Artefacts
from core.store.audit import Sought
from core.store.contents import JUDGED, contents
from core.store.engine import Database
from core.store.views import Alias
from core.verdict import Quality
from tests.core.store.backed_up import CLOCK, DEED, clean, files, fill, made, pictured, site
from tests.core.store.conftest import NOW, RULE, Server, an_arrival

__all__ = ["clean", "made", "site"]


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
