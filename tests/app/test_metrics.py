"""What Prometheus is told: right numbers, counters that never go back, and an outage that is told as one."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import generate_latest
from sqlalchemy import event
from sqlalchemy import text as sql

from app.metrics import scheduler
from app.metrics.counting import OTHER, STAGES
from app.supervision import free_port
from core.contracts import AlarmRule
from core.store import Store, gauges
from core.verdict import Quality
from tests.app.boards import STAGE, broken
from tests.app.metric_site import NOW, SECRET, MeasuredSite, names, samples, site
from tests.postgres import cluster, find_binaries

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def measured(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MeasuredSite]:
    if request.param == "sqlite":
        made = site(tmp_path)
        yield made
        made.store.close()
        return
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with cluster(binaries) as url:
        made = site(tmp_path, f"{url}/postgres")
        yield made
        made.store.close()


def test_everything_is_told_in_numbers(measured: MeasuredSite) -> None:
    told = samples(measured.text())
    assert told["shiftwatch_up"] == 1
    assert told['shiftwatch_data_age_seconds{system="flex"}'] == 120
    assert told['shiftwatch_data_usual_gap_seconds{system="flex"}'] == 300
    assert told['shiftwatch_watch_lag_seconds{system="flex"}'] == 3
    assert told[f'shiftwatch_verdicts_total{{quality="GOOD",stage="{STAGE}",system="flex"}}'] == 6
    assert told[f'shiftwatch_verdicts_total{{quality="BAD",stage="{STAGE}",system="flex"}}'] == 1
    assert told['shiftwatch_verdicts_total{quality="NULL",stage="",system="flex"}'] == 1
    assert told['shiftwatch_verdict_delay_seconds_bucket{le="2.0",system="flex"}'] == 1
    assert told['shiftwatch_verdict_delay_seconds_bucket{le="5.0",system="flex"}'] == 8
    assert told['shiftwatch_alarms_open{severity="MAJOR",system="flex"}'] == 1
    assert told['shiftwatch_alarms_unacknowledged{severity="MAJOR",system="flex"}'] == 1
    assert told['shiftwatch_alarms_open{severity="MAJOR",system="its"}'] == 0
    assert told['shiftwatch_alarms_set_apart{reason="held_back",system="flex"}'] == 1
    assert told['shiftwatch_alarm_events_total{event="raised",severity="MAJOR",system="flex"}'] == 1
    roles = {role for role in ("in_charge", "champion") if any(f'role="{role}"' in name for name in told)}
    assert roles == {"in_charge", "champion"}
    assert told['shiftwatch_part_ok{part="watch",system="flex"}'] == 1
    failed_at = told['shiftwatch_part_failure_timestamp_seconds{part="watch",system="flex"}']
    assert failed_at == (NOW - timedelta(minutes=9)).timestamp()
    assert told['shiftwatch_part_sign_timestamp_seconds{part="guard",system="console"}'] == NOW.timestamp() - 3
    assert told['shiftwatch_flow_runs_last_day{state="failed"}'] == 2
    assert told["shiftwatch_prefect_up"] == 1
    assert told['shiftwatch_quarantined_files{system="flex"}'] == 1
    assert told['shiftwatch_notifications_waiting{channel="room"}'] == 1
    assert told['shiftwatch_notifications_failing{channel="room"}'] == 1
    assert told["shiftwatch_database_size_bytes"] > 100_000
    assert 0 < told['shiftwatch_disk_free_bytes{folder="home"}'] <= told['shiftwatch_disk_size_bytes{folder="home"}']


def test_no_secret_and_no_name_of_a_person_is_told(measured: MeasuredSite) -> None:
    text = measured.text()
    assert SECRET not in text
    assert "eva" not in text
    assert set().union(*names(text).values()) <= {
        *("system", "stage", "quality", "le", "severity", "event", "reason", "name", "version", "role"),
        *("part", "channel", "folder", "state", "database"),
    }


def test_counters_never_go_back_and_miss_nothing(measured: MeasuredSite) -> None:
    before = samples(measured.text())
    counters = [name for name in before if "_total" in name or "_bucket" in name]
    measured.board("20UPGPQ2600777", Quality.GOOD)
    good = f'shiftwatch_verdicts_total{{quality="GOOD",stage="{STAGE}",system="flex"}}'
    assert samples(measured.text())[good] == before[good] + 1
    with measured.store.database.writing("flex") as session:  # what retention does
        for table in ("evidence", "ticket", "verdict"):
            session.execute(sql(f"DELETE FROM {table} WHERE observation_id < 4"))
        session.execute(sql("DELETE FROM observation WHERE id < 4"))
    after = samples(measured.text())
    assert all(after[name] >= before[name] for name in counters)
    measured.board("20UPGPQ2600778", Quality.GOOD)
    assert samples(measured.text())[good] == before[good] + 2


def test_an_overdue_alarm_and_an_acknowledged_one(measured: MeasuredSite) -> None:
    measured.later(minutes=20)
    measured.store.tick(measured.clock.now(), {"flex": AlarmRule()})
    assert samples(measured.text())['shiftwatch_alarms_overdue{severity="MAJOR",system="flex"}'] == 1


def test_stages_cannot_make_series_without_end(tmp_path: Path) -> None:
    made = site(tmp_path)
    made.text()
    counts = made.lookout.counts
    told = [counts._stage("flex", f"STAGE_{number}") for number in range(10 * STAGES)]
    assert len(set(told)) <= STAGES + 1
    assert told[-1] == OTHER
    assert counts._stage("flex", STAGE) == STAGE  # one that was known goes on
    made.store.close()


def test_a_database_that_is_away_is_told_and_comes_back(tmp_path: Path) -> None:
    made = site(tmp_path)
    before = samples(made.text())
    database = made.store.database
    made.lookout.store = Store.open("postgresql+psycopg://nobody@127.0.0.1:9/none", tmp_path)
    away = samples(made.text())
    assert away["shiftwatch_up"] == 0
    assert not [name for name in away if name.startswith(("shiftwatch_alarms", "shiftwatch_data", "shiftwatch_part"))]
    assert away['shiftwatch_disk_free_bytes{folder="home"}'] > 0
    counters = [name for name in before if "_total{" in name]
    assert counters
    assert all(away[name] == before[name] for name in counters)
    made.lookout.store.close()
    made.lookout.store = made.store
    made.board("20UPGPQ2600555", Quality.GOOD)
    back = samples(made.text())
    assert back["shiftwatch_up"] == 1
    good = f'shiftwatch_verdicts_total{{quality="GOOD",stage="{STAGE}",system="flex"}}'
    assert back[good] == before[good] + 1
    assert gauges.size_bytes(database) > 0
    made.store.close()


def test_figures_of_a_look_that_never_ended_are_not_shown(tmp_path: Path) -> None:
    made = site(tmp_path)
    assert "shiftwatch_alarms_open" in made.text()
    made.later(minutes=2)
    text = generate_latest(made.registry).decode()
    assert samples(text)["shiftwatch_up"] == 0
    assert "shiftwatch_alarms_open" not in text
    made.store.close()


def test_a_scheduler_that_does_not_answer_or_answers_nonsense(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert scheduler.flow_runs(NOW) is None
    monkeypatch.setattr(httpx.Client, "post", lambda *_, **__: httpx.Response(200, json=[], request=REQUEST))
    assert scheduler.flow_runs(NOW) is None
    monkeypatch.setattr(httpx.Client, "post", lambda *_, **__: httpx.Response(200, json=7, request=REQUEST))
    assert scheduler.flow_runs(NOW) == dict.fromkeys(("completed", "failed", "crashed", "cancelled"), 7)


REQUEST = httpx.Request("POST", "http://host")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_listens_on_loopback_and_ends_at_a_signal(
    tmp_path: Path, number: signal.Signals, heard_interrupts: None
) -> None:
    port = free_port(0)
    environment = {**os.environ, "SHIFTWATCH_HOME": str(tmp_path), "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    command = [sys.executable, "-c", "from app.cli import main; main()", "metrics", "--port", str(port), "--every", "1"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert f"http://127.0.0.1:{port}/metrics" in process.stdout.readline()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        assert samples(text)["shiftwatch_up"] == 0  # no tables yet: told, not crashed
        process.send_signal(number)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_no_query_of_a_look_reads_all_verdicts(tmp_path: Path) -> None:
    """Every query is bounded by what is new or open, which its plan shows."""
    made, asked = site(tmp_path), list[tuple[str, Any]]()
    engine = made.store.database.engine
    event.listen(engine, "before_cursor_execute", lambda _c, _k, asks, given, *_: asked.append((asks, given)))
    made.lookout.look()
    looked = [one for one in asked if one[0].startswith(("SELECT", "WITH"))]
    assert len(looked) > 10
    with engine.connect() as connection:
        for asks, given in looked:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asks}", given)]
            scans = [step for step in plan if step.startswith(("SCAN verdict", "SCAN observation", "SCAN alarm_event"))]
            assert not scans, (asks, plan)
    made.store.close()


def test_a_broken_file_is_counted_without_a_stage(tmp_path: Path) -> None:
    made = site(tmp_path)
    made.store.record("flex", "folder", [broken("y.jpg", "no image", NOW)], AlarmRule())
    assert samples(made.text())['shiftwatch_verdicts_total{quality="NULL",stage="",system="flex"}'] == 2
    made.store.close()


def test_a_system_without_alarms_is_not_looked_for_in_the_alarms_of_others(tmp_path: Path) -> None:
    made = site(tmp_path)
    made.text()
    first = made.lookout.counts.events["its"]
    made.later(minutes=11)
    made.board("20UPGPQ2600666", Quality.BAD)
    before = samples(made.text())
    made.later(minutes=11)
    made.text()
    assert made.lookout.counts.events["its"] > first
    raised = 'shiftwatch_alarm_events_total{event="raised",severity="MAJOR",system="flex"}'
    assert samples(made.text())[raised] == before[raised] == 2
    made.store.close()


def test_a_system_that_the_site_left_rings_no_bell_for_ever(tmp_path: Path) -> None:
    made = site(tmp_path)
    made.store.heartbeat("collimation", "watch", NOW - timedelta(days=90), True)
    assert 'system="collimation"' in made.text()
    made.lookout.left = ("collimation",)
    told = made.text()
    assert 'system="collimation"' not in told
    assert 'shiftwatch_part_ok{part="watch",system="flex"}' in told
    made.store.close()
