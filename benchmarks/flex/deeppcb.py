"""The DeepPCB part: golden-image mode on board designs that its training never saw.

The rule: board groups sorted by their number of pairs, the largest first, are learnt until they hold three fifths of
all pairs; the rest is tested. That gives 689 pairs of three designs to learn (20085, 00041, 13000), 311 pairs of four
unseen designs to test (92000, 77000, 44000, 50600). Figures follow DeepPCB's own evaluation (arXiv 1902.06197): a box
is right at IoU above 0.33.
"""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.flex.boxes import Found, Labelled, best_f, mean_ap, recall_at
from benchmarks.flex.peers import cache_folder
from benchmarks.flex.report import Row

KINDS = ("open", "short", "mousebite", "spur", "copper", "pin-hole")
FALSE_PER_IMAGE = 0.25
LOWEST = 0.01
LEARN_SHARE = 0.6


def groups(data: Path) -> tuple[list[str], list[str]]:
    """Board groups to learn and to test."""
    sizes = Counter(row["group"] for row in _index(data))
    learn: list[str] = []
    for name in sorted(sizes, key=lambda group: (-sizes[group], group)):
        if sum(sizes[group] for group in learn) < LEARN_SHARE * sizes.total():
            learn.append(name)
    return learn, sorted(set(sizes) - set(learn))


def run(data: Path, package: Path | None, quick: bool, say: Callable[[str], None]) -> list[Row]:
    """Rows of ours and of the trivial template comparison."""
    pairs = [row["id"] for row in _index(data) if row["group"] in groups(data)[1]]
    pairs = pairs[::20] if quick else pairs
    folder = data / "deeppcb" / "pairs"
    truth = [label for name in pairs for label in labels(folder / f"{name}.txt", name)]
    rows = [_row("template XOR, 2 px tolerant", _compare, folder, pairs, truth, named=False)]
    package = package or _trained(data, quick, say)
    find = _ours(package)
    rows.insert(0, _row("ours, golden-image mode", find, folder, pairs, truth, named=True))
    return rows


def labels(path: Path, name: str) -> list[Labelled]:
    """Labelled boxes of one pair."""
    rows = [line.replace(",", " ").split() for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
    return [Labelled(name, KINDS[int(r[4]) - 1], (float(r[0]), float(r[1]), float(r[2]), float(r[3]))) for r in rows]


Finder = Callable[[str, NDArray[np.uint8], NDArray[np.uint8]], list[Found]]


def _row(name: str, find: Finder, folder: Path, pairs: Sequence[str], truth: Sequence[Labelled], *, named: bool) -> Row:
    found, seconds = [], 0.0
    for pair in pairs:
        template, test = (_grey(folder / f"{pair}_{part}.png") for part in ("temp", "test"))
        started = time.process_time()
        found += find(pair, template, test)
        seconds += time.process_time() - started
    row: Row = {"name": name, "images": len(pairs), "defects": len(truth), "cpu_s_per_image": seconds / len(pairs)}
    row["recall_0.25"] = recall_at(found, truth, len(pairs), FALSE_PER_IMAGE)
    row["recall_1"] = recall_at(found, truth, len(pairs), 1.0)
    if named:
        row["map_33"], row["ap_by_kind"] = mean_ap(found, truth, KINDS)
        row["best_f"] = best_f(found, truth, KINDS)
    return row


def _ours(package: Path) -> Finder:
    from core.inference import load_package
    from inspection.flex.golden.alignment import align_template
    from inspection.flex.golden.detector import find_places

    session = load_package(package).session(inputs=["channels"], outputs=["heads"])

    def find(name: str, template: NDArray[np.uint8], test: NDArray[np.uint8]) -> list[Found]:
        places = find_places(session, align_template(template, test).template, test, LOWEST)
        boxes = [(float(a), float(b), float(c), float(d)) for a, b, c, d in places.boxes]
        return [
            Found(name, KINDS[int(label)], float(score), box)
            for label, score, box in zip(places.labels, places.scores, boxes, strict=True)
        ]

    return find


def _trained(data: Path, quick: bool, say: Callable[[str], None]) -> Path:
    """A package that learnt the learning groups only, from the cache or trained now (10 to 15 min on one core)."""
    package = cache_folder() / ("golden-deeppcb-quick" if quick else "golden-deeppcb")
    if not package.exists():
        from inspection.flex.golden.training import train_pairs

        say("training golden-image mode on the learning groups")
        train_pairs(data / "deeppcb", package, groups=groups(data)[0], steps=60 if quick else 3000)
    return package


def _compare(name: str, template: NDArray[np.uint8], test: NDArray[np.uint8]) -> list[Found]:
    """Pixels of one image without the other's material within two pixels; pieces of 20 px and more, by area."""
    first, second = template > 127, test > 127
    around = np.ones((5, 5), np.uint8)
    wide = [cv2.dilate(image.astype(np.uint8), around) > 0 for image in (first, second)]
    narrow = [cv2.erode(image.astype(np.uint8), around) > 0 for image in (first, second)]
    strange = (second & ~wide[0]) | (narrow[0] & ~second)
    _, _, stats, _ = cv2.connectedComponentsWithStats(strange.astype(np.uint8), connectivity=8)
    return [
        Found(name, "", float(area), (x - 4.0, y - 4.0, x + w + 4.0, y + h + 4.0))
        for x, y, w, h, area in stats[1:].tolist()
        if area >= 20
    ]


def _grey(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise FileNotFoundError(path)
    return np.asarray(image, dtype=np.uint8)


def _index(data: Path) -> list[dict[str, str]]:
    with (data / "deeppcb" / "index.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
