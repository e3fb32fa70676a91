"""The real boards of the benchmark: which are learnt, which are tested, and where the part and its gold are.

Nothing here is shared with the product: reading, alignment and pad finding are the benchmark's own, so that a fault of
the product's cannot hide itself in its own measurement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
_PLACES, _DEV_PLACE = 7, 5
PYRAMID = (1 / 16, 1 / 8, 1 / 4, 1 / 2)


@dataclass(frozen=True)
class Split:
    """Whole boards to learn from and whole boards to test on; they share no board."""

    learn: tuple[Path, ...]
    test: tuple[Path, ...]

    def few(self, n: int) -> tuple[Path, ...]:
        """n learning boards, evenly spread over the panel (all of them if n is at least their number)."""
        if n >= len(self.learn):
            return self.learn
        return tuple(self.learn[i * len(self.learn) // n] for i in range(n))


@dataclass(frozen=True)
class Reference:
    """The golden median in the frame of the first learning board, with its part and gold zones."""

    golden: Image
    part: Mask
    gold: Mask


def flex98_split(root: Path, *, dev: bool = False, unseen_places: bool = False) -> Split:
    """The fixed rules by which the 48 main boards are split into 32 to learn and 16 to test.

    The boards lie on panels with seven places (number modulo 7; the dataset lacks one), one row of them after another.
    By default two boards of every row are tested, the places taking turns, so that every place is learnt. Place 5 is
    never tested: with `dev` the 32 learning boards alone are split, 24 and the 8 of that place, for choosing settings
    without looking at the 16. With `unseen_places` every third board is tested instead: places that no learning board
    shows.
    """
    boards = sorted((root / "flex98" / "main").glob("*.jpg"))
    if unseen_places:
        test = [board for i, board in enumerate(boards) if i % 3 == 2]
    else:
        places = sorted({_number(board) % _PLACES for board in boards} - {_DEV_PLACE})
        test = [board for board in boards if _number(board) % _PLACES != _DEV_PLACE and _has_turn(board, places)]
    learn = [board for board in boards if board not in test]
    if dev:
        test = [board for board in learn if _number(board) % _PLACES == _DEV_PLACE]
        learn = [board for board in learn if board not in test]
    return Split(tuple(learn), tuple(test))


def _number(board: Path) -> int:
    return int(board.stem.rpartition("_")[2])


def _has_turn(board: Path, places: Sequence[int]) -> bool:
    row, place = divmod(_number(board), _PLACES)
    return (2 * row + places.index(place)) % len(places) in {0, 1}


def read_rgb(path: Path) -> Image:
    """The image as (height, width, 3) RGB."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(f"{path}: not an image that can be read")
    return np.ascontiguousarray(image[:, :, ::-1], dtype=np.uint8)


def align_affine(image: Image, reference: Image) -> NDArray[np.float32]:
    """The 2x3 matrix that takes reference pixels to image pixels (ECC on a grey pyramid)."""
    matrix: NDArray[np.float32] = np.eye(2, 3, dtype=np.float32)
    for scale in PYRAMID:
        motion = cv2.MOTION_EUCLIDEAN if scale == PYRAMID[0] else cv2.MOTION_AFFINE
        steps = 8 if scale == PYRAMID[-1] else 60
        matrix[:, 2] *= scale
        _, found = cv2.findTransformECC(
            _small(reference, scale), _small(image, scale), matrix, motion, (3, steps, 1e-6)
        )
        matrix = np.asarray(found, dtype=np.float32)
        matrix[:, 2] /= scale
    return matrix


def onto_reference(image: Image, matrix: NDArray[np.float32], shape: tuple[int, ...]) -> Image:
    """The image resampled on the reference's grid."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(image, matrix, (shape[1], shape[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)


def onto_image(mask: Mask, matrix: NDArray[np.float32], shape: tuple[int, ...]) -> Mask:
    """A zone of the reference on an image's own grid."""
    warped = cv2.warpAffine(mask.astype(np.uint8), matrix, (shape[1], shape[0]), flags=cv2.INTER_NEAREST)
    return np.asarray(warped, dtype=bool)


def build_reference(learn: tuple[Path, ...], boards: int = 9) -> Reference:
    """Golden median of some evenly spread learning boards, and the zones found on it by colour."""
    first = read_rgb(learn[0])
    stack = [first]
    for path in learn[:: max(1, len(learn) // boards)][1:boards]:
        image = read_rgb(path)
        stack.append(onto_reference(image, align_affine(image, first), first.shape))
    golden = np.median(np.stack(stack), axis=0).astype(np.uint8)
    return Reference(golden, find_part(golden), find_gold(golden))


def find_part(golden: Image) -> Mask:
    """The flex itself: the largest thing that is not the bare copper panel around it, without its thin appendages."""
    hue, saturation, value = np.moveaxis(cv2.cvtColor(golden, cv2.COLOR_RGB2HSV).astype(int), 2, 0)
    panel = (hue < 16) & (saturation > 140) & (value > 95)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (41, 41))
    opened = cv2.morphologyEx((~panel).astype(np.uint8), cv2.MORPH_OPEN, disk)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    largest = (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    outline, _ = cv2.findContours(largest, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(largest)
    cv2.drawContours(filled, outline, -1, 1, -1)
    return np.asarray(filled, dtype=bool)


def find_gold(golden: Image) -> Mask:
    """Gold-plated surfaces: pale yellow, bright."""
    hue, saturation, value = np.moveaxis(cv2.cvtColor(golden, cv2.COLOR_RGB2HSV).astype(int), 2, 0)
    gold = (hue > 8) & (hue < 26) & (saturation > 60) & (saturation < 150) & (value > 130)
    return np.asarray(cv2.morphologyEx(gold.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)), dtype=bool)


def _small(image: Image, scale: float) -> NDArray[np.float32]:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 1.0), dtype=np.float32)
