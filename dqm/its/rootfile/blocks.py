"""Decompressing the blocks of a ROOT object, never to more than its key announces."""

import lzma
import struct
import zlib
from collections.abc import Callable

import cramjam

from dqm.its.rootfile.cursor import Cursor, DamagedError

_BLOCK = struct.Struct("<2sB3s3s")
_CHECKSUM = 8  # of LZ4 blocks; a wrong one shows as wrong bytes


def decompress(packed: bytes, size: int) -> bytes:
    """Return the ``size`` bytes that the blocks in ``packed`` hold.

    Each block has nine bytes of header: two letters of the method, one of its version, three each of packed and
    unpacked length, the lowest byte first (``core/zip/src/RZip.cxx`` in the ROOT sources).

    Raises
    ------
    DamagedError
        If the blocks hold another number of bytes, are broken or packed in an unknown way.
    """
    cursor, parts, left = Cursor(packed), list[bytes](), size
    while left > 0:
        method, _, short, long = cursor.fields(_BLOCK)
        length, unpacked = int.from_bytes(short, "little"), int.from_bytes(long, "little")
        if not 0 < unpacked <= left:
            raise DamagedError("its compressed blocks hold more than the key announces")
        parts.append(_unpack(method, cursor.take(length), unpacked))
        left -= unpacked
    return b"".join(parts)


def _unpack(method: bytes, packed: bytes, size: int) -> bytes:
    unpack = _METHODS.get(method)
    if unpack is None:
        raise DamagedError(f"is compressed by an unknown method ({method!r})")
    try:
        content = unpack(packed, size)
    except (zlib.error, lzma.LZMAError, cramjam.DecompressionError, ValueError, EOFError) as error:
        raise DamagedError(f"cannot be decompressed ({error})") from None
    if len(content) != size:
        raise DamagedError(f"decompresses to {len(content)} bytes in place of {size}")
    return content


def _zlib(packed: bytes, size: int) -> bytes:
    return zlib.decompressobj().decompress(packed, size)


def _lzma(packed: bytes, size: int) -> bytes:
    return lzma.LZMADecompressor().decompress(packed, size)


def _lz4(packed: bytes, size: int) -> bytes:
    return bytes(cramjam.lz4.decompress_block(packed[_CHECKSUM:], output_len=size))


def _zstd(packed: bytes, size: int) -> bytes:
    room = bytearray(size)
    filled = cramjam.zstd.decompress_into(packed, room)
    return bytes(room[:filled])


_METHODS: dict[bytes, Callable[[bytes, int], bytes]] = {b"ZL": _zlib, b"XZ": _lzma, b"L4": _lz4, b"ZS": _zstd}
