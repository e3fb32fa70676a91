"""The good boards of a product while it is being learned: laid on one grid, kept on disk, judged by each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.inference import Session
from inspection.flex.learned.context import FEATURES, ContextSums, find_features, fit_projection
from inspection.flex.learned.normality import Sums, median_board, sum_up
from inspection.flex.learned.pads import PadZone, fit_pads, pad_spread
from inspection.flex.learned.parts import Coarse, Expectation, Filters
from inspection.flex.learned.photometry import normalise
from inspection.flex.learned.rebuilding import Rebuilding, fit_rebuilding, rebuild_error

Float: TypeAlias = NDArray[np.float32]
Image: TypeAlias = NDArray[np.uint8]

_SAMPLES_PER_BOARD = 6000


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Normalised good boards with the sums that let each be judged by the others.

    Parameters
    ----------
    boards
        (N, H, W, 3) uint8, on disk.
    features
        (N, h, w, 64) float16, on disk: raw features at stride 4.
    errors
        (N, h, w) float32, on disk: rebuilding errors; all zero until the autoencoder is trained.
    """

    boards: NDArray[np.uint8]
    features: NDArray[np.float16]
    errors: NDArray[np.float32]
    sums: Sums
    context: ContextSums
    filters: Filters | None = None

    def __len__(self) -> int:
        return len(self.boards)

    def coarse(self, index: int, expected: Expectation) -> Coarse:
        """Return how the networks see one board where this is expected."""
        surprise = expected.context.surprise(self.features[index].astype(np.float32))
        return Coarse(surprise, expected.rebuilding.standardise(np.asarray(self.errors[index])))

    def expectation(self) -> Expectation:
        """Return what all boards together say is normal."""
        rebuilding = self._rebuilding(range(len(self)))
        return Expectation(self.sums.normality(), self.context.context(), rebuilding, self._filters())

    def without(self, index: int) -> Expectation:
        """Return what the other boards say is normal."""
        own = self.context.projection.apply(self.features[index].astype(np.float32))
        normality = self.sums.without(np.asarray(self.boards[index]))
        return Expectation(normality, self.context.without(own), self.without_rebuilding(index), self._filters())

    def without_rebuilding(self, index: int) -> Rebuilding:
        """Return how well the other boards are rebuilt."""
        return self._rebuilding([i for i in range(len(self)) if i != index])

    def _filters(self) -> Filters:
        if self.filters is None:
            raise ValueError("the filters of this stack were not measured: see measure_filters")
        return self.filters

    def _rebuilding(self, indices: Sequence[int]) -> Rebuilding:
        first = sum((self.errors[i] for i in indices), start=np.zeros(self.errors.shape[1:], np.float32))
        second = sum((np.square(self.errors[i]) for i in indices), start=np.zeros(self.errors.shape[1:], np.float32))
        return fit_rebuilding(first, second, len(indices))


def build_stack(laid: Sequence[Image] | NDArray[np.uint8], features: Session, folder: Path, seed: int) -> Stack:
    """Normalise the boards to their median and sum them up.

    Parameters
    ----------
    laid
        Boards on the grid of the reference, (H, W, 3) uint8 each.
    folder
        Where the large arrays are kept while learning.
    """
    golden = median_board(laid)
    boards = _array(folder / "boards.npy", np.dtype(np.uint8), (len(laid), *golden.shape))
    for index, board in enumerate(laid):
        boards[index] = normalise(np.asarray(board), golden)
    coarse = (-(-golden.shape[0] // 4), -(-golden.shape[1] // 4))
    raw = _array(folder / "features.npy", np.dtype(np.float16), (len(laid), *coarse, 64))
    for index in range(len(laid)):
        raw[index] = find_features(np.asarray(boards[index]), features)
    errors = _array(folder / "errors.npy", np.dtype(np.float32), (len(laid), *coarse))
    return Stack(boards, raw, errors, sum_up(boards, golden), _sum_context(raw, seed))


def measure_rebuilding(stack: Stack, session: Session) -> None:
    """Fill in the rebuilding errors once the autoencoder is trained."""
    for index in range(len(stack)):
        stack.errors[index] = rebuild_error(np.asarray(stack.boards[index]), session)


def measure_filters(stack: Stack, zones: NDArray[np.uint8]) -> Stack:
    """Return the stack with what the matched filters answer on its boards, each judged by the others."""
    zone = PadZone.of(zones, stack.sums.normality().spread)
    pads: list[Float] = []
    for index in range(len(stack)):
        board = np.asarray(stack.boards[index])
        spread = pad_spread(board, stack.sums.without(board), zone)
        if spread is not None:
            pads.append(spread)
    return replace(stack, filters=Filters(zone, fit_pads(pads)))


def half_tiles(stack: Stack, size: int, batch: int, seed: int) -> Iterator[Image]:
    """Yield endless batches (batch, size, size, 3) of random tiles of boards at half their resolution."""
    rng = np.random.default_rng(seed)
    height, width = stack.boards.shape[1], stack.boards.shape[2]
    while True:
        tiles = np.empty((batch, size, size, 3), np.uint8)
        for index in range(batch):
            board = int(rng.integers(len(stack)))
            top, left = int(rng.integers(height - 2 * size + 1)), int(rng.integers(width - 2 * size + 1))
            window = stack.boards[board, top : top + 2 * size, left : left + 2 * size].astype(np.uint16)
            tiles[index] = (window.reshape(size, 2, size, 2, 3).sum(axis=(1, 3)) + 2) // 4
        yield tiles


def _sum_context(raw: NDArray[np.float16], seed: int) -> ContextSums:
    mean = np.zeros(raw.shape[1:], np.float32)
    for one in raw:
        mean += one
    mean /= len(raw)
    flat = mean.reshape(-1, FEATURES)
    rng = np.random.default_rng(seed)
    residuals = []
    for one in raw:
        pick = rng.integers(0, len(flat), _SAMPLES_PER_BOARD)
        residuals.append(one.reshape(-1, FEATURES)[pick].astype(np.float32) - flat[pick])
    projection = fit_projection(np.concatenate(residuals), flat.mean(axis=0))
    first = np.zeros((*raw.shape[1:3], projection.matrix.shape[1]), np.float32)
    second = np.zeros_like(first)
    for one in raw:
        whitened = projection.apply(one.astype(np.float32))
        first += whitened
        second += whitened * whitened
    return ContextSums(projection, first, second, len(raw))


def _array(path: Path, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
