"""``python -m benchmarks.deployment.day --hours 24 --speed 20``: the demo's shifts, one after another, on PostgreSQL.

The four simulators hand over what they would in so many hours, ``speed`` times as fast; the real watches, the guard and
rounds of retention take it into a PostgreSQL of its own. Told are memory, growth of the disk, how late verdicts are,
and whether retention keeps the pictures within their bound. Watches run without Prefect, whose memory is known.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sqlalchemy import select, text

from app.demo import SEED
from app.experiment import masked_places
from app.story import script, truth
from app.story.playback import Playback
from app.supervision import Crew, Service, crew, free_port
from benchmarks.running import ROOT, stamp
from core.clock import SystemClock
from core.settings import Settings, load_settings
from core.signs import WATCH
from core.store import Store, retention
from core.store.models import ObservationRow, VerdictRow
from dqm.its.qcdb.cycles import cycle_name, folders
from dqm.its.source import connect, origin_of
from tests.postgres import find_binaries, own_cluster

SYSTEMS = ("flex", "its", "collimation", "schlieren")
SAMPLE_S = 15.0
STARTS_S = 180.0
BOUND_GB = 0.02
"""Of pictures, for each system: so little that it is reached within hours."""
PERIOD_S = 2.0
AFTER_OUTAGE_S = 60.0
"""A watch asks again after half a minute at the latest, and then has what came meanwhile to judge."""


def main() -> int:
    """Play, measure, print the table as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deployment.day", description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--speed", type=float, default=20.0)
    parser.add_argument("--bound", type=float, default=BOUND_GB, metavar="GB", help="of pictures, per system")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="shiftwatch-day-") as folder, database() as url:
        variables = environment(Path(folder), url, options.bound)
        os.environ.update(variables)
        settings = load_settings()
        with crew(settings.home / "logs") as members, Store.open(settings.url, settings.artefacts) as store:
            store.upgrade()
            found = play(members, settings, store, options.hours, options.speed)
    told = json.dumps(stamp() | {"hours": options.hours, "speed": options.speed, "bound_gb": options.bound} | found)
    print(told)
    if options.out is not None:
        options.out.write_text(json.dumps(json.loads(told), indent=1) + "\n", encoding="utf-8")
    return 0


@contextmanager
def database() -> Iterator[str]:
    """Run a PostgreSQL for this measurement alone."""
    binaries = find_binaries()
    if binaries is None:
        sys.exit("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with own_cluster(binaries) as cluster:
        yield f"{cluster.url}/postgres"


def environment(folder: Path, url: str, bound_gb: float) -> dict[str, str]:
    """Return the settings of the site, as variables that the children inherit."""
    port = free_port(0)
    return {
        "SHIFTWATCH_HOME": str(folder / "home"),
        "SHIFTWATCH_DATABASE_URL": url,
        "SHIFTWATCH_ITS__QCDB_URL": f"http://127.0.0.1:{port}",
        "SHIFTWATCH_ITS__MASKED": json.dumps(masked_places()),
        "SHIFTWATCH_ITS__POLL_S": "2",
        "SHIFTWATCH_RETENTION__DEFAULT": json.dumps({"images_gb": bound_gb}),
        "OMP_NUM_THREADS": "1",
    }


def services(settings: Settings) -> Iterator[Service]:
    """Yield the simulators, the watches and the guard."""
    begin = ["--show", str((settings.home / truth.FILE).absolute())]
    port = str(settings.its.qcdb_url).rpartition(":")[2]
    yield Service("experiment", [sys.executable, "-m", "app.experiment", "--port", port, *begin])
    for name, inbox in (
        ("machine", settings.collimation_inbox),
        ("awake", settings.schlieren_inbox),
        ("scanner", settings.flex_inbox),
    ):
        inbox.mkdir(parents=True, exist_ok=True)
        yield Service(name, [sys.executable, "-m", f"app.{name}", "--folder", str(inbox.absolute()), *begin])
    for system in SYSTEMS:
        yield Service(
            f"watch-{system}", [sys.executable, "-m", "flows.watching", "--system", system, "--window", "864000"]
        )
    yield Service("guard", [sys.executable, "-m", "flows.guarding"])


def play(members: Crew, settings: Settings, store: Store, hours: float, speed: float) -> dict[str, Any]:
    """Play so many hours, a round of retention after each, and return all figures."""
    for service in services(settings):
        members.start(service)
    deadline = time.monotonic() + STARTS_S
    while time.monotonic() < deadline and len({beat.system for beat in store.heartbeats() if beat.flow == WATCH}) < 4:
        time.sleep(0.5)
    begun = SystemClock().now()
    played = Playback((begun - timedelta(hours=hours)).replace(microsecond=0), begun, speed)
    truth.write(settings.home / truth.FILE, played, SEED)
    ends, samples = begun + timedelta(hours=hours / speed), list[dict[str, float]]()
    rounds = 1
    while (now := SystemClock().now()) < ends:
        samples.append(sample(members, settings, store, played.second(now) / 3600))
        if played.second(now) >= 3600 * rounds:
            retained(members)
            rounds += 1
        time.sleep(min(SAMPLE_S, max((ends - now).total_seconds(), 0.1)))
    late = lateness(store, played, stored(settings))
    retained(members)
    samples.append(sample(members, settings, store, hours))
    return {
        "late": late,
        "rounds of retention": rounds,
        "growth": growth(samples),
        "alarms": len(store.alarms(open_only=False, limit=9999)),
        "load at the end": round(os.getloadavg()[1], 1),
        "samples": samples,
    }


def retained(members: Crew) -> None:
    """Do one round of retention, as the worker would."""
    with (members.logs / "retention.log").open("ab") as log:
        subprocess.run([sys.executable, "-m", "flows.retaining"], cwd=ROOT, stderr=log, stdout=log, check=False)


def sample(members: Crew, settings: Settings, store: Store, hour: float) -> dict[str, float]:
    """Return how much memory and disk is taken now."""
    found: dict[str, float] = {"hour": round(hour, 2)}
    for name, child in members.running.items():
        found[f"{name} MB"] = round(resident(child.pid), 1)
    with store.database.reading() as session:
        found["database MB"] = round(int(session.scalar(text("SELECT pg_database_size(current_database())"))) / 1e6, 1)
    found |= {f"{name} pictures MB": round(retention.pictures_bytes(store.database, name) / 1e6, 2) for name in SYSTEMS}
    found["artefacts MB"] = round(below(settings.home / "artefacts"), 1)
    found["inputs MB"] = round(below(settings.home / "inbox"), 1)
    return found


def resident(pid: int) -> float:
    """Return the resident memory of a process in MB, 0 once it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def below(folder: Path) -> float:
    """Return the MB of all files below a folder; some may vanish meanwhile."""
    total = 0
    for path in folder.rglob("*") if folder.is_dir() else ():
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total / 1e6


def stored(settings: Settings) -> dict[str, datetime]:
    """Return when the last object of each cycle that the QCDB still has was stored, by the origin of the cycle."""
    its, found = settings.its, dict[str, int]()
    with connect(str(its.qcdb_url), its, None) as client:
        for folder in folders(its.provenance):
            for version in client.browse(folder).versions:
                if (name := cycle_name(version.metadata)) is not None:
                    origin = origin_of(str(its.qcdb_url), its.provenance, name)
                    found[origin] = max(found.get(origin, 0), version.created_ms)
    return {origin: datetime.fromtimestamp(at_ms / 1000, UTC) for origin, at_ms in found.items()}


def lateness(store: Store, played: Playback, cycles: Mapping[str, datetime]) -> dict[str, dict[str, Any]]:
    """Return how long after it was handed over each thing was judged and committed, in seconds of our clock.

    A file was handed over when it got its name (drawing it takes the simulator's time), a cycle when the last of its
    objects was stored (after an outage of the QCDB: when it was back). Where that is not known any more, from when it
    was observed by the shift's clock.
    """
    told: dict[str, dict[str, Any]] = {}
    for system in SYSTEMS:
        query = select(ObservationRow.observed_at, VerdictRow.processed_at, ObservationRow.origin)
        query = query.join(VerdictRow, VerdictRow.observation_id == ObservationRow.id)
        with store.database.reading() as session:
            rows = session.execute(query.where(ObservationRow.system == system)).tuples().all()
        times = [(_handed_over(seen, origin, played, cycles), judged) for seen, judged, origin in rows]
        told[system] = _late(times, played)
        if system == "its":
            quiet = [(at, judged) for at, judged in times if not _is_near_outage(at, played)]
            told["its, a minute around outages left out"] = _late(quiet, played)
    return told


def _is_near_outage(at: datetime, played: Playback) -> bool:
    """Whether the QCDB was away, or came back less than a minute before, by our clock."""
    shift = played.second(at) // script.SHIFT_S
    begins = played.due(played.at(shift * script.SHIFT_S + script.OUTAGE_BEGINS_S))
    return begins - timedelta(seconds=PERIOD_S) <= at <= begins + timedelta(seconds=script.OUTAGE_S + AFTER_OUTAGE_S)


def _late(times: Sequence[tuple[datetime, datetime]], played: Playback) -> dict[str, Any]:
    """Sum up; with the hour of the day and the seconds of what took longer than two periods."""
    late = np.array([(judged - handed_over).total_seconds() for handed_over, judged in times])
    if not len(late):
        return {"judged": 0}
    return {
        "judged": len(late),
        "median s": round(float(np.median(late)), 2),
        "95 % s": round(float(np.quantile(late, 0.95)), 2),
        "worst s": round(float(late.max()), 2),
        "share within two periods": round(float(np.mean(late <= 2 * PERIOD_S)), 4),
        "later": [
            [round(played.second(at) / 3600, 2), round(float(seconds), 2)]
            for (at, _), seconds in zip(times, late, strict=True)
            if seconds > 2 * PERIOD_S
        ],
    }


def _handed_over(seen: datetime, origin: str, played: Playback, cycles: Mapping[str, datetime]) -> datetime:
    """When it stood there as a whole; the inode tells of files, for a scanner dates them by the shift's clock."""
    if origin in cycles:
        return cycles[origin]
    try:
        return datetime.fromtimestamp(Path(origin).stat().st_ctime, UTC)
    except OSError:
        return played.due(seen)


def growth(samples: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """Return what each figure was after an hour, at its most and at the end, and its growth per hour over the rest."""
    later = [one for one in samples if one["hour"] >= 1.0] or list(samples[-1:])
    hours = np.array([one["hour"] for one in later])
    told: dict[str, dict[str, float | None]] = {}
    for name in (name for name in samples[-1] if name != "hour"):
        values = np.array([one.get(name, np.nan) for one in later])
        slope = round(float(np.polyfit(hours, values, 1)[0]), 3) if len(later) > 2 else None
        told[name] = {"after 1 h": values[0], "most": float(values.max()), "end": values[-1], "per h": slope}
    return told


if __name__ == "__main__":
    sys.exit(main())
