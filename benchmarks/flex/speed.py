"""The speed part: one 17-megapixel board through `shiftwatch score flex`, and through KEK's network, each in a process.

The board is a real one enlarged; the product is taught eight boards of the same size first (kept in the cache), so that
ours works at full resolution. It is taught for a moment only: how long networks learned does not change how fast they
are. Wall time counts from starting the command to its exit, imports and all. Both may use all cores. KEK's process
reads the image, tiles it and applies the network as deployed; `network s` leaves out its imports.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from benchmarks.flex.boards import flex98_split, read_rgb
from benchmarks.flex.flex98 import ROOT
from benchmarks.flex.peers import cache_folder, peers_python
from benchmarks.flex.report import Row

MEGAPIXELS = 17.0
PRODUCT = "bench17"
TEACH = """
import sys
from inspection.flex.training import Effort, train
train(*sys.argv[1:4], effort=Effort(lessons=48, spot_steps=20, rebuilding_steps=20))
"""


@dataclass(frozen=True)
class Cost:
    """What a process took."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    status: int
    output: str


def run(data: Path, peers: bool, say: Callable[[str], None]) -> list[Row]:
    """Rows of ours and, if asked for, KEK's."""
    split, folder = flex98_split(data), cache_folder() / "speed"
    board = _enlarged(split.test[0], folder / "board")
    models = folder / "models"
    shiftwatch = [str(Path(sys.executable).with_name("shiftwatch"))]
    environment = {"SHIFTWATCH_HOME": str(folder / "home"), "SHIFTWATCH_MODELS": str(models)}
    if not (models / "flex" / PRODUCT / "card.json").exists():
        say("teaching a product of 17 megapixels")
        good = [_enlarged(path, folder / "good") for path in split.few(8)]
        taught = spent([sys.executable, "-c", TEACH, PRODUCT, str(good[0].parent), str(models / "flex")], environment)
        if taught.status != 0:
            return [{"name": "ours, shiftwatch score flex", "error": taught.output[-300:]}]
    say("scoring 17 megapixels")
    cost = spent([*shiftwatch, "score", "flex", "--product", PRODUCT, str(board), "--json"], environment)
    rows = [_row("ours, shiftwatch score flex", board, cost, accepted=(0, 1))]
    if peers:
        kek = spent([str(peers_python()), "-W", "ignore", "-m", "benchmarks.flex.speed", str(board)], {})
        rows.append(_row("KEK's network", board, kek, accepted=(0,)))
    return rows


def spent(command: Sequence[str], environment: dict[str, str]) -> Cost:
    """Run a command to its end; its peak resident set is read from /proc while it runs."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    peak, status = 0.0, Path(f"/proc/{process.pid}/status")
    before = os.times()
    while process.poll() is None:
        try:
            peak = max(peak, float(status.read_text(encoding="ascii").split("VmHWM:")[1].split()[0]) / 1024)
        except (OSError, IndexError):
            break
        time.sleep(0.02)
    output = process.communicate()[0]
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(time.perf_counter() - started, cpu, peak, process.returncode, output)


def _row(name: str, board: Path, cost: Cost, accepted: tuple[int, ...]) -> Row:
    if cost.status not in accepted:
        return {"name": name, "error": cost.output[-300:]}
    height, width = read_rgb(board).shape[:2]
    row: Row = {"name": name, "megapixels": height * width / 1e6}
    row |= {"wall_s": cost.wall_s, "cpu_s": cost.cpu_s, "peak_mb": cost.peak_mb}
    last = cost.output.strip().splitlines()[-1:]
    if last and last[0].startswith('{"inside_s"'):
        row["inside_s"] = json.loads(last[0])["inside_s"]
    return row


def _enlarged(path: Path, folder: Path) -> Path:
    """The board enlarged to 17 megapixels, as JPEG."""
    out = folder / f"{path.stem}.jpg"
    if not out.exists():
        image = read_rgb(path)
        factor = (MEGAPIXELS * 1e6 / (image.shape[0] * image.shape[1])) ** 0.5
        large = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(out), large[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    return out


def _kek(board: Path) -> None:
    from benchmarks.flex.peers import Kek

    network = Kek(steps=0, threads=os.cpu_count() or 1)
    started = time.perf_counter()
    network.score(read_rgb(board))
    print(json.dumps({"inside_s": time.perf_counter() - started}))


if __name__ == "__main__":
    _kek(Path(sys.argv[1]))
