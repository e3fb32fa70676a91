"""Pictures of a shot, drawn at detection time: what the camera saw, the best fit, what is left, a thumbnail.

All three show the same field (that of the fit) in the same grey scale; what is left is in standard deviations of the
expected noise, blue below and orange above, with a symmetric scale that ends at `RESIDUAL_SIGMA`.
"""

import io
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from accelerator.schlieren.features import FIELD_UM
from accelerator.schlieren.fit_model import variance_adu
from accelerator.schlieren.result import RESIDUAL_SIGMA, BestFit, ShotResult
from accelerator.schlieren.simulate.camera import unevenness
from accelerator.schlieren.simulate.forward import expected_electrons
from core.observation import Array, Observation
from core.verdict import Evidence

SIDE = 256
_THUMB_WIDTH, _THUMB_HEIGHT = 192, 144
_QUALITY = 88
_BRIGHTEST = 99.9
_LEVELS = 15
_BELOW, _ABOVE, _NOTHING = (22, 104, 200), (224, 100, 0), (128, 136, 144)
_FAINTEST = 30

Floats = NDArray[np.float32]


def draw(observation: Observation, result: ShotResult | None) -> dict[str, Evidence]:
    """Return ``image`` and ``thumbnail``, and where something was fitted ``fit`` and ``residual``."""
    counts = observation.payload.get("image")
    if counts is None or counts.ndim != 2 or not counts.size:
        return {}
    pixel_um = float(observation.conditions.get("pixel_um") or FIELD_UM / max(counts.shape))
    seen = on_field(counts, pixel_um)
    fitted = None if result is None or result.best_fit is None else fit_picture(result.best_fit)
    dark, bright = _range(seen, fitted)
    found = {"image": _jpeg(_grey(seen, dark, bright)), "thumbnail": _jpeg(_thumbnail(_grey(seen, dark, bright)))}
    if fitted is None or result is None or result.best_fit is None or fitted.shape != seen.shape:
        return found
    noise = np.sqrt(variance_adu(np.asarray(fitted, np.float64), replace(result.best_fit.apparatus, bin_columns=1)))
    merged = max(1.0, FIELD_UM / SIDE / pixel_um)
    left = (seen - fitted) / (noise / merged)
    return {**found, "fit": _jpeg(_grey(fitted, dark, bright)), "residual": _residual(left)}


def fit_picture(best: BestFit) -> Floats:
    """Return the picture of a best fit in ADU, at the full number of columns."""
    bench = replace(best.apparatus, bin_columns=1)
    light = expected_electrons(replace(best.scene, apparatus=bench)) * np.float32(bench.gain_adu)
    if best.ripples:
        light = light * unevenness(np.asarray(best.ripples), bench.shape)
    return np.asarray(light + bench.offset_adu, np.float32)


def on_field(counts: Array, pixel_um: float) -> Floats:
    """Return a picture of any size on the grid of the fit (`SIDE` x `SIDE`), NaN where it does not reach."""
    down, right = (_shares(side, pixel_um) for side in counts.shape)
    area = np.outer(down.sum(1), right.sum(1))
    total = down @ np.asarray(counts, np.float32) @ right.T
    return np.where(area > 0.5, total / np.maximum(area, 1e-6), np.nan).astype(np.float32)


def _shares(side: int, pixel_um: float) -> Floats:
    """Share of each cell of the grid that each pixel covers: (cells, pixels)."""
    cell = FIELD_UM / SIDE
    low = (np.arange(side) - side / 2) * pixel_um
    first = ((np.arange(SIDE) - SIDE / 2) * cell)[:, None]
    shared = np.minimum(low + pixel_um, first + cell) - np.maximum(low, first)
    return np.asarray(np.maximum(shared, 0.0) / cell, np.float32)


def _range(seen: Floats, fitted: Floats | None) -> tuple[float, float]:
    """The counts that are black and white: the same for picture and fit, hot pixels aside."""
    known = seen[np.isfinite(seen)]
    if not known.size:
        return 0.0, 1.0
    dark, bright = (float(at) for at in np.percentile(known, (1.0, _BRIGHTEST)))
    return dark, max(bright, dark + 20.0, 0.0 if fitted is None else float(fitted.max()))


def _grey(picture: Floats, dark: float, bright: float) -> NDArray[np.uint8]:
    share = np.nan_to_num((picture - dark) / (bright - dark), nan=0.0)
    return np.asarray(np.clip(share, 0, 1) * 255, np.uint8)


def _thumbnail(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The middle rows, where the channel is."""
    tall = SIDE * _THUMB_HEIGHT // _THUMB_WIDTH
    first = (SIDE - tall) // 2
    smaller = cv2.resize(grey[first : first + tall], (_THUMB_WIDTH, _THUMB_HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8)


def _jpeg(grey: NDArray[np.uint8]) -> Evidence:
    target = io.BytesIO()
    Image.fromarray(grey).save(target, "JPEG", quality=_QUALITY)
    return Evidence(target.getvalue(), "image/jpeg")


def _residual(sigmas: NDArray[np.floating]) -> Evidence:
    """A palette PNG, transparent where nothing is left, so that one serves the light and the dark page."""
    share = np.nan_to_num(sigmas / RESIDUAL_SIGMA, nan=0.0)
    places = np.rint(np.clip(share, -1, 1) * (_LEVELS // 2)).astype(np.int64) + _LEVELS // 2
    image = Image.frombuffer("P", (SIDE, SIDE), places.astype(np.uint8).tobytes(), "raw", "P", 0, 1)
    colours, opacity = _palette()
    image.putpalette(colours)
    target = io.BytesIO()
    image.save(target, "PNG", compress_level=6, transparency=opacity, bits=4)
    return Evidence(target.getvalue(), "image/png")


def _palette() -> tuple[bytes, bytes]:
    half = _LEVELS // 2
    colours, opacity = bytearray(), bytearray()
    for place in range(-half, half + 1):
        colours += bytes(_BELOW if place < 0 else _ABOVE if place > 0 else _NOTHING)
        opacity.append(_FAINTEST + (255 - _FAINTEST) * abs(place) // half)
    return bytes(colours), bytes(opacity)
