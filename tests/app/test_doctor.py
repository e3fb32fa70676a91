"""What the doctor says of settings that are wrong, of what does not answer, and of the examples that ship."""

import json
import os
import shutil
import threading
import tomllib
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from app.cli import app
from app.doctor import _store
from app.doctor_places import places
from app.doctor_services import channels, prefect, qcdb
from app.finding import Finding, Level
from core.settings import load_settings
from core.settings_schema import schema, schema_text
from core.signs import BACKUP, CONSOLE, RETENTION
from core.store import Store
from dqm.its.qcdb.server import FakeQcdb

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "deploy" / "examples").glob("*.toml"))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def written(home: Path, text: str) -> Path:
    path = home / "site.toml"
    path.write_text(text)
    return path


def found(file: Path | None, subject: str) -> Finding:
    """Return one finding, without a look at everything else (which makes the detectors)."""
    settings = load_settings(file)
    looks = {
        "QCDB": qcdb,
        "clock": qcdb,
        "scheduler": lambda _: prefect(),
        "notification": channels,
        "store": _store,
        "retention": _store,
        "backup": _store,
    }
    look = next((one for name, one in looks.items() if subject.startswith(name)), places)
    return next(one for one in look(settings) if one.subject == subject)


@contextmanager
def answering(status: int = 200, body: bytes = b'"3.8.8"', date: datetime | None = None) -> Iterator[str]:
    """Run a server that answers everything but /health with a status."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(200 if self.path.endswith("/health") else status)
            self.send_header("Date", format_datetime(date or datetime.now(UTC), usegmt=True))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[its]\nqcbd_url = 'http://a:1'", "its.qcbd_url: there is no such setting; did you mean its.qcdb_url?"),
        ("[schliren]\nmask = 'knife'", "schliren: there is no such setting; did you mean schlieren?"),
        ("[flex]\nqcdb_url = 'http://a:1'", "flex.qcdb_url: there is no such setting here; it belongs to its.qcdb_url"),
        ("zzz = 1", "zzz: there is no such setting; there is: home, database_url"),
        ("[its]\npoll_s = '10 s'", "its.poll_s: '10 s' cannot be: wanted is a number of seconds, without quotes or"),
        ("[its]\npoll_s = 600", "its.poll_s: 600 cannot be: wanted is at most 120 seconds (the QCDB is asked"),
        ("[flex]\nmax_megapixels = -1", "flex.max_megapixels: -1 cannot be: wanted is more than 0 megapixels"),
        ("[its]\nwindow = 'cycles'", "wanted is one of 'auto', 'cycle' or 'run'; did you mean 'cycle'?"),
        ("[its]\nmasked = 'L3_07'", "its.masked: 'L3_07' cannot be: wanted is a list"),
        ("its = 3", "its: 3 cannot be: wanted is a section, [its]"),
        ("batch = 1.5", "batch: 1.5 cannot be: wanted is a whole number"),
        ("[access]\nopen_network = 'maybe'", "wanted is true or false"),
        ("[its\n", "is no TOML: "),
        ("[notify.channels.a]\nurl = 'json://h'\nsystem = ['its']", "did you mean notify.channels.a.systems?"),
        ("logbook_token = 5", "logbook_token: "),
    ],
)
def test_a_wrong_setting_is_told_with_what_to_write(home: Path, text: str, said: str) -> None:
    result = run("doctor", "--settings", str(written(home, text)))
    assert result.exit_code == 1
    assert f"error   settings: {said}" in result.stdout or said in result.stdout
    assert len(result.stdout.splitlines()) == 2


def test_a_secret_is_not_repeated(home: Path) -> None:
    path = written(home, "[notify.channels.a]\nurl = ['hush']\nmost_per_10_min = 0")
    result = run("doctor", "--settings", str(path))
    assert "notify.channels.a.url" in result.stdout
    assert "hush" not in result.stdout


def test_addresses_and_keys_may_be_files_of_secrets(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "secrets"
    folder.mkdir()
    (folder / "shiftwatch_notify").write_text('{"channels": {"a": {"url": "json://u:hush@h"}}}')
    (folder / "shiftwatch_artefact_store").write_text('{"secret_key": "hush"}')
    monkeypatch.setenv("SHIFTWATCH_SECRETS", str(folder))
    text = "[notify.channels.a]\nsystems = ['its']\n[artefact_store]\nurl = 's3://kept/here'\naccess_key = 'me'"
    read = load_settings(written(home, text))
    assert read.notify.channels["a"].systems == ("its",)
    assert read.artefact_store.bucket is not None
    assert read.artefact_store.bucket.options == {"key": "me", "secret": "hush"}


def test_no_such_file(home: Path) -> None:
    result = run("doctor", "--settings", "nowhere.toml")
    assert (result.exit_code, "nowhere.toml: there is no such file" in result.stdout) == (1, True)


def test_the_published_schema_is_that_of_the_settings() -> None:
    """Renew it with: shiftwatch doctor --schema > deploy/settings.schema.json."""
    assert (ROOT / "deploy" / "settings.schema.json").read_text() == schema_text()
    assert run("doctor", "--schema").stdout == schema_text()


@pytest.mark.parametrize("path", [*EXAMPLES, *(ROOT / "deploy").glob("*.toml")], ids=lambda path: path.stem)
def test_every_file_that_ships_fits_the_schema(path: Path) -> None:
    jsonschema.validate(tomllib.loads(path.read_text()), schema())
    load_settings(path)


def test_there_is_an_example_of_every_source() -> None:
    assert {path.stem for path in EXAMPLES} == {"its", "flex", "collimation", "schlieren", "console"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_doctor_is_content_with_an_example(path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With simulated sources in place of the real ones: only what nobody started yet is worth a warning."""
    folder = home / "arrivals"
    folder.mkdir()
    with FakeQcdb() as qcdb, answering() as prefect:
        text = (
            path.read_text().replace("/srv/shiftwatch", str(home)).replace("http://ali-qcdb-gpn.cern.ch:8083", qcdb.url)
        )
        for place in ("/scans/flex", "/data/lossmaps", "/user/awakeop/event_data"):
            text = text.replace(f'"{place}"', f'"{folder}"')
        text = text.replace("postgresql+psycopg://shiftwatch@db/shiftwatch", f"sqlite:///{home / 'shiftwatch.db'}")
        monkeypatch.setenv("PREFECT_API_URL", f"{prefect}/api")
        run("db", "upgrade")
        result = run("doctor", "--settings", str(written(home, text)))
    assert result.exit_code == 0, result.stdout
    assert "error" not in result.stdout
    if path.stem != "console":
        assert str(folder) in result.stdout or qcdb.url in result.stdout
    assert "ok      scheduler (Prefect): " in result.stdout


def test_folders_that_are_not_as_they_must_be(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(home, f"[flex]\ninbox = '{home}/none'\n[collimation]\ninbox = '{home}/site.toml'")
    scanner = found(path, "scanner folder (flex)")
    assert (scanner.level, scanner.advice) == (Level.ERROR, "mount it, or correct flex.inbox")
    assert found(path, "folder of losses (collimation)").text.endswith("is no folder")
    (home / "none").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
        assert found(path, "scanner folder (flex)").level is Level.WARNING
        patch.setattr(os, "access", lambda *_: False)
        assert "cannot be read by user" in found(path, "scanner folder (flex)").text
        assert found(path, "home").level is Level.ERROR


@pytest.mark.parametrize(("free", "level"), [(50e9, "ok"), (3e9, "warning"), (0.1e9, "error")])
def test_a_disk_that_fills(home: Path, monkeypatch: pytest.MonkeyPatch, free: float, level: str) -> None:
    usage = namedtuple("usage", "total used free")(100e9, 100e9 - free, free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert found(None, "disk").level == level


def test_what_answers_but_is_no_qcdb(home: Path) -> None:
    with answering(body=b"<html>Proxy</html>") as url:
        seen = found(written(home, f"[its]\nqcdb_url = '{url}'"), "QCDB (its)")
    assert seen.level is Level.ERROR
    assert "answers, but is no QCDB" in seen.text


def test_clocks_that_differ(home: Path) -> None:
    answer, late = json.dumps({"objects": []}).encode(), datetime.now(UTC) - timedelta(minutes=3)
    with answering(body=answer, date=late) as url:
        seen = found(written(home, f"[its]\nqcdb_url = '{url}'"), "clock (QCDB)")
    assert seen.level is Level.ERROR
    assert "ours is 18" in seen.text


@pytest.mark.parametrize(("status", "said"), [(401, "refuses the password"), (404, "is no API of Prefect")])
def test_a_prefect_that_does_not_let_us_in(home: Path, monkeypatch: pytest.MonkeyPatch, status: int, said: str) -> None:
    with answering(status) as url:
        monkeypatch.setenv("PREFECT_API_URL", f"{url}/api")
        assert said in found(None, "scheduler (Prefect)").text


def test_an_address_that_nothing_understands(home: Path) -> None:
    path = written(
        home,
        "[notify.channels.a]\nurl = 'mial://me:hush@host'\n[notify.channels.b]\nurl = 'json://h'\nsystems = ['ist']",
    )
    seen = {one.subject: one for one in channels(load_settings(path))}
    assert seen["notification channel (a)"].level is Level.ERROR
    assert "hush" not in str(seen)
    assert seen["notification channel (b)"].advice == "did you mean its?"


@pytest.mark.parametrize(
    ("url", "said"),
    [("postgresql+psycopg://me:hush@127.0.0.1:1/none", "refused"), ("mysql://a/b", "only sqlite and postgresql")],
)
def test_a_database_that_cannot_be(home: Path, monkeypatch: pytest.MonkeyPatch, url: str, said: str) -> None:
    monkeypatch.setenv("SHIFTWATCH_DATABASE_URL", url)
    seen = found(None, "store")
    assert seen.level is Level.ERROR
    assert said in seen.text
    assert "hush" not in seen.text


def test_a_bucket_that_is_not_there_and_one_that_is(home: Path) -> None:
    kept = found(written(home, "[artefact_store]\nurl = 'memory://kept/here'"), "pictures")
    assert (kept.level, kept.text) == (Level.OK, "memory://kept/here keeps what it is given")
    text = "[artefact_store]\nurl = 's3://none/here'\nendpoint_url = 'http://127.0.0.1:1'\n"
    text += "access_key = 'hush'\nsecret_key = 'hush'"
    lost = found(written(home, text), "pictures")
    assert lost.level is Level.ERROR
    assert "hush" not in lost.text


def test_retention_that_fails_or_is_late_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTWATCH_HOME", str(tmp_path))
    settings, now = load_settings(), datetime.now(UTC)
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
        store.heartbeat(CONSOLE, RETENTION, now - timedelta(hours=5), True, "its: 3 pictures")
        assert found(None, "retention").level is Level.OK
        store.heartbeat(CONSOLE, RETENTION, now - timedelta(hours=13), True, "its: 3 pictures")
        assert found(None, "retention").level is Level.WARNING
        store.heartbeat(CONSOLE, RETENTION, now, False, "the bucket does not answer")
        told = found(None, "retention")
        assert told.level is Level.ERROR
        assert "the bucket does not answer" in told.text
        assert f"{now - timedelta(hours=13):%H:%M:%S}" in told.text


def test_the_age_of_the_last_backup_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTWATCH_HOME", str(tmp_path))
    settings = load_settings()
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
        assert (found(None, "backup").level, found(None, "backup").text) == (Level.WARNING, "none was made so far")
        assert run("db", "backup", str(tmp_path / "one.tar")).exit_code == 0
        assert found(None, "backup").level is Level.OK
        assert found(None, "backup").text.endswith(": one.tar")
        store.heartbeat(CONSOLE, BACKUP, datetime.now(UTC) - timedelta(hours=49), True, "one.tar")
        assert found(None, "backup").level is Level.WARNING
