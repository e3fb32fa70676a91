"""Labelled template/test pairs as DeepPCB lays them out: ID_temp.png, ID_test.png, ID.txt, index.csv with groups."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

CAUSES = ("open", "short", "mousebite", "spur", "copper", "pin-hole")
"""Defect classes in the order of DeepPCB's type numbers 1 to 6."""


@dataclass(frozen=True, slots=True)
class PairFiles:
    """Where one labelled pair lies, and the board group it belongs to."""

    name: str
    group: str
    template: Path
    test: Path
    labels: Path


@dataclass(frozen=True, slots=True)
class Pair:
    """One labelled pair as grey images (metal dark).

    ``template`` and ``test`` are uint8 (H, W); ``boxes`` float32 (N, 4) as x1, y1, x2, y2 in pixels of ``test``;
    ``labels`` int64 (N,) index into `CAUSES`.
    """

    name: str
    group: str
    template: NDArray[np.uint8]
    test: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]


def find_pairs(folder: Path, groups: Iterable[str] | None = None) -> list[PairFiles]:
    """List the pairs of a folder, by ``index.csv`` (columns id, group), of the named board groups only if given.

    Raises
    ------
    InputError
        The index is missing or damaged, names a pair whose files are missing, or nothing is left.
    """
    index = folder / "index.csv"
    images = folder / "pairs" if (folder / "pairs").is_dir() else folder
    try:
        with index.open(newline="", encoding="utf-8") as file:
            rows = [(row["id"], row["group"]) for row in csv.DictReader(file)]
    except OSError as error:
        raise InputError(index, f"cannot be read: {error.strerror}") from error
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(index, "is not a table with the columns id and group") from error
    wanted = None if groups is None else set(groups)
    if wanted is not None and (unknown := wanted - {group for _, group in rows}):
        raise InputError(index, f"knows no board group {', '.join(sorted(unknown))}")
    found = [_files(images, name, group) for name, group in rows if wanted is None or group in wanted]
    if not found:
        raise InputError(index, "lists no pair")
    return found


def _files(images: Path, name: str, group: str) -> PairFiles:
    files = PairFiles(name, group, images / f"{name}_temp.png", images / f"{name}_test.png", images / f"{name}.txt")
    for path in (files.template, files.test, files.labels):
        if not path.is_file():
            raise InputError(path, "is missing, though the index lists the pair")
    return files


def read_pair(files: PairFiles) -> Pair:
    """Read one pair; raises `InputError` naming the file that cannot be used."""
    template, test = _read_grey(files.template), _read_grey(files.test)
    if template.shape != test.shape:
        raise InputError(files.test, f"has size {test.shape}, its template {template.shape}")
    boxes, labels = read_labels(files.labels)
    return Pair(files.name, files.group, template, test, boxes, labels)


def _read_grey(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise InputError(path, "is not an image that can be read")
    return np.asarray(image, dtype=np.uint8)


def read_labels(path: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Read ``x1 y1 x2 y2 type`` lines (blank or comma separated, type 1 to 6) as boxes (N, 4) and labels (N,)."""
    try:
        lines = path.read_text(encoding="utf-8").replace(",", " ").splitlines()
        rows = [tuple(int(word) for word in line.split()) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(path, "is not a list of 'x1 y1 x2 y2 type' lines") from error
    for row in rows:
        if len(row) != 5 or not 1 <= row[4] <= len(CAUSES) or row[2] <= row[0] or row[3] <= row[1]:
            raise InputError(path, f"has an impossible box: {' '.join(map(str, row))}")
    table = np.array(rows, dtype=np.float32).reshape(-1, 5)
    return table[:, :4], table[:, 4].astype(np.int64) - 1


def write_pairs(folder: Path, pairs: Sequence[Pair]) -> None:
    """Write pairs in the same layout, so that simulated ones go through the very same reader."""
    (folder / "pairs").mkdir(parents=True, exist_ok=True)
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("id", "group"))
        table.writerows((pair.name, pair.group) for pair in pairs)
    for pair in pairs:
        cv2.imwrite(str(folder / "pairs" / f"{pair.name}_temp.png"), pair.template)
        cv2.imwrite(str(folder / "pairs" / f"{pair.name}_test.png"), pair.test)
        lines = (
            " ".join(str(round(float(v))) for v in box) + f" {label + 1}"
            for box, label in zip(pair.boxes, pair.labels, strict=True)
        )
        (folder / "pairs" / f"{pair.name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
