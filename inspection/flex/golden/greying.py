"""From a drawing or a colour photo to the grey image the network knows: metal dark, gap bright, equal light."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

Copper = Literal["auto", "dark", "bright"]
_LEVELS = (30.0, 225.0)
_SHADING_SIGMA_PX = 48.0


@dataclass(frozen=True, slots=True)
class Greying:
    """How pixels of one product become grey: ``rgb . axis + offset``, the same for template and test."""

    axis: NDArray[np.float32]
    offset: float
    bilevel: bool

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn RGB (H, W, 3) uint8 into grey (H, W) uint8."""
        plane = cv2.transform(image.astype(np.float32), self.axis[None])
        return np.asarray(np.clip(np.rint(plane + self.offset), 0, 255), dtype=np.uint8)


def learn_greying(reference: NDArray[np.uint8], copper: Copper = "auto", origin: str = "reference") -> Greying:
    """Choose the grey of a product from its reference (H, W, 3) uint8 RGB.

    Grey pictures keep their channel, colour photos take the axis along which the pixels differ most (first
    principal component), stretched so that the 2nd and 98th percentile lie at 30 and 225. Metal is made dark:
    ``auto`` takes it to be dark on two-level drawings (as line scans are binarised) and bright on photos.

    Raises
    ------
    InputError
        The reference shows nothing: all pixels are about equal.
    """
    sample = reference[:: max(reference.shape[0] // 500, 1), :: max(reference.shape[1] // 500, 1)]
    pixels = sample.reshape(-1, 3).astype(np.float32)
    spread = np.cov(pixels, rowvar=False)
    if float(np.trace(spread)) < 12.0:
        raise InputError(origin, "shows no structure: all pixels are about equal")
    bilevel = bool(np.mean((pixels < 24) | (pixels > 231)) > 0.97)
    dark = copper == "dark" or (copper == "auto" and bilevel)
    axis = np.linalg.eigh(spread)[1][:, -1].astype(np.float32)
    axis *= np.sign(axis.sum()) * (1.0 if dark else -1.0)
    if bilevel:
        sign = 1.0 if dark else -1.0
        return Greying(np.full(3, sign / 3, np.float32), 0.0 if dark else 255.0, bilevel)
    low, high = np.percentile(pixels @ axis, (2.0, 98.0))
    scale = (_LEVELS[1] - _LEVELS[0]) / max(float(high - low), 1.0)
    return Greying(axis * scale, float(_LEVELS[0] - scale * low), bilevel)


def equal_light(template: NDArray[np.uint8], test: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give the test (H, W) the gain and the slow shading of the aligned template, so that only structure differs."""
    levels = [np.percentile(image[::4, ::4], (5.0, 95.0)) for image in (template, test)]
    gain = float(np.diff(levels[0])[0] / max(float(np.diff(levels[1])[0]), 1.0))
    gain = min(max(gain, 0.5), 2.0)
    scaled = test.astype(np.float32) * gain
    difference = cv2.resize(template.astype(np.float32) - scaled, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    slow = cv2.GaussianBlur(cv2.medianBlur(difference, 5), (0, 0), _SHADING_SIGMA_PX / 4)
    shading = cv2.resize(slow, (test.shape[1], test.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(scaled + shading, 0, 255), dtype=np.uint8)
