"""Pictures without an event: PNG and TIFF of 8, 12 or 16 bits, and npz with the array ``image``."""

import math
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from core.errors import InputError

SUFFIXES = frozenset({".png", ".tif", ".tiff", ".npz"})
_SMALLEST_SIDE = 16
_GREY = {"L", "I", "I;16", "I;16B", "I;16L", "I;16N"}


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Pixels (rows, columns) as the camera counted them, bits of the file, and what was done to them, for people."""

    pixels: NDArray[np.uint16]
    bits: int
    note: str | None = None


def decode(content: bytes, suffix: str, origin: str, max_megapixels: float) -> Picture:
    """Decode the bytes of a picture.

    Raises
    ------
    core.errors.InputError
        If it is no usable grey picture.
    """
    reader: Callable[[bytes, str, float], NDArray[np.generic]] = _from_npz if suffix == ".npz" else _from_image
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata, which is not used
            values = reader(content, origin, max_megapixels * 1e6)
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise InputError(origin, f"is larger than {max_megapixels:g} megapixels") from None
    except Exception as error:  # decoders raise anything on damaged files
        raise InputError(origin, f"cannot be decoded ({error or type(error).__name__})"[:300]) from error
    return _counted(values, origin)


def _from_image(content: bytes, origin: str, most_pixels: float) -> NDArray[np.generic]:
    try:
        picture = Image.open(BytesIO(content), formats=("PNG", "TIFF"))
    except UnidentifiedImageError:
        raise InputError(origin, "is neither PNG nor TIFF") from None
    with picture:
        _check_size(picture.size[::-1], origin, most_pixels)
        if picture.mode in {"RGB", "RGBA"}:
            channels = np.asarray(picture.convert("RGB"))
            if not np.ptp(channels, axis=2).any():
                return np.ascontiguousarray(channels[..., 0])
        if picture.mode not in _GREY:
            raise InputError(origin, f"is no grey picture (mode {picture.mode})")
        return np.asarray(picture)


def _from_npz(content: bytes, origin: str, most_pixels: float) -> NDArray[np.generic]:
    """The array ``image``: its header is looked at before memory is taken, and nothing pickled is loaded."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        if "image.npy" not in archive.namelist():
            raise InputError(origin, "has no array called image")
        if archive.getinfo("image.npy").file_size > 8 * most_pixels + 4096:
            raise InputError(origin, f"is larger than {most_pixels / 1e6:g} megapixels")
        with archive.open("image.npy") as member:
            shape, _, dtype = _header(member, origin)
        _check_size(shape, origin, most_pixels)
        if dtype.kind not in "iu":
            raise InputError(origin, f"has pixels of type {dtype}")
    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        return np.asarray(arrays["image"])


def _header(member: IO[bytes], origin: str) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    version = np.lib.format.read_magic(member)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise InputError(origin, f"has an array of format {version}")
    shape, fortran, dtype = readers[version](member)
    return shape, fortran, dtype


def _check_size(shape: tuple[int, ...], origin: str, most_pixels: float) -> None:
    if len(shape) != 2:
        raise InputError(origin, f"has an image of shape {shape}, not (rows, columns)")
    if math.prod(shape) > most_pixels:
        raise InputError(origin, f"has {math.prod(shape) / 1e6:.1f} megapixels; the limit is {most_pixels / 1e6:g}")
    if min(shape) < _SMALLEST_SIDE:
        raise InputError(origin, f"has {shape[1]}x{shape[0]} pixels: too small")


def _counted(values: NDArray[np.generic], origin: str) -> Picture:
    """Counts of 8 or up to 16 bits; 12 bits that were shifted to the top of 16 are shifted back."""
    if values.dtype.itemsize == 1:
        return Picture(values.astype(np.uint16), 8)
    whole = values.astype(np.int64)
    if whole.min() < 0 or whole.max() > 65535:
        raise InputError(origin, "has pixels below 0 or of more than 16 bits")
    if whole.max() > 4095 and not np.any(whole & 15):
        return Picture((whole >> 4).astype(np.uint16), 12, "12 bits at the top of 16: shifted down")
    return Picture(whole.astype(np.uint16), 12 if whole.max() <= 4095 else 16)
