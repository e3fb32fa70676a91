"""Writing what uproot does not: a ROOT file with one object of QC's ratio classes (the fake QCDB and tests).

The file carries no class descriptions: ROOT reads it where the class is known, and so do we. Record formats as in
`dqm.its.rootfile.container` and `dqm.its.rootfile.streams`.
"""

import struct
from typing import Final

_BEGIN, _FILE_VERSION, _DATE = 100, 62400, 0x7A000000
_NAME = "object.root"
_HAS_COUNT, _NEW_CLASS, _IS_CLASS = 0x40000000, 0xFFFFFFFF, 0x80000000
_OFFSET = 2  # ROOT counts places in a buffer from there
_HEADER: Final = struct.Struct(">4siiiiiiiBiii18s")
_KEY: Final = struct.Struct(">ihiIhhii")
_FOLDER: Final = struct.Struct(">hIIiiiii")
_FOLDER_BYTES = _FOLDER.size + 30  # room for long places, then an identifier of the folder


def ratio_file(key: str, plain: str, ratio: bytes, parts: tuple[bytes, bytes], *, uniform: bool) -> bytes:
    """Return a ROOT file with a ``TH1Ratio`` or ``TH2Ratio`` of two ``plain`` (``TH1D``...) under ``key``.

    Parameters
    ----------
    ratio, parts
        Streams of the ratio and of numerator and denominator, each as one of the class ``plain``.
    uniform
        Whether the denominator is one bin for all.
    """
    class_name = f"o2::quality_control_modules::common::{plain[:3]}Ratio<{plain}>"
    header = _KEY.size + sum(len(_text(text)) for text in (class_name, key, ""))
    stream = _ratio(plain, ratio, parts, header, uniform=uniform)
    return _file(key, class_name, stream)


def _ratio(plain: str, ratio: bytes, parts: tuple[bytes, bytes], header: int, *, uniform: bool) -> bytes:
    numerator, denominator = parts
    base = ratio + _counted(struct.pack(">h", 0))  # the class, and its interface
    above = _counted(struct.pack(">I", _NEW_CLASS) + plain.encode() + b"\0" + numerator)
    named_at = header + 6 + len(base) + 4 + _OFFSET  # where the numerator names its class
    below = _counted(struct.pack(">I", _IS_CLASS | named_at) + denominator)
    text = _counted(struct.pack(">h", 10) + _text(plain))
    return _counted(struct.pack(">h", 3) + base + above + below + bytes([uniform, 0, 1]) + text)


def _counted(content: bytes) -> bytes:
    return struct.pack(">I", _HAS_COUNT | len(content)) + content


def _text(text: str) -> bytes:
    raw = text.encode()
    return bytes([len(raw)]) + raw


def _key(class_name: str, name: str, title: str, size: int, place: int, folder: int) -> bytes:
    names = _text(class_name) + _text(name) + _text(title)
    length = _KEY.size + len(names)
    return _KEY.pack(length + size, 4, size, _DATE, length, 1, place, folder) + names


def _file(key: str, class_name: str, stream: bytes) -> bytes:
    """Header, the outermost folder, the object, the list of keys."""
    named = _text(_NAME) + _text("")
    top_size = len(named) + _FOLDER_BYTES
    top = _key("TFile", _NAME, "", top_size, _BEGIN, 0)
    at = _BEGIN + len(top) + top_size
    entry = _key(class_name, key, "", len(stream), at, _BEGIN)
    listed_at = at + len(entry) + len(stream)
    listed = struct.pack(">i", 1) + entry
    keys = _key("TFile", _NAME, "", len(listed), listed_at, _BEGIN) + listed
    end = listed_at + len(keys)
    name_length = len(top) + len(named)
    folder = _FOLDER.pack(5, _DATE, _DATE, len(keys), name_length, _BEGIN, 0, listed_at)
    header = _HEADER.pack(
        b"root", _FILE_VERSION, _BEGIN, end, 0, 0, 0, name_length, 4, 1, 0, 0, struct.pack(">h", 1) + bytes(16)
    )
    return header.ljust(_BEGIN, b"\0") + top + named + folder.ljust(_FOLDER_BYTES, b"\0") + entry + stream + keys
