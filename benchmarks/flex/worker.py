"""One method measured in a process of its own: `python -m benchmarks.flex.worker HELDOUT.npz JOB.json ROW.json`.

The process holds nothing but the method when its memory is read: `fit_peak_mb` is the peak resident set of learning,
`peak_mb` that of scoring one board afterwards (with whatever learning left behind). Seconds are the CPU seconds of this
one-threaded process (what an idle core would take; the machine may be shared) and, beside them, wall seconds; the first
board is left out as a warm-up.
"""

from __future__ import annotations

import contextlib
import gc
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.flex.boards import Image, read_rgb
from benchmarks.flex.heldout import Copy, HeldOut, load
from benchmarks.flex.methods import Map, Method, Spot, make
from benchmarks.flex.metrics import RATES, PixelCurve, Spots, auroc, interval, merge, resampled_boards, spot_in

RESAMPLES = 200
VISIBILITIES = (8, 100, 150, 200, 300, 450, 700)
_NOT_ITS_OWN = (
    *("fit_cpu_s", "fit_wall_s", "fit_peak_mb", "peak_mb", "cpu_s_per_mpix", "wall_s_per_mpix"),
    *("false_asked_1", "false_asked_1_whole_frame"),
)


@dataclass
class Tally:
    """Everything counted while boards are scored."""

    curve: PixelCurve
    false: list[NDArray[np.float64]] = field(default_factory=list)
    false_anywhere: list[NDArray[np.float64]] = field(default_factory=list)
    found: list[NDArray[np.float64]] = field(default_factory=list)
    kinds: list[tuple[str, ...]] = field(default_factory=list)
    visibility: list[float] = field(default_factory=list)
    good_images: list[float] = field(default_factory=list)
    bad_images: list[list[float]] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    megapixels: list[float] = field(default_factory=list)


def measure(heldout_path: Path, job: dict[str, Any], learn: Sequence[Path]) -> dict[str, Any]:
    """Learn, score everything, and sum up as one JSON-able row."""
    cv2.setNumThreads(1)
    started_wall, started_cpu = time.perf_counter(), time.process_time()
    method = make(job["target"], job["arguments"])
    method.fit(list(learn), len(learn))
    fit_wall, fit_cpu = time.perf_counter() - started_wall, time.process_time() - started_cpu
    fit_mb = peak_mb()
    forget_peak()
    method.score(read_rgb(Path(job["warm_up"])))
    row = {"name": job["name"], "boards_learnt": len(learn), "note": getattr(method, "note", "")}
    row |= {"fit_cpu_s": fit_cpu, "fit_wall_s": fit_wall, "fit_peak_mb": fit_mb, "peak_mb": peak_mb()}
    heldout = load(heldout_path)
    tally = Tally(PixelCurve(len(heldout.boards)))
    for number in range(len(heldout.boards)):
        _board(method, heldout, number, tally)
    level = getattr(method, "level", None)
    row |= summary(tally, level(1.0) if level else None)
    if getattr(method, "shared", False):
        row |= dict.fromkeys(_NOT_ITS_OWN)
    return row


def _board(method: Method, heldout: HeldOut, number: int, tally: Tally) -> None:
    path = heldout.boards[number]
    image, part = read_rgb(path), heldout.parts[path.name]
    wall, cpu = time.perf_counter(), time.process_time()
    scores, spots = method.score(image)
    tally.wall_s.append(time.perf_counter() - wall)
    tally.cpu_s.append(time.process_time() - cpu)
    tally.megapixels.append(image.shape[0] * image.shape[1] / 1e6)
    tally.curve.add(number, scores, part, [])
    spots = merge(spots)
    mine = _inside(spots, part)
    tally.false.append(np.array([spot[2] for spot in mine]))
    tally.false_anywhere.append(np.array([spot[2] for spot in spots]))
    tally.good_images.append(max((spot[2] for spot in mine), default=float("-inf")))
    found, kinds, bad = [], [], []
    for copy in [copy for copy in heldout.copies if copy.board == path]:
        picture = copy.image()
        map_, copy_spots = _score_copy(method, picture, copy, scores)
        copy_spots = _inside(merge(copy_spots), part)
        zones = [defect.zone(picture.shape) for defect in copy.defects]
        counted = part.copy()
        for rows, columns, mask in zones:
            counted[rows, columns] &= ~mask
        regions = [(slice(d.y, d.y + d.mask.shape[0]), slice(d.x, d.x + d.mask.shape[1]), d.mask) for d in copy.defects]
        tally.curve.add(number, map_, counted, regions)
        found += [spot_in(copy_spots, zone) for zone in zones]
        kinds += [defect.kind for defect in copy.defects]
        tally.visibility += [defect.visibility for defect in copy.defects]
        bad.append(max((spot[2] for spot in copy_spots), default=float("-inf")))
    tally.found.append(np.array(found))
    tally.kinds.append(tuple(kinds))
    tally.bad_images.append(bad)


def _score_copy(method: Method, picture: Image, copy: Copy, before: Map) -> tuple[Map, list[Spot]]:
    rescore = getattr(method, "rescore", None)
    if rescore is None:
        return method.score(picture)
    boxes = [(d.x, d.y, d.x + d.mask.shape[1], d.y + d.mask.shape[0]) for d in copy.defects]
    result: tuple[Map, list[Spot]] = rescore(picture, before, boxes)
    return result


def _inside(spots: Sequence[Spot], part: NDArray[np.bool_]) -> list[Spot]:
    height, width = part.shape
    return [s for s in spots if part[min(max(round(s[1]), 0), height - 1), min(max(round(s[0]), 0), width - 1)]]


def summary(tally: Tally, level_for_one: float | None) -> dict[str, Any]:
    """All figures of one method, with 90 % intervals from resampling the boards."""
    spots = Spots(tuple(tally.false), tuple(tally.found), tuple(tally.kinds))
    draws = resampled_boards(len(tally.false), RESAMPLES)
    weights = np.stack([np.bincount(draw, minlength=len(tally.false)) for draw in draws])
    row: dict[str, Any] = {"regions": int(sum(map(len, tally.found))), "boards": len(tally.false)}
    for limit, name in ((0.05, "aupro_05"), (0.30, "aupro_30")):
        row[name] = tally.curve.aupro(limit)
        row[f"{name}_90"] = interval([tally.curve.aupro(limit, weight) for weight in weights[:60]])
    row["pixel_auroc"] = tally.curve.auroc()
    for rate in RATES:
        row[f"recall_{rate:g}"] = spots.recall(rate)
        row[f"recall_{rate:g}_90"] = interval([spots.recall(rate, None, draw.tolist()) for draw in draws])
    by_kind = {kind: spots.recall(1.0, kind) for kind in sorted({k for ks in tally.kinds for k in ks})}
    row["recall_1_kinds_alike"] = float(np.mean(list(by_kind.values()))) if by_kind else float("nan")
    row["pad_scratch_1"] = spots.recall(1.0, "pad_scratch")
    row["pad_scratch_1_90"] = interval([spots.recall(1.0, "pad_scratch", draw.tolist()) for draw in draws])
    row["recall_1_by_kind"] = by_kind
    row["recall_1_by_visibility"] = {
        f"{least:g}": spots.recall_of(1.0, np.asarray(tally.visibility) >= least) for least in VISIBILITIES
    }
    row["image_auroc"] = _image_auroc(tally, range(len(tally.good_images)))
    row["image_auroc_90"] = interval([_image_auroc(tally, draw) for draw in draws])
    row["cpu_s_per_mpix"] = float(np.sum(tally.cpu_s) / np.sum(tally.megapixels))
    row["wall_s_per_mpix"] = float(np.sum(tally.wall_s) / np.sum(tally.megapixels))
    row["false_asked_1"] = _passing(tally.false, level_for_one)
    row["false_asked_1_whole_frame"] = _passing(tally.false_anywhere, level_for_one)
    return row


def _image_auroc(tally: Tally, boards: Sequence[int] | NDArray[np.int64]) -> float:
    bad = [score for board in boards for score in tally.bad_images[board]]
    return auroc(np.array([tally.good_images[board] for board in boards]), np.array(bad))


def _passing(false: Sequence[NDArray[np.float64]], level: float | None) -> dict[str, Any] | None:
    if level is None:
        return None
    counts = [int((scores >= level).sum()) for scores in false]
    resampled = np.array(counts)[resampled_boards(len(counts), RESAMPLES)].mean(axis=1)
    return {"mean": float(np.mean(counts)), "interval_90": interval(resampled.tolist()), "counts": counts}


def peak_mb() -> float:
    """Peak resident set of this process, MiB (Linux: VmHWM, which `exec` resets, unlike ru_maxrss)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(status.split("VmHWM:")[1].split()[0]) / 1024


def forget_peak() -> None:
    """Start the peak anew from what is held now, where the kernel lets us."""
    gc.collect()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def main() -> None:
    """Read the job, measure, write the row."""
    heldout_path, job_path, row_path = map(Path, sys.argv[1:4])
    job = json.loads(job_path.read_text(encoding="utf-8"))
    row = measure(heldout_path, job, [Path(board) for board in job["learn"]])
    row_path.write_text(json.dumps(row, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
