"""npz of BLM vectors: ``time_unix_s`` (time), ``monitor`` (names), ``signal_gy_per_s`` (time, monitor), context.

A loss map that was already cut out has ``signal_gy_per_s`` (monitor) instead, with ``background_gy_per_s`` and
``noise_gy_per_s`` (monitor) if they are known, and one ``time_unix_s``. Nothing that needs a pickle is read.
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.context import NAMES, TEXTS
from accelerator.collimation.stream import MAX_CELLS, Stream
from accelerator.collimation.timestamps import scaled
from core.errors import InputError

SIGNAL, BACKGROUND, NOISE = "signal_gy_per_s", "background_gy_per_s", "noise_gy_per_s"
_MAX_UNPACKED_BYTES = 8 * MAX_CELLS + 64 * 2**20
_NEEDED = ("time_unix_s", "monitor", SIGNAL)


@dataclass(frozen=True, slots=True)
class Cut:
    """Background and noise of one second by monitor, where a file brings them."""

    background_gy_per_s: NDArray[np.floating] | None
    noise_gy_per_s: NDArray[np.floating] | None


def looks_like(content: bytes) -> bool:
    """Return whether some bytes begin like an npz."""
    return content.startswith(b"PK")


def decode(content: bytes, origin: str) -> tuple[Stream, Cut | None]:
    """Return the seconds in the bytes of an npz, and for a loss map its background and noise.

    Raises
    ------
    core.errors.InputError
        It is cut off or broken, too large once unpacked, or an array is missing, not of numbers or of another shape.
    """
    arrays = _arrays(content, origin)
    missing = [name for name in _NEEDED if name not in arrays]
    if missing:
        raise InputError(origin, f"has no array called {', '.join(missing)}")
    names, signal = arrays["monitor"], arrays[SIGNAL]
    if names.dtype.kind != "U" or names.ndim != 1:
        raise InputError(origin, "has names of monitors that are no list of texts")
    if signal.dtype.kind != "f" or signal.ndim not in {1, 2}:
        raise InputError(origin, f"has {SIGNAL} of {signal.dtype} in {signal.ndim} dimensions")
    cut = _cut(arrays, len(names), origin) if signal.ndim == 1 else None
    time_s = scaled(_floats(arrays["time_unix_s"], origin, "time_unix_s").ravel())
    context = {name: _column(arrays[name], len(time_s), origin, name) for name in NAMES if name in arrays}
    readings: NDArray[np.floating] = np.atleast_2d(signal).astype(signal.dtype, copy=False)
    return Stream(time_s, tuple(str(one) for one in names.tolist()), readings, context), cut


def _arrays(content: bytes, origin: str) -> dict[str, NDArray[np.generic]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(one.file_size for one in archive.infolist()) > _MAX_UNPACKED_BYTES:
                raise InputError(origin, f"holds more than {_MAX_UNPACKED_BYTES / 2**20:.0f} MB once unpacked")
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            wanted = {*NAMES, *_NEEDED, BACKGROUND, NOISE}
            return {name: file[name] for name in file.files if name in wanted}
    except InputError:
        raise
    except Exception as error:  # broken archives fail in many ways
        raise InputError(origin, f"is no npz that can be read ({type(error).__name__}: {str(error)[:120]})") from None


def _cut(arrays: Mapping[str, NDArray[np.generic]], count: int, origin: str) -> Cut:
    found: dict[str, NDArray[np.floating] | None] = {}
    for name in (BACKGROUND, NOISE):
        values = _floats(arrays[name], origin, name) if name in arrays else None
        if values is not None and values.shape != (count,):
            raise InputError(origin, f"has {name} of shape {values.shape} for {count} monitors")
        found[name] = values
    return Cut(found[BACKGROUND], found[NOISE])


def _column(values: NDArray[np.generic], count: int, origin: str, name: str) -> NDArray[np.generic]:
    whole = np.full(count, values[()]) if values.ndim == 0 else values
    if name in TEXTS:
        if whole.dtype.kind not in "Uiu":
            raise InputError(origin, f"holds {values.dtype} instead of text in {name}")
        return whole.astype("U40")
    return _floats(whole, origin, name)


def _floats(values: NDArray[np.generic], origin: str, name: str) -> NDArray[np.float64]:
    if values.dtype.kind not in "biuf":
        raise InputError(origin, f"holds {values.dtype} instead of numbers in {name}")
    return np.asarray(values, dtype=np.float64)
