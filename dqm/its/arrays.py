"""Arrays of an npz file that may be hostile: no pickles, no member that unpacks to more than it should."""

import io
import lzma
import tokenize
import zlib
from collections.abc import Collection, Iterator
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from core.errors import InputError

MAX_MEMBERS = 256
MAX_ARRAY_BYTES = 8 * 2**20
_UNREADABLE = (
    BadZipFile,
    EOFError,
    MemoryError,
    NotImplementedError,  # a compression or encryption that zipfile does not know
    OSError,
    OverflowError,
    RecursionError,
    RuntimeError,  # a password
    SyntaxError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    tokenize.TokenError,
    zlib.error,
)


class NotAnArrayError(ValueError):
    """A member of the file is no array that can be used; the text says why."""


def decode_arrays(
    body: bytes, origin: str, names: Collection[str]
) -> Iterator[tuple[str, NDArray[Any] | NotAnArrayError]]:
    """Yield the arrays called ``names`` that are in the file, or why one of them cannot be read.

    Raises
    ------
    core.errors.InputError
        If the file is no zip archive, broken, or has more than 256 members.
    """
    try:
        archive = ZipFile(io.BytesIO(body))
        members = archive.infolist()
    except _UNREADABLE as error:
        raise InputError(origin, f"is not a readable npz ({error})") from None
    if len(members) > MAX_MEMBERS:
        raise InputError(origin, f"has {len(members)} members, more than {MAX_MEMBERS}")
    with archive:
        for member in members:
            name = member.filename.removesuffix(".npy")
            if name in names:
                yield name, _array(archive, member)


def _array(archive: ZipFile, member: ZipInfo) -> NDArray[Any] | NotAnArrayError:
    if member.file_size > MAX_ARRAY_BYTES:
        return NotAnArrayError(f"unpacks to {member.file_size} bytes, more than {MAX_ARRAY_BYTES}")
    try:
        with archive.open(member) as file:
            return _decoded(file.read(MAX_ARRAY_BYTES))
    except _UNREADABLE as error:
        return NotAnArrayError(f"cannot be read ({error or type(error).__name__})")


def _decoded(content: bytes) -> NDArray[Any]:
    file = io.BytesIO(content)
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"npy version {version}")
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError("holds Python objects")
    rest = content[file.tell() :]
    if any(length < 0 for length in shape) or np.prod([float(n) for n in shape]) * dtype.itemsize != len(rest):
        raise ValueError(f"has {len(rest)} bytes for shape {shape}")
    return np.frombuffer(rest, dtype).reshape(shape, order="F" if fortran else "C")
