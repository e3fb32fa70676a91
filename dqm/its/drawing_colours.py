"""Colours of the pictures: 256 per picture with transparency, so that one picture fits the light and the dark theme.

A pull is grey while it is within what chance does, and turns orange (too many) or blue (too few) beyond: a pair that
people with any colour vision tell apart (Okabe and Ito, "Color Universal Design", 2008). Occupancy is drawn in cividis
(Nunez, Anderton and Renslow, PLOS ONE 13 (2018) e0199239), which is grey in the middle: what is usual has no colour.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.floating]

LEVELS = 201
"""Colours of a scale, in palette places 1 to 201; 0 is transparent."""
INK, INKS = 210, 16
"""First place of the greys of text (from faint to full), and how many there are."""
HOLE, HALO, LINE = 230, 231, 232
"""No data; the bright and the dark line around a suspect region."""
CALM_PULL, STRONG_PULL = 2.5, 100.0
"""Within the first a pull is grey, from the second on it has its full colour, in between by its logarithm."""
OCCUPANCY_TOP = 2.0
"""The end of the scale of occupancy, in medians of the layer."""
FEWER, MORE = (22, 104, 200), (224, 100, 0)
_GREY = (128, 136, 144)
_CALM_ALPHA = 64
_CIVIDIS = (
    (0, 32, 76),
    (33, 61, 107),
    (85, 91, 108),
    (123, 122, 119),
    (165, 156, 116),
    (211, 193, 100),
    (255, 234, 70),
)


def pull_levels(pull: Floats) -> Bytes:
    """Return the palette place of every pull, same shape; not finite is no data."""
    known = np.isfinite(pull)
    strength = np.log(np.maximum(np.abs(np.where(known, pull, 0.0)), CALM_PULL) / CALM_PULL)
    share = np.clip(np.sign(np.where(known, pull, 0.0)) * strength / np.log(STRONG_PULL / CALM_PULL), -1, 1)
    return _placed((share + 1) / 2, known)


def occupancy_levels(relative: Floats) -> Bytes:
    """Return the palette place of occupancies in medians of their layer, same shape; not finite is no data."""
    return _placed(np.clip(relative / OCCUPANCY_TOP, 0, 1), np.isfinite(relative))


@cache
def pull_palette() -> tuple[bytes, bytes]:
    """Return the colours (768 bytes) and opacities (256 bytes) of a picture of pulls."""
    at = np.linspace(-1, 1, LEVELS)
    share = np.abs(at)[:, None] ** 0.7
    end = np.where(at[:, None] < 0, np.array(FEWER), np.array(MORE))
    colours = share * end + (1 - share) * np.array(_GREY)
    return _palette(colours, _CALM_ALPHA + (255 - _CALM_ALPHA) * share[:, 0])


@cache
def occupancy_palette() -> tuple[bytes, bytes]:
    """Return the colours (768 bytes) and opacities (256 bytes) of a picture of occupancies."""
    knots = np.linspace(0, 1, len(_CIVIDIS))
    at = np.linspace(0, 1, LEVELS)
    colours = np.stack([np.interp(at, knots, [knot[band] for knot in _CIVIDIS]) for band in range(3)], axis=1)
    return _palette(colours, np.full(LEVELS, 255.0))


def _placed(share: Floats, known: NDArray[np.bool_]) -> Bytes:
    level = np.where(known, share, 0.0) * (LEVELS - 1) + 1.5
    return np.where(known, level.astype(np.uint8), np.uint8(HOLE))


def _palette(colours: NDArray[np.float64], opacity: NDArray[np.float64]) -> tuple[bytes, bytes]:
    rgb, alpha = np.zeros((256, 3)), np.zeros(256)
    rgb[1 : LEVELS + 1], alpha[1 : LEVELS + 1] = colours, opacity
    rgb[INK : INK + INKS], alpha[INK : INK + INKS] = _GREY, np.linspace(0, 255, INKS)
    rgb[HALO], alpha[HALO] = 255, 255
    rgb[LINE], alpha[LINE] = 16, 255
    rgb[HOLE], alpha[HOLE] = _GREY, 0
    return rgb.round().astype(np.uint8).tobytes(), alpha.round().astype(np.uint8).tobytes()
