"""What a defect does to light, and the place it does it at."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.flex.simulate.strokes import Map
from inspection.flex.simulate.zones import Zone


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a defect is to be drawn: a window of the board.

    ``surface`` (h, w, 3) float32 grey levels without noise, ``zones`` (h, w) uint8, ``centre`` (x, y) in the window,
    ``scale`` px per 1/60 mm (1 at 60 px/mm, so that sizes can be written in px of a 60 px/mm scan), ``size`` and
    ``contrast`` as drawn from the kind's distributions, ``optics`` the blur (sigma, px) that the surface already has.
    """

    surface: NDArray[np.float32]
    zones: NDArray[np.uint8]
    centre: tuple[float, float]
    scale: float
    size: float
    contrast: float
    optics: float = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the window."""
        return self.surface.shape[0], self.surface.shape[1]

    def zone(self, *wanted: Zone) -> NDArray[np.bool_]:
        """Return where the window is one of these zones."""
        return np.isin(self.zones, wanted)

    def colour(self, where: NDArray[np.bool_], otherwise: tuple[float, float, float]) -> NDArray[np.float32]:
        """Return the median colour (3,) of the surface where asked, or ``otherwise`` when that is nowhere."""
        if not where.any():
            return np.asarray(otherwise, np.float32)
        return np.asarray(np.median(self.surface[where], axis=0), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """What lies on the surface: ``transmit`` (h, w[, 3]) passes light, ``cover`` (h, w) is opaque and coloured.

    The surface under it becomes ``surface * transmit * (1 - cover) + colour * cover``.
    """

    transmit: NDArray[np.float32]
    cover: Map | None = None
    colour: NDArray[np.float32] = field(default_factory=lambda: np.zeros(3, np.float32))

    def over(self, surface: NDArray[np.float32], optics: float = 0.0) -> NDArray[np.float32]:
        """Return the surface with the film on it, blurred by ``optics`` px sigma (but not its ``colour``)."""
        passed = self.transmit[..., None] if self.transmit.ndim == 2 else self.transmit
        cover = np.zeros(passed.shape[:2], np.float32) if self.cover is None else self.cover
        passed = np.asarray(passed * (1 - cover[..., None]), np.float32)
        if optics > 0:
            blurred = cv2.GaussianBlur(passed, (0, 0), optics)
            passed = np.asarray(blurred, np.float32).reshape(passed.shape)
            cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), optics), np.float32)
        return np.asarray(np.clip(surface * passed + self.colour * cover[..., None], 0, 255), np.float32)

    def within(self, inside: NDArray[np.bool_]) -> "Film":
        """Return the film cut off outside of ``inside`` (h, w)."""
        gate = inside[..., None] if self.transmit.ndim == 3 else inside
        cover = None if self.cover is None else np.asarray(self.cover * inside, np.float32)
        return Film(np.asarray(1 + (self.transmit - 1) * gate, np.float32), cover, self.colour)


def dim(coverage: Map, contrast: float, tint: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> NDArray[np.float32]:
    """Return the transmission (h, w, 3) of something that changes reflectance by ``contrast`` (negative: darker)."""
    return np.asarray(1 + contrast * coverage[..., None] * np.asarray(tint, np.float32), np.float32)


def opaque(coverage: Map, colour: NDArray[np.float32] | tuple[float, float, float]) -> Film:
    """Return something opaque of this colour."""
    return Film(np.ones(coverage.shape, np.float32), coverage, np.asarray(colour, np.float32))
