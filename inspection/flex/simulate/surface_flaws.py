"""Painters of what lies on or scores the surface: scratches, stains, particles, fibres, watermarks, splashes, damage.

Each takes the place and a random generator and returns the film, or None where it cannot lie. Sizes are px at 60 px/mm
times ``place.scale``; contrasts are relative changes of the grey level.
"""

import numpy as np
from numpy.random import Generator

from inspection.flex.simulate.film import Film, Place, dim, opaque
from inspection.flex.simulate.strokes import Map, blob, field, pressure, soften, stroke, walk


def scratch(place: Place, rng: Generator) -> Film:
    """One scratch: a groove that scatters light away (70 %: dark) or into the lens (bright), often with a raised rim.

    Groove width log-uniform 0.8 to 3 px (hairline 1 to 3 px after the optics), turn 0.35 rad sigma, one in four skips;
    half have a rim of 30 to 60 % opposite contrast on one side.
    """
    return Film(1 + _scratch(place, rng, place.centre, place.size, None)[..., None])


def scratches(place: Place, rng: Generator) -> Film:
    """Two to five roughly parallel scratches within about 14 px, as a slipped tweezer leaves them."""
    heading = float(rng.uniform(0, 2 * np.pi))
    change: Map = np.zeros(place.shape, np.float32)
    for _ in range(int(rng.integers(2, 6))):
        centre = tuple(np.asarray(place.centre) + rng.normal(0, 7 * place.scale, 2))
        length = place.size * rng.uniform(0.5, 1.0)
        change += _scratch(place, rng, (centre[0], centre[1]), length, heading + rng.normal(0, 0.2))
    return Film(1 + np.clip(change, -0.5, 0.6)[..., None])


def _scratch(place: Place, rng: Generator, centre: tuple[float, float], length: float, heading: float | None) -> Map:
    width = float(np.exp(rng.uniform(np.log(0.8), np.log(3.0)))) * max(place.scale, 0.6)
    points = walk(rng, length, 0.35, centre, heading)
    hard = pressure(rng, len(points), 0.25)
    sign = -1 if rng.random() < 0.7 else 1
    change = sign * place.contrast * stroke(place.shape, points, width, hard)
    if rng.random() < 0.5:
        along = np.gradient(points, axis=0)
        normal = np.stack((-along[:, 1], along[:, 0]), 1) / np.maximum(np.hypot(*along.T)[:, None], 1e-6)
        side = (1 if rng.random() < 0.5 else -1) * (width / 2 + 0.7)
        rim = stroke(place.shape, points + side * normal, max(0.7, 0.5 * width), hard)
        change -= sign * place.contrast * float(rng.uniform(0.3, 0.6)) * rim
    return np.asarray(change, np.float32)


def stain(place: Place, rng: Generator) -> Film:
    """A dried stain: an irregular film, uneven inside, half of them with a darker drying edge; brownish or bluish."""
    patch = soften(blob(rng, place.shape, place.centre, place.size / 2, 0.35), 0.8 * place.scale)
    uneven = patch * np.clip(1 + 0.3 * field(rng, place.shape, 5 * place.scale), 0.2, 1.8)
    if rng.random() < 0.5:
        inner = soften(patch, 2.5 * place.scale)
        uneven = 0.6 * uneven + 1.6 * np.clip(patch - inner, 0, None)
    tint = (0.8, 1.0, 1.25) if rng.random() < 0.65 else (1.15, 1.0, 0.85)
    return Film(dim(np.asarray(uneven, np.float32), -place.contrast, tint))


def residue(place: Place, rng: Generator) -> Film:
    """Residue (glue, flux, organic): a cluster of 3 to 9 patches, darker, or in a third of cases brighter by half."""
    spread = place.size / 2
    cover: Map = np.zeros(place.shape, np.float32)
    for _ in range(int(rng.integers(3, 10))):
        x, y = np.asarray(place.centre) + rng.normal(0, 0.4 * spread, 2)
        cover = np.maximum(cover, blob(rng, place.shape, (x, y), spread * float(rng.uniform(0.15, 0.45)), 0.4))
    cover = soften(cover, 0.6) * np.clip(1 + 0.25 * field(rng, place.shape, 3 * place.scale), 0.3, 1.6)
    sign = -1.0 if rng.random() < 0.67 else 0.5
    return Film(dim(np.asarray(cover, np.float32), sign * place.contrast, (0.9, 1.0, 1.15)))


def fingerprint(place: Place, rng: Generator) -> Film:
    """Part of a fingerprint: greasy ridges 6 to 9 px (0.12 mm) apart, curved, broken by pores, fading outwards."""
    rows, columns = np.mgrid[: place.shape[0], : place.shape[1]].astype(np.float32)
    angle, pitch = rng.uniform(0, np.pi), rng.uniform(6, 9) * place.scale
    u = (columns - place.centre[0]) * np.cos(angle) + (rows - place.centre[1]) * np.sin(angle)
    v = -(columns - place.centre[0]) * np.sin(angle) + (rows - place.centre[1]) * np.cos(angle)
    bend = rng.uniform(-1, 1) * v * v / (6 * place.size)
    wave = np.cos(2 * np.pi * (u + bend) / pitch + 0.8 * field(rng, place.shape, 10 * place.scale))
    ridges = np.clip(0.5 + wave, 0, 1) * np.clip(0.8 + 0.5 * field(rng, place.shape, 3 * place.scale), 0, 1.3)
    patch = soften(blob(rng, place.shape, place.centre, place.size / 2, 0.2), 3 * place.scale)
    return Film(dim(np.asarray(ridges * patch, np.float32), -place.contrast))


def particle(place: Place, rng: Generator) -> Film:
    """An opaque or half-clear grain: dark (60 %), pale (30 %) or metallic bright, with a soft shadow on one side."""
    body = blob(rng, place.shape, place.centre, place.size / 2, 0.3)
    under = place.colour(body > 0.5, (60, 45, 35))
    draw = rng.random()
    level = under * (1 - place.contrast) if draw < 0.6 else under + place.contrast * (np.float32(235) - under)
    warm = np.asarray((1.0, 1.0, 1.0) if draw > 0.9 else (1.03, 1.0, 0.94), np.float32)
    shadow = soften(np.roll(body, (1, 1), (0, 1)), 1.2) * np.float32(0.25)
    lumps = np.clip(1 + 0.12 * field(rng, place.shape, 3 * place.scale), 0.7, 1.3)[..., None]
    return Film(dim(shadow, -1.0), soften(body, 0.35) * np.float32(0.92), np.asarray(level * warm * lumps, np.float32))


def fibre(place: Place, rng: Generator) -> Film:
    """A textile fibre: thin (0.7 to 2 px), strongly curved, half-clear; dark on bright ground, pale on dark ground."""
    points = walk(rng, place.size, 2.2, place.centre)
    width = float(rng.uniform(0.7, 2.0)) * max(place.scale, 0.6)
    body = stroke(place.shape, points, width, np.ones(len(points)))
    under = place.colour(body > 0.3, (60, 45, 35))
    dark = bool(rng.random() < float(np.clip(under.mean() / 110, 0.1, 0.9)))
    level = under * (1 - place.contrast) if dark else under + place.contrast * (np.float32(200) - under)
    tint = np.asarray([(1, 1, 1), (0.9, 0.97, 1.12), (1.1, 0.97, 0.92)][int(rng.integers(3))], np.float32)
    return opaque(np.asarray(body * np.float32(0.85), np.float32), level * tint)


def watermark(place: Place, rng: Generator) -> Film:
    """What a dried drop leaves: one or two thin rings (1.5 to 4 px), faint, uneven along the ring, a hint inside."""
    change: Map = np.zeros(place.shape, np.float32)
    sign = -1 if rng.random() < 0.6 else 1
    for _ in range(1 + int(rng.random() < 0.35)):
        x, y = np.asarray(place.centre) + rng.normal(0, 0.06 * place.size, 2)
        disc = blob(rng, place.shape, (x, y), place.size / 2 * float(rng.uniform(0.8, 1.0)), 0.12)
        thick = float(rng.uniform(1.5, 4.0)) * place.scale
        ring = np.clip(disc - soften(disc, thick), 0, None) * 2
        change += ring + np.float32(0.12) * soften(disc, 1.0)
    change *= np.clip(0.8 + 0.35 * field(rng, place.shape, 0.3 * place.size + 4), 0.1, 1.5)
    return Film(dim(np.asarray(change, np.float32), sign * place.contrast))


def flux(place: Place, rng: Generator) -> Film:
    """A flux splash: a glossy amber patch with droplets flung from it; darker, edge lighter by its meniscus."""
    cover = blob(rng, place.shape, place.centre, place.size / 3, 0.35)
    for _ in range(int(rng.integers(2, 9))):
        x, y = np.asarray(place.centre) + rng.normal(0, place.size / 3.5, 2)
        cover = np.maximum(cover, blob(rng, place.shape, (x, y), float(rng.uniform(1, 4)) * place.scale, 0.2))
    cover = soften(cover, 0.5)
    edge = np.clip(cover - soften(cover, 1.5 * place.scale), 0, None)
    transmit = dim(cover, -place.contrast, (0.7, 0.95, 1.25)) + 0.8 * place.contrast * edge[..., None]
    return Film(np.asarray(transmit, np.float32))


def solder(place: Place, rng: Generator) -> Film:
    """Solder where it should not be: a rounded metallic spill, bright on the lamp's side and darker on the other."""
    body = blob(rng, place.shape, place.centre, place.size / 2, 0.22)
    height = soften(body, max(1.0, place.size / 7))
    slope_y, slope_x = np.gradient(height)
    turn = rng.uniform(0, 2 * np.pi)
    light = (slope_x * np.cos(turn) + slope_y * np.sin(turn)) * place.size
    level = np.clip(rng.uniform(105, 150) * (1 + 0.5 * light + 0.05 * field(rng, place.shape, 4.0)), 45, 235)
    colour = level[..., None] * np.asarray((1.0, 0.99, 1.01))
    return Film(np.ones(place.shape, np.float32), soften(body, 0.4), np.asarray(colour, np.float32))


def burn(place: Place, rng: Generator) -> Film:
    """A burn: charred dark middle, brown halo that fades out."""
    core = soften(blob(rng, place.shape, place.centre, place.size / 4, 0.4), 1.0 * place.scale)
    halo = soften(blob(rng, place.shape, place.centre, place.size / 2.6, 0.25), 0.08 * place.size + 1)
    char = np.clip(core * (1 + 0.25 * field(rng, place.shape, 3 * place.scale)), 0, 1) * np.float32(0.9)
    film = dim(halo, -0.7 * place.contrast, (0.8, 1.0, 1.15))
    return Film(film, np.asarray(char * place.contrast, np.float32), np.asarray((24, 20, 18), np.float32))


def crack(place: Place, rng: Generator) -> Film:
    """A crack or tear: a dark jagged line 1 to 4 px wide with one or two branches and a lifted bright lip."""
    points = walk(rng, place.size, 0.9, place.centre)
    points += np.cumsum(rng.normal(0, 0.25, points.shape), axis=0) * place.scale
    width = float(rng.uniform(1.0, 4.0)) * max(place.scale, 0.6)
    taper = np.interp(np.linspace(0, 1, len(points)), [0, 0.3, 1], [0.6, 1.0, 0.35])
    gap = stroke(place.shape, points, width, taper)
    for _ in range(int(rng.integers(1, 3))):
        root = points[int(rng.integers(len(points) // 4, len(points)))]
        branch = walk(rng, place.size * 0.25, 0.8, (float(root[0]), float(root[1])))
        gap = np.maximum(gap, stroke(place.shape, branch, 0.6 * width, np.full(len(branch), 0.7)))
    lip = stroke(place.shape, points + (width / 2 + 0.8) * np.asarray((0.7, -0.7)), max(0.8, width / 3), taper)
    return Film(dim(lip, 0.5 * place.contrast), gap * np.float32(place.contrast), np.asarray((14, 12, 12), np.float32))
