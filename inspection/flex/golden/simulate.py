"""Simulated template/test pairs with the six defect classes: the training set of the package that is shipped.

Artwork is drawn, defects are cut into or added to the metal, then template and test are imaged apart: etched
edges, a small affine misregistration of the test, optics, threshold. Defect sizes follow the definitions of IPC-A-600
section 2 (conductor definition: nicks, pinholes, spurs, spurious copper) at 48 px/mm: 0.1 to 0.7 mm.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.flex.golden.artwork import draw_artwork
from inspection.flex.golden.pairs import CAUSES, Pair

Mask = NDArray[np.bool_]
Change = tuple[Mask, bool]
"""Pixels that change, and whether they become metal."""

_TRIES = 12
_SMALLEST_PX = 15


def simulate_pair(
    name: str, seed: int, size_px: int = 640, grey_share: float = 0.3, defects: int | None = None
) -> Pair:
    """Draw one labelled pair.

    Parameters
    ----------
    seed
        Same seed, same pair.
    grey_share
        Share of pairs that look like grey photos (blur, contrast, shading, noise); the others are binarised.
    defects
        How many to try to place; drawn at random (3 to 12) if not given. Fewer fit on sparse artwork.

    Returns
    -------
    Pair
        uint8 images with metal dark; ``group`` is ``simulated``.
    """
    rng = np.random.default_rng(seed)
    artwork = draw_artwork(size_px, rng)
    metal = artwork.metal & ~artwork.drills
    slip = np.rint(rng.normal(0.0, rng.choice([0.0, 1.3]), 2)).astype(int)
    tested = artwork.metal & ~np.roll(artwork.drills, (int(slip[0]), int(slip[1])), (0, 1))
    boxes: list[NDArray[np.float32]] = []
    labels: list[int] = []
    for label in rng.integers(0, len(CAUSES), int(rng.integers(3, 13)) if defects is None else defects):
        change = _place(int(label), tested, boxes, rng)
        if change is not None:
            tested[change[0]] = change[1]
            boxes.append(_box(change[0], size_px, rng))
            labels.append(int(label))
    template, test, matrix = _image_both(metal, tested, grey_share, rng)
    moved = _moved(np.array(boxes, np.float32).reshape(-1, 4), matrix, size_px)
    return Pair(name, "simulated", template, test, moved, np.array(labels, np.int64))


def _place(label: int, metal: Mask, boxes: list[NDArray[np.float32]], rng: np.random.Generator) -> Change | None:
    draw: tuple[Callable[[Mask, np.random.Generator], Mask | None], ...] = (
        _bridge,
        _bridge,
        _bite,
        _bite,
        _island,
        _island,
    )
    adds = CAUSES[label] in {"short", "spur", "copper"}
    for _ in range(_TRIES):
        # Metal and gap are dual: a cut trace is a bridged gap of the negative, a pin-hole an island in it.
        change = draw[label](metal if adds else ~metal, rng)
        if change is not None and change.sum() >= _SMALLEST_PX and not _crowded(change, boxes):
            return change, adds
    return None


def _crowded(change: Mask, boxes: list[NDArray[np.float32]]) -> bool:
    x, y, width, height = cv2.boundingRect(change.astype(np.uint8))
    return any(x < b[2] + 4 and x + width > b[0] - 4 and y < b[3] + 4 and y + height > b[1] - 4 for b in boxes)


def _box(change: Mask, size_px: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw the box as an inspector does: about 10 px of margin, and not exactly."""
    x, y, width, height = cv2.boundingRect(change.astype(np.uint8))
    margin = rng.normal(10.5, 1.5, 4)
    box = np.array([x - margin[0], y - margin[1], x + width + margin[2], y + height + margin[3]])
    return np.asarray(np.clip(box, 0, size_px - 1), dtype=np.float32)


def _window(metal: Mask, centre: tuple[int, int], reach: int) -> tuple[Mask, tuple[slice, slice]]:
    y, x = centre
    place = np.s_[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
    return metal[place], place


def _blob(shape: tuple[int, int], centre: tuple[float, float], radius: float, rng: np.random.Generator) -> Mask:
    """Draw an irregular patch: a lumpy polygon, or now and then a short stroke."""
    canvas = np.zeros(shape, np.uint8)
    middle = np.array(centre, float)[::-1]
    kind = rng.random()
    if kind < 0.35:
        _stroke(canvas, middle, radius, rng)
        return canvas.astype(bool)
    if kind < 0.5:
        cv2.circle(canvas, (round(middle[0]), round(middle[1])), round(radius), 1, -1)
        return canvas.astype(bool)
    corners = int(rng.integers(6, 13))
    angle = (np.arange(corners) + rng.uniform(-0.4, 0.4, corners)) * 2 * np.pi / corners
    reach = radius * rng.uniform(0.6, 1.15, corners)
    stretch = np.array([1.0, rng.uniform(0.5, 1.0)])
    turn = rng.uniform(0, np.pi)
    unit = np.stack([np.cos(angle), np.sin(angle)], 1) * stretch * reach[:, None]
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    cv2.fillPoly(canvas, [np.round(middle + unit @ spin.T).astype(np.int32)], 1)
    return canvas.astype(bool)


def _stroke(canvas: NDArray[np.uint8], middle: NDArray[np.float64], radius: float, rng: np.random.Generator) -> None:
    """Draw a scratch or fibre: a bent line up to five times as long as a patch is wide, now and then doubled."""
    heading, length = rng.uniform(0, 2 * np.pi), radius * rng.uniform(1.0, 5.0)
    turns = heading + rng.normal(0.0, rng.choice([0.1, 0.8]), 4).cumsum()
    legs = np.stack([np.cos(turns), np.sin(turns)], 1) * length / 4
    points = np.vstack([np.zeros((1, 2)), legs.cumsum(0)])
    points += middle - points.mean(0)
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        line = np.round(points + rng.normal(0.0, 1.5, 2)).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(canvas, [line], False, 1, int(rng.choice([2, 3, 4, 5, 7])))


def _random_pixel(chosen: Mask, rng: np.random.Generator, border: int = 12) -> tuple[int, int] | None:
    inner = chosen[border:-border, border:-border]
    pixels = np.flatnonzero(inner)
    if not len(pixels):
        return None
    row, column = divmod(int(rng.choice(pixels)), inner.shape[1])
    return row + border, column + border


def _island(metal: Mask, rng: np.random.Generator) -> Mask | None:
    """Metal alone in a gap, touching nothing."""
    radius = rng.uniform(4.0, 15.0)
    depth = cv2.distanceTransform((~metal).astype(np.uint8), cv2.DIST_L2, 3)
    centre = _random_pixel(depth > 0.7 * radius + 3, rng)
    if centre is None:
        return None
    blob = _blob(metal.shape, centre, radius, rng)
    return None if (blob & (depth < 3)).any() else blob


def _edge(metal: Mask) -> Mask:
    return np.asarray(cv2.dilate(metal.astype(np.uint8), np.ones((3, 3), np.uint8)) > metal, dtype=bool)


def _components(metal: Mask) -> int:
    return int(cv2.connectedComponents(metal.astype(np.uint8))[0])


def _bite(metal: Mask, rng: np.random.Generator) -> Mask | None:
    """Metal added to an edge that joins no two pieces of metal and leaves no gap beside it shut."""
    centre = _random_pixel(_edge(metal), rng)
    if centre is None:
        return None
    blob = _blob(metal.shape, centre, rng.uniform(4.0, 14.0), rng) & ~metal
    near, place = _window(metal, centre, 45)
    added = near | blob[place]
    joined = _components(added) < _components(near)
    parted = _components(~added) > _components(~near)
    return None if joined or parted else blob


def _bridge(metal: Mask, rng: np.random.Generator) -> Mask | None:
    """Metal across a gap between two edges that face each other."""
    gap = cv2.distanceTransform((~metal).astype(np.uint8), cv2.DIST_L2, 5)
    ridge = (gap >= cv2.dilate(gap, np.ones((3, 3), np.uint8)) - 1e-3) & (gap > 2) & (gap < 26)
    centre = _random_pixel(ridge, rng)
    if centre is None:
        return None
    reach = int(gap[centre] * 1.6) + 8
    near, place = _window(metal, centre, reach)
    y, x = centre[0] - place[0].start, centre[1] - place[1].start
    canvas = np.zeros(near.shape, np.uint8)
    ends = [_first_metal(near, (y, x), angle) for angle in _opposite(near, (y, x), rng)]
    if ends[0] is None or ends[1] is None:
        return None
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        aside = rng.normal(0.0, 1.5, 2)
        first, second = (np.array(end, float) + aside for end in ends)
        middle = (first + second) / 2 + rng.normal(0.0, 2.5, 2)
        points = np.round(np.array([first, middle, second])[:, ::-1]).astype(np.int32)
        cv2.polylines(canvas, [points.reshape(-1, 1, 2)], False, 1, int(rng.choice([2, 3, 4, 5, 7, 10, 14])))
    bridge = np.zeros_like(metal)
    bridge[place] = canvas.astype(bool) & ~near
    return bridge


def _opposite(near: Mask, centre: tuple[int, int], rng: np.random.Generator) -> tuple[float, float]:
    """Return the direction to the nearest metal, and the opposite one, both a little off."""
    rows, columns = np.nonzero(near)
    if not len(rows):
        return 0.0, np.pi
    nearest = np.argmin((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2)
    angle = float(np.arctan2(rows[nearest] - centre[0], columns[nearest] - centre[1])) + rng.normal(0.0, 0.2)
    return angle, angle + np.pi


def _first_metal(near: Mask, centre: tuple[int, int], angle: float) -> tuple[float, float] | None:
    for distance in np.arange(1.0, max(near.shape), 0.5):
        y, x = centre[0] + distance * np.sin(angle), centre[1] + distance * np.cos(angle)
        if not (0 <= y < near.shape[0] - 0.5 and 0 <= x < near.shape[1] - 0.5):
            return None
        if near[round(y), round(x)]:
            return y, x
    return None


def _image_both(
    metal: Mask, tested: Mask, grey_share: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float64]]:
    """Image template and test apart; the matrix maps pixels of the drawing to pixels of the test."""
    size = metal.shape[0]
    matrix = np.eye(2, 3) + rng.normal(0.0, 0.003, (2, 3))
    matrix[:, 2] = (np.eye(2) - matrix[:, :2]) @ np.full(2, size / 2) + rng.normal(0.0, rng.choice([0.5, 3.0]), 2)
    etch = rng.normal(0.0, 0.06, 2)
    optics = rng.uniform(0.9, 1.8)
    reflect = cv2.BORDER_REFLECT_101
    moved = np.asarray(
        cv2.warpAffine(tested.astype(np.float32), matrix, (size, size), borderMode=reflect), dtype=np.float32
    )
    pictures = [
        _etched(picture, optics, float(shift), rng)
        for picture, shift in zip((metal.astype(np.float32), moved), etch, strict=True)
    ]
    if rng.random() < grey_share:
        template, test = _photographed(pictures, rng)
    else:
        template, test = (np.where(picture > 0.5, 0, 255).astype(np.uint8) for picture in pictures)
    return template, test, matrix


def _etched(metal: NDArray[np.float32], optics: float, shift: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return smooth metal coverage whose 0.5 contour wanders as etched edges do."""
    coverage = cv2.GaussianBlur(metal, (0, 0), optics)
    fine = cv2.GaussianBlur(rng.normal(0, 1, metal.shape).astype(np.float32), (0, 0), 1.0) * 3.5
    coarse = cv2.GaussianBlur(rng.normal(0, 1, metal.shape).astype(np.float32), (0, 0), 5.0) * 17.0
    wander = rng.uniform(0.0, 0.09) * fine + rng.uniform(0.0, 0.08) * coarse
    edge = 4.0 * coverage * (1.0 - coverage)
    return np.asarray(coverage + edge * (wander + shift), dtype=np.float32)


def _photographed(
    pictures: list[NDArray[np.float32]], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Turn coverage into grey photos of one camera: contrast, slow shading, grain; gains differ a little."""
    dark, contrast, grain = rng.uniform(0.0, 0.25), rng.uniform(0.5, 0.75), rng.uniform(0.005, 0.03)
    blur = rng.uniform(0.3, 1.5)
    photos = []
    for coverage in pictures:
        field = rng.normal(0, 1, (4, 4)).astype(np.float32)
        shading = 1.0 + 0.05 * cv2.resize(field, coverage.shape[::-1], interpolation=cv2.INTER_CUBIC)
        light = (dark + contrast * (1.0 - np.clip(coverage, 0, 1))) * shading
        light = cv2.GaussianBlur(light, (0, 0), blur) + rng.normal(0, grain, light.shape)
        photos.append(np.clip(255 * light, 0, 255).astype(np.uint8))
    return photos[0], photos[1]


def _moved(boxes: NDArray[np.float32], matrix: NDArray[np.float64], size_px: int) -> NDArray[np.float32]:
    corners = boxes.reshape(-1, 2, 2) @ matrix[:, :2].T + matrix[:, 2]
    return np.clip(corners.reshape(-1, 4), 0, size_px - 1).astype(np.float32)
