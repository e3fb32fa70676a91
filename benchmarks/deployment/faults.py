"""Faults of a deployed site: each does its harm, waits, and undoes what an operator would have to undo."""

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.deployment.ground import Ground
from tests.compose.site import PROJECT, Site

PARTS = ("db", "prefect-server", "worker", "guard", "dashboard")
SHORTEST_S, LONGEST_S = 2.0, 12.0
BAD = {
    "cut short": ("flex/bad-{n}.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"),
    "empty": ("flex/bad-{n}.png", b""),
    "a text": ("schlieren/bad-{n}.h5", b"no HDF5 at all\n"),
    "a header alone": ("schlieren/bad-{n}.h5", b"\x89HDF\r\n\x1a\n"),
    "no numbers": ("collimation/bad-{n}.csv", b"a,b\n1,zwei\n"),
    "broken JSON": ("collimation/bad-{n}.json", b'{"s": [1, 2'),
    "noise": ("flex/bad-{n}.tif", bytes(range(256)) * 16),
}
"""Files that nothing can be made of: where in the inbox, and what is in them."""


JUMPS_S = (-7200, -3600, -600, -60, 60, 600, 3600, 7200)


@dataclass(frozen=True)
class Fault:
    """One thing that was done to the site."""

    kind: str
    target: str
    lasted_s: float = 0.0


def killed(site: Site, _ground: Ground, rng: random.Random) -> Fault:
    """An operator kills a container, and starts it again."""
    part = rng.choice(PARTS)
    container = site.containers()[part]
    site.docker("kill", container)
    lasted_s = _later(rng)
    site.docker("start", container)
    return Fault("killed", part, lasted_s)


def crashed(site: Site, _ground: Ground, rng: random.Random) -> Fault:
    """The first process of a container dies."""
    part = rng.choice(PARTS)
    site.crash(part)
    return Fault("crashed", part)


def child_killed(site: Site, _ground: Ground, rng: random.Random) -> Fault:
    """Any one process within a container dies: a watch, a backend of PostgreSQL."""
    part = rng.choice(("worker", "db"))
    number, name = rng.choice(site.processes(part)[1:] or site.processes(part))
    os.kill(number, signal.SIGKILL)
    return Fault("process killed", f"{part}: {name}")


def stopped(site: Site, _ground: Ground, rng: random.Random) -> Fault:
    """A container is stopped gracefully, and started again."""
    part = rng.choice(PARTS)
    container = site.containers()[part]
    site.docker("stop", "--time=30", container)
    lasted_s = _later(rng)
    site.docker("start", container)
    return Fault("stopped", part, lasted_s)


def paused(site: Site, _ground: Ground, rng: random.Random) -> Fault:
    """All processes of a container stand still for a while."""
    part = rng.choice(PARTS)
    container = site.containers()[part]
    site.docker("pause", container)
    try:
        lasted_s = _later(rng)
    finally:
        site.docker("unpause", container)
    return Fault("paused", part, lasted_s)


def cut_off(site: Site, _ground: Ground, rng: random.Random) -> Fault:
    """A container is off the network for a while."""
    part = rng.choice(("db", "prefect-server", "worker", "guard", "experiment"))
    network, container = f"{PROJECT}_default", site.containers()[part]
    site.docker("network", "disconnect", network, container)
    try:
        lasted_s = _later(rng)
    finally:
        site.docker("network", "connect", f"--alias={part}", network, container)
    return Fault("cut off", part, lasted_s)


def source_lost(site: Site, _ground: Ground, rng: random.Random) -> Fault:
    """A simulator dies in the middle of whatever it writes."""
    part = rng.choice(("awake", "machine", "scanner"))
    site.crash(part)
    return Fault("source crashed", part)


def bad_file(site: Site, _ground: Ground, rng: random.Random) -> Fault:
    """Somebody drops a file that nothing can be made of."""
    what = rng.choice(sorted(BAD))
    name, content = BAD[what]
    path = f"/data/inbox/{name.format(n=f'{rng.randrange(10**9):09d}')}"
    code = f"open({path!r}, 'wb').write(bytes.fromhex({content.hex()!r}))"
    site.docker("exec", site.containers()["scanner"], "python", "-c", code)
    return Fault("bad file", what)


def clock_jumps(_site: Site, ground: Ground, rng: random.Random) -> Fault:
    """The clock of watches and guard is wrong for a while, and set right again: two jumps."""
    by_s = rng.choice(JUMPS_S)
    ground.set_clock(by_s)
    try:
        lasted_s = _later(rng)
    finally:
        ground.set_clock(0)
    return Fault("clock jumped", f"{by_s:+d} s and back", lasted_s)


def disk_full(_site: Site, ground: Ground, rng: random.Random) -> Fault:
    """There is no room left for a while, for pictures and models or for the tables."""
    which = rng.choice(sorted(ground.disks))
    with ground.filled(which):
        lasted_s = _later(rng)
    return Fault("disk full", which, lasted_s)


def _later(rng: random.Random) -> float:
    lasts_s = rng.uniform(SHORTEST_S, LONGEST_S)
    time.sleep(lasts_s)
    return lasts_s


FAULTS: Mapping[Callable[[Site, Ground, random.Random], Fault], float] = {
    killed: 2.0, crashed: 2.0, child_killed: 2.0, stopped: 1.0,
    paused: 2.0, cut_off: 2.0, source_lost: 1.0, bad_file: 3.0, clock_jumps: 2.0, disk_full: 2.0,
}  # fmt: skip
"""How often each is drawn, in parts."""


def draw(rng: random.Random) -> Callable[[Site, Ground, random.Random], Fault]:
    """Draw one."""
    return rng.choices(list(FAULTS), list(FAULTS.values()))[0]
