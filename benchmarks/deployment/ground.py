"""What a site stands on, made so that it can fail: small disks of its own, and a clock that can be set wrong."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
"""Debian: libfaketime. It moves the clock of single processes; a container has none of its own."""
SIZES = {"data": "3g", "database": "2g"}
SHIFTED = ("worker", "guard")
OVERRIDE = """
services:
  migrate: {{build: {{network: host}}}}
  worker: &shifted
    environment:
      LD_PRELOAD: /faketime/libfaketime.so.1
      FAKETIME_TIMESTAMP_FILE: /faketime/clock
      FAKETIME_CACHE_DURATION: "1"
      FAKETIME_DONT_FAKE_MONOTONIC: "1"
    volumes: ["{clock}:/faketime:ro"]
  guard: *shifted
volumes:
  data: {{driver_opts: {{type: none, o: bind, device: {data}}}}}
  database: {{driver_opts: {{type: none, o: bind, device: {database}}}}}
"""


@dataclass(frozen=True)
class Ground:
    """Where the disks are mounted, by name, and the folder that holds the file that moves the clock."""

    disks: Mapping[str, Path]
    clock: Path

    def set_clock(self, by_s: int) -> None:
        """Let watches and guard think that it is so many seconds later."""
        made = self.clock / "clock.new"
        made.write_text(f"{by_s:+d}\n", encoding="ascii")
        made.replace(self.clock / "clock")

    @contextmanager
    def filled(self, which: str) -> Iterator[None]:
        """Fill a disk to the last byte for a while."""
        room, filler = os.statvfs(self.disks[which]), self.disks[which] / ".filler"
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(room.f_bavail * room.f_frsize, 1))
        try:
            yield
        finally:
            filler.unlink()

    def override(self) -> str:
        """Return the file that puts a site onto this ground."""
        return OVERRIDE.format(clock=self.clock, **self.disks)


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """Mount the disks and make the clock, as root; all of it is gone afterwards."""
    made = Ground({name: folder / name for name in SIZES}, folder / "faketime")
    made.clock.mkdir(mode=0o755)
    (made.clock / FAKETIME.name).write_bytes(FAKETIME.read_bytes())
    made.set_clock(0)
    mounted: list[Path] = []
    try:
        for name, disk in made.disks.items():
            disk.mkdir()
            command = ["mount", "-t", "tmpfs", "-o", f"size={SIZES[name]},mode=1777", "shiftwatch-soak", str(disk)]
            subprocess.run(command, check=True)
            mounted.append(disk)
        yield made
    finally:
        for disk in mounted:
            subprocess.run(["umount", "--lazy", str(disk)], check=False)
