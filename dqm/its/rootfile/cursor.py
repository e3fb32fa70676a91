"""Reading big-endian fields of a byte string one after the other, never past its end."""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ShiftwatchError

_HAS_COUNT = 0x40000000
_NEW_CLASS = 0xFFFFFFFF
_IS_REFERENCED = 1 << 4
_LONG_STRING = 255


class DamagedError(ShiftwatchError):
    """The bytes are not what the format says; the text tells what is wrong, the caller knows which file."""


@dataclass(slots=True)
class Cursor:
    """A place in some bytes.

    Formats: ROOT's ``TBuffer`` and the class records of ``root/io/doc/TFile`` (https://root.cern/doc/master/dobject.html).
    """

    data: bytes
    at: int = 0

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes.

        Raises
        ------
        DamagedError
            If there are fewer.
        """
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise DamagedError(f"ends in the middle (needs byte {end} of {len(self.data)})")
        taken, self.at = self.data[self.at : end], end
        return taken

    def fields(self, form: struct.Struct) -> tuple[Any, ...]:
        """Return the numbers that ``form`` describes."""
        return form.unpack(self.take(form.size))

    def number(self, form: struct.Struct) -> Any:
        """Return the one number that ``form`` describes."""
        return self.fields(form)[0]

    def text(self) -> str:
        """Return a TString: one byte of length, or 255 and four bytes."""
        length = self.take(1)[0]
        if length == _LONG_STRING:
            length = self.number(I4)
        return self.take(length).decode("utf-8", errors="replace")

    def array(self, dtype: str) -> NDArray[Any]:
        """Return a TArray of big-endian ``dtype``: its length, then its numbers."""
        count, kind = self.number(I4), np.dtype(dtype)
        return np.frombuffer(self.take(count * kind.itemsize), kind)

    def record(self) -> int:
        """Enter a record with a byte count and return where it ends; its version is left out."""
        end, _ = self.versioned()
        return end

    def versioned(self) -> tuple[int, int]:
        """Enter a record with a byte count and return where it ends and the version of its class."""
        count = self.number(U4)
        end = self._end(count)
        return end, self.number(I2)

    def object_end(self) -> int | None:
        """Enter an object behind a pointer, past the name of its class; return its end, or None for no object."""
        count = self.number(U4)
        if count == 0:
            return None
        end = self._end(count)
        if self.number(U4) == _NEW_CLASS:
            stop = self.data.find(b"\0", self.at, end)
            if stop < 0:
                raise DamagedError("a class without name")
            self.at = stop + 1
        return end

    def unique_id(self) -> int:
        """Read a TObject and return its fUniqueID."""
        _, unique, bits = self.fields(_TOBJECT)
        if bits & _IS_REFERENCED:
            self.take(2)
        return int(unique)

    def skip(self) -> None:
        """Leave out one record with a byte count."""
        self.at = self.record()

    def leave(self, end: int) -> None:
        """Go on behind a record that ends at ``end``."""
        if not self.at <= end:
            raise DamagedError("a record is longer than it says")
        self.at = end

    def _end(self, count: int) -> int:
        end = self.at + (count & ~_HAS_COUNT)
        if not count & _HAS_COUNT or end > len(self.data):
            raise DamagedError("a record with a wrong length")
        return end


I2, I4, I8 = struct.Struct(">h"), struct.Struct(">i"), struct.Struct(">q")
U4, F8 = struct.Struct(">I"), struct.Struct(">d")
_TOBJECT = struct.Struct(">hII")
