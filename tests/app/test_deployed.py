"""What containers need of us: secrets as files, signs of life for health checks, one clock for all simulators."""

import stat
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from app import playing, vitals
from app.experiment import masked_places
from app.story import truth
from app.story.delivering import Courier, Delivery, Progress
from app.story.playback import Playback
from core.clock import SystemClock
from core.settings import SECRETS, Settings, load_settings
from core.signs import CONSOLE, GUARD, SCHEDULE, WATCH
from core.store import Store
from flows.systems import SYSTEMS

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of an empty home with an upgraded store."""
    monkeypatch.setenv("SHIFTWATCH_HOME", str(tmp_path))
    made = load_settings()
    with Store.open(made.url, made.artefacts) as store:
        store.upgrade()
    return made


def test_a_password_comes_from_a_file_and_is_told_to_the_database_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shiftwatch_database_password").write_text("p@ss/word:1\n")
    monkeypatch.setenv(SECRETS, str(tmp_path))
    monkeypatch.setenv("SHIFTWATCH_DATABASE_URL", "postgresql+psycopg://shiftwatch@db:5432/shiftwatch")
    made = load_settings()
    with Store.open(made.url, tmp_path) as store:
        assert store.database.engine.url.password == "p@ss/word:1"
        assert "p@ss" not in store.database.name
    assert "p@ss" not in repr(made)


def test_the_health_of_worker_and_guard_is_their_sign_of_life(settings: Settings) -> None:
    assert vitals.trouble("worker", NOW) == "no sign of life so far"
    with Store.open(settings.url, settings.artefacts) as store:
        store.heartbeat("its", SCHEDULE, NOW - timedelta(days=9), True, "")
        store.heartbeat("flex", SCHEDULE, NOW - timedelta(seconds=5), True, "")
        store.heartbeat(CONSOLE, GUARD, NOW - timedelta(minutes=5), True, "")
    assert vitals.trouble("worker", NOW) is None
    assert vitals.trouble("guard", NOW) == "no sign of life since 2026-11-27 11:55:00 UTC"


def test_the_simulated_shift_begins_once_all_are_watched(settings: Settings) -> None:
    with Store.open(settings.url, settings.artefacts) as store:
        for system in SYSTEMS:
            store.heartbeat(system, WATCH, datetime.now(UTC), True, "")
    assert playing.begin(settings, 20.0)
    begun = (settings.home / truth.FILE).read_bytes()
    assert not playing.begin(settings, 5.0)
    assert (settings.home / truth.FILE).read_bytes() == begun


def test_a_simulator_that_is_started_again_goes_on_where_it_was(tmp_path: Path) -> None:
    written = list[str]()

    def written_as(name: str) -> Delivery:
        return Delivery(NOW, "nothing wrong", lambda folder: (written.append(name), folder / name)[1])

    deliveries = [written_as(name) for name in "abcd"]
    progress = Progress(tmp_path / "app.awake.delivered", NOW)
    for count in (2, 4):
        courier = Courier(tmp_path, Playback.late(NOW, 0.0), SystemClock(), threading.Event(), str, progress)
        courier.play(deliveries[:count])
    assert written == ["a", "b", "c", "d"]
    assert Progress(progress.path, NOW + timedelta(hours=8)).read() == 0
    progress.path.write_text("{cut sho")
    assert progress.read() == 0


def test_the_demo_masks_what_its_simulated_detector_has_off() -> None:
    made = Settings(**_toml("deploy/demo.toml"))
    assert made.its.masked == masked_places()
    assert Settings(**_toml("deploy/settings.toml")).its.qcdb_url is None


def test_every_service_is_confined_and_gated() -> None:
    told: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    services = told["services"]
    for name, service in services.items():
        assert service["read_only"], name
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert service["restart"] in {"unless-stopped", "on-failure"}, name
        assert service["logging"]["options"]["max-size"], name
        assert set(service.get("depends_on", ())) <= set(services), name
        assert ("ports" in service) == (name in {"dashboard", "metrics"}), name
        assert set(service["secrets"]) <= set(told["secrets"]), name
    assert services["metrics"]["profiles"] == ["metrics"]
    assert all(port.startswith("127.0.0.1:") for port in services["metrics"]["ports"])
    for name in ("worker", "guard", "dashboard", "metrics"):
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_secrets_are_made_once_and_differ(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    script = tmp_path / "deploy" / "secrets.sh"
    script.write_bytes((ROOT / "deploy" / "secrets.sh").read_bytes())
    found = []
    for _ in range(2):
        subprocess.run(["sh", str(script)], check=True)
        found.append({path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()})
    assert found[0] == found[1]
    assert len(set(found[0].values())) == 3
    assert all(len(secret) >= 48 for secret in found[0].values())
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def _toml(name: str) -> dict[str, Any]:
    import tomllib

    return tomllib.loads((ROOT / name).read_text(encoding="utf-8"))
