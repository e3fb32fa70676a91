"""Finds a place where a defect fits and shows, and what it changes there."""

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from core.errors import InputError
from inspection.flex.simulate.film import Place
from inspection.flex.simulate.kinds import VISIBLE, Kind

REFERENCE_PX_PER_MM = 60.0
_ATTEMPTS = 60
Box = tuple[slice, slice]


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """Pixels that a defect changes visibly: a boolean window whose top left corner is ``x``, ``y``."""

    x: int
    y: int
    pixels: NDArray[np.bool_] = field(repr=False)

    def on(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Return the mask on a whole picture of this shape."""
        whole = np.zeros(shape[:2], np.bool_)
        whole[self.y : self.y + self.pixels.shape[0], self.x : self.x + self.pixels.shape[1]] = self.pixels
        return whole


@dataclass(frozen=True, slots=True)
class Label:
    """What a defect is: kind, ITk category, bounding box in px, and the size (um) and contrast it was drawn with."""

    kind: str
    category: str
    x: int
    y: int
    width: int
    height: int
    size_um: float
    contrast: float


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A defect ready to be put on: where its window is, how it changes the surface there, its mask and label."""

    box: tuple[slice, slice]
    change: NDArray[np.float32]
    mask: Mask
    label: Label


def find(
    surface_of: Callable[[Box], NDArray[np.float32]],
    zones: NDArray[np.uint8],
    rng: Generator,
    kind: Kind,
    *,
    px_per_mm: float,
    sigma: float = 0.0,
    visible: float = VISIBLE,
) -> Drawn:
    """Draw places until the defect fits there and is visible."""
    for _ in range(_ATTEMPTS):
        spot = _spot(zones, rng, kind)
        drawn = None
        if spot:
            drawn = _attempt(surface_of, zones, rng, kind, spot=spot, px_per_mm=px_per_mm, sigma=sigma, visible=visible)
        if drawn is not None:
            return drawn
    raise InputError(kind.name, "this board has no place for such a defect")


def _spot(zones: NDArray[np.uint8], rng: Generator, kind: Kind) -> tuple[int, int] | None:
    """Return a random pixel (x, y) of the kind's zones: by rejection first, which needs no pass over the picture."""
    wanted = [int(zone) for zone in kind.zones]
    ys, xs = rng.integers(0, zones.shape[0], 400), rng.integers(0, zones.shape[1], 400)
    hits = np.flatnonzero(np.isin(zones[ys, xs], wanted))
    if len(hits):
        return int(xs[hits[0]]), int(ys[hits[0]])
    everywhere = np.flatnonzero(np.isin(zones, wanted))
    if not len(everywhere):
        return None
    y, x = divmod(int(everywhere[rng.integers(len(everywhere))]), zones.shape[1])
    return x, y


def _attempt(
    surface_of: Callable[[Box], NDArray[np.float32]],
    zones: NDArray[np.uint8],
    rng: Generator,
    kind: Kind,
    *,
    spot: tuple[int, int],
    px_per_mm: float,
    sigma: float,
    visible: float,
) -> Drawn | None:
    scale = px_per_mm / REFERENCE_PX_PER_MM
    size = float(np.exp(rng.uniform(*np.log(kind.size)))) * scale
    contrast = float(rng.uniform(*kind.contrast))
    half = int(np.ceil(max(size, kind.view * scale) * 0.85 + 14))
    x0, y0 = max(spot[0] - half, 0), max(spot[1] - half, 0)
    box = (slice(y0, min(spot[1] + half, zones.shape[0])), slice(x0, min(spot[0] + half, zones.shape[1])))
    surface = surface_of(box)
    centre = (spot[0] - x0 + 0.5, spot[1] - y0 + 0.5)
    place = Place(surface, zones[box], centre, scale, size, contrast, sigma)
    film = kind.paint(place, rng)
    if film is None:
        return None
    inside = place.zone(*kind.zones, *kind.reach)
    if kind.confined:
        film = film.within(inside)
    change = film.over(surface, sigma) - surface
    pixels = _visible(change, sigma, visible)
    if pixels is None or (inside & pixels).sum() < 0.6 * pixels.sum():
        return None
    mask, bounds = _cut(pixels, x0, y0)
    category = kind.category_at(int(zones[spot[1], spot[0]]))
    label = Label(kind.name, category, *bounds, size / px_per_mm * 1000, contrast)
    return Drawn(box, change, mask, label)


def _visible(change: NDArray[np.float32], sigma: float, visible: float) -> NDArray[np.bool_] | None:
    """Return the pixels that change by 1 grey level and a fifth of the peak after the optics; None if too weak."""
    seen = np.abs(change if sigma > 0 else cv2.GaussianBlur(change, (0, 0), 1.0)).max(axis=2)
    peak = float(seen.max())
    if peak < visible:
        return None
    return np.asarray(seen >= max(1.0, 0.2 * peak)) if visible > 1 else np.asarray(seen >= 0.2 * peak)


def _cut(pixels: NDArray[np.bool_], x0: int, y0: int) -> tuple[Mask, tuple[int, int, int, int]]:
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    height, width = int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left
    tight = pixels[top : top + height, left : left + width].copy()
    return Mask(x0 + left, y0 + top, tight), (x0 + left, y0 + top, width, height)
