"""ITk-like defects for evaluation: light that the surface no longer returns, and light that the defect adds.

Every kind gives a transmission T and an own light E (grey levels) on a square crop; both are blurred by the optics and
`observe` makes the picture `I T + E` with the sensor noise that the lost light took with it added back. Camera values
are taken as proportional to light (line-scan AOI cameras are). This generator shares no code, no table and no number
with the product's training generator, whose source its author did not read.

Distributions, per kind (px of a 2361x1709 scan; U = uniform, LN = log-normal median and sigma):

=================  =====================================================================================
particle           blob, radius LN(5.5, .4) in 3-13; 15-70 grey levels off its surroundings; small shadow
fibre              curve, length U(60, 220), width U(1.5, 4), opacity U(.35, .8), 12-50 levels off
splash             5-20 droplets of radius U(1.5, 6) in a cloud of U(12, 50); amber film, absorbs U(.12, .4)
mask_scratch       near-straight, length U(50, 220), width U(1.5, 4); +-U(.15, .45), scatters U(3, 14) levels
pad_scratch        hairline inside gold: length U(12, 45) (>= 10), width U(1, 3); peak contrast U(.08, .35)
pad_stain          soft blob on gold, radius U(6, 22), absorbs U(.08, .30), brown or reddish
watermark          drying ring, radius U(18, 75), rim U(2, 5) px, +-U(.05, .18) and a haze of U(1, 5) levels
trace_defect       open / short: a U(6, 14) px bridge of the neighbouring material across a narrow line;
                   mousebite / spur: a bite of radius U(4, 9) at a material edge
mask_irregularity  half: bubble, radius U(8, 26), lit and shaded side U(.12, .4); half: mottling +-U(.08, .25)
missing_mask       blob, radius U(5, 20): bare copper of the panel's own colour, opacity U(.6, 1), dark rim
=================  =====================================================================================

A drawn defect is kept when it stands out: matched-filter signal-to-noise `visibility` >= 100 against the board's own
grain (hairlines on pads: >= 8, all that a person can see) and, on an ordinary display, a strongest change of lightness
of 4 CIE L* or more (about 8 % on gold and steel, 13 grey levels where the board is nearly black); otherwise another
place and another draw are tried. Why 100: docs/decisions/0008-how-faint-a-defect-may-be.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.flex import shapes
from benchmarks.flex.shapes import Plane

Colour = NDArray[np.float32]
RGB = 3


@dataclass(frozen=True)
class Place:
    """The crop (side, side, 3) that a defect is drawn on, the gold in it, bare copper's colour, the optics' blur."""

    crop: NDArray[np.float32]
    gold: NDArray[np.bool_]
    copper: Colour
    psf_px: float

    @property
    def side(self) -> int:
        """Edge length of the crop, px."""
        return int(self.crop.shape[0])

    def surroundings(self, cover: Plane) -> Colour:
        """Mean colour under a cover."""
        weight = cover[..., None] + 1e-6
        return np.asarray((self.crop * weight).sum((0, 1)) / weight.sum((0, 1)), dtype=np.float32)


@dataclass(frozen=True)
class Layer:
    """What a defect does to the light: image = image * transmission + own; both (side, side, 3)."""

    transmission: NDArray[np.float32]
    own: NDArray[np.float32]


Draw = Callable[[np.random.Generator, Place], "Layer | None"]


def opaque(cover: Plane, colour: Colour) -> Layer:
    """A material of its own colour (grey levels) that hides what is below by `cover`."""
    alpha = np.repeat(cover[..., None], RGB, axis=2)
    return Layer(1 - alpha, alpha * colour)


def film(cover: Plane, absorbed: Colour | float, haze: Colour | float = 0.0) -> Layer:
    """A translucent change: absorbs a share (negative: returns more) and scatters some levels of light."""
    alpha = np.repeat(cover[..., None], RGB, axis=2)
    return Layer(1 - alpha * np.float32(absorbed), alpha * np.float32(haze))


def off_colour(rng: np.random.Generator, ground: Colour, low: float, high: float) -> Colour:
    """A greyish colour `low` to `high` levels brighter than its ground, or darker where there is light to lose."""
    step = rng.uniform(low, high)
    grey = float(ground.mean())
    target = grey - step if grey > low + 25 and rng.random() < 0.5 else grey + step
    tint = rng.uniform(0.88, 1.12, RGB)
    return np.clip(target * tint, 2, 235).astype(np.float32)


def particle(rng: np.random.Generator, place: Place) -> Layer:
    """Dust grain or flake with a small shadow."""
    radius = float(np.clip(rng.lognormal(np.log(5.5), 0.4), 3, 13))
    cover = shapes.blob(rng, place.side, radius, 0.35)
    colour = off_colour(rng, place.surroundings(cover), 15, 70)
    relief = 1 + 0.25 * np.clip(cv2.GaussianBlur(rng.normal(0, 4, cover.shape).astype(np.float32), (0, 0), 2), -1, 1)
    flat = opaque(cover * rng.uniform(0.85, 1), colour)
    grain = Layer(flat.transmission, flat.own * relief[..., None])
    offset = np.array([[1, 0, rng.uniform(1, 3)], [0, 1, rng.uniform(1, 3)]], np.float32)
    shadow = cv2.GaussianBlur(cv2.warpAffine(cover, offset, cover.shape[::-1]), (0, 0), 1.5)
    dim = film(np.asarray(shadow, dtype=np.float32) * (1 - cover), rng.uniform(0.05, 0.25))
    return Layer(grain.transmission * dim.transmission, grain.own)


def fibre(rng: np.random.Generator, place: Place) -> Layer:
    """Textile or paper fibre lying on the board."""
    path = shapes.curve(rng, rng.uniform(60, 220), rng.uniform(0.005, 0.03)) + place.side / 2
    cover = shapes.stroke(place.side, path, rng.uniform(1.5, 4))
    colour = off_colour(rng, place.surroundings(cover), 20, 60)
    return opaque(cover * rng.uniform(0.35, 0.8), colour)


def splash(rng: np.random.Generator, place: Place) -> Layer:
    """Flux or solvent droplets: amber film, denser at the rim of each droplet."""
    cloud = rng.uniform(12, 50)
    cover = np.zeros((place.side, place.side), np.float32)
    for _ in range(int(rng.integers(5, 21))):
        x, y = place.side / 2 + rng.normal(0, cloud / 2, 2)
        radius = rng.uniform(1.5, 6)
        drop = shapes.disk(place.side, x, y, radius)
        core = shapes.disk(place.side, x, y, max(radius - 1.2, 0.3))
        cover = np.maximum(cover, 0.7 * drop + 0.3 * (drop - core).clip(0))
    amber = np.array([0.6, 0.9, 1.4], np.float32) * rng.uniform(0.12, 0.4)
    return film(cover, amber, np.array([1.2, 1.0, 0.6], np.float32) * rng.uniform(2, 10))


def mask_scratch(rng: np.random.Generator, place: Place) -> Layer:
    """Scratch in the solder mask or coverlay: it scatters light, with gaps where the tool jumped."""
    path = shapes.curve(rng, rng.uniform(50, 220), rng.uniform(0, 0.002)) + place.side / 2
    weights = shapes.along(rng, len(path), rng.uniform(0.2, 0.9))
    cover = shapes.stroke(place.side, path, rng.uniform(1.5, 4), weights)
    sign = -1 if rng.random() < 0.7 else 1
    return film(cover, sign * rng.uniform(0.15, 0.45), rng.uniform(3, 14) if sign < 0 else 0.0)


def pad_scratch(rng: np.random.Generator, place: Place) -> Layer | None:
    """Hairline scratch wholly inside a gold pad; None where the pad leaves no 10 px."""
    angle, wanted = rng.uniform(0, np.pi), rng.uniform(12, 45)
    direction = np.array([np.cos(angle), np.sin(angle)])
    reach = np.arange(-wanted / 2, wanted / 2, 0.5)
    bend = rng.uniform(-0.003, 0.003) * reach**2
    path = place.side / 2 + reach[:, None] * direction + bend[:, None] * direction[::-1] * [1, -1]
    column, row = np.round(path).astype(int).clip(0, place.side - 1).T
    inside = np.asarray(place.gold[row, column])
    middle = len(path) // 2
    if not inside[middle]:
        return None
    first = middle - int(np.argmin(np.append(inside[middle::-1], False))) + 1
    last = middle + int(np.argmin(np.append(inside[middle:], False)))
    if (last - first) * 0.5 < 10:
        return None
    path = path[first:last]
    weights = shapes.along(rng, len(path), rng.uniform(0, 0.4))
    cover = shapes.stroke(place.side, path, rng.uniform(1, 3), weights)
    cover /= max(float(cv2.GaussianBlur(cover, (0, 0), place.psf_px).max()), 1e-6)
    sign = 1 if rng.random() < 0.75 else -1
    return film(cover, sign * rng.uniform(0.08, 0.35))


def pad_stain(rng: np.random.Generator, place: Place) -> Layer | None:
    """Discoloured gold: oxidation or residue, soft at its edge, on gold only."""
    if not place.gold[place.side // 2, place.side // 2]:
        return None
    cover = shapes.blob(rng, place.side, rng.uniform(6, 22), 0.4)
    cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), rng.uniform(1.5, 4)), dtype=np.float32) * place.gold
    tint = np.array([0.7, 1.0, 1.3], np.float32) if rng.random() < 0.6 else np.array([0.6, 1.15, 1.15], np.float32)
    return film(cover, tint * rng.uniform(0.08, 0.30))


def watermark(rng: np.random.Generator, place: Place) -> Layer:
    """Drying mark: a thin rim where the residue collected, little inside."""
    radius, rim = rng.uniform(18, 75), rng.uniform(2, 5)
    outline = int(rng.integers(2**31))
    outer = shapes.blob(np.random.default_rng(outline), place.side, radius, 0.15)
    inner = shapes.blob(np.random.default_rng(outline), place.side, radius - rim, 0.15)
    cover = (outer - inner).clip(0) + 0.12 * inner
    sign = 1 if rng.random() < 0.5 else -1
    return film(cover, sign * rng.uniform(0.05, 0.18), rng.uniform(1, 5))


def mask_irregularity(rng: np.random.Generator, place: Place) -> Layer:
    """Bubble under the coverlay (a lit and a shaded flank) or uneven mask thickness."""
    axis = (np.arange(place.side, dtype=np.float32) - place.side / 2)[:, None]
    if rng.random() < 0.5:
        radius, angle = rng.uniform(8, 26), rng.uniform(0, 2 * np.pi)
        slope = (np.cos(angle) * axis.T + np.sin(angle) * axis) / radius
        dome = shapes.disk(place.side, place.side / 2, place.side / 2, radius) * np.clip(slope, -1, 1)
        depth = rng.uniform(0.12, 0.4)
        return film(dome, -depth, 0) if rng.random() < 0.3 else film(dome, -depth, 30 * depth)
    cover = shapes.blob(rng, place.side, rng.uniform(14, 38), 0.4)
    mottle = cv2.GaussianBlur(rng.normal(0, 1, cover.shape).astype(np.float32), (0, 0), rng.uniform(3, 7))
    mottle = np.asarray(mottle / np.abs(mottle).max(), dtype=np.float32)
    soft = np.asarray(cv2.GaussianBlur(cover, (0, 0), 2), dtype=np.float32) * mottle
    return film(soft, -rng.uniform(0.08, 0.25), 8)


def missing_mask(rng: np.random.Generator, place: Place) -> Layer:
    """Mask torn off: bare copper with a darker torn rim."""
    radius, outline = rng.uniform(5, 20), int(rng.integers(2**31))
    cover = shapes.blob(np.random.default_rng(outline), place.side, radius, 0.35)
    outer = shapes.blob(np.random.default_rng(outline), place.side, radius + 1.5, 0.35)
    bare = opaque(cover * rng.uniform(0.6, 1), place.copper * np.float32(rng.uniform(0.5, 1)))
    rim = film((outer - cover).clip(0), rng.uniform(0.2, 0.5))
    return Layer(bare.transmission * rim.transmission, bare.own)


def trace_defect(rng: np.random.Generator, place: Place) -> Layer | None:
    """Open, short, mousebite or spur: one material continued where the other should be; None without an edge here."""
    middle = place.side // 2
    grey = cv2.GaussianBlur(place.crop.mean(axis=2), (0, 0), 1.5)
    gx, gy = (cv2.Sobel(grey, cv2.CV_32F, *order)[middle, middle] for order in ((1, 0), (0, 1)))
    strength = float(np.hypot(gx, gy))
    if strength < 20:
        return None
    normal = np.array([gx, gy]) / strength * rng.choice([-1, 1])
    reach = np.arange(3, 30)
    column, row = np.round(middle + reach[:, None] * normal).astype(int).T
    profile = grey[row, column]
    near, far = float(profile[:3].mean()), float(grey[tuple(np.round(middle - 5 * normal[::-1]).astype(int))])
    back = np.nonzero(np.abs(profile - far) < 0.3 * abs(near - far))[0]
    source = place.crop[tuple(np.round(middle - 5 * normal[::-1]).astype(int))]
    if len(back) and back[0] > 3:
        ends = middle + np.stack([-3 * normal, (reach[back[0]] + 2) * normal])
        return opaque(shapes.stroke(place.side, ends, rng.uniform(6, 14)), source)
    x, y = middle + rng.uniform(0, 2) * normal
    bite = shapes.disk(place.side, x, y, rng.uniform(4, 9))
    return opaque(bite, source)


KINDS: dict[str, Draw] = {
    "particle": particle,
    "fibre": fibre,
    "splash": splash,
    "mask_scratch": mask_scratch,
    "pad_scratch": pad_scratch,
    "pad_stain": pad_stain,
    "watermark": watermark,
    "trace_defect": trace_defect,
    "mask_irregularity": mask_irregularity,
    "missing_mask": missing_mask,
}
