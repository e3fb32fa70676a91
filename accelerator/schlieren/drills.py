"""Faults for drills: what the camera, its light or its server would do, put on a copy of the shot that came.

Only what can be made of a real picture alone: what the laser or the vapour do would need a plasma that was not there.
"""

import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from accelerator.schlieren.causes import Cause
from core.drilling import DrillFault, Injection
from core.errors import DrillError
from core.observation import Array, Condition, Observation

BRIGHT = 2.5
STALE_S = -40.0
SMOOTHED_PX = 2.0
_DARK_PERCENTILE, _DARKEST_PERCENT = 0.5, 5.0
_TO_SIGMA = 1.4826
Change = Callable[[Observation], Observation]


def faults() -> tuple[DrillFault, ...]:
    """Return the faults that can be put on a shot."""
    return (
        DrillFault("dark", "No light reaches the camera", (Cause.DARK,), _fixed(Cause.DARK, _dark_picture)),
        DrillFault(
            "saturation", "The camera saturates", (Cause.SATURATION,), _fixed(Cause.SATURATION, _saturated)
        ),
        DrillFault("frozen", "The camera hands out one frame again and again", (Cause.FROZEN,), _frozen),
        DrillFault("stale", "The pictures are of an earlier shot", (Cause.STALE,), _stale),
    )  # fmt: skip


def _fixed(cause: Cause, change: Change) -> Callable[[Observation, int, frozenset[str]], Injection]:
    def begin(first: Observation, seed: int, avoid: frozenset[str]) -> Injection:  # noqa: ARG001 as the contract
        return Injection(_free(first, cause, avoid), change)

    return begin


def _frozen(first: Observation, seed: int, avoid: frozenset[str]) -> Injection:  # noqa: ARG001 as the contract
    frame = _image(first)
    return Injection(_free(first, Cause.FROZEN, avoid), lambda seen: _with(seen, frame))


def _stale(first: Observation, seed: int, avoid: frozenset[str]) -> Injection:  # noqa: ARG001 as the contract
    """The picture of the shot before (the first: its own), stamped so long before the cycle."""
    last = [_image(first)]

    def change(seen: Observation) -> Observation:
        before, last[0] = last[0], _image(seen)
        told: dict[str, Condition] = {
            "camera_delay_s": STALE_S,
            "stale": _joined(seen.conditions.get("stale"), "camera"),
        }
        note = f"the camera is stamped {-STALE_S:g} s before the cycle"
        notes = _joined(note, str(seen.conditions.get("notes") or ""), by="; ")
        return replace(_with(seen, before), conditions={**seen.conditions, **told, "notes": notes})

    return Injection(_free(first, Cause.STALE, avoid), change)


def _dark_picture(seen: Observation) -> Observation:
    """What the camera gives without light: its dark level, with the noise that the darkest parts show."""
    counts, rng = _image(seen).astype(np.float64), np.random.default_rng(zlib.crc32(seen.key.encode()))
    smooth = gaussian_filter(counts, SMOOTHED_PX)
    darkest = smooth <= np.percentile(smooth, _DARKEST_PERCENT)
    noise = _TO_SIGMA * float(np.median(np.abs((counts - smooth)[darkest])))
    return _with(seen, _counts(rng.normal(_dark(seen), noise, counts.shape), seen))


def _saturated(seen: Observation) -> Observation:
    light = _light(seen)
    factor = BRIGHT * (_top(seen) - _dark(seen)) / max(float(light.max()), 1.0)
    return _with(seen, _counts(_image(seen) + (factor - 1) * light, seen))


def _light(seen: Observation) -> NDArray[np.float64]:
    """Return the light of a picture above the dark level, without the camera's noise: that stays as it is."""
    found: NDArray[np.float64] = gaussian_filter(_image(seen).astype(np.float64), SMOOTHED_PX) - _dark(seen)
    return np.maximum(found, 0.0)


def _free(first: Observation, cause: Cause, avoid: frozenset[str]) -> str:
    if cause.value in avoid:
        raise DrillError(f"there is an open alarm of {cause.value}: the drill could not be told from it")
    _image(first)
    return first.element


def _image(seen: Observation) -> NDArray[np.uint16]:
    image = seen.payload.get("image")
    if image is None or image.size == 0:
        raise DrillError("the shot has no picture")
    return np.asarray(image, np.uint16)


def _dark(seen: Observation) -> float:
    """Return the level of the darkest parts, without noise."""
    smooth = gaussian_filter(_image(seen).astype(np.float64), SMOOTHED_PX)
    return float(np.percentile(smooth, _DARK_PERCENTILE))


def _top(seen: Observation) -> float:
    bits = seen.conditions.get("bits")
    return float(2 ** int(bits) - 1) if isinstance(bits, int | float) else float(_image(seen).max())


def _counts(values: NDArray[np.float64], seen: Observation) -> NDArray[np.uint16]:
    return np.asarray(np.clip(np.rint(values), 0, _top(seen)), np.uint16)


def _with(seen: Observation, image: Array) -> Observation:
    return replace(seen, payload={**seen.payload, "image": image})


def _joined(*parts: object, by: str = ", ") -> str:
    return by.join(str(part) for part in parts if part)
