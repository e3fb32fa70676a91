"""Painters of flaws in what the board is made of: solder mask, copper pattern, components.

They take the colours they need (mask, copper, gold) from the window itself, so that they fit any board. Conventions
as `inspection.flex.simulate.surface_flaws`.
"""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inspection.flex.simulate.film import Film, Place, dim, opaque
from inspection.flex.simulate.strokes import blob, field, polygon, soften, stroke
from inspection.flex.simulate.zones import Zone

_MASK, _COPPER, _GOLD = (70.0, 42.0, 28.0), (120.0, 72.0, 40.0), (165.0, 132.0, 95.0)
Mask = NDArray[np.bool_]


def bubble(place: Place, rng: Generator) -> Film:
    """A blister under the mask: one flank brighter, the other darker, its top slightly paler."""
    dome = soften(blob(rng, place.shape, place.centre, place.size / 2, 0.12), max(0.8, place.size / 9))
    slope_y, slope_x = np.gradient(dome)
    turn = rng.uniform(0, 2 * np.pi)
    light = (slope_x * np.cos(turn) + slope_y * np.sin(turn)) * place.size / 2.5
    return Film(dim(np.asarray(light + 0.15 * dome, np.float32), place.contrast))


def pinhole(place: Place, rng: Generator) -> Film:
    """A hole in the mask through which bare copper or polyimide shows, with a darker rim."""
    hole = blob(rng, place.shape, place.centre, place.size / 2, 0.15)
    rim = np.clip(soften(blob(rng, place.shape, place.centre, place.size / 2 + 1.5, 0.15), 0.8) - hole, 0, 1)
    return Film(dim(rim, -0.35 * place.contrast), soften(hole, 0.4), _bared(place, rng))


def missing_mask(place: Place, rng: Generator) -> Film:
    """An area without mask: copper there is bare and bright, polyimide paler; its edge is the mask's dark step."""
    area = blob(rng, place.shape, place.centre, place.size / 2, 0.25)
    edge = np.clip(soften(area, 1.2) * (1 - area) * 2, 0, 1)
    return Film(dim(np.asarray(edge, np.float32), -0.4 * place.contrast), soften(area, 0.5), _bared(place, rng))


def _bared(place: Place, rng: Generator) -> NDArray[np.float32]:
    """Colour (h, w, 3) of the place without its mask, as far as the contrast says."""
    grey = place.surface.mean(axis=2, keepdims=True)
    bright = (0.75 * place.surface + 0.25 * grey) * np.float32(1 + 0.75 * place.contrast) + 6
    copper = np.asarray((188, 112, 72), np.float32) * np.float32(rng.uniform(0.75, 1.0))
    where = place.zone(Zone.COPPER)[..., None] & (place.surface.mean(axis=2, keepdims=True) < 0.8 * copper.mean())
    mixed = place.surface + np.float32(min(1.0, place.contrast + 0.3)) * (copper - place.surface)
    uneven = 1 + np.float32(0.05) * field(rng, place.shape, 4 * place.scale)
    return np.asarray(np.where(where, mixed, bright) * uneven[..., None], np.float32)


def misregistered(place: Place, rng: Generator) -> Film | None:
    """The mask lies over one side of a pad: the pad loses a strip ``size`` px wide there."""
    pad = _component_at(place.zone(Zone.PAD), place.centre)
    if pad is None or _cut_off(pad):
        return None
    turn = float(rng.integers(4)) * np.pi / 2 + rng.normal(0, 0.15)
    move = np.asarray([[1, 0, place.size * np.cos(turn)], [0, 1, place.size * np.sin(turn)]], np.float32)
    height, width = place.shape
    shifted = cv2.warpAffine(pad.astype(np.float32), move, (width, height))
    lost = np.clip(cv2.dilate(pad.astype(np.float32), np.ones((7, 7))) - shifted, 0, 1)
    around = place.zone(Zone.SOLDER_MASK) & (cv2.dilate(pad.astype(np.uint8), np.ones((15, 15))) > 0)
    return opaque(np.asarray(lost, np.float32), place.colour(around, _MASK) * np.float32(rng.uniform(0.9, 1.15)))


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
    own = _component_at(copper, place.centre)
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


def missing_component(place: Place, rng: Generator) -> Film | None:
    """A component that is not there: its footprint shows two pads with little or no solder."""
    bare = _without_component(place, rng)
    if bare is None:
        return None
    surface, body = bare
    return Film(np.ones(place.shape, np.float32), soften(body.astype(np.float32), 0.5), surface)


def shifted_component(place: Place, rng: Generator) -> Film | None:
    """A component ``size`` px beside its place and turned by 2 to 14 degrees; its footprint shows beside it."""
    bare = _without_component(place, rng)
    if bare is None:
        return None
    surface, body = bare
    turn = float(rng.choice((-1, 1)) * rng.uniform(2, 14))
    rows, columns = np.nonzero(body)
    matrix = cv2.getRotationMatrix2D((float(columns.mean()), float(rows.mean())), turn, 1.0)
    heading = rng.uniform(0, 2 * np.pi)
    matrix[:, 2] += place.size * np.cos(heading), place.size * np.sin(heading)
    height, width = place.shape
    moved = cv2.warpAffine(place.surface, matrix, (width, height), flags=cv2.INTER_LINEAR)
    alpha = cv2.warpAffine(soften(body.astype(np.float32), 0.5 + place.optics), matrix, (width, height))[..., None]
    result = surface * (1 - alpha) + moved * alpha
    touched = (body | (alpha[..., 0] > 0.02)).astype(np.float32)
    return Film(np.ones(place.shape, np.float32), touched, np.asarray(result, np.float32))


def _without_component(place: Place, rng: Generator) -> tuple[NDArray[np.float32], Mask] | None:
    """Return the surface (h, w, 3) with the component at the centre taken off, and where it was."""
    body = _component_at(place.zone(Zone.COMPONENT), place.centre)
    if body is None or _cut_off(body) or body.sum() < 60:
        return None
    body = cv2.dilate(body.astype(np.uint8), np.ones((5, 5))) > 0
    ring = (cv2.dilate(body.astype(np.uint8), np.ones((13, 13))) > 0) & ~body
    surface = np.empty_like(place.surface)
    surface[:] = place.colour(ring & place.zone(Zone.SOLDER_MASK), _MASK)
    gold = place.colour(place.zone(Zone.BARE) | place.zone(Zone.PAD), _GOLD) * np.float32(rng.uniform(0.85, 1.0))
    rows, columns = np.nonzero(body)
    (x, y), (a, b), angle = cv2.minAreaRect(np.stack((columns, rows), 1).astype(np.float32))
    if a < b:
        a, b, angle = b, a, angle + 90
    along = np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    pads = np.zeros(place.shape, np.float32)
    for end in (-1, 1):
        centre = np.array([x, y]) + end * along * a * 0.36
        corners = cv2.boxPoints(((float(centre[0]), float(centre[1])), (0.26 * a, 0.85 * b), float(angle)))
        pads = np.maximum(pads, polygon(place.shape, corners.astype(np.float64)))
    pads = soften(pads, 0.4 + place.optics)[..., None]
    mottled = gold * (1 + np.float32(0.02) * field(rng, place.shape, 5 * place.scale))[..., None]
    return np.asarray(surface * (1 - pads) + mottled * pads, np.float32), body


def _component_at(where: Mask, centre: tuple[float, float]) -> Mask | None:
    """Return the connected piece of ``where`` at the centre (x, y), or None when the centre is not in it."""
    x, y = int(centre[0]), int(centre[1])
    if not where[y, x]:
        return None
    _, pieces = cv2.connectedComponents(where.astype(np.uint8), connectivity=4)
    return np.asarray(pieces == pieces[y, x])


def _cut_off(piece: Mask) -> bool:
    """Return whether the piece goes on outside of the window."""
    return bool(piece[0].any() or piece[-1].any() or piece[:, 0].any() or piece[:, -1].any())


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
