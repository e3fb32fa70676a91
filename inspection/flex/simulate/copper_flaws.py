"""Painters of flaws of the copper pattern: opens, shorts, mouse bites, spurs.

They take the colours they need from the window itself, so that they fit any board. Conventions as in
`inspection.flex.simulate.surface_flaws`.
"""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inspection.flex.simulate.film import Film, Place, opaque
from inspection.flex.simulate.pieces import piece_at
from inspection.flex.simulate.strokes import blob, polygon, soften, stroke
from inspection.flex.simulate.zones import Zone

_MASK, _COPPER = (70.0, 42.0, 28.0), (120.0, 72.0, 40.0)


def open_trace(place: Place, rng: Generator) -> Film | None:
    """A gap ``size`` px long across a trace, its ends rounded and ragged."""
    line = _trace(place)
    if line is None:
        return None
    middle, along, half = line
    across = np.array([-along[1], along[0]])
    reach, gap = half + 2.5, place.size / 2
    ends = rng.uniform(0.75, 1.25, 6) * gap
    sides = np.linspace(-1, 1, 3) * reach
    front = [middle + along * e + across * s for e, s in zip(ends[:3], sides, strict=True)]
    back = [middle - along * e + across * s for e, s in zip(ends[3:], sides[::-1], strict=True)]
    cut = soften(polygon(place.shape, np.asarray(front + back)), 0.7)
    near = cv2.dilate(place.zone(Zone.COPPER).astype(np.uint8), np.ones((5, 5))) > 0
    return opaque(np.asarray(cut * near, np.float32), _between(place))


def short(place: Place, rng: Generator) -> Film | None:
    """A bridge of left-over copper from one trace to its neighbour, at most 45 px (0.75 mm) away."""
    copper = place.zone(Zone.COPPER)
    own = piece_at(copper, place.centre)
    if own is None or own.all():
        return None
    others = np.argwhere(copper & ~own)
    if not len(others):
        return None
    start = np.asarray(place.centre)[::-1]
    distance = np.hypot(*(others - start).T)
    if distance.min() > 45 * place.scale:
        return None
    target = others[distance.argmin()]
    mine = np.argwhere(own)
    nearest = mine[np.hypot(*(mine - target).T).argmin()]
    line = np.linspace(nearest[::-1], target[::-1], 12) + rng.normal(0, 0.5, (12, 2)) * place.scale
    width = place.size * float(rng.uniform(0.8, 1.2))
    bridge = stroke(place.shape, line.astype(np.float64), width, np.ones(12))
    colour = place.colour(own, _COPPER) * np.float32(rng.uniform(0.9, 1.05))
    return opaque(np.asarray(soften(bridge, 0.6) * ~own, np.float32), colour)


def mousebite(place: Place, rng: Generator) -> Film | None:
    """A bite out of the edge of a trace, 50 to 95 % of half its width deep."""
    edge = _edge(place, rng)
    if edge is None:
        return None
    point, _, half = edge
    bite = blob(rng, place.shape, point, max(2.0 * place.scale, half * float(rng.uniform(0.8, 1.5))), 0.3)
    return opaque(np.asarray(bite * place.zone(Zone.COPPER), np.float32), _between(place))


def spur(place: Place, rng: Generator) -> Film | None:
    """Copper sticking out of the edge of a trace, ``size`` px far."""
    edge = _edge(place, rng)
    if edge is None:
        return None
    point, outward, _ = edge
    base = np.array([-outward[1], outward[0]]) * float(rng.uniform(0.3, 0.7)) * place.size
    tip = np.asarray(point) + outward * place.size + rng.normal(0, 0.15, 2) * place.size
    root = np.asarray(point) - outward * 2
    shape = polygon(place.shape, np.asarray([root - base, tip - base * 0.2, tip + base * 0.3, root + base]))
    free = place.zone(Zone.SOLDER_MASK)
    if not (free & (shape > 0.5)).any():
        return None
    return opaque(soften(np.asarray(shape * free, np.float32), 0.7), place.colour(place.zone(Zone.COPPER), _COPPER))


def _trace(place: Place) -> tuple[NDArray[np.float64], NDArray[np.float64], float] | None:
    """Return middle (x, y), unit direction and half width in px of the trace at the centre; None for a plane."""
    copper = place.zone(Zone.COPPER)
    depth = cv2.distanceTransform(copper.astype(np.uint8), cv2.DIST_L2, 5)
    x, y = (int(v) for v in place.centre)
    reach = int(8 * place.scale) + 2
    near = depth[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
    half = float(near.max())
    if not 1.2 <= half <= 14 * place.scale:
        return None
    row, column = np.unravel_index(int(near.argmax()), near.shape)
    middle = np.array([max(x - reach, 0) + column, max(y - reach, 0) + row], np.float64)
    rows, columns = np.nonzero(copper)
    offsets = np.stack((columns, rows), 1) - middle
    close = offsets[np.hypot(*offsets.T) < 3.5 * half + 2]
    values, vectors = np.linalg.eigh(np.cov(close.T) + 1e-6 * np.eye(2))
    if values[1] < 2.2 * values[0]:
        return None
    return middle, np.asarray(vectors[:, 1], np.float64), half


def _edge(place: Place, rng: Generator) -> tuple[tuple[float, float], NDArray[np.float64], float] | None:
    """Return a point (x, y) on a trace's edge, the unit outward normal and the trace's half width in px."""
    line = _trace(place)
    if line is None:
        return None
    middle, along, half = line
    outward = np.array([-along[1], along[0]]) * (1 if rng.random() < 0.5 else -1)
    point = middle + outward * half
    return (float(point[0]), float(point[1])), outward, half


def _between(place: Place) -> NDArray[np.float32]:
    """Colour of the mask between the traces nearby."""
    near = cv2.dilate(place.zone(Zone.COPPER).astype(np.uint8), np.ones((13, 13))) > 0
    clear = cv2.erode(place.zone(Zone.SOLDER_MASK).astype(np.uint8), np.ones((3, 3))) > 0
    return place.colour(near & clear, _MASK)
