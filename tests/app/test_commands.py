"""The other commands: alarms, models, tables, simulation, the doctor, and what their help says."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from app import scanner
from app.cli import app
from app.teaching import Lesson
from core.contracts import AlarmRule, Arrival, Incident, Settled
from core.errors import StoreError
from core.observation import Observation
from core.settings import load_settings
from core.store import Store
from core.verdict import Quality, Verdict
from dqm.its.cycle_files import read_cycle
from dqm.its.qcdb.server import FakeQcdb
from tests.app.boards import cheap_store


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def every_command(group: click.Group, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    found: dict[tuple[str, ...], click.Command] = {}
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found |= every_command(command, (*path, name))  # type: ignore[arg-type]
        else:
            found[(*path, name)] = command
    return found


COMMANDS = every_command(get_command(app))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", COMMANDS)
def test_every_help_has_an_example(path: tuple[str, ...]) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert "Example: " in result.output
    assert f"shiftwatch {' '.join(path)}" in result.output


def test_the_commands_there_are() -> None:
    single = {"score", "train", "calibrate", "simulate", "report", "demo", "up", "doctor"}
    groups = {("alarms", "list"), ("alarms", "ack"), ("alarms", "clear"), ("models", "list"), ("models", "promote")}
    assert {path[0] for path in COMMANDS if len(path) == 1} >= single
    assert set(COMMANDS) >= groups | {("db", "upgrade")}


@pytest.mark.parametrize("command", ["train", "calibrate"])
def test_nothing_is_taught_from_a_folder_that_is_not_there(command: str, home: Path) -> None:
    result = run(command, "flex", str(home / "missing"), "--product", "mine")
    assert result.exit_code != 0
    assert "missing" in str(result.exception) + result.output


def test_calibrate_keeps_the_networks_and_train_may_take_a_mask(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Lesson] = []

    def teach(system: str, lesson: Lesson, out: Path | None, *, report: object) -> Path:
        asked.append(lesson)
        return home

    monkeypatch.setattr("app.teaching.teach", teach)
    assert run("calibrate", "flex", str(home), "--product", "mine").exit_code == 0
    assert run("train", "flex", str(home), "--product", "mine", "--region", "a.png", "--seed", "3").exit_code == 0
    assert asked[0] == Lesson("mine", home, refit=True)
    assert asked[1] == Lesson("mine", home, seed=3, region=Path("a.png"))


def test_the_simulated_scanner_draws_the_product_that_ships() -> None:
    pytest.importorskip("torch")
    from inspection.flex import shipping

    assert scanner.PRODUCT_SEED == shipping.PRODUCT_SEED


def test_alarms_are_listed_acknowledged_and_cleared(shelf: Store) -> None:
    cheap_store(shelf)
    listed = run("alarms", "list")
    assert "20UPGPQ2600002" in listed.stdout
    first = next(json.loads(line) for line in run("alarms", "list", "--json").stdout.splitlines() if "2600002" in line)
    assert (first["severity"], first["acknowledged_by"], first["open"]) == ("MAJOR", None, True)
    number = str(first["id"])
    assert "acknowledged" in run("alarms", "ack", number, "--by", "Anna", "--note", "mine").stdout
    assert "closed" in run("alarms", "clear", number, "--by", "Anna").stdout
    detail = shelf.alarm(int(number))
    assert detail is not None
    assert (detail.view.acknowledged_by, detail.view.is_open) == ("Anna", False)
    assert "20UPGPQ2600002" not in run("alarms", "list").stdout
    assert "20UPGPQ2600002" in run("alarms", "list", "--all").stdout


def test_alarms_of_incidents_are_listed_with_where_and_since_when(shelf: Store) -> None:
    since = datetime(2026, 5, 1, 11, 42, tzinfo=UTC)
    wrong = Incident("place", frozenset({"L0_03/4"}), "L0_03/4", Quality.BAD, since, "noisy chip", "noisy chip here")
    seen = Observation("its", "ITS", "1/2", since + timedelta(minutes=9), "qcdb", "ab")
    settled = Settled(Arrival("t", "qcdb"), seen, Verdict(Quality.BAD), seen.observed_at, (wrong,))
    shelf.record("its", "qcdb", [settled], AlarmRule())
    (row,) = (line for line in run("alarms", "list").stdout.splitlines() if "L0_03/4" in line)
    assert "2026-05-01 11:42" in row
    assert "noisy chip here" in row
    told = json.loads(run("alarms", "list", "--json").stdout)
    assert (told["kind"], told["cause"], told["places"]) == ("place", "noisy chip", ["L0_03/4"])
    assert (told["bad_since"], told["raised_at"]) == (since.isoformat(), seen.observed_at.isoformat())


def test_without_alarms_it_says_so(shelf: Store) -> None:
    assert run("alarms", "list").stdout.strip() == "no open alarm"


@pytest.mark.parametrize("number", ["0", "-3", "x"])
def test_an_impossible_alarm_number_is_refused(shelf: Store, number: str) -> None:
    assert run("alarms", "ack", number).exit_code == 2


def test_models_are_listed_and_promoted(shelf: Store) -> None:
    assert "no model of flex is registered" in run("models", "list", "flex").stdout
    for version in ("aaa", "bbb"):
        shelf.register_model("flex", "myboard", version, version * 8, "/models", {}, datetime.now(UTC))
    assert run("models", "promote", "flex", "myboard", "aaa", "--reason", "first").exit_code == 0
    promoted = next(line for line in run("models", "list", "flex").stdout.splitlines() if "aaa" in line)
    assert "champion" in promoted
    assert isinstance(run("models", "promote", "flex", "myboard", "nosuch", "--reason", "x").exception, StoreError)


def test_tables_are_made_and_made_again(home: Path) -> None:
    for _ in range(2):
        assert run("db", "upgrade").exit_code == 0
    with Store.open(f"sqlite:///{home / 'shiftwatch.db'}", home / "artefacts") as store:
        assert store.is_current()


def test_simulated_boards_are_photos_named_as_the_scanner_names_them(home: Path) -> None:
    result = run("simulate", "flex", "--out", str(home / "scans"), "--count", "1", "--defects", "2", "--seed", "3")
    (path,) = (Path(line) for line in result.stdout.splitlines())
    assert path.name.startswith("20UPGPQ26")
    assert path.read_bytes()[:2] == b"\xff\xd8"
    assert [found.name for found in (home / "scans").iterdir()] == [path.name]


def test_simulated_cycles_are_files_that_can_be_read_and_say_nothing_of_the_truth(home: Path) -> None:
    arguments = ("simulate", "its", "--count", "3", "--defects", "2", "--seed", "5", "--out")
    paths = [Path(line) for line in run(*arguments, str(home / "a")).stdout.splitlines()]
    assert [read_cycle(path).number for path in paths] == [1, 2, 3]
    truth = json.loads((home / "a" / "truth.json").read_text())
    assert list(truth) == [path.name for path in paths]
    assert max(len(faults) for faults in truth.values()) > 0
    again = [Path(line) for line in run(*arguments, str(home / "b")).stdout.splitlines()]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths]


def test_the_doctor_of_a_site_without_a_qcdb_needs_nothing_of_it(home: Path) -> None:
    text = run("doctor").stdout
    assert "ok      QCDB (its): not connected and not watched: SHIFTWATCH_ITS__QCDB_URL is not set" in text
    assert "watch (its)" not in text


def test_the_doctor_asks_the_qcdb(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("db", "upgrade")
    with FakeQcdb() as server:
        monkeypatch.setenv("SHIFTWATCH_ITS__QCDB_URL", server.url)
        assert f"warning QCDB (its): {server.url} answers, but lists no object of qc/ITS/MO" in run("doctor").stdout
        server.down()
        text = run("doctor").stdout
    assert f"error   QCDB (its): {server.url}/browse" in text
    assert "warning watch (its): never ran" in text


def test_the_doctor_names_what_is_missing(home: Path) -> None:
    result = run("doctor")
    assert result.exit_code == 1
    assert "error   store: tables are missing or old\n        do: type: shiftwatch db upgrade" in result.stdout
    run("db", "upgrade")
    assert "ok      store: sqlite:///" in run("doctor").stdout


def test_the_doctor_tells_of_the_guard_and_of_a_stale_model(home: Path) -> None:
    run("db", "upgrade")
    settings = load_settings()
    with Store.open(settings.url, settings.artefacts) as store:
        store.heartbeat("console", "guard", datetime.now(UTC), ok=True)
        store.heartbeat("its", "model", datetime.now(UTC), ok=False, detail="It is retired.")
    text = run("doctor").stdout
    assert "ok      guard: last sign of life" in text
    assert "model in charge (its): It is retired." in text
    with Store.open(settings.url, settings.artefacts) as store:
        store.heartbeat("console", "guard", datetime.now(UTC) - timedelta(minutes=1), ok=True)
    assert "ok      guard" not in run("doctor").stdout


def test_the_doctor_reports_an_unknown_setting(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTWATCH_FLEX__NOSUCH", "1")
    result = run("doctor")
    assert result.exit_code == 1
    assert "nosuch" in result.stdout


def test_the_doctor_hides_the_password_of_the_database(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTWATCH_DATABASE_URL", "postgresql+psycopg://me:secret@127.0.0.1:1/none")
    assert "secret" not in run("doctor").stdout
