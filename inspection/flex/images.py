"""Read an image file, whatever it is, as upright RGB; refuse with a reason what cannot be judged.

A scanner folder holds files of any origin, so nothing is trusted: the size is taken from the header before memory is
allocated, and a picture that ends early is refused although decoders would fill its rest with grey.
"""

import stat
import struct
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from core.errors import IncompleteInputError, InputError
from core.inbox import printable

Rgb = NDArray[np.uint8]
FORMATS = ("JPEG", "PNG", "TIFF", "BMP")  # an MPO is a JPEG to Pillow
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff", ".bmp"})
SMALLEST_SIDE = 32
_ORIENTATION = 0x0112
_TURNS: dict[int, Callable[[Rgb], Rgb]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


def read_image(path: Path, max_megapixels: float) -> Rgb:
    """Read an image file.

    Returns
    -------
    (H, W, 3) uint8 RGB, turned upright as its EXIF orientation says.

    Raises
    ------
    core.errors.IncompleteInputError
        If the file changed while it was read.
    core.errors.InputError
        If it cannot be read or is no usable picture; the text names file and reason.
    """
    try:
        content = read_bytes(path, max_megapixels)
    except OSError as error:
        raise InputError(printable(path), _told(error)) from error
    return decode(content, printable(path), max_megapixels)


def read_bytes(path: Path, max_megapixels: float) -> bytes:
    """Return the bytes of a plain file that does not change meanwhile.

    Raises
    ------
    OSError
        If it cannot be opened or read: permission, vanished, network.
    core.errors.InputError
        If it is no plain file, empty, or larger than such an image can be.
    """
    name = printable(path)
    before = path.stat()
    if not stat.S_ISREG(before.st_mode):
        raise InputError(name, "is a folder" if stat.S_ISDIR(before.st_mode) else "is not a plain file")
    if before.st_size == 0:
        raise InputError(name, "is empty (0 bytes)")
    if before.st_size > max_megapixels * 10e6 + 64e6:
        raise InputError(name, f"has {before.st_size / 1e6:.0f} MB: more than {max_megapixels:g} megapixels can need")
    with path.open("rb") as file:
        content = file.read(before.st_size + 1)
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(content) != before.st_size:
        raise IncompleteInputError(name, "changed while it was read")
    return content


def decode(content: bytes, origin: str, max_megapixels: float) -> Rgb:
    """Decode the bytes of an image file, as :func:`read_image` does.

    Raises
    ------
    core.errors.InputError
        If it is no usable picture.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata, which is not used
        try:
            return _decode(content, origin, max_megapixels)
        except InputError:
            raise
        except Image.DecompressionBombError:
            raise InputError(origin, f"is larger than {max_megapixels:g} megapixels") from None
        except Exception as error:  # decoders raise anything on damaged files
            raise InputError(origin, f"cannot be decoded as an image ({error or type(error).__name__})") from error


def _decode(content: bytes, origin: str, max_megapixels: float) -> Rgb:
    try:
        picture = Image.open(BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        size = _tiff_size(content)
        if size is None:
            raise InputError(origin, "is not a JPEG, PNG, TIFF or BMP image") from None
        _check_size(size, origin, max_megapixels)
        return _decode_deep(content, origin)
    with picture:
        _check_size(picture.size, origin, max_megapixels)
        _check_pages(picture, origin)
        if picture.format in {"JPEG", "MPO"}:
            _check_jpeg_end(content, origin)
        turn = _orientation(picture)
        if _is_deep(picture, content):
            pixels = _decode_deep(content, origin)
        elif picture.format == "JPEG" and picture.mode in {"RGB", "L"}:
            pixels = _decode_jpeg(content)
        else:
            picture.load()  # turns a TIFF upright, and then says so
            turn = _orientation(picture)
            pixels = _to_rgb(picture, origin)
        size = picture.size
    if pixels.shape[:2] != size[::-1]:
        raise InputError(origin, "cannot be decoded as an image (its size differs from its header)")
    return np.ascontiguousarray(_upright(pixels, turn))


def _check_size(size: tuple[int, int], origin: str, max_megapixels: float) -> None:
    width, height = size
    if width * height > max_megapixels * 1e6:
        raise InputError(
            origin,
            f"has {width}x{height} pixels, {width * height / 1e6:.0f} megapixels; the limit is {max_megapixels:g}",
        )
    if min(size) < SMALLEST_SIDE:
        raise InputError(origin, f"has {width}x{height} pixels: too small to be a board")


def _check_pages(picture: Image.Image, origin: str) -> None:
    """A TIFF may carry thumbnails, but a second full page would be a side of a board that nobody looks at."""
    if picture.format != "TIFF":
        return
    first, full = picture.size, 1
    for page in range(1, min(getattr(picture, "n_frames", 1), 32)):
        picture.seek(page)
        full += picture.size[0] * picture.size[1] >= 0.5 * first[0] * first[1]
    picture.seek(0)
    if full > 1:
        raise InputError(origin, f"has {full} full pages: save one side of one board per file")


def _check_jpeg_end(content: bytes, origin: str) -> None:
    """libjpeg fills what is missing with grey: demand the end mark, except for a short trailer of a camera."""
    end = content.rfind(b"\xff\xd9")
    trailer = content[end + 2 :].strip(b"\x00\r\n ")
    zeros = len(content) - end - 2 - len(trailer)
    if end < 0 or end < 0.5 * len(content) or (trailer and end < content.rfind(b"\xff\xda")) or zeros > 65536:
        raise InputError(origin, "is truncated: the end of the JPEG is missing")


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # hostile EXIF raises anything; a picture without orientation is upright
        return 1


def _upright(pixels: Rgb, orientation: int | None) -> Rgb:
    turn = _TURNS.get(orientation or 1)
    return pixels if turn is None else turn(pixels)


def _decode_jpeg(content: bytes) -> Rgb:
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if pixels is None:
        raise ValueError("damaged JPEG data")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels), np.uint8)


def _to_rgb(picture: Image.Image, origin: str) -> Rgb:
    if picture.mode == "F":
        raise InputError(origin, "has floating-point pixels: save it with 8 or 16 bits")
    if picture.mode.startswith("I"):
        return _from_deep(np.asarray(picture)[..., None].repeat(3, axis=2), origin)
    if picture.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        ground = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        return np.asarray(Image.alpha_composite(ground, rgba).convert("RGB"), np.uint8)
    return np.asarray(picture.convert("RGB"), np.uint8)


def _is_deep(picture: Image.Image, content: bytes) -> bool:
    """Colour of 16 bits, of which Pillow keeps only the upper 8: a 12-bit picture would come out black."""
    if picture.format == "PNG":
        return content[24] == 16 and picture.mode in {"RGB", "RGBA"}
    if isinstance(picture, TiffImagePlugin.TiffImageFile):
        return picture.mode in {"RGB", "RGBA", "RGBX"} and 16 in picture.tag_v2.get(258, ())
    return False


def _decode_deep(content: bytes, origin: str) -> Rgb:
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] < 3 or pixels.dtype != np.uint16:
        raise InputError(origin, "cannot be decoded as an image (unknown kind of 16-bit image)")
    return _from_deep(np.ascontiguousarray(pixels[..., 2::-1]), origin)


def _from_deep(pixels: NDArray[np.generic], origin: str) -> Rgb:
    """8 of the 12 or 16 bits of each pixel: cameras with 12 bits fill only the lower ones."""
    values = np.asarray(pixels, np.int64) if pixels.dtype.itemsize > 2 else np.asarray(pixels, np.uint16)
    top = int(values.max())
    if int(values.min()) < 0 or top > 65535:
        raise InputError(origin, "has pixels of more than 16 bits")
    scale = 255.0 / (4095 if top <= 4095 else 65535)
    return np.asarray(np.multiply(values, scale, dtype=np.float32) + 0.5, np.uint8)


def _tiff_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a TIFF that Pillow does not know (TIFF 6.0, section 2); None if it is no TIFF."""
    try:
        directory = TiffImagePlugin.ImageFileDirectory_v2(content[:8])
        stream = BytesIO(content)
        stream.seek(directory.next)
        directory.load(stream)
    except (OSError, SyntaxError, struct.error, ValueError, KeyError):
        return None
    width, height = directory.get(256), directory.get(257)
    return (width, height) if isinstance(width, int) and isinstance(height, int) else None


def _told(error: OSError) -> str:
    known: dict[type[OSError], str] = {
        FileNotFoundError: "does not exist",
        PermissionError: "permission denied",
        IsADirectoryError: "is a folder",
    }
    return known.get(type(error), f"cannot be read ({error.strerror or error})")
