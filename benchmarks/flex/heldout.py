"""The held-out test set: real boards never learnt from, and copies of them with known ITk-like defects.

Negatives are the untouched test boards (with their natural dust). Positives are `COPIES` defected copies of each, one
or two defects a copy, kinds in the fixed numbers of `COUNTS` dealt in seeded random order. Kinds, sizes, contrasts and
the visibility rule are described in `benchmarks.flex.defects`. Only the pixels that a defect changes differ from the
untouched board; nothing is compressed again. Each defect carries two masks: `mask` (half of its strongest change or
more, in grey levels or in units of the noise; the anomalous pixels of the pixel metrics) and `extent` (a fifth or
more). The `zone` is the extent filled and grown by `TOLERANCE_PX`: a spot in it has found the defect, and its pixels
outside the mask count neither way.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.flex.boards import Image, Mask, Reference, Split, align_affine, onto_image, read_rgb
from benchmarks.flex.defects import KINDS, Colour, Layer, Place

VERSION = 4
COPIES = 4
COUNTS = {kind: 28 if kind == "pad_scratch" else 10 for kind in KINDS}
SEED = 20261
CROP = 300
TOLERANCE_PX = 8
EDGE_PX = 14
APART_PX = 60
VISIBILITY, HAIRLINE_VISIBILITY = 100.0, 8.0
PEAK_LIGHTNESS = 4.0
MASK_SHARE, EXTENT_SHARE = 0.5, 0.2
INSIDE_SHARE, LEAST_PX = 0.98, 15
GOLD_ONLY = ("pad_scratch", "pad_stain")
MASK_ONLY = ("mask_scratch", "mask_irregularity", "missing_mask")


@dataclass(frozen=True)
class Defect:
    """One drawn defect: the changed pixels and where they go on the board."""

    kind: str
    x: int
    y: int
    patch: Image
    mask: Mask
    extent: Mask
    peak_levels: float
    visibility: float

    def zone(self, shape: tuple[int, ...]) -> tuple[slice, slice, Mask]:
        """Rows, columns and mask of the filled and grown region on a board of this shape."""
        grow = TOLERANCE_PX
        padded = np.pad(self.extent, grow).astype(np.uint8)
        outline, _ = cv2.findContours(padded, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(padded, outline, -1, 1, -1)
        grown = cv2.dilate(padded, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grow + 1, 2 * grow + 1)))
        top, left = max(0, self.y - grow), max(0, self.x - grow)
        bottom = min(shape[0], self.y + self.mask.shape[0] + grow)
        right = min(shape[1], self.x + self.mask.shape[1] + grow)
        cut = grown[top - self.y + grow : bottom - self.y + grow, left - self.x + grow : right - self.x + grow]
        return slice(top, bottom), slice(left, right), cut.astype(bool)


@dataclass(frozen=True)
class Copy:
    """A defected copy of a test board."""

    board: Path
    defects: tuple[Defect, ...]

    def image(self) -> Image:
        """The board with its defects, (height, width, 3) RGB."""
        picture = read_rgb(self.board)
        for defect in self.defects:
            height, width = defect.mask.shape
            picture[defect.y : defect.y + height, defect.x : defect.x + width] = defect.patch
        return picture


@dataclass(frozen=True)
class HeldOut:
    """The whole test: untouched boards, defected copies, and where each board's part lies."""

    boards: tuple[Path, ...]
    copies: tuple[Copy, ...]
    parts: dict[str, Mask]


def build(split: Split, reference: Reference, seed: int = SEED, scale: float = 1.0) -> HeldOut:
    """Draw the test set; `scale` shrinks the number of defects of each kind (quick runs)."""
    rng = np.random.default_rng(seed)
    deck = [kind for kind, count in COUNTS.items() for _ in range(max(1, round(count * scale)))]
    rng.shuffle(deck)
    deck = deck[: 2 * COPIES * len(split.test)]
    slots = len(split.test) * min(COPIES, -(-len(deck) // len(split.test)))
    hands: list[list[str]] = [deck[i::slots] for i in range(slots)]
    copies, parts = [], {}
    for number, path in enumerate(split.test):
        board = read_rgb(path)
        matrix = align_affine(board, reference.golden)
        part = onto_image(reference.part, matrix, board.shape)
        gold = onto_image(reference.gold, matrix, board.shape)
        parts[path.name] = part
        painter = Painter(board, part, gold)
        copies += [Copy(path, painter.draw(rng, hand)) for hand in hands[number :: len(split.test)]]
    return HeldOut(split.test, tuple(copies), parts)


class Painter:
    """Draws defects on one board."""

    def __init__(self, board: Image, part: Mask, gold: Mask) -> None:
        self.board, self.part = board, part
        rim = np.ones((2 * EDGE_PX + 1, 2 * EDGE_PX + 1), np.uint8)
        inside = cv2.erode(part.astype(np.uint8), rim, borderValue=0).astype(bool)
        self.gold = cv2.erode(gold.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & inside
        near_gold = cv2.dilate(gold.astype(np.uint8), np.ones((15, 15), np.uint8)).astype(bool)
        grey = cv2.GaussianBlur(board.astype(np.float32).mean(axis=2), (0, 0), 1.5)
        slope = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
        self.anywhere = np.argwhere(inside)
        self.mask = np.argwhere(inside & ~near_gold & ~_bare_metal(board))
        self.edges = np.argwhere(inside & (slope > 20))
        self.pads = _pads(self.gold)
        panel = board[~part].reshape(-1, 3).astype(np.float32)
        self.copper: Colour = np.median(panel[panel[:, 0] > 2 * panel[:, 2]], axis=0).astype(np.float32)
        self.grain = _grain(board)

    def draw(self, rng: np.random.Generator, kinds: list[str]) -> tuple[Defect, ...]:
        """One copy's defects, at least `APART_PX` from each other's frame."""
        picture, taken, drawn = self.board.copy(), np.zeros(self.board.shape[:2], bool), []
        for kind in kinds:
            defect = self._one(rng, kind, picture, taken)
            rows = slice(max(0, defect.y - APART_PX), defect.y + defect.mask.shape[0] + APART_PX)
            columns = slice(max(0, defect.x - APART_PX), defect.x + defect.mask.shape[1] + APART_PX)
            taken[rows, columns] = True
            picture[defect.y :, defect.x :][: defect.mask.shape[0], : defect.mask.shape[1]] = defect.patch
            drawn.append(defect)
        return tuple(drawn)

    def _one(self, rng: np.random.Generator, kind: str, picture: Image, taken: Mask) -> Defect:
        for _ in range(500):
            row, column = self._spot(rng, kind)
            if taken[row, column]:
                continue
            defect = self._try(rng, kind, picture, row, column)
            if defect and self._lies_well(defect, taken):
                return defect
        raise RuntimeError(f"no place for a visible {kind} in 500 tries")

    def _lies_well(self, defect: Defect, taken: Mask) -> bool:
        """On the part, large enough, clear of the defects before it."""
        rows, columns = (slice(a, a + n) for a, n in zip((defect.y, defect.x), defect.mask.shape, strict=True))
        inside = self.part[rows, columns][defect.extent].mean()
        return bool(inside >= INSIDE_SHARE and defect.mask.sum() >= LEAST_PX and not taken[rows, columns].any())

    def _spot(self, rng: np.random.Generator, kind: str) -> tuple[int, int]:
        if kind in GOLD_ONLY:
            zone = self.pads[rng.integers(len(self.pads))]
        elif kind in MASK_ONLY:
            zone = self.mask
        else:
            zone = self.edges if kind == "trace_defect" else self.anywhere
        row, column = zone[rng.integers(len(zone))]
        return int(row), int(column)

    def _try(self, rng: np.random.Generator, kind: str, picture: Image, row: int, column: int) -> Defect | None:
        half = CROP // 2
        padded = cv2.copyMakeBorder(_cut(picture, row, column), *_margins(picture, row, column), cv2.BORDER_REFLECT)
        gold = cv2.copyMakeBorder(
            _cut(self.gold.astype(np.uint8), row, column), *_margins(picture, row, column), cv2.BORDER_CONSTANT
        )
        place = Place(padded.astype(np.float32), gold.astype(bool), self.copper, rng.uniform(0.7, 1.2))
        layer = KINDS[kind](rng, place)
        if layer is None:
            return None
        seen, change = observe(rng, place, layer, self.grain)
        top, bottom, left, right = _margins(picture, row, column)
        window = np.s_[top : CROP - bottom, left : CROP - right]
        noise = np.interp(place.crop.mean(axis=2), *self.grain)
        corner = (column - half + left, row - half + top)
        level = place.crop.mean(axis=2)
        lighter = np.abs(lightness(level + change) - lightness(level))
        if float(lighter[window].max()) < PEAK_LIGHTNESS:
            return None
        return _accept(kind, seen[window], change[window], noise[window], corner)


def observe(
    rng: np.random.Generator, place: Place, layer: Layer, grain: NDArray[np.float64]
) -> tuple[Image, NDArray[np.float32]]:
    """The crop as the camera would see it (uint8), and its noiseless change (grey levels, mean over colours).

    Noise stays where light stays; the variance lost with the light (1 - T^2) is drawn anew from the board's own grain.
    """
    through = cv2.GaussianBlur(layer.transmission, (0, 0), place.psf_px)
    own = cv2.GaussianBlur(layer.own, (0, 0), place.psf_px)
    ideal = place.crop * through + own
    missing = np.interp(ideal, *grain) ** 2 - (through * np.interp(place.crop, *grain)) ** 2
    changed = (np.abs(ideal - place.crop).max(axis=2) > 0.25)[..., None]
    speckle = cv2.GaussianBlur(rng.normal(0, 1, (*ideal.shape[:2], 3)), (0, 0), 0.6)
    speckle = 0.7 * speckle.mean(axis=2, keepdims=True) * np.sqrt(3) + 0.3 * speckle
    seen = ideal + changed * np.sqrt(missing.clip(0)) * speckle / speckle.std()
    return np.clip(np.round(seen), 0, 255).astype(np.uint8), np.asarray((ideal - place.crop).mean(axis=2), np.float32)


def _accept(
    kind: str, seen: Image, change: NDArray[np.float32], noise: NDArray[np.float64], corner: tuple[int, int]
) -> Defect | None:
    strength = np.abs(change)
    contrast = strength / noise
    visibility, peak = float(np.sqrt((contrast**2).sum())), float(strength.max())
    if visibility < (HAIRLINE_VISIBILITY if kind == "pad_scratch" else VISIBILITY):
        return None
    mask, extent = (
        (strength > share * peak) | (contrast > share * contrast.max()) for share in (MASK_SHARE, EXTENT_SHARE)
    )
    rows, columns = (np.nonzero(np.any(strength > 0.25, axis=axis))[0] for axis in (1, 0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    x, y = corner[0] + int(columns[0]), corner[1] + int(rows[0])
    return Defect(kind, x, y, seen[box].copy(), _closed(mask[box]), _closed(extent[box]), peak, visibility)


def lightness(level: NDArray[np.floating]) -> NDArray[np.floating]:
    """CIE 1976 L* of a grey level on an ordinary display (gamma 2.2, screen reflections of half a percent)."""
    light = (np.clip(level, 0, 255) / 255) ** 2.2 * 0.995 + 0.005
    return np.asarray(np.where(light > 0.008856, 116 * np.cbrt(light) - 16, 903.3 * light))


def _closed(mask: Mask) -> Mask:
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), dtype=bool)


def _grain(board: Image) -> NDArray[np.float64]:
    """Levels and the noise (robust standard deviation, grey levels) measured at each of them, shape (2, n)."""
    grey = board.astype(np.float32).mean(axis=2)
    smooth = cv2.GaussianBlur(grey, (0, 0), 3)
    flat = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)) < 4
    points = []
    for low, high in ((0, 16), (16, 32), (32, 64), (64, 110), (110, 150), (150, 256)):
        band = flat & (smooth >= low) & (smooth < high)
        if band.sum() > 500:
            points.append((float(smooth[band].mean()), 1.48 * float(np.median(np.abs(grey - smooth)[band]))))
    return np.array(points).T


def _bare_metal(board: Image) -> Mask:
    """Bright colourless surface (the steel stiffener), which carries no mask."""
    smooth = cv2.GaussianBlur(board, (0, 0), 3).astype(np.int16)
    return np.asarray((smooth.min(axis=2) > 70) & (np.ptp(smooth, axis=2) < 40))


def _pads(gold: Mask) -> list[NDArray[np.int64]]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(gold.astype(np.uint8))
    large = [label for label in range(1, count) if stats[label, cv2.CC_STAT_AREA] >= 400]
    return [np.argwhere(labels == label) for label in large]


def _cut(picture: NDArray[np.uint8], row: int, column: int) -> NDArray[np.uint8]:
    half = CROP // 2
    return picture[max(0, row - half) : row + half, max(0, column - half) : column + half]


def _margins(picture: NDArray[np.uint8], row: int, column: int) -> tuple[int, int, int, int]:
    half = CROP // 2
    below, beyond = row + half - picture.shape[0], column + half - picture.shape[1]
    return max(0, half - row), max(0, below), max(0, half - column), max(0, beyond)


def save(heldout: HeldOut, path: Path) -> None:
    """Keep a test set as one npz without pickles (patches, masks, parts) with a JSON index inside."""
    arrays: dict[str, NDArray[np.uint8]] = {}
    rows_of_copies = []
    for c, copy in enumerate(heldout.copies):
        rows = []
        for d, defect in enumerate(copy.defects):
            arrays[f"patch_{c}_{d}"] = defect.patch
            arrays[f"masks_{c}_{d}"] = np.stack([defect.mask, defect.extent]).astype(np.uint8)
            rows.append([defect.kind, defect.x, defect.y, defect.peak_levels, defect.visibility])
        rows_of_copies.append({"board": str(copy.board), "defects": rows})
    index = {"boards": [str(board) for board in heldout.boards], "copies": rows_of_copies}
    for name, part in heldout.parts.items():
        arrays[f"part_{name}"] = part.astype(np.uint8)
    arrays["index"] = np.frombuffer(json.dumps(index).encode(), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def load(path: Path) -> HeldOut:
    """The test set that `save` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        index = json.loads(arrays["index"].tobytes())
        copies = []
        for c, row in enumerate(index["copies"]):
            defects = []
            for d, (kind, x, y, peak, visibility) in enumerate(row["defects"]):
                mask, extent = arrays[f"masks_{c}_{d}"].astype(bool)
                defects.append(Defect(kind, x, y, arrays[f"patch_{c}_{d}"], mask, extent, peak, visibility))
            copies.append(Copy(Path(row["board"]), tuple(defects)))
        boards = tuple(Path(board) for board in index["boards"])
        parts = {board.name: arrays[f"part_{board.name}"].astype(bool) for board in boards}
    return HeldOut(boards, tuple(copies), parts)
