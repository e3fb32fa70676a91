"""Lessons for the spot network: crops of good boards with simulated defects, seen as an unseen board would be.

Good boards are not clean: they carry dust that their makers accept. Places where a good board departs most from the
others are therefore shown often, as good: the network learns what is *accepted* on this product, and its logit becomes
the odds of a defect against what good boards show.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from inspection.flex.learned.channels import coarse_channels, image_channels
from inspection.flex.learned.context import find_features
from inspection.flex.learned.normality import SPREAD_STEPS_PER_DN, Normality, difference, zscore
from inspection.flex.learned.parts import Expectation, Networks
from inspection.flex.learned.rebuilding import Rebuilding, rebuild_error
from inspection.flex.learned.spots import find_spots
from inspection.flex.learned.stack import Stack
from inspection.flex.learned.strange import strange_mark
from inspection.flex.simulate.defects import draw, possible, union
from inspection.flex.simulate.zones import Zone

Float: TypeAlias = NDArray[np.float32]
Image: TypeAlias = NDArray[np.uint8]

CROP_PX = 256
MARGIN_PX = 32
GOOD, DEFECT, ACCEPTED = 0, 1, 2
_CLEAN_SHARE = 0.2
_BLEMISH_SHARE = 0.35
_PAD_SHARE = 0.3
_BLEMISHES = 25
_VISIBLE = 9.0
_SCRATCH_SHARE = 0.3
_STRANGE_SHARE = 0.35
_SPECK_PX = 22


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """Crops for training.

    ``image`` (n, 7, 256, 256), ``coarse`` (n, 2, 64, 64) float16; ``truth`` (n, 128, 128) uint8: `GOOD`, `DEFECT` or
    `ACCEPTED` (a speck on a good board).
    """

    image: NDArray[np.float16]
    coarse: NDArray[np.float16]
    truth: NDArray[np.uint8]

    @staticmethod
    def joined(lessons: Sequence["Lessons"]) -> "Lessons":
        """Return all lessons together."""
        return Lessons(
            np.concatenate([one.image for one in lessons]),
            np.concatenate([one.coarse for one in lessons]),
            np.concatenate([one.truth for one in lessons]),
        )


def make_lessons(
    stack: Stack, boards: Sequence[int], zones: NDArray[np.uint8], networks: Networks, per_board: int, seed: int
) -> Lessons:
    """Draw ``per_board`` crops from each of the given boards.

    Statistics are those of the other boards, so that a crop looks as it would on a board that was never seen.

    Raises
    ------
    core.errors.InputError
        If the boards are smaller than a crop.
    """
    rng = np.random.default_rng(seed)
    count = per_board * len(boards)
    out = Lessons(
        np.empty((count, 7, CROP_PX, CROP_PX), np.float16),
        np.empty((count, 2, CROP_PX // 4, CROP_PX // 4), np.float16),
        np.empty((count, CROP_PX // 2, CROP_PX // 2), np.uint8),
    )
    corners = _Corners.of(zones)
    position = 0
    for board in boards:
        expected = stack.without(board)
        blemishes = find_blemishes(stack, board, expected)
        places = np.argwhere(blemishes[::4, ::4] == ACCEPTED) * 8
        for _ in range(per_board):
            window = corners.draw(rng, places)
            lesson = _lesson(stack, board, window, zones, networks, expected.rebuilding, rng)
            seen = _half(window)
            known = blemishes[seen]
            lesson[2][:] = np.where(lesson[2] == GOOD, known, lesson[2])
            out.image[position], out.coarse[position], out.truth[position] = lesson
            position += 1
    return out


@dataclass(frozen=True, slots=True, eq=False)
class _Corners:
    """Where crops may lie: anywhere on the part, and around pads."""

    shape: tuple[int, int]
    part: NDArray[np.int64]
    pads: NDArray[np.int64]

    @classmethod
    def of(cls, zones: NDArray[np.uint8]) -> "_Corners":
        side = CROP_PX + 2 * MARGIN_PX
        if min(zones.shape) < side:
            raise InputError("golden boards", f"{zones.shape[1]}x{zones.shape[0]} pixels: at least {side} are needed")
        coarse = zones[::8, ::8]
        part, pads = (np.argwhere(where) * 8 for where in (coarse != Zone.OUTSIDE, coarse == Zone.PAD))
        return cls((zones.shape[0], zones.shape[1]), part, pads)

    def draw(self, rng: np.random.Generator, blemishes: NDArray[np.int64]) -> tuple[slice, slice]:
        side = CROP_PX + 2 * MARGIN_PX
        limit = np.array([self.shape[0] - side, self.shape[1] - side])
        chance = rng.random()
        favoured = blemishes if chance < _BLEMISH_SHARE else self.pads
        if not len(favoured) or chance >= _BLEMISH_SHARE + _PAD_SHARE:
            favoured = self.part
        middle = favoured[rng.integers(len(favoured))] + rng.integers(-60, 61, 2)
        top, left = (int(c) // 8 * 8 for c in np.clip(middle - side // 2, 0, limit))
        return slice(top, top + side), slice(left, left + side)


def find_blemishes(stack: Stack, board: int, expected: Expectation) -> NDArray[np.uint8]:
    """Mark where a good board departs most from the others, by pixels and by context.

    Returns
    -------
    (H // 2, W // 2) uint8
        `ACCEPTED` on specks. Anything longer than 22 px is left as it is: a good board may carry dust, but a long
        scratch or fibre on it is not shown more often than chance has it.
    """
    picture = np.asarray(stack.boards[board])
    marked = np.zeros((picture.shape[0] // 2, picture.shape[1] // 2), np.uint8)
    surprise = stack.coarse(board, expected).surprise
    departure = np.sqrt(np.square(zscore(picture, expected.normality)).sum(axis=2))
    departure = cv2.resize(departure, marked.shape[::-1], interpolation=cv2.INTER_AREA)
    for values in (cv2.GaussianBlur(departure, (0, 0), 0.8), cv2.resize(np.log(surprise + 1e-3), marked.shape[::-1])):
        for spot in find_spots(np.asarray(values, np.float32), 2, float(values.mean()), limit=_BLEMISHES):
            rows = slice(spot.top // 2, (spot.top + spot.height) // 2 + 1)
            columns = slice(spot.left // 2, (spot.left + spot.width) // 2 + 1)
            if max(spot.width, spot.height) <= _SPECK_PX:
                marked[rows, columns] = ACCEPTED
    return marked


def _half(window: tuple[slice, slice]) -> tuple[slice, slice]:
    """Return the inner part of a window on the grid of the truth."""
    rows, columns = (slice((part.start + MARGIN_PX) // 2, (part.stop - MARGIN_PX) // 2) for part in window)
    return rows, columns


def _lesson(
    stack: Stack,
    board: int,
    window: tuple[slice, slice],
    zones: NDArray[np.uint8],
    networks: Networks,
    rebuilding: Rebuilding,
    rng: np.random.Generator,
) -> tuple[Float, Float, NDArray[np.uint8]]:
    clean = np.asarray(stack.boards[board][window])
    picture, truth = clean, np.zeros(clean.shape[:2], np.bool_)
    normality = stack.sums.part(window).without(clean)
    if rng.random() >= _CLEAN_SHARE:
        picture, truth = _spoil(clean, zones[window], normality, rng)
    inner = (slice(MARGIN_PX, -MARGIN_PX), slice(MARGIN_PX, -MARGIN_PX))
    quarter = (slice(MARGIN_PX // 4, -MARGIN_PX // 4), slice(MARGIN_PX // 4, -MARGIN_PX // 4))
    image = image_channels(picture[inner], normality.part(inner))
    rows, columns = (slice(part.start // 4, part.stop // 4) for part in window)
    own = stack.context.projection.apply(stack.features[board, rows, columns].astype(np.float32))
    context = stack.context.part((rows, columns)).without(own)
    surprise = context.surprise(find_features(picture, networks.features))
    error = rebuild_error(picture, networks.rebuilding)
    rebuilt = Rebuilding(rebuilding.mean[rows, columns], rebuilding.spread[rows, columns]).standardise(error)
    coarse = coarse_channels(surprise[quarter], rebuilt[quarter])
    half = CROP_PX // 2
    return image, coarse, truth[inner].reshape(half, 2, half, 2).max(axis=(1, 3)).astype(np.uint8)


def _spoil(
    clean: Image, zones: NDArray[np.uint8], normality: Normality, rng: np.random.Generator
) -> tuple[Image, NDArray[np.bool_]]:
    """Return the crop with one to three visible defects, and which pixels they changed."""
    picture, truth = clean, np.zeros(clean.shape[:2], np.bool_)
    kinds = possible(zones)
    wanted = int(rng.integers(1, 4))
    for _ in range(3 * wanted):
        try:
            spoiled, mask = _one_mark(picture, zones, kinds, rng)
        except InputError:  # no room for this kind in this crop
            continue
        if visibility(picture, spoiled, normality) >= _VISIBLE:
            picture, truth, wanted = spoiled, truth | mask, wanted - 1
        if not wanted:
            break
    return picture, truth


def _one_mark(
    picture: Image, zones: NDArray[np.uint8], kinds: Sequence[str], rng: np.random.Generator
) -> tuple[Image, NDArray[np.bool_]]:
    """Draw a pad scratch, a strange mark or any named kind; returns the crop and the pixels that it changed."""
    chance = rng.random()
    kind = "pad_scratch"
    if "pad_scratch" not in kinds or chance >= _SCRATCH_SHARE:
        if chance < _SCRATCH_SHARE + _STRANGE_SHARE or not kinds:
            return strange_mark(picture, rng)
        kind = kinds[int(rng.integers(len(kinds)))]
    spoiled, masks, _ = draw(picture, zones, rng, kind)
    return spoiled, union(masks, zones.shape)


def visibility(before: Image, after: Image, normality: Normality) -> float:
    """Return how well an ideal observer could see a change: root sum of squared changes of brightness over the noise.

    (The detectability index d' of a known signal in white noise, Green and Swets 1966.) Below about 9 the best matched
    filter of a whole board finds the change no more often than it finds noise: teaching it would teach noise.
    """
    change = difference(after, before)[..., 0] * SPREAD_STEPS_PER_DN / normality.spread[..., 0]
    return float(np.sqrt(np.square(change).sum()))
