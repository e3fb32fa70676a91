"""What a site stands on, made so that it can fail: small disks of its own, and a clock that can be set wrong."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

CLOCK = Path(__file__).with_name("clock.c")
"""Moves the time of day of single processes, for no container has a clock of its own; libfaketime breaks sleep."""
SIZES = {"data": "3g", "database": "2g"}
LAST = 8 << 20
OVERRIDE = """
services:
  migrate: {{build: {{network: host}}}}
  worker: &shifted
    environment:
      LD_PRELOAD: /faketime/clock.so
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
        try:
            with filler.open("wb", buffering=0) as file, suppress(OSError):
                free = room.f_bavail * room.f_frsize - LAST
                if free > 0:  # in one go, but for what others may write meanwhile
                    os.posix_fallocate(file.fileno(), 0, free)
                    file.seek(free)
                while file.write(b"\0" * 4096):
                    pass
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
    subprocess.run(
        ["cc", "-O2", "-shared", "-fPIC", "-o", str(made.clock / "clock.so"), str(CLOCK), "-ldl"], check=True
    )
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
