"""``python -m benchmarks.deployment.soak --faults 500``: faults at random while the demo's shift plays.

Root and Debian's Docker engine are needed (tests/compose). Nothing may be lost, doubled, left hanging or unhealthy.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.supervision import free_port
from benchmarks.deployment.faults import PARTS, Fault, draw
from benchmarks.deployment.ground import Ground, ground
from benchmarks.running import ROOT, stamp
from tests.compose import accounts, engine
from tests.compose.conftest import PARTS as COPIED
from tests.compose.site import Site, wait

PACE = 4.0
NULLS = "SELECT system, left(reason, 100), count(*) FROM verdict WHERE quality = 'NULL' GROUP BY 1, 2 ORDER BY 1, 2"
CALM_S = 1200.0


@contextmanager
def deployed(pace: float) -> Iterator[tuple[Site, Ground]]:
    """Run the site with the demo's shift, ``pace`` times as fast, on ground that can fail."""
    work = Path(tempfile.mkdtemp(prefix="shiftwatch-soak-"))
    folder = work / "shiftwatch"
    folder.mkdir()
    for part in COPIED:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    asked = {
        "COMPOSE_PROFILES": "demo",
        "SHIFTWATCH_SETTINGS": "./deploy/demo.toml",
        "SHIFTWATCH_DEMO_PACE": f"{pace:g}",
    }
    with ground(work) as below, engine.engine(work / "dockerd.log") as environment:
        (folder / "compose.override.yaml").write_text(below.override(), encoding="utf-8")
        engine.make_bases(environment, work)
        site = Site(folder, {**environment, **asked, "SHIFTWATCH_PORT": str(free_port(8501))})
        try:
            for line in ("sh deploy/secrets.sh", "cp .env.example .env", "docker compose build migrate",
                         "docker compose up --detach"):  # fmt: skip
                site.shell(line)
            site.wait_healthy(*PARTS)
            yield site, below
        finally:
            site.finish()
            shutil.rmtree(work, ignore_errors=True)


def soak(site: Site, below: Ground, count: int, seed: int, until: float, between_s: float) -> Iterator[Fault]:
    """Yield the faults done to the site, one after another."""
    rng = random.Random(seed)
    while count > 0 and time.monotonic() < until:
        try:
            fault = draw(rng)(site, below, rng)
        except (
            RuntimeError,
            OSError,
            KeyError,
            subprocess.TimeoutExpired,
        ) as error:  # the target was just being started again
            print(f"not done: {str(error).splitlines()[0][:160]}", flush=True)
            time.sleep(2)
            continue
        print(f"{time.strftime('%H:%M:%S')} {fault.kind} {fault.target} {fault.lasted_s:.0f} s", flush=True)
        count -= 1
        yield fault
        time.sleep(rng.uniform(0, 2 * between_s))


def verdict(site: Site) -> dict[str, Any]:
    """Return what the site came to: everything healthy, judged, once, and no process too many."""
    site.docker("start", *(site.containers()[part] for part in PARTS))
    since = time.monotonic()
    site.wait_healthy(*PARTS, timeout_s=CALM_S)
    healthy_s = time.monotonic() - since
    files, cycles = accounts.delivered_files(site), accounts.delivered_cycles(site)
    try:
        wait(lambda: not accounts.unjudged(site, files, cycles), CALM_S, lambda: "not all was judged")
    except AssertionError as error:
        print(error, file=sys.stderr)
    watches = Counter(name for _, name in site.processes("worker"))
    return {
        "healthy after s": round(healthy_s, 1),
        "judged after s": round(time.monotonic() - since, 1),
        "files": len(files),
        "cycles": len(cycles),
        "observations": site.count("SELECT count(*) FROM observation"),
        "null": site.count("SELECT count(*) FROM verdict WHERE quality = 'NULL'"),
        "null, by reason": site.ask(NULLS),
        "lost": sorted(accounts.unjudged(site, files, cycles)),
        "doubled": accounts.doubled(site),
        "processes of the worker": dict(watches),
        "alarms of incidents": [[system, name, len(own)] for system, name, own in accounts.outcomes(site)],
        "memory": site.docker("stats", "--no-stream", "--format={{.Name}} {{.MemUsage}}").splitlines(),
    }


def main() -> int:
    """Soak; 0 if nothing was lost, doubled or left unhealthy."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deployment.soak", description=__doc__)
    parser.add_argument("--faults", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=600.0, help="no fault after so long")
    parser.add_argument("--between", type=float, default=2.0, help="mean pause between faults, in seconds")
    parser.add_argument("--pace", type=float, default=PACE, help="of the simulated shift")
    parser.add_argument("--out", type=Path, help="JSON file of faults and outcome")
    options = parser.parse_args()
    if shutil.which("cc") is None:
        parser.error("no C compiler is installed (Debian: apt-get install gcc libc6-dev)")
    with deployed(options.pace) as (site, below):
        wait(lambda: site.count("SELECT count(*) FROM observation") > 0, CALM_S, lambda: site.report("worker", "begin"))
        until = time.monotonic() + 60 * options.minutes
        faults = list(soak(site, below, options.faults, options.seed, until, options.between))
        found = stamp() | {"faults": len(faults), "kinds": table(faults), **verdict(site)}
    text = json.dumps(found, indent=1)
    print(text)
    if options.out is not None:
        options.out.write_text(text + os.linesep, encoding="utf-8")
    return 1 if found["lost"] or found["doubled"] else 0


def table(faults: list[Fault]) -> dict[str, int]:
    """Return how often which fault hit what."""
    counts = Counter(f"{one.kind}: {one.target}" for one in faults)
    return dict(sorted(counts.items()))


if __name__ == "__main__":
    sys.exit(main())
