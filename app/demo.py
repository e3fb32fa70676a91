"""``shiftwatch demo`` and ``up``: everything on one machine, the dashboard first, nothing left behind."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.scanner import Delivery, shift
from app.supervision import Crew, Service, ServiceError, crew, free_port
from core.errors import ShiftwatchError
from core.settings import Settings, load_settings

Report = Callable[[str], None]
DEMO_HOME = Path("var/demo")
PREFECT_PORT = 4200
QCDB_PORT = 8083
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the parts listen on 127.0.0.1; ``qcdb``: the simulated experiment's, if there is one."""

    dashboard: int
    prefect: int
    qcdb: int | None = None


def run_demo(port: int, every_s: float, report: Report) -> int:
    """Run the demo until Ctrl-C; return the exit status."""
    settings = demo_settings()

    def body(members: Crew) -> None:
        _play_shift(members, settings, every_s, report)

    return _until_interrupted(body, settings, _ports(port, simulated=True), port, report)


def run_up(port: int, report: Report) -> int:
    """Run everything but the simulation until Ctrl-C; return the exit status."""
    settings = load_settings()
    report(f"put photos of boards into {settings.flex_inbox}")
    report(f"put loss maps and streams of loss monitors into {settings.collimation_inbox}")
    report(f"put event files of AWAKE into {settings.schlieren_inbox}")
    report(its_connection(settings))
    return _until_interrupted(_stand_by, settings, _ports(port, simulated=False), port, report)


def its_connection(settings: Settings) -> str:
    """Say where the cycles of ALICE ITS come from."""
    from flows.systems import missing_setting

    variable = missing_setting("its", settings)
    if variable is None:
        return f"ALICE ITS is watched at {settings.its.qcdb_url}"
    return f"ALICE ITS is not connected and not watched: {variable} is not set (like http://host:8083)"


def run_once(port: int, timeout_s: float, report: Report) -> int:
    """Run a few boards through the scheduled watch, check the result, return 0 or 1."""
    from app.rehearsal import rehearse

    settings = demo_settings()
    with crew(settings.home / "logs") as members:
        try:
            # No one needs to find this server: any port, so that two rehearsals never race for Prefect's usual one.
            ports = Ports(dashboard=free_port(port), prefect=free_port(0), qcdb=free_port(0))
            _start_all(members, settings, ports, report)
            summary = rehearse(members, settings, timeout_s, report)
        except ShiftwatchError as error:
            report(f"FAILED: {error}")
            return 1
        except KeyboardInterrupt:
            report("stopped before the end")
            return 130
        finally:
            report("stopping")
    report(summary)
    return 0


def demo_settings() -> Settings:
    """Return the settings with a home of the demo's own, unless one was given; children inherit it."""
    os.environ.setdefault("SHIFTWATCH_HOME", str(DEMO_HOME.absolute()))
    settings = load_settings()
    for inbox in (settings.flex_inbox, settings.collimation_inbox, settings.schlieren_inbox):
        inbox.mkdir(parents=True, exist_ok=True)
    return settings


def services(settings: Settings, ports: Ports) -> Iterator[Service]:
    """Yield the children in the order they are started: the dashboard comes first."""
    shared = _environment(settings, ports)
    if ports.qcdb is not None:
        shared |= _experiment_settings(ports.qcdb)
    yield Service(
        "dashboard",
        [sys.executable, "-m", "streamlit", "run", str(ROOT / "app/dashboard/main.py"), "--server.headless=true",
         "--server.address=127.0.0.1", f"--server.port={ports.dashboard}", "--browser.gatherUsageStats=false"],
        shared,
        f"http://127.0.0.1:{ports.dashboard}/_stcore/health",
    )  # fmt: skip
    yield Service(
        "prefect",
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(ports.prefect)],
        shared,
        f"http://127.0.0.1:{ports.prefect}/api/health",
    )
    if ports.qcdb is not None:
        yield Service(
            "experiment",
            [sys.executable, "-m", "app.experiment", "--port", str(ports.qcdb)],
            shared,
            f"http://127.0.0.1:{ports.qcdb}/monitor/ccdb_version",
        )
        yield Service(
            "machine",
            [sys.executable, "-m", "app.machine", "--folder", str(settings.collimation_inbox.absolute())],
            shared,
        )
        yield Service(
            "awake",
            [sys.executable, "-m", "app.awake", "--folder", str(settings.schlieren_inbox.absolute())],
            shared,
        )
    yield Service("flows", [sys.executable, "-m", "flows.serve"], shared)
    yield Service("guard", [sys.executable, "-m", "flows.guarding"], shared)


def _experiment_settings(port: int) -> dict[str, str]:
    """Settings of a site whose ITS is the simulated one: where it is read, and what is off by configuration."""
    from app.experiment import masked_places

    return {
        "SHIFTWATCH_ITS__QCDB_URL": f"http://127.0.0.1:{port}",
        "SHIFTWATCH_ITS__MASKED": json.dumps(masked_places()),
        "SHIFTWATCH_ITS__POLL_S": "5",
    }


def _environment(settings: Settings, ports: Ports) -> dict[str, str]:
    return {
        "SHIFTWATCH_HOME": str(settings.home.absolute()),
        "PREFECT_HOME": str((settings.home / "prefect").absolute()),
        "PREFECT_API_URL": f"http://127.0.0.1:{ports.prefect}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_UI_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
        "PYTHONUNBUFFERED": "1",
    }


def _start_all(members: Crew, settings: Settings, ports: Ports, report: Report) -> None:
    began = time.monotonic()
    report(f"starting in {settings.home}; logs are in {members.logs}")
    _prepare(settings)
    for service in services(settings, ports):
        members.start(service)
        if service.ready_url is None:
            continue
        members.wait_ready(service.name, timeout_s=300)
        where = f": http://127.0.0.1:{ports.dashboard}" if service.name == "dashboard" else ""
        report(f"[{time.monotonic() - began:5.1f} s] {service.name} is up{where}")
    watched = ", ".join(str(one) for one in (settings.flex_inbox, settings.collimation_inbox, settings.schlieren_inbox))
    report(f"[{time.monotonic() - began:5.1f} s] watching {watched}")
    if ports.qcdb is not None:
        report(f"a shift of ALICE ITS is simulated; its story is told in {members.logs / 'experiment.log'}")
        report(f"a fill of the LHC is simulated; its story is told in {members.logs / 'machine.log'}")
        report(f"a run of AWAKE is simulated; its story is told in {members.logs / 'awake.log'}")


def _prepare(settings: Settings) -> None:
    from core.store import Store

    settings.home.mkdir(parents=True, exist_ok=True)
    store = Store.open(settings.url, settings.artefacts)
    try:
        store.upgrade()
    finally:
        store.close()


def _until_interrupted(
    body: Callable[[Crew], None], settings: Settings, ports: Ports, port: int, report: Report
) -> int:
    if ports.dashboard != port:
        report(f"port {port} is taken: the dashboard goes to {ports.dashboard}")
    with crew(settings.home / "logs") as members:
        try:
            _start_all(members, settings, ports, report)
            report("Ctrl-C ends everything")
            body(members)
        except KeyboardInterrupt:
            report("stopping")
            return 0
        except ServiceError as error:
            report(f"FAILED: {error}")
            return 1
    return 0


def _ports(dashboard: int, *, simulated: bool) -> Ports:
    return Ports(free_port(dashboard), free_port(PREFECT_PORT), free_port(QCDB_PORT) if simulated else None)


def _stand_by(members: Crew) -> None:
    while True:
        members.check_all()
        time.sleep(1.0)


def _play_shift(members: Crew, settings: Settings, every_s: float, report: Report) -> None:
    for delivery in shift(seed=int(time.time())):
        _deliver(delivery, settings, report)
        until = time.monotonic() + every_s
        while time.monotonic() < until:
            members.check_all()
            time.sleep(0.5)


def _deliver(delivery: Delivery, settings: Settings, report: Report) -> None:
    path = delivery.write(settings.flex_inbox)
    report(f"scanner: {path.name} ({delivery.story})")
