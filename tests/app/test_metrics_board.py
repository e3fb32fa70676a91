"""The Grafana board and the alert rules ask only for what /metrics tells; real Prometheus checks and scrapes it."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.supervision import free_port
from core.store import Store
from tests.app.boards import cheap_store
from tests.app.metric_site import names, site

ROOT = Path(__file__).resolve().parents[2]
BOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/shiftwatch.json").read_text(encoding="utf-8"))
RULES = ROOT / "deploy/prometheus/alerts.yml"
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
MADE_BY_QUERIES = {"le"}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The labels of everything that is told, by name."""
    made = site(tmp_path_factory.mktemp("site"))
    made.store.heartbeat("flex", "model", made.clock.now(), True)
    with made.store.database.writing("console") as session:
        from sqlalchemy import text

        session.execute(text("UPDATE notification SET sent_at = queued_at"))
    found = names(made.text())
    made.store.close()
    return found


def expressions() -> list[str]:
    asked = [target["expr"] for panel in PANELS for target in panel["targets"]]
    asked += [one["definition"] for one in BOARD["templating"]["list"] if one["type"] == "query"]
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    return asked + [rule["expr"] for rule in rules]


@pytest.mark.parametrize("asked", expressions())
def test_what_is_asked_for_is_told_with_its_labels(asked: str, told: dict[str, set[str]]) -> None:
    used = set(re.findall(r"shiftwatch_[a-z_]+", asked))
    assert used
    assert used <= told.keys()
    for name, chosen in re.findall(r"(shiftwatch_[a-z_]+)\{([^}]*)\}", asked):
        assert set(re.findall(r"([a-z_]+)[!=]", chosen)) <= told[name]
    known = set().union(*(told[name] for name in used))
    for grouped in re.findall(r"by \(([^)]*)\)", asked):
        assert set(re.split(r",\s*", grouped)) <= known | MADE_BY_QUERIES


def test_everything_that_is_told_is_on_the_board(told: dict[str, set[str]]) -> None:
    shown = " ".join(expressions())
    unseen = {name for name in told if name.startswith("shiftwatch_") and name not in shown}
    assert unseen == {
        "shiftwatch_build_info",
        "shiftwatch_verdict_timestamp_seconds",
        "shiftwatch_verdict_delay_seconds_count",
        "shiftwatch_verdict_delay_seconds_sum",
    }


def test_panels_are_whole_and_do_not_overlap() -> None:
    assert BOARD["uid"] == "shiftwatch"
    assert BOARD["id"] is None  # Grafana gives one on import
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    for panel in PANELS:
        assert panel["type"] in {"stat", "timeseries", "table", "state-timeline"}
        assert panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["fieldConfig"]["defaults"]["unit"] in {"short", "s", "bytes", "percentunit"}
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0
    places = [panel["gridPos"] for panel in BOARD["panels"]]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y, (one, other)


def test_every_rule_says_how_urgent_it_is_and_what_it_means() -> None:
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) > 10
    assert all(rule["labels"]["severity"] in {"page", "ticket"} and rule["annotations"]["summary"] for rule in rules)


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on this machine (Debian: apt-get install prometheus)")
    return found


def test_promtool_takes_the_rules_and_they_speak_up_when_they_should(tmp_path: Path) -> None:
    promtool, cases = tool("promtool"), tmp_path / "alerts.test.yml"
    text = (ROOT / "tests/app/alerts.test.yml").read_text(encoding="utf-8")
    cases.write_text(text.replace("[ALERTS]", f"[{RULES}]"))
    for words in (["check", "config", str(ROOT / "deploy/prometheus/prometheus.yml")], ["test", "rules", str(cases)]):
        done = subprocess.run([promtool, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_nothing_to_blame_in_the_names(tmp_path: Path) -> None:
    made = site(tmp_path)
    done = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=made.text(), capture_output=True, text=True, check=False
    )
    made.store.close()
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_real_prometheus_scrapes_and_answers_every_panel(tmp_path: Path) -> None:
    prometheus, port, own = tool("prometheus"), free_port(0), free_port(0)
    home = tmp_path / "home"
    with Store.open(f"sqlite:///{home / 'shiftwatch.db'}", home / "artefacts") as store:
        cheap_store(store)
    config = (ROOT / "deploy/prometheus/prometheus.yml").read_text().replace("9464", str(port)).replace("15s", "1s")
    (tmp_path / "prometheus.yml").write_text(config.replace("alerts.yml", str(RULES)))
    metrics = [sys.executable, "-c", "from app.cli import main; main()", "metrics", "--port", str(port), "--every", "1"]
    server = [prometheus, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
    server += [f"--web.listen-address=127.0.0.1:{own}", "--log.level=error"]
    environment = {**os.environ, "SHIFTWATCH_HOME": str(home), "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    children = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) for command in (metrics, server)
    ]
    try:
        address = f"http://127.0.0.1:{own}/api/v1"
        deadline = time.monotonic() + 60
        while not ask(address, "query", query="shiftwatch_up == 1") and time.monotonic() < deadline:
            time.sleep(0.5)
        assert ask(address, "query", query='shiftwatch_alarms_open{system="flex",severity="MAJOR"}')
        for panel in PANELS:
            for target in panel["targets"]:
                asked = target["expr"].replace("$system", ".*").replace("$__rate_interval", "1m")
                assert ask(address, "query", query=asked) is not None, panel["title"]
        assert [rule for group in ask(address, "rules")["groups"] for rule in group["rules"]]
    finally:
        for child in children:
            child.terminate()
        assert [child.wait(timeout=20) for child in children] == [0, 0]


def ask(address: str, what: str, **words: str) -> Any:
    """Return what Prometheus answers, None while it does not."""
    try:
        with urllib.request.urlopen(f"{address}/{what}?{urllib.parse.urlencode(words)}", timeout=10) as answer:
            told = json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{words}: {error.read()!r}") from error
    except OSError:
        return None
    return told.get("result", told)
