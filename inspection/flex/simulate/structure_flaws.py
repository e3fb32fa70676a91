"""Painters of flaws in what the board is made of: solder mask and components.

They take the colours they need (mask, copper, gold) from the window itself, so that they fit any board. Conventions
as `inspection.flex.simulate.surface_flaws`.
"""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inspection.flex.simulate.film import Film, Place, dim, opaque
from inspection.flex.simulate.pieces import Mask, cut_off, piece_at
from inspection.flex.simulate.strokes import blob, field, polygon, soften
from inspection.flex.simulate.zones import Zone

_MASK, _GOLD = (70.0, 42.0, 28.0), (165.0, 132.0, 95.0)


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
    pad = piece_at(place.zone(Zone.PAD), place.centre)
    if pad is None or cut_off(pad):
        return None
    turn = float(rng.integers(4)) * np.pi / 2 + rng.normal(0, 0.15)
    move = np.asarray([[1, 0, place.size * np.cos(turn)], [0, 1, place.size * np.sin(turn)]], np.float32)
    height, width = place.shape
    shifted = cv2.warpAffine(pad.astype(np.float32), move, (width, height))
    lost = np.clip(cv2.dilate(pad.astype(np.float32), np.ones((7, 7))) - shifted, 0, 1)
    around = place.zone(Zone.SOLDER_MASK) & (cv2.dilate(pad.astype(np.uint8), np.ones((15, 15))) > 0)
    return opaque(np.asarray(lost, np.float32), place.colour(around, _MASK) * np.float32(rng.uniform(0.9, 1.15)))


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
    body = piece_at(place.zone(Zone.COMPONENT), place.centre)
    if body is None or cut_off(body) or body.sum() < 60:
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
