"""The objects in a ROOT file: where they are, of which class, and their bytes.

Follows the record formats of ROOT's ``TFile``, ``TDirectory`` and ``TKey`` (root/io/doc/TFile in the ROOT sources). The
class descriptions that a file carries are never used: what reads them, uproot, turns them into Python code.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from dqm.its.rootfile.blocks import decompress
from dqm.its.rootfile.cursor import Cursor, DamagedError

MAX_KEYS = 5000
MAX_DEPTH = 12
_FOLDERS = ("TDirectory", "TDirectoryFile")


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a folder: ``start`` to ``stop`` are its (compressed) bytes, ``size`` what they become."""

    name: str
    class_name: str
    start: int
    stop: int
    size: int


class RootFile:
    """The keys of a ROOT file in memory.

    Raises
    ------
    DamagedError
        If the bytes are no ROOT file, or broken, or of the form for files above 2 GB.
    """

    def __init__(self, body: bytes) -> None:
        if body[:4] != b"root":
            raise DamagedError(f"is not a ROOT file (starts with {body[:8]!r})")
        self._body = body
        _, version, begin, *_ = Cursor(body).fields(_HEADER)
        if version >= _BIG:
            raise DamagedError("is a ROOT file of the form for more than 2 GB")
        self._top = begin + Cursor(body).fields(_HEADER)[_NAME_LENGTH]
        self._budget = MAX_KEYS

    def keys(self) -> dict[str, Key]:
        """Return all objects by their path inside the file (``folder/name``); the newest cycle of each."""
        self._budget, found = MAX_KEYS, dict[str, Key]()
        for path, key in self._below(self._top, "", 0):
            found.setdefault(path, key)  # a folder lists the newest cycle first
        return found

    def find(self, name: str) -> Key | None:
        """Return the object called ``name`` in the outermost folder, if it is there."""
        self._budget = MAX_KEYS
        return next((key for key in self._listed(self._top) if key.name == name), None)

    def read(self, key: Key, max_bytes: int) -> bytes:
        """Return the decompressed bytes of one object.

        Raises
        ------
        DamagedError
            If they are broken or more than ``max_bytes``.
        """
        if not 0 <= key.size <= max_bytes:
            raise DamagedError(f"holds {key.size} bytes, more than {max_bytes}")
        packed = Cursor(self._body, key.start).take(key.stop - key.start)
        return packed if len(packed) == key.size else decompress(packed, key.size)

    def _below(self, folder: int, path: str, depth: int) -> Iterator[tuple[str, Key]]:
        if depth > MAX_DEPTH:
            raise DamagedError(f"has folders more than {MAX_DEPTH} deep")
        for key in self._listed(folder):
            if key.class_name in _FOLDERS:
                yield from self._below(key.start, f"{path}{key.name}/", depth + 1)
            else:
                yield path + key.name, key

    def _listed(self, folder: int) -> Iterator[Key]:
        """Entries of the folder whose record starts at ``folder``."""
        cursor = Cursor(self._body, _inside(folder))
        wide = cursor.fields(_FOLDER)[0] > _WIDE
        *_, listed = cursor.fields(_SEEKS_WIDE if wide else _SEEKS)
        if listed == 0:  # a folder without entries that was never written
            return
        cursor = Cursor(self._body, _inside(listed))
        _key(cursor)
        for _ in range(self._counted(cursor.fields(_COUNT)[0])):
            yield _key(cursor)

    def _counted(self, count: int) -> int:
        if not 0 <= count <= self._budget:
            raise DamagedError(f"has more than {MAX_KEYS} objects")
        self._budget -= count
        return count


def _key(cursor: Cursor) -> Key:
    began, version = cursor.at, 0
    length, version, size, _, key_length, _ = cursor.fields(_KEY)
    seek, _ = cursor.fields(_PLACE_WIDE if version > _WIDE else _PLACE)
    class_name, name, _ = cursor.text(), cursor.text(), cursor.text()
    if not 0 <= key_length <= length or cursor.at - began > key_length:
        raise DamagedError("a key with a wrong length")
    return Key(name, class_name, _inside(seek) + key_length, seek + length, size)


def _inside(place: int) -> int:
    if place < 0:
        raise DamagedError("an object before the start of the file")
    return place


_HEADER = struct.Struct(">4siiiiiiiBiii")
_NAME_LENGTH = 7
_FOLDER = struct.Struct(">hIIii")
_SEEKS, _SEEKS_WIDE = struct.Struct(">iii"), struct.Struct(">qqq")
_KEY, _PLACE, _PLACE_WIDE = struct.Struct(">ihiIhh"), struct.Struct(">ii"), struct.Struct(">qq")
_COUNT = struct.Struct(">i")
_BIG, _WIDE = 1_000_000, 1000
