"""The line scanner: optics, illumination, scan-line banding, colour drift, sensor noise, JPEG.

Sizes were measured on real colour scans of a flexible board (2361x1709): edge spread of about 1 px sigma;
noise 1.0 grey level in the dark rising by 0.0145 per grey level, nine tenths of it common to the colours; rows differ
by 0.7 grey levels in the dark and 0.7 % in the bright; board-to-board gain 2 %.
"""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

NOISE_FLOOR = 1.0
NOISE_SLOPE = 0.0145


def noise_sigma(level: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the noise (one sigma, grey levels) that the scanner has at these grey levels."""
    return np.float32(NOISE_FLOOR) + np.float32(NOISE_SLOPE) * np.maximum(level, 0)


def scan(surface: NDArray[np.float32], rng: Generator) -> NDArray[np.uint8]:
    """Return what the scanner makes of a surface (JPEG artefacts not yet in).

    Parameters
    ----------
    surface
        (H, W, 3) float32 reflectance in grey levels.
    rng
        Draws all that differs between two scans.

    Returns
    -------
    (H, W, 3) uint8 RGB.
    """
    height, width = surface.shape[:2]
    sigma = float(rng.uniform(0.8, 1.25))
    light = _illumination(rng, height, width)
    bands = _bands(rng, height)
    tint = rng.normal(1, 0.012, 3) * rng.normal(1, 0.02)
    common = _grain(rng, (height, width))
    out = np.empty(surface.shape, np.uint8)
    for channel in range(3):
        blur = sigma * (1.0, 0.97, 1.04)[channel]
        plane = np.asarray(cv2.GaussianBlur(surface[..., channel], (0, 0), blur), np.float32)
        plane *= light * np.float32(tint[channel])
        plane *= (1 + np.float32(0.006) * bands)[:, None]
        plane += (0.6 * bands + 0.35 * rng.standard_normal(height, np.float32)).astype(np.float32)[:, None]
        own = _grain(rng, (height, width))
        plane += noise_sigma(plane) * (np.float32(0.95) * common + np.float32(0.31) * own)
        out[..., channel] = np.clip(np.rint(plane), 0, 255)
    return out


def _grain(rng: Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Unit noise with the neighbour correlation of about 0.27 that real scans show."""
    white = rng.standard_normal(shape, dtype=np.float32)
    return np.asarray(cv2.GaussianBlur(white, (3, 3), 0.42) * np.float32(1.24), np.float32)


def _illumination(rng: Generator, height: int, width: int) -> NDArray[np.float32]:
    """Lamp profile: slow changes of 1.2 % sigma over the picture."""
    coarse = (1 + rng.normal(0, 0.012, (4, 5))).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _bands(rng: Generator, height: int) -> NDArray[np.float32]:
    """Brightness of the scan lines: lamp ripple of drifting period (12 to 20 rows) and wander; unit sigma."""
    rows = np.arange(height)
    wander = cv2.GaussianBlur(rng.standard_normal((height, 1)), (1, 0), sigmaX=1, sigmaY=3.0)[:, 0]
    phase = 2 * np.pi * rows / rng.uniform(12, 20) + 3 * np.sin(rows / rng.uniform(90, 260))
    ripple = np.sin(phase + rng.uniform(0, 6.3)) * (0.6 + 0.4 * np.sin(rows / rng.uniform(40, 120)))
    bands = wander / wander.std() + 1.2 * ripple
    return np.asarray(bands / bands.std(), np.float32)


def encode(image: NDArray[np.uint8], quality: int = 94) -> bytes:
    """Return the JPEG file of an RGB image."""
    done, content = cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("image could not be encoded as JPEG")
    return content.tobytes()


def through_jpeg(image: NDArray[np.uint8], quality: int = 94) -> NDArray[np.uint8]:
    """Return the image after JPEG compression, as a site would receive it."""
    decoded = cv2.imdecode(np.frombuffer(encode(image, quality), np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise ValueError("JPEG could not be decoded")
    return np.ascontiguousarray(decoded[..., ::-1], np.uint8)
