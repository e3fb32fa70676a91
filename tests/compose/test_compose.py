"""The deployed console on a real Docker engine, typed as the README says; the tests go in order."""

import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.site import Site, wait

pytestmark = [pytest.mark.compose, pytest.mark.slow, pytest.mark.timeout(3600)]

README = Path(__file__).resolve().parents[2] / "README.md"
SERVICES = ("db", "prefect-server", "worker", "guard", "dashboard")
SIMULATORS = ("experiment", "machine", "awake", "scanner")
ALARMS = "SELECT count(*) FROM alarm WHERE raised_at IS NOT NULL AND NOT is_notice"
TWICE = "HAVING count(*) > 1"
UNJUDGED_S = 300.0


def commands(name: str) -> list[str]:
    """Return the commands of a block of the README's section "Deploy", without their comments."""
    section = README.read_text(encoding="utf-8").split("\n## Deploy\n")[1].split("\n## ")[0]
    block = re.search(rf"<!-- {name} -->\n+```sh\n(.*?)```", section, re.DOTALL)
    assert block is not None, f"the README has no block {name}"
    return [line.split("  #")[0].rstrip() for line in block[1].splitlines() if line.strip()]


@pytest.fixture(scope="module")
def deployed(site: Site) -> Iterator[Site]:
    """The site, installed and started with the demo's profile, by the README's commands."""
    for line in [*commands("install"), *commands("demo")]:
        site.shell(line)
    site.wait_healthy(*SERVICES)
    return site


def test_all_parts_are_healthy_and_only_the_dashboard_is_published(deployed: Site) -> None:
    migrated = deployed.state("migrate")
    assert (migrated["Status"], migrated["ExitCode"]) == ("exited", 0)
    published = {}
    for service in (*SERVICES, *SIMULATORS):
        told = deployed.state(service)["told"]
        bindings = [one for ports in told["HostConfig"]["PortBindings"].values() for one in ports]
        published[service] = [(one["HostIp"], one["HostPort"]) for one in bindings]
        assert told["HostConfig"]["ReadonlyRootfs"], service
        assert told["HostConfig"]["Memory"] > 0, service
        assert told["HostConfig"]["LogConfig"]["Config"]["max-size"] == "10m", service
        if service != "db":
            assert told["Config"]["User"] == "10001:10001", service
        assert not re.search(r"PASSWORD=.|AUTH_STRING=.", "\n".join(told["Config"]["Env"])), service
    assert {service: ports for service, ports in published.items() if ports} == {"dashboard": [("127.0.0.1", "8501")]}


def test_the_dashboard_answers(deployed: Site) -> None:
    with urllib.request.urlopen("http://127.0.0.1:8501/_stcore/health", timeout=20) as answer:
        assert answer.status == 200


def test_an_incident_becomes_an_alarm_in_postgresql(deployed: Site) -> None:
    wait(lambda: deployed.count(ALARMS) > 0, 900, lambda: deployed.shell("docker compose logs --tail 40 worker begin"))
    rows = deployed.ask("SELECT system, element, message FROM alarm WHERE raised_at IS NOT NULL AND NOT is_notice")
    assert {row[0] for row in rows} <= {"its", "flex", "collimation", "schlieren"}
    assert all(row[1] and row[2] for row in rows)


def test_prefect_keeps_its_runs_in_a_database_of_its_own(deployed: Site) -> None:
    runs = deployed.shell(
        "docker compose exec -T db psql --username=shiftwatch --dbname=prefect --no-align --tuples-only "
        "-c \"SELECT count(*) FROM flow_run WHERE state_type = 'RUNNING'\""
    )
    assert int(runs) >= 4


@pytest.mark.parametrize("service", ["worker", "db"])
def test_a_crash_is_recovered_from_by_the_engine(deployed: Site, service: str) -> None:
    restarts = deployed.state(service)["RestartCount"]
    judged = observations(deployed)
    deployed.crash(service)
    wait(lambda: deployed.state(service)["RestartCount"] > restarts, 60, lambda: "it was not started again")
    deployed.wait_healthy(*SERVICES)
    assert_it_goes_on(deployed, judged)


@pytest.mark.parametrize("service", ["worker", "db"])
def test_what_an_operator_killed_comes_back_with_up(deployed: Site, service: str) -> None:
    judged = observations(deployed)
    deployed.shell(f"docker kill {deployed.container(service)}")
    deployed.shell("docker compose up --detach")
    deployed.wait_healthy(*SERVICES)
    assert_it_goes_on(deployed, judged)


def test_down_and_up_keeps_everything(deployed: Site) -> None:
    columns = "o.id, o.system, o.element, o.key, o.sha256, v.quality"
    query = f"SELECT {columns} FROM observation o JOIN verdict v ON v.observation_id = o.id"
    before, alarms = deployed.ask(query), deployed.count(ALARMS)
    for line in commands("restart"):
        deployed.shell(line)
    deployed.wait_healthy(*SERVICES)
    after = {tuple(row) for row in deployed.ask(query)}
    assert {tuple(row) for row in before} <= after
    assert deployed.count(ALARMS) >= alarms
    pictures = deployed.ask("SELECT digest FROM artefact")
    there = set(deployed.shell("docker compose exec -T worker find /data/artefacts -type f -printf '%f\\n'").split())
    missing = [digest for (digest,) in pictures if not any(name.startswith(digest) for name in there)]
    assert not missing


def observations(site: Site) -> int:
    """Return how many observations the store holds."""
    return site.count("SELECT count(*) FROM observation")


def assert_it_goes_on(site: Site, judged: int) -> None:
    """More is judged than before, nothing is lost, nothing doubled."""
    wait(lambda: observations(site) > judged, UNJUDGED_S, lambda: site.shell("docker compose logs --tail 40 worker"))
    assert_nothing_is_lost_or_doubled(site)


def assert_nothing_is_lost_or_doubled(site: Site) -> None:
    """Every file that was delivered before now is judged, each once."""
    listed = site.shell("docker compose exec -T worker find /data/inbox/schlieren -type f -name '[!.~]*.h5'")
    files = set(listed.split())
    assert files

    def unjudged() -> set[str]:
        return files - {row[0] for row in site.ask("SELECT origin FROM observation WHERE system = 'schlieren'")}

    wait(lambda: not unjudged(), UNJUDGED_S, lambda: f"never judged: {sorted(unjudged())[:5]}")
    assert (
        site.ask(f"SELECT system, sha256 FROM observation WHERE system IN ('schlieren', 'flex') GROUP BY 1, 2 {TWICE}")
        == []
    )
    one = "system, element, kind, subject"
    assert site.ask(f"SELECT {one} FROM alarm WHERE closed_at IS NULL GROUP BY {one} {TWICE}") == []
