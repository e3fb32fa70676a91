"""``shiftwatch demo`` and ``up``: everything on one machine, the dashboard first, nothing left behind."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from app.story.playback import Playback, Show
from app.supervision import Crew, Service, ServiceError, crew, free_port
from core.clock import SystemClock
from core.errors import ShiftwatchError
from core.settings import Settings, load_settings
from core.signs import WATCH

if TYPE_CHECKING:
    from core.store import Store

Report = Callable[[str], None]
DEMO_HOME = Path("var/demo")
PREFECT_PORT = 4200
QCDB_PORT = 8083
SEED = 1
PATIENCE_S = 240.0
HARD_START = timedelta(seconds=60)
PAST_S = 80 * 60.0
"""Of the shift, where it is not played fast: what is there at once."""
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the parts listen on 127.0.0.1; ``qcdb``: the simulated experiment's, if there is one."""

    dashboard: int
    prefect: int
    qcdb: int | None = None


def run_demo(port: int, speed: float, report: Report) -> int:
    """Run the demo until Ctrl-C; return the exit status."""
    settings = demo_settings()
    return _until_interrupted(settings, _ports(port, simulated=True), port, report, speed)


def show(speed: float, length_s: float | None = None, seed: int = SEED) -> Show:
    """Return the shift to simulate: ``speed`` times as fast as true time until it has caught up (1: true time).

    It has once ``length_s`` of it are played (None: all in which something happens).
    """
    from app.story.script import LENGTH_S

    now = SystemClock().now()
    return Show(Playback.fast(now, speed, length_s or LENGTH_S) if speed > 1 else Playback.late(now, PAST_S), seed)


def run_up(port: int, report: Report) -> int:
    """Run everything but the simulation until Ctrl-C; return the exit status."""
    settings = load_settings()
    report(f"put photos of boards into {settings.flex_inbox}")
    report(f"put loss maps and streams of loss monitors into {settings.collimation_inbox}")
    report(f"put event files of AWAKE into {settings.schlieren_inbox}")
    report(its_connection(settings))
    return _until_interrupted(settings, _ports(port, simulated=False), port, report)


def its_connection(settings: Settings) -> str:
    """Say where the cycles of ALICE ITS come from."""
    from flows.systems import missing_setting

    variable = missing_setting("its", settings)
    if variable is None:
        return f"ALICE ITS is watched at {settings.its.qcdb_url}"
    return f"ALICE ITS is not connected and not watched: {variable} is not set (like http://host:8083)"


def run_once(port: int, speed: float, length_s: float, timeout_s: float, report: Report) -> int:
    """Play so much of the shift through the scheduled watches, check what came of each incident, return 0 or 1."""
    from app.rehearsal import rehearse

    settings = demo_settings()
    with crew(settings.home / "logs") as members:
        try:
            # No one needs to find this server: any port, so that two rehearsals never race for Prefect's usual one.
            ports = Ports(dashboard=free_port(port), prefect=free_port(0), qcdb=free_port(0))
            began = _start_all(members, settings, ports, report)
            played = _play(members, settings, max(speed, 2.0), began, report, length_s)
            summary = rehearse(members, settings, played, length_s, timeout_s, report)
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
        yield from _simulators(settings, ports.qcdb, shared)
    yield Service("flows", [sys.executable, "-m", "flows.serve"], shared)
    yield Service("guard", [sys.executable, "-m", "flows.guarding"], shared)


def _simulators(settings: Settings, port: int, shared: dict[str, str]) -> Iterator[Service]:
    from app.story import truth

    begin = ["--show", str((settings.home / truth.FILE).absolute())]
    yield Service(
        "experiment",
        [sys.executable, "-m", "app.experiment", "--port", str(port), *begin],
        shared,
        f"http://127.0.0.1:{port}/monitor/ccdb_version",
    )
    for name, inbox in (
        ("machine", settings.collimation_inbox),
        ("awake", settings.schlieren_inbox),
        ("scanner", settings.flex_inbox),
    ):
        yield Service(name, [sys.executable, "-m", f"app.{name}", "--folder", str(inbox.absolute()), *begin], shared)


def _experiment_settings(port: int) -> dict[str, str]:
    """Settings of a site whose ITS is the simulated one: where it is read, and what is off by configuration."""
    from app.experiment import masked_places
    from app.story.script import SILENT_AFTER_S

    return {
        "SHIFTWATCH_ITS__QCDB_URL": f"http://127.0.0.1:{port}",
        "SHIFTWATCH_ITS__MASKED": json.dumps(masked_places()),
        "SHIFTWATCH_ITS__POLL_S": "5",
        "SHIFTWATCH_ITS__SILENT_AFTER_S": f"{SILENT_AFTER_S:g}",
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


def _start_all(members: Crew, settings: Settings, ports: Ports, report: Report) -> float:
    """Start everything; return when that began, by the monotonic clock."""
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
    return began


def _play(
    members: Crew, settings: Settings, speed: float, began: float, report: Report, length_s: float | None = None
) -> Show:
    """Let the simulators begin once every watch gives signs of life; a machine that is too slow for that, anyway."""
    from app.story import truth
    from core.store import Store

    with Store.open(settings.url, settings.artefacts) as store:
        patience, since = time.monotonic() + PATIENCE_S, SystemClock().now()
        while time.monotonic() < patience and not _watched(store, since):
            members.check_all()
            time.sleep(0.5)
    played = show(speed, length_s)
    truth.write(settings.home / truth.FILE, played.playback, played.seed)
    play = played.playback
    pace = "in true time" if play.speed is None else f"{play.speed:g} times as fast until it has caught up"
    when = f"[{time.monotonic() - began:5.1f} s]"
    report(f"{when} one shift is simulated, which began at {play.began_at:%H:%M} UTC, {pace}")
    names = ", ".join(f"{name}.log" for name in ("experiment", "machine", "awake", "scanner"))
    report(f"its story is in {members.logs}: {names}")
    return played


def _watched(store: "Store", since: datetime) -> bool:
    """Whether all watches gave a sign of life."""
    alive = {beat.system for beat in store.heartbeats() if beat.flow == WATCH and beat.at >= since - HARD_START}
    return alive >= {"flex", "its", "collimation", "schlieren"}


def _prepare(settings: Settings) -> None:
    from app.story import truth
    from core.store import Store

    settings.home.mkdir(parents=True, exist_ok=True)
    (settings.home / truth.FILE).unlink(missing_ok=True)
    store = Store.open(settings.url, settings.artefacts)
    try:
        store.upgrade()
    finally:
        store.close()


def _until_interrupted(settings: Settings, ports: Ports, port: int, report: Report, speed: float | None = None) -> int:
    if ports.dashboard != port:
        report(f"port {port} is taken: the dashboard goes to {ports.dashboard}")
    with crew(settings.home / "logs") as members:
        try:
            began = _start_all(members, settings, ports, report)
            report("Ctrl-C ends everything")
            if speed is not None:
                _play(members, settings, speed, began, report)
            while True:
                members.revive(report)  # a part that dies is started again; the others go on
                time.sleep(1.0)
        except KeyboardInterrupt:
            report("stopping")
            return 0
        except ServiceError as error:
            report(f"FAILED: {error}")
            return 1


def _ports(dashboard: int, *, simulated: bool) -> Ports:
    return Ports(free_port(dashboard), free_port(PREFECT_PORT), free_port(QCDB_PORT) if simulated else None)
