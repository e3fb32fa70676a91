"""ROOT files made by hand, byte by byte: what uproot does not write, and what nobody should."""

import struct
from collections.abc import Mapping

BEGIN, NAME_LENGTH = 100, 58


def text(value: str) -> bytes:
    raw = value.encode()
    return bytes([len(raw)]) + raw if len(raw) < 255 else b"\xff" + struct.pack(">i", len(raw)) + raw


def record(content: bytes, version: int = 1) -> bytes:
    return struct.pack(">IH", 0x40000000 | (len(content) + 2), version) + content


def key(class_name: str, name: str, packed: bytes, size: int, seek: int, version: int = 4) -> bytes:
    """A TKey as in the list of a folder; ``packed`` only says how long its bytes are."""
    names = text(class_name) + text(name) + text("")
    length = 26 + len(names)
    return struct.pack(">ihiIhhii", length + len(packed), version, size, 0, length, 1, seek, BEGIN) + names


def root_file(objects: Mapping[str, tuple[str, bytes]], sizes: Mapping[str, int] | None = None) -> bytes:
    """A ROOT file with objects (class, bytes as stored) in its outermost folder; ``sizes`` are announced ones."""
    body, listed = b"", b""
    begin = BEGIN + NAME_LENGTH + 42
    for name, (class_name, content) in objects.items():
        entry = key(class_name, name, content, (sizes or {}).get(name, len(content)), begin + len(body))
        listed += entry
        body += entry + content
    seek_keys = begin + len(body)
    keys = key("TFile", "x", struct.pack(">i", len(objects)) + listed, 0, seek_keys)
    keys += struct.pack(">i", len(objects)) + listed
    folder = struct.pack(">hIIiiiii", 5, 0, 0, len(keys), NAME_LENGTH, BEGIN, 0, seek_keys).ljust(42, b"\0")
    header = struct.pack(
        ">4siiiiiiiBiii", b"root", 62400, BEGIN, seek_keys + len(keys), 0, 0, 0, NAME_LENGTH, 4, 1, 0, 0
    )
    return header.ljust(BEGIN, b"\0") + bytes(NAME_LENGTH) + folder + body + keys


def block(method: bytes, packed: bytes, size: int) -> bytes:
    """One compressed block with its nine bytes of header."""
    return method + b"\x08" + len(packed).to_bytes(3, "little") + size.to_bytes(3, "little") + packed
