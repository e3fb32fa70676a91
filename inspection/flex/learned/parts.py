"""The parts of the detector at work: from a normalised board to one map of scores per part."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core.inference import Session
from inspection.flex.learned.channels import coarse_channels, image_channels
from inspection.flex.learned.context import Context, find_surprise
from inspection.flex.learned.normality import Normality
from inspection.flex.learned.pads import PadZone, pad_map
from inspection.flex.learned.rebuilding import Rebuilding, rebuild_error
from inspection.flex.learned.tiles import Tile, shared_out, tiles

Float: TypeAlias = NDArray[np.float32]
Image: TypeAlias = NDArray[np.uint8]

STRIDE = 2
PARTS = ("spots", "context", "position", "rebuilding", "pads")
_TILE = 768
_MARGIN = 64


@dataclass(frozen=True, slots=True)
class Networks:
    """The ONNX sessions: EfficientNet-Lite0's early stages, the autoencoder and the spot network."""

    features: Session
    rebuilding: Session
    spots: Session


@dataclass(frozen=True, slots=True, eq=False)
class Filters:
    """Where the pads are, and what each matched filter answers there on good boards."""

    zone: PadZone
    pads: Float


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """What is normal at every place of a product, in the ways that need no defect."""

    normality: Normality
    context: Context
    rebuilding: Rebuilding
    filters: Filters


@dataclass(frozen=True, slots=True, eq=False)
class Coarse:
    """What the networks that see the board itself say at stride 4, (ceil(H/4), ceil(W/4)) float32 each.

    Parameters
    ----------
    surprise
        Of the context, about 1 where normal.
    rebuilt
        Rebuilding error in standard deviations above its mean.
    """

    surprise: Float
    rebuilt: Float


def look(board: Image, networks: Networks, expected: Expectation) -> Coarse:
    """Run the two networks that see the board itself."""
    surprise = find_surprise(board, networks.features, expected.context)
    return Coarse(surprise, expected.rebuilding.standardise(rebuild_error(board, networks.rebuilding)))


def part_maps(board: Image, coarse: Coarse, expected: Expectation, spots: Session) -> dict[str, Float]:
    """Return one map of scores per part, each (H // 2, W // 2) float32, on the part's own scale.

    Parameters
    ----------
    board
        (H, W, 3) uint8 RGB, laid on the reference and normalised.
    """
    height, width = board.shape[:2]
    half = (height // STRIDE, width // STRIDE)
    low = coarse_channels(coarse.surprise, coarse.rebuilt)
    out = {
        "context": _enlarge(np.log(coarse.surprise + 1e-3), half),
        "rebuilding": _enlarge(coarse.rebuilt, half),
        "spots": np.empty(half, np.float32),
        "position": np.empty(half, np.float32),
    }
    extended = (height + -height % 8, width + -width % 8)

    def judge(tile: Tile) -> tuple[Float, Float]:
        return _tile_maps(board, low, expected.normality, tile, spots)

    for tile, (logits, departure) in shared_out(judge, tiles(extended, _TILE, _MARGIN)):
        rows, columns = tile.inner_at(STRIDE)
        target = (slice(rows.start, min(rows.stop, half[0])), slice(columns.start, min(columns.stop, half[1])))
        size = (slice(0, target[0].stop - target[0].start), slice(0, target[1].stop - target[1].start))
        out["spots"][target] = logits[size]
        out["position"][target] = departure[size]
    out["pads"] = pad_map(board, expected.normality, expected.filters.zone, expected.filters.pads)
    return out


def _tile_maps(board: Image, low: Float, normality: Normality, tile: Tile, spots: Session) -> tuple[Float, Float]:
    """Return logits and smoothed departure (root of summed squares) of the inner window."""
    window = tile.outer
    expected = Normality(_padded(normality.golden[window], tile), _padded(normality.spread[window], tile))
    picture = image_channels(_padded(board[window], tile), expected)
    rows, columns = tile.outer_at(4)
    coarse = low[:, rows, columns]
    wanted = (picture.shape[1] // 4, picture.shape[2] // 4)
    missing = ((0, 0), (0, wanted[0] - coarse.shape[1]), (0, wanted[1] - coarse.shape[2]))
    coarse = np.pad(coarse, missing, mode="edge") if any(m[1] for m in missing) else np.ascontiguousarray(coarse)
    logits = spots.run({"image": picture[None], "coarse": coarse[None]})["logits"][0, 0]
    departure = departure_map(picture)
    source = tile.inner_in_outer(STRIDE)
    return logits[source], departure[source]


def departure_map(channels: Float) -> Float:
    """Return how far the three opponent channels depart from normal, (H/2, W/2): a smoothed root sum of squares."""
    squares = np.square(channels[:3]).sum(axis=0)
    size = (squares.shape[1] // 2, squares.shape[0] // 2)
    smooth = cv2.GaussianBlur(cv2.resize(squares, size, interpolation=cv2.INTER_AREA), (0, 0), 0.8)
    return np.asarray(np.sqrt(smooth), np.float32)


def _padded(picture: Image, tile: Tile) -> Image:
    """Extend a window at the border of the board to the size of the tile (the tile covers multiples of 8)."""
    rows, columns = (part.stop - part.start for part in tile.outer)
    down, right = rows - picture.shape[0], columns - picture.shape[1]
    if not (down or right):
        return picture
    return np.asarray(cv2.copyMakeBorder(picture, 0, down, 0, right, cv2.BORDER_REPLICATE), np.uint8)


def _enlarge(coarse: Float, shape: tuple[int, int]) -> Float:
    return np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)


def keep_inside(maps: Mapping[str, Float], inside: NDArray[np.bool_]) -> None:
    """Put every part to its lowest value where the board is not to be judged (in place)."""
    for values in maps.values():
        values[~inside] = values.min()
