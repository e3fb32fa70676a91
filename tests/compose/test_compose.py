"""The deployed console on a real Docker engine, typed as the README says; the tests go in order.

While the simulated shift is played, every service is killed; what comes of the shift has to be the same.
"""

import re
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.compose import accounts, hosts
from tests.compose.site import Site, wait
from tests.e2e.conftest import OpenPage, settle
from tests.e2e.test_newcomer import SAID

pytestmark = [pytest.mark.compose, pytest.mark.slow, pytest.mark.timeout(3600)]

README = Path(__file__).resolve().parents[2] / "README.md"
SERVICES = ("db", "prefect-server", "worker", "guard", "dashboard")
SIMULATORS = ("experiment", "machine", "awake", "scanner")
SYSTEMS = {"its", "flex", "collimation", "schlieren"}
OBSERVATIONS = "SELECT count(*) FROM observation"
POOLED = "SELECT count(*) FROM flow_run WHERE state_type = 'RUNNING' AND work_queue_id IS NOT NULL"
PLAYED_S, JUDGED_S, RESTARTED_S = 1500.0, 900.0, 120.0
SOON_MS = 180_000
MISSED, FEW = 8, 5
PERSON = "Anna Keller"
KEPT = {
    "observation": "SELECT id, system, element, key, sha256, observed_at FROM observation",
    "verdict": "SELECT observation_id, quality, score, threshold, model_version FROM verdict",
    "alarm": "SELECT id, system, element, kind, raised_at FROM alarm WHERE raised_at IS NOT NULL",
    "history": "SELECT id, alarm_id, kind, at, author, note FROM alarm_event",
    "ticket": "SELECT system, source, digest, outcome FROM ticket",
}
"""What never changes once it is written."""
ONE_BACK = """
from core.settings import load_settings
from core.store import Store
from core.store.schema import downgrade
settings = load_settings()
with Store.open(settings.url, settings.artefacts) as store:
    downgrade(store.database, '-1')
"""


def commands(name: str) -> list[str]:
    """Return the commands of a block of the README's section "Deploy", without their comments."""
    section = README.read_text(encoding="utf-8").split("\n## Deploy\n")[1].split("\n## ")[0]
    block = re.search(rf"<!-- {name} -->\n+```sh\n(.*?)```", section, re.DOTALL)
    assert block is not None, f"the README has no block {name}"
    return [line.split("  #")[0].rstrip() for line in block[1].splitlines() if line.strip()]


@pytest.fixture(scope="module")
def installed(site: Site) -> Site:
    """The site, installed and started by the README's commands: connected to nothing yet."""
    for line in commands("install"):
        site.shell(line)
    site.wait_healthy(*SERVICES)
    return site


@pytest.fixture(scope="module")
def deployed(installed: Site) -> Site:
    """The same site with the demo's settings and profile."""
    for line in commands("demo"):
        installed.shell(line)
    installed.wait_healthy(*SERVICES)
    return installed


def test_a_new_site_is_healthy_and_only_the_dashboard_is_published(installed: Site) -> None:
    migrated = installed.state("migrate")
    assert (migrated["Status"], migrated["ExitCode"]) == ("exited", 0)
    assert set(installed.containers()) == {*SERVICES, "migrate"}
    published = {service: confined(installed, service) for service in SERVICES}
    port = installed.address.rpartition(":")[2]
    assert {service: ports for service, ports in published.items() if ports} == {"dashboard": [("127.0.0.1", port)]}
    with urllib.request.urlopen(f"{installed.address}/_stcore/health", timeout=20) as answer:
        assert answer.status == 200


def confined(site: Site, service: str) -> list[tuple[str, str]]:
    """Assert that a service has what the file promises of all; return where it is published."""
    told = site.state(service)["told"]
    assert told["HostConfig"]["ReadonlyRootfs"], service
    assert told["HostConfig"]["Memory"] > 0, service
    assert told["HostConfig"]["PidsLimit"] > 0, service
    assert told["HostConfig"]["LogConfig"]["Config"]["max-size"] == "10m", service
    assert service == "db" or told["Config"]["User"] == "10001:10001", service
    assert not re.search(r"PASSWORD=.|AUTH_STRING=.", "\n".join(told["Config"]["Env"])), service
    bindings = [one for ports in told["HostConfig"]["PortBindings"].values() for one in ports]
    return [(one["HostIp"], one["HostPort"]) for one in bindings]


def test_both_releases_of_compose_read_the_same_file(installed: Site, newer: Site) -> None:
    if newer is installed:
        pytest.skip("Compose v2 is not installed here (SHIFTWATCH_COMPOSE_V2 names it; .ci/run gets Debian's)")
    listed = "docker compose --profile demo --profile scale --profile metrics config --services"
    assert set(installed.shell(listed).split()) == set(newer.shell(listed).split()) >= {*SERVICES, *SIMULATORS}
    assert newer.shell("docker compose version").split()[3].lstrip("v").startswith("2.")


def test_the_simulated_shift_begins(deployed: Site) -> None:
    assert {*SERVICES, *SIMULATORS} <= set(deployed.containers())
    assert not any(confined(deployed, simulator) for simulator in SIMULATORS)
    wait(lambda: deployed.count(OBSERVATIONS) > 0, JUDGED_S, lambda: deployed.report("begin", "worker", "awake"))
    running = "SELECT count(*) FROM flow_run WHERE state_type = 'RUNNING'"
    wait(lambda: deployed.count(running, "prefect") >= len(SYSTEMS), JUDGED_S, lambda: deployed.report("worker"))


def test_workers_of_a_dask_cluster_judge_what_came_while_nothing_watched(deployed: Site) -> None:
    deployed.docker("kill", deployed.containers()["worker"])
    up, backfill = commands("scale")
    deployed.shell(up)
    deployed.wait_healthy("dask-scheduler")
    running = deployed.docker("ps", "--filter=label=com.docker.compose.service=dask-worker", "--format={{.ID}}")
    assert len(running.split()) == 2
    wait(lambda: len(missed(deployed)) >= MISSED, JUDGED_S, lambda: deployed.report("awake"))
    files, now = missed(deployed), datetime.now(UTC)
    span = {"2026-03-01": now - timedelta(days=1), "2026-04-01": now - timedelta(hours=1)}  # the shift lies in the past
    for written, asked in span.items():
        backfill = backfill.replace(written, f"{asked:%Y-%m-%dT%H:%M}")
    said = deployed.shell(backfill)
    assert not accounts.unjudged(deployed, files, set()), said
    assert deployed.count(f"{OBSERVATIONS} WHERE is_backfill AND system = 'schlieren'") >= MISSED
    deployed.shell("docker compose --profile scale rm --stop --force dask-scheduler dask-worker")
    judged = deployed.count(OBSERVATIONS)
    deployed.shell("docker compose up --detach")
    assert_it_goes_on(deployed, judged)


def missed(site: Site) -> set[str]:
    """Return the shots that were delivered and not judged so far."""
    files = {one for one in accounts.delivered_files(site, seen_by="scanner") if "/schlieren/" in one}
    return accounts.unjudged(site, files, set())


def test_figures_are_there_for_the_sites_prometheus(deployed: Site) -> None:
    for line in commands("figures"):
        deployed.shell(line)
    deployed.wait_healthy("metrics")
    port = deployed.environment["SHIFTWATCH_METRICS_PORT"]
    assert confined(deployed, "metrics") == [("127.0.0.1", port)]
    told = ""

    def counts() -> bool:
        nonlocal told
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            told = answer.read().decode()
        return re.search(r'shiftwatch_verdicts_total\{[^}]*system="schlieren"', told) is not None

    wait(counts, JUDGED_S, lambda: told)
    assert "\nshiftwatch_up 1.0" in told
    deployed.shell("docker compose --profile metrics rm --stop --force metrics")


def test_workers_of_a_pool_watch_in_place_of_those_that_are_served(deployed: Site) -> None:
    stop, register, start = commands("pool")
    deployed.shell(stop)
    judged = deployed.count(OBSERVATIONS)
    deployed.shell(register)
    worker = deployed.shell(start).split()[-1]
    try:
        wait(lambda: deployed.count(POOLED, "prefect") >= len(SYSTEMS), JUDGED_S, lambda: said_by(deployed, worker))
        wait(lambda: deployed.count(OBSERVATIONS) > judged + FEW, JUDGED_S, lambda: said_by(deployed, worker))
    finally:
        deployed.docker("rm", "--force", worker)
    back_to_what_is_served(deployed, "far")


def test_runs_are_containers_of_hosts_that_reach_the_console_by_network(deployed: Site) -> None:
    judged = deployed.count(OBSERVATIONS)
    with hosts.lent(deployed, commands("hosts"), commands("host")):
        hosts.wait_for_watches(deployed, POOLED, len(SYSTEMS))
        before = hosts.runs(deployed)
        for told in before.values():
            hosts.assert_confined(told)
        wait(lambda: deployed.count(OBSERVATIONS) > judged + FEW, JUDGED_S, lambda: hosts.said(deployed))
        wait(lambda: hosts.worker_is_healthy(deployed), JUDGED_S, lambda: hosts.said(deployed))
        deployed.docker("kill", next(iter(before)))  # nothing is left in it that could begin the next
        with deployed.timed("until a killed run is taken over"):
            wait(lambda: len(set(hosts.runs(deployed)) - set(before)) > 0, RESTARTED_S, lambda: hosts.said(deployed))
            hosts.wait_for_watches(deployed, POOLED, len(SYSTEMS))
    back_to_what_is_served(deployed, "hosts")


def back_to_what_is_served(site: Site, pool: str) -> None:
    """Take the watches out of their pool, as the README says, and have the worker serve them again."""
    prefect = "docker compose run --rm --no-deps -T worker prefect"
    for name in (*(f"watch/watch-{system}" for system in sorted(SYSTEMS)), f"retain/retain-{pool}"):
        site.shell(f"{prefect} --no-prompt deployment delete {name}")
    judged = site.count(OBSERVATIONS)
    site.shell("docker compose up --detach")
    assert_it_goes_on(site, judged)


def said_by(site: Site, container: str) -> str:
    """Return the last lines of a container that is no service."""
    return site.docker("logs", "--tail", "40", container)


@pytest.mark.parametrize("service", ["worker", "db", "awake"])
def test_what_crashes_is_started_again_by_the_engine(deployed: Site, service: str) -> None:
    restarts, judged = deployed.state(service)["RestartCount"], deployed.count(OBSERVATIONS)
    deployed.crash(service)
    wait(lambda: deployed.state(service)["RestartCount"] > restarts, RESTARTED_S, lambda: "it was not started again")
    assert_it_goes_on(deployed, judged)


@pytest.mark.parametrize("service", SERVICES)
def test_what_an_operator_killed_comes_back_with_up(deployed: Site, service: str) -> None:
    judged = deployed.count(OBSERVATIONS)
    deployed.docker("kill", deployed.containers()[service])
    deployed.shell("docker compose up --detach")
    assert_it_goes_on(deployed, judged)


def assert_it_goes_on(site: Site, judged: int) -> None:
    """All are healthy again, and more is judged than before."""
    site.wait_healthy(*SERVICES)
    with site.timed("until the next is judged"):
        wait(lambda: site.count(OBSERVATIONS) > judged, JUDGED_S, lambda: site.report("worker"))


def test_an_incident_of_each_system_reaches_an_alarm_that_a_person_sees_and_answers(
    deployed: Site, open_page: OpenPage
) -> None:
    with deployed.timed("until each system has an incident with its alarm"):
        wait(lambda: raised(deployed) == SYSTEMS, PLAYED_S, lambda: deployed.report("worker", *SIMULATORS))
        wait(lambda: set(found(deployed)) == SYSTEMS, PLAYED_S, lambda: deployed.report("worker", *SIMULATORS))
    alarms = found(deployed)
    page = open_page(deployed.address, operator=PERSON)
    expect(page.get_by_role("link", name="Alarms").first).to_be_visible(timeout=SOON_MS)
    settle(page)
    look(page, deployed, "overview")
    page.get_by_role("link", name="Alarms").first.click()
    expect(page.get_by_text("Need somebody").first).to_be_visible(timeout=SOON_MS)
    settle(page)
    for _, said in alarms.values():
        expect(page.get_by_text(re.compile(said, re.IGNORECASE)).first).to_be_attached(timeout=SOON_MS)
    look(page, deployed, "alarms")
    for system, (number, _) in alarms.items():
        page.goto(f"{deployed.address}/alarms?alarm={number}", timeout=SOON_MS)
        expect(page.get_by_text("What to do:").first).to_be_visible(timeout=SOON_MS)
        settle(page)
        look(page, deployed, f"alarm-{system}")
    page.get_by_role("button", name=re.compile("I take care of it")).click()
    expect(page.get_by_text(re.compile(f"by {PERSON}")).first).to_be_visible(timeout=SOON_MS)
    assert deployed.count(f"SELECT count(*) FROM alarm WHERE acknowledged_by = '{PERSON}'") == 1


def raised(site: Site) -> set[str]:
    """Return the systems with an alarm of something that was judged: cheaper to ask than which incident it is of."""
    apart = "element <> 'watch' AND element <> 'unreadable' AND element NOT LIKE 'source %'"
    return {row[0] for row in site.ask(f"SELECT system FROM alarm WHERE raised_at IS NOT NULL AND {apart}")}


def found(site: Site) -> dict[str, tuple[int, str]]:
    """Return the alarm of an incident of each system: number, and what the list says; none may have raised two."""
    alarms: dict[str, tuple[int, str]] = {}
    for system, name, own in accounts.outcomes(site):
        assert len(own) < 2, f"{name} ({system}) raised {own}"
        if own:
            number, element = own[0]
            alarms[system] = (number, SAID.get(name, re.escape(element)))
    return alarms


def look(page: Page, site: Site, name: str) -> None:
    """Keep a picture of a page that tells of no error."""
    page.screenshot(path=site.folder.parent / f"{name}.png")
    assert page.locator('[data-testid="stException"]').count() == 0, name


def test_nothing_that_was_delivered_is_lost_or_doubled(deployed: Site) -> None:
    with deployed.timed("until all that was delivered is judged"):
        assert_nothing_is_lost_or_doubled(deployed)
    print(deployed.docker("stats", "--no-stream", "--format={{.Name}}\t{{.MemUsage}}\t{{.CPUPerc}}"))


def test_down_and_up_keeps_everything(deployed: Site) -> None:
    before = kept(deployed)
    for line in commands("restart"):
        deployed.shell(line)
    deployed.wait_healthy(*SERVICES)
    assert_all_is_there(deployed, before)
    assert_it_goes_on(deployed, len(before["observation"]))
    digests = {digest for (digest,) in deployed.ask("SELECT digest FROM artefact")}
    files = deployed.docker(
        "exec", deployed.containers()["worker"], "find", "/data/artefacts", "-type", "f", "-printf", "%f\n"
    )
    assert digests <= {name.partition(".")[0] for name in files.split()}


def test_tables_of_the_release_before_are_upgraded_with_their_data_in_place(deployed: Site, newer: Site) -> None:
    deployed.shell("docker compose down --timeout 40")
    newer.shell("docker compose up --detach db")
    newer.wait_healthy("db")
    before, newest = kept(newer), newer.ask("SELECT version_num FROM alembic_version")
    newer.shell(f'docker compose run --rm --no-deps -T migrate python -c "{ONE_BACK}"')
    assert newer.ask("SELECT version_num FROM alembic_version") != newest
    newer.shell("docker compose up --detach")
    assert newer.ask("SELECT version_num FROM alembic_version") == newest
    assert_all_is_there(newer, before)
    assert_it_goes_on(newer, len(before["observation"]))
    assert_nothing_is_lost_or_doubled(newer)


def test_a_backup_brings_everything_back_on_a_clean_machine(deployed: Site, newer: Site) -> None:
    deployed.shell("docker compose stop --timeout 40")
    newer.shell("docker compose up --detach db")
    newer.wait_healthy("db")
    before = contents(newer)
    for line in commands("backup"):
        newer.shell(line)
    (backup,) = (newer.folder / "backups").glob("*.tar")
    newer.shell("docker compose down --volumes")
    start, restore, up = commands("come back")
    newer.shell(start)
    newer.wait_healthy("db")
    newer.shell(restore.replace("BACKUP.tar", backup.name))
    after = contents(newer)
    assert {"observation", "verdict", "alarm", "alarm_event", "artefact", "ticket"} <= set(before)
    assert {name for name in before if after[name] != before[name]} <= {"audit"}, "the restore itself is in the trail"
    newer.shell(up)
    assert_it_goes_on(newer, newer.count(OBSERVATIONS))


def contents(site: Site) -> dict[str, str]:
    """Return rows and checksum of every table."""
    said = site.shell("docker compose run --rm --no-deps -T worker shiftwatch db contents")
    return dict(line.split(maxsplit=1) for line in said.splitlines())


def kept(site: Site) -> dict[str, set[tuple[str, ...]]]:
    """Return what may never change, by table."""
    return {table: {tuple(row) for row in site.ask(query)} for table, query in KEPT.items()}


def assert_all_is_there(site: Site, before: dict[str, set[tuple[str, ...]]]) -> None:
    """Everything that was there is there, unchanged; the person's answer, too."""
    after = kept(site)
    for table, rows in before.items():
        assert rows
        assert rows <= after[table], f"{table}: {sorted(rows - after[table])[:3]}"
    assert site.count(f"SELECT count(*) FROM alarm WHERE acknowledged_by = '{PERSON}'") == 1


def assert_nothing_is_lost_or_doubled(site: Site) -> None:
    """Every file and cycle that was delivered before now is judged, each once; no incident has two alarms."""
    files, cycles = accounts.delivered_files(site), accounts.delivered_cycles(site)
    assert files
    assert cycles

    def said() -> str:
        return f"never judged: {sorted(accounts.unjudged(site, files, cycles))[:8]}\n{site.report('worker')}"

    wait(lambda: not accounts.unjudged(site, files, cycles), JUDGED_S, said)
    assert accounts.doubled(site) == []
    assert set(found(site)) == SYSTEMS
