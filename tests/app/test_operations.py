"""The commands of ``shiftwatch db``, as the README's section on operations types them."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli import app
from core.settings import load_settings
from core.signs import BACKUP, CONSOLE
from core.store import Store, schema
from core.store.contents import JUDGED, contents
from core.verdict import Quality
from tests.core.store.conftest import RULE, an_arrival

README = Path(__file__).resolve().parents[2] / "README.md"
NOW = datetime.now(UTC)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with verdicts of today and of two months ago."""
    home = tmp_path / "home"
    for name in ("SHIFTWATCH_DATABASE_URL", "SHIFTWATCH_SECRETS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHIFTWATCH_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
        old = [an_arrival(Quality.GOOD, "old", at=NOW - timedelta(days=60))]
        store.record("flex", "inbox", [*old, an_arrival(Quality.BAD, "bad", at=NOW - timedelta(days=60))], RULE)
        store.record("flex", "inbox", [an_arrival(Quality.GOOD, "new", "k3", at=NOW)], RULE)
    (home / "flex").mkdir()
    (home / "flex" / "memory.json").write_text("{}")
    return home


def judged(home: Path) -> object:
    settings = load_settings(home=home)
    with Store.open(settings.url, settings.artefacts) as store:
        return contents(store.database, JUDGED)


def commands() -> list[str]:
    """The commands of the README's section, each without its remark."""
    text = README.read_text(encoding="utf-8")
    (section,) = re.findall(r"<!-- operate -->\n```sh\n(.*?)```", text, re.DOTALL)
    return [line.partition("#")[0].strip() for line in section.splitlines() if line.strip()]


def test_the_readme_s_commands_take_it_to_a_clean_machine_and_back(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, folder = judged(site), tmp_path / "backups"
    folder.mkdir()
    made = ""
    for command in commands():
        there = {"/backups/BACKUP.tar": made, "/backups": str(folder)}
        words = [there.get(word, word) for word in command.split()]
        assert words[0] == "shiftwatch", command
        if "restore" in words and "--check" not in words:
            monkeypatch.setenv("SHIFTWATCH_HOME", str(tmp_path / "clean"))
        done = run(*words[1:])
        assert done.exit_code == 0, f"{command}: {done.output} {done.exception}"
        if "backup" in words:
            made = str(next(folder.glob("shiftwatch-*.tar")))
        if "restore" in words and "--check" not in words:
            assert judged(tmp_path / "clean") == before
            assert (tmp_path / "clean" / "flex" / "memory.json").read_text() == "{}"
            monkeypatch.setenv("SHIFTWATCH_HOME", str(site))
    asked = {" ".join(command.split()[1:3]) for command in commands()}
    assert asked == {"db backup", "db restore", "db upgrade", "db downgrade", "db retain", "db contents"}


def test_a_backup_says_what_is_in_it_and_a_damaged_one_why_it_is_refused(site: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.tar"
    done = run("db", "backup", str(path))
    assert "3 verdicts, 1 alarms" in done.stdout
    assert f"{path}: 0." in done.stdout
    assert "whole" in run("db", "restore", "--check", str(path)).stdout
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refused = run("db", "restore", "--check", str(path))
    assert refused.exit_code != 0
    assert str(path) in str(refused.exception)


def test_by_default_it_goes_below_the_home_and_is_not_part_of_the_next_one(site: Path) -> None:
    run("db", "backup")
    first = next((site / "backups").glob("*.tar"))
    second = run("db", "backup", str(site / "again.tar"))
    assert "left out" not in second.stdout
    third = run("db", "backup", str(site / "third.tar"))
    assert third.exit_code == 0
    assert first.is_file()
    assert "again.tar" not in first.read_bytes().decode(errors="replace")


def test_an_upgrade_makes_a_backup_first_if_that_is_asked_for(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings()
    with Store.open(settings.url, settings.artefacts) as store:
        schema.downgrade(store.database, "0005")
    monkeypatch.setenv("SHIFTWATCH_BACKUP__FOLDER", str(tmp_path / "kept"))
    monkeypatch.setenv("SHIFTWATCH_BACKUP__BEFORE_UPGRADE", "true")
    assert "revision 0005" in run("db", "upgrade").stdout
    (made,) = (tmp_path / "kept").glob("*.tar")
    with Store.open(settings.url, settings.artefacts) as store:
        (sign,) = (beat for beat in store.heartbeats() if (beat.system, beat.flow) == (CONSOLE, BACKUP))
        assert (sign.ok, sign.detail) == (True, made.name)
    assert run("db", "upgrade").stdout == "the tables are up to date\n"  # nothing to do, nothing to back up
    assert len(list((tmp_path / "kept").glob("*.tar"))) == 1


def test_the_first_upgrade_of_all_has_nothing_to_back_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTWATCH_HOME", str(tmp_path / "fresh"))
    monkeypatch.setenv("SHIFTWATCH_BACKUP__BEFORE_UPGRADE", "true")
    assert run("db", "upgrade").exit_code == 0
    assert not (tmp_path / "fresh" / "backups").exists()


def test_going_back_makes_a_backup_unless_there_is_one(site: Path) -> None:
    done = run("db", "downgrade", "0005")
    assert "are at 0005" in done.stdout
    assert len(list((site / "backups").glob("*.tar"))) == 1
    run("db", "upgrade")
    run("db", "downgrade", "0005", "--no-backup")
    assert len(list((site / "backups").glob("*.tar"))) == 1


def test_retention_says_what_it_would_do_before_it_does_it(site: Path) -> None:
    before = judged(site)
    assert "flex: would remove 1 picture set" in run("db", "retain", "--dry-run", "--system", "flex").stdout
    assert "flex: would remove 1 picture set" in run("db", "retain", "--dry-run").stdout
    assert "flex: removed 1 picture set" in run("db", "retain").stdout
    assert "flex: removed nothing" in run("db", "retain").stdout
    assert judged(site) == before  # pictures of GOOD verdicts only
