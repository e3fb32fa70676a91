"""TH1 and TH2 as ROOT streams them: contents, axes and labels; what only draws them is left out."""

import re
import struct
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from dqm.its.rootfile.cursor import F8, I4, Cursor, DamagedError

_DTYPES = {"D": ">f8", "F": ">f4", "I": ">i4", "S": ">i2", "C": ">i1"}
_PLAIN = re.compile(r"TH([12])([DFISC])")
_RATIO = re.compile(r"(?:o2::quality_control_modules::common::)?TH([12])Ratio<TH\1([DFI])>|TH([12])([DFI])Ratio")
_AXIS = struct.Struct(">idd")
_BAR = struct.Struct(">hh")


@dataclass(frozen=True, slots=True)
class RawAxis:
    """An axis as stored: ``edges`` is empty where all bins are alike; labels are (bin from 1 or 0, text)."""

    title: str
    bins: int
    low: float
    high: float
    edges: NDArray[Any]
    labels: tuple[tuple[int, str], ...] | None


@dataclass(frozen=True, slots=True)
class RawHistogram:
    """A histogram as stored: ``contents`` holds all cells with under- and overflow, x running fastest.

    ``parts`` are numerator and denominator of a ratio, where they are stored with it.
    """

    name: str
    title: str
    class_name: str
    axes: tuple[RawAxis, ...]
    entries: float
    contents: NDArray[Any]
    parts: "tuple[RawHistogram, RawHistogram] | None" = None


def read_histogram(class_name: str, data: bytes) -> RawHistogram:
    """Read the stream of one histogram.

    The ratio classes of AliceO2Group/QualityControl (``TH2Ratio<TH2D>`` of ``Modules/Common``, class version 3) are a
    histogram, which holds the ratio after ``update()``, an interface without members, and behind it numerator and
    denominator, each a pointer to a histogram. (What ROOT 6.38 writes of that class is in ``tests/dqm/its/ratios``.)
    Where these two cannot be read the ratio alone is returned.

    Raises
    ------
    DamagedError
        If the class is no histogram of one or two axes, or the bytes are not what it should have.
    """
    dimensions, kind, is_ratio = _form(class_name)
    cursor = Cursor(data)
    if not is_ratio:
        return _histogram(cursor, dimensions, kind, class_name)
    cursor.record()
    found = _histogram(cursor, dimensions, kind, f"TH{dimensions}Ratio")
    return replace(found, parts=_parts(cursor, dimensions, kind))


def _histogram(cursor: Cursor, dimensions: int, kind: str, class_name: str) -> RawHistogram:
    end = cursor.record()
    if dimensions == 2:
        behind = cursor.record()
        name, title, axes, entries = _th1(cursor)
        cursor.leave(behind)
    else:
        name, title, axes, entries = _th1(cursor)
    contents = cursor.array(_DTYPES[kind])
    cursor.leave(end)
    return RawHistogram(name, title, class_name, axes[:dimensions], entries, contents)


def _parts(cursor: Cursor, dimensions: int, kind: str) -> tuple[RawHistogram, RawHistogram] | None:
    try:
        cursor.skip()  # MergeInterface
        return _pointed(cursor, dimensions, kind), _pointed(cursor, dimensions, kind)
    except DamagedError:
        return None


def _pointed(cursor: Cursor, dimensions: int, kind: str) -> RawHistogram:
    end = cursor.object_end()
    if end is None:
        raise DamagedError("a ratio without its parts")
    found = _histogram(cursor, dimensions, kind, f"TH{dimensions}{kind}")
    cursor.leave(end)
    return found


def _form(class_name: str) -> tuple[int, str, bool]:
    """Dimensions, letter of the contents, and whether it is a ratio."""
    if match := _PLAIN.fullmatch(class_name):
        return int(match[1]), match[2], False
    if match := _RATIO.fullmatch(class_name):
        return int(match[1] or match[3]), match[2] or match[4], True
    raise DamagedError(f"is a {class_name[:80]}, not a histogram of one or two axes")


def _th1(cursor: Cursor) -> tuple[str, str, tuple[RawAxis, ...], float]:
    end = cursor.record()
    name, title = _named(cursor)
    for _ in ("TAttLine", "TAttFill", "TAttMarker"):
        cursor.skip()
    cursor.number(I4)  # fNcells, told again by the array
    axes = tuple(_axis(cursor) for _ in "xyz")
    cursor.fields(_BAR)
    entries = cursor.number(F8)
    cursor.leave(end)
    return name, title, axes, entries


def _named(cursor: Cursor) -> tuple[str, str]:
    end = cursor.record()
    cursor.unique_id()
    name, title = cursor.text(), cursor.text()
    cursor.leave(end)
    return name, title


def _axis(cursor: Cursor) -> RawAxis:
    end, version = cursor.versioned()
    if version < 9:
        raise DamagedError(f"is written by a ROOT before version 5.30 (TAxis version {version})")
    _, title = _named(cursor)
    cursor.skip()  # TAttAxis
    bins, low, high = cursor.fields(_AXIS)
    edges = cursor.array(">f8")
    cursor.take(11)  # fFirst, fLast, fBits2, fTimeDisplay
    cursor.text()  # fTimeFormat
    labels = _labels(cursor)
    cursor.leave(end)
    return RawAxis(title, bins, low, high, edges, labels)


def _labels(cursor: Cursor) -> tuple[tuple[int, str], ...] | None:
    """A THashList of TObjString, each with the number of its bin as fUniqueID."""
    end = cursor.object_end()
    if end is None:
        return None
    cursor.record()  # TList
    cursor.unique_id()
    cursor.text()
    labels = tuple(_label(cursor) for _ in range(_bounded(cursor.number(I4), len(cursor.data))))
    cursor.leave(end)
    return labels


def _label(cursor: Cursor) -> tuple[int, str]:
    end = cursor.object_end()
    if end is None:
        raise DamagedError("a label that is no object")
    cursor.record()
    unique, text = cursor.unique_id(), cursor.text()
    cursor.leave(end)
    cursor.text()  # option of the list
    return unique, text


def _bounded(count: int, limit: int) -> int:
    if not 0 <= count <= limit:
        raise DamagedError(f"{count} labels")
    return count
