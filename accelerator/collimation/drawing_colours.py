"""Colours of the pictures of loss maps: palette places with opacity, so that one picture fits light and dark.

What is usual has calm colours of one weight: collimators grey (the more opaque, the further in the hierarchy), cold
elements a dull blue green, warm ones a dull sand; people with any colour vision tell the two apart, also by brightness.
What deviates is orange (more than expected) or blue (less), as in the pictures of ITS (docs/decisions/0016).
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

GRID, BAND, RULE, COLD, WARM, OTHER, TCLA, TCSG, TCT, TCP = range(1, 11)
MORE, FEWER, EXPECTED, PLATE, PLATE_INK = range(11, 16)
"""What deviates; what is expected once the first hypothesis is put right; the dark plate of a name and its letters."""
HALO, EDGE = 16, 17
INK, INKS = 210, 16
"""First place of the greys of text (from faint to full), and how many there are."""
PLATE_INKS = 190
"""First place of the letters on a plate, from the plate's colour to white."""

_GREY = (122, 130, 138)
_PLATE = (32, 36, 40)
_COLOURS: dict[int, tuple[tuple[int, int, int], int]] = {
    GRID: (_GREY, 46),
    RULE: (_GREY, 150),
    BAND: (_GREY, 62),
    COLD: ((62, 138, 152), 235),
    WARM: ((186, 156, 104), 215),
    OTHER: (_GREY, 110),
    TCLA: (_GREY, 150),
    TCSG: (_GREY, 200),
    TCT: (_GREY, 225),
    TCP: (_GREY, 255),
    MORE: ((224, 100, 0), 255),
    FEWER: ((22, 104, 200), 255),
    EXPECTED: ((20, 22, 24), 255),
    PLATE: (_PLATE, 225),
    HALO: ((255, 255, 255), 235),
    EDGE: ((20, 22, 24), 235),
}


@cache
def palette() -> tuple[bytes, bytes]:
    """Return the colours (768 bytes) and opacities (256 bytes)."""
    rgb, alpha = np.zeros((256, 3)), np.zeros(256)
    for place, (colour, opacity) in _COLOURS.items():
        rgb[place], alpha[place] = colour, opacity
    rgb[INK : INK + INKS], alpha[INK : INK + INKS] = _GREY, np.linspace(0, 255, INKS)
    step = np.linspace(0, 1, INKS)[:, None]
    rgb[PLATE_INKS : PLATE_INKS + INKS] = np.array(_PLATE) * (1 - step) + 255 * step
    alpha[PLATE_INKS : PLATE_INKS + INKS] = 225 + 30 * step[:, 0]
    return rgb.round().astype(np.uint8).tobytes(), alpha.round().astype(np.uint8).tobytes()
