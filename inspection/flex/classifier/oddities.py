"""Oddities: changes of a board that are no defect of the list, so that the classifier learns to say "unknown".

Random forms (blobs, strokes, slow noise above a level) filled in a random way (another gain per colour, a foreign
colour, stripes, a piece of the board from next door). This is outlier exposure (Hendrycks et al. 2019) with masks of
thresholded noise as in DRAEM (Zavrtanik et al. 2021).
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inspection.flex.simulate.film import Film, Place, opaque
from inspection.flex.simulate.kinds import Kind
from inspection.flex.simulate.strokes import Map, blob, field, polygon, soften, stroke, walk
from inspection.flex.simulate.zones import Zone


def paint(place: Place, rng: Generator) -> Film:
    """Draw one oddity of the place's size and contrast."""
    form = soften(_form(place, rng), float(rng.uniform(0.0, 0.08)) * place.size)
    filling = int(rng.integers(4))
    if filling == 0:
        gains = 1 + place.contrast * rng.uniform(-1, 1, 3)
        return Film(np.asarray(1 + form[..., None] * (gains - 1), np.float32))
    if filling == 1:
        return opaque(form * np.float32(place.contrast), np.asarray(rng.uniform(5, 230, 3), np.float32))
    if filling == 2:
        stripes = np.sin(_ramp(place.shape, rng) / float(rng.uniform(0.8, 5)))
        return Film(np.asarray(1 + place.contrast * form * stripes, np.float32))
    shift = [int(rng.choice((-1, 1)) * rng.integers(6, 30)) for _ in range(2)]
    return Film(np.ones(place.shape, np.float32), form, np.roll(place.surface, shift, (0, 1)))


def _form(place: Place, rng: Generator) -> Map:
    choice = int(rng.integers(5))
    if choice == 0:
        return blob(rng, place.shape, place.centre, place.size / 2, float(rng.uniform(0, 0.8)))
    if choice == 1:
        points = walk(rng, place.size * 1.2, float(rng.uniform(0, 6)), place.centre)
        return stroke(place.shape, points, float(rng.uniform(1, 0.25 * place.size + 2)), np.ones(len(points)))
    if choice == 2:
        corners = rng.uniform(-0.5, 0.5, (int(rng.integers(3, 7)), 2)) * place.size + np.asarray(place.centre)
        return polygon(place.shape, corners)
    near = soften(blob(rng, place.shape, place.centre, place.size / 2, 0.2), 1.0)
    if choice == 3:
        lumps = field(rng, place.shape, float(rng.uniform(2, 0.4 * place.size + 3)))
        return np.asarray(near * (lumps > rng.uniform(-0.5, 0.6)), np.float32)
    spots: Map = np.zeros(place.shape, np.float32)
    for _ in range(int(rng.integers(2, 8))):
        x, y = np.asarray(place.centre) + rng.uniform(-0.5, 0.5, 2) * place.size
        spots = np.maximum(spots, blob(rng, place.shape, (x, y), float(rng.uniform(1, 0.15 * place.size + 1.5)), 0.2))
    return spots


def _ramp(shape: tuple[int, int], rng: Generator) -> NDArray[np.float32]:
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    turn = rng.uniform(0, np.pi)
    return np.asarray(rows * np.cos(turn) + columns * np.sin(turn), np.float32)


ODD = Kind(
    "odd", "unknown", (Zone.SOLDER_MASK, Zone.COPPER, Zone.PAD, Zone.COMPONENT, Zone.BARE), (6, 80), (0.1, 0.9), paint
)
