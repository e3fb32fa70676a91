"""CSV as TIMBER (the LHC's logging) exports it: a block for each variable, or one table with a column for each.

A block is ``VARIABLE: NAME``, an empty line, ``Timestamp (LOCAL_TIME),Value`` (or ``UTC_TIME``; ``Value(s)``, ``Array
Values``), then a line for each time. A variable of a single monitor carries its name; a vector (``LHC.BLMI:LOSS_RS09``)
does not name its monitors, so that a list of them is needed beside the file.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.context import TEXTS, Series, condition_of, factor, step
from accelerator.collimation.monitors import by_name, plain_monitor
from accelerator.collimation.stream import MAX_CELLS, Stream
from accelerator.collimation.timestamps import parse
from core.errors import InputError

_VARIABLE = re.compile(r"\s*\"?VARIABLE\s*:\s*(?P<name>[^\s\"]+)", re.IGNORECASE)
_HEADER = re.compile(r"\s*\"?Timestamp\s*(?:\((?P<zone>\w+)\))?\"?\s*[,;]", re.IGNORECASE)
_VECTOR = re.compile(r"LHC\.BLM[IS]?:(LOSS_)?\w*RS\d\d", re.IGNORECASE)
_MAX_TABLE_CELLS = 5_000_000
_NO_NUMBER = {"", "nan", "null", "none", "-"}


@dataclass(slots=True)
class _Block:
    """One variable: its lines as text, and whether its times are local."""

    name: str
    is_local: bool = False
    has_header: bool = False
    stamps: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Reading:
    time_s: NDArray[np.float64]
    values: NDArray[np.float64]


def looks_like(content: bytes) -> bool:
    """Return whether some bytes begin like such an export."""
    head = content[:4096].decode("utf-8", "replace").lstrip("\ufeff")
    return any(_VARIABLE.match(line) or _HEADER.match(line) for line in head.splitlines()[:40])


def decode(content: bytes, origin: str, names_of_vector: Sequence[str] | None = None) -> Stream:
    """Return the seconds in the bytes of an export.

    Times are those of the vector, or all that a monitor was logged at; context is the last value logged before.

    Parameters
    ----------
    names_of_vector
        Monitors in the order of a vector variable.

    Raises
    ------
    core.errors.InputError
        It is no export, holds no monitor, or a vector whose monitors are not named.
    """
    notes: list[str] = []
    blocks = _blocks(content, origin, notes)
    context = {name: _context(block, name, origin, notes) for block in blocks if (name := condition_of(block.name))}
    vectors = [block for block in blocks if _VECTOR.fullmatch(block.name)]
    single = [block for block in blocks if plain_monitor(block.name) in by_name()]
    if vectors:
        time_s, monitors, signal = _vector(vectors[0], origin, names_of_vector, notes)
        if len(vectors) > 1:
            notes.append(f"{len(vectors)} vectors of monitors: {vectors[0].name} taken")
    elif single:
        time_s, monitors, signal = _singles(single, origin, notes)
    else:
        raise InputError(origin, "holds no variable of a beam-loss monitor that is known here")
    left_out = len(blocks) - len(context) - len(vectors) - len(single)
    if left_out:
        notes.append(f"{left_out} other variables left out")
    at_s = np.where(np.isfinite(time_s), time_s, 0.0)
    columns = {name: step(series, at_s) for name, series in context.items() if len(series.time_unix_s)}
    return Stream(time_s, monitors, signal, columns, tuple(notes))


def _blocks(content: bytes, origin: str, notes: list[str]) -> list[_Block]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(origin, "is no text") from None
    lines = text.splitlines()
    if not text.endswith(("\n", "\r")) and lines and not _VARIABLE.match(lines[-1]):
        notes.append("its last line is cut off: left out")
        lines = lines[:-1]
    if any(_VARIABLE.match(line) for line in lines[:200]):
        found = _listed_blocks(lines)
    else:
        found = _table_blocks(lines, origin)
    if not found:
        raise InputError(origin, "holds no variable: no export of TIMBER")
    return found


def _listed_blocks(lines: Sequence[str]) -> list[_Block]:
    found: list[_Block] = []
    for line in lines:
        named = _VARIABLE.match(line)
        if named:
            found.append(_Block(named["name"][:120]))
        elif not found or not line.strip():
            continue
        elif not found[-1].has_header and (header := _HEADER.match(line)):
            found[-1].has_header = True
            found[-1].is_local = _is_local(header["zone"])
        else:
            stamp, _, rest = line.partition(",")
            found[-1].stamps.append(stamp.strip().strip('"'))
            found[-1].texts.append(rest)
    return found


def _table_blocks(lines: Sequence[str], origin: str) -> list[_Block]:
    """One table: the header names a variable for each column."""
    begin = next((at for at, line in enumerate(lines[:40]) if _HEADER.match(line)), None)
    if begin is None:
        raise InputError(origin, "has no line 'Timestamp (...)': no export of TIMBER")
    header = _HEADER.match(lines[begin])
    names = [one.strip().strip('"') for one in lines[begin].split(",")[1:]]
    is_local = _is_local(header["zone"] if header else None)
    if len(names) * (len(lines) - begin) > _MAX_TABLE_CELLS:
        raise InputError(origin, f"is a table of more than {_MAX_TABLE_CELLS} cells: Parquet holds so much")
    found = [_Block(name[:120], is_local, True) for name in names]
    for line in lines[begin + 1 :]:
        stamp, *values = line.split(",")
        if len(values) != len(names):
            continue
        for block, value in zip(found, values, strict=True):
            if value.strip():
                block.stamps.append(stamp.strip().strip('"'))
                block.texts.append(value)
    return [block for block in found if block.name]


def _is_local(zone: str | None) -> bool:
    return (zone or "").upper().startswith("LOCAL")


def _times(block: _Block, origin: str, notes: list[str]) -> NDArray[np.float64]:
    read = parse(block.stamps, local=block.is_local, origin=origin)
    notes.extend(read.notes)
    return read.unix_s


def _context(block: _Block, name: str, origin: str, notes: list[str]) -> Series:
    time_s = _times(block, origin, notes)
    kept = np.isfinite(time_s)
    order = np.flatnonzero(kept)[np.argsort(time_s[kept], kind="stable")]
    texts = [text.strip().strip('"') for text in block.texts]
    if name in TEXTS:
        return Series(time_s[order], np.array([texts[at].removesuffix(".0")[:40] for at in order], dtype="U40"))
    values = np.array([_number(text) for text in texts]) * factor(block.name)
    return Series(time_s[order], values[order])


def _vector(
    block: _Block, origin: str, names: Sequence[str] | None, notes: list[str]
) -> tuple[NDArray[np.float64], tuple[str, ...], NDArray[np.float64]]:
    if not block.texts:
        raise InputError(origin, f"has no values of {block.name}")
    width = _commonest_width(block.texts)
    if names is None:
        raise InputError(
            origin,
            f"does not name the {width} monitors of {block.name}: put their names into a file monitors.csv beside it",
        )
    if width != len(names):
        raise InputError(origin, f"has {width} values of {block.name} a line for {len(names)} names of monitors")
    if width * len(block.texts) > MAX_CELLS:
        raise InputError(origin, f"holds more than {MAX_CELLS} readings")
    signal = np.full((len(block.texts), width), np.nan)
    short = 0
    for at, text in enumerate(block.texts):
        row = _row(text, width)
        if row is None:
            short += 1
        else:
            signal[at] = row
    time_s = _times(block, origin, notes)
    if short:
        notes.append(f"{short} lines of {block.name} with another number of values, or no numbers: left out")
        time_s = np.where(np.isnan(signal).all(axis=1), np.nan, time_s)
    if short == len(block.texts):
        raise InputError(origin, f"has no line of {block.name} that can be read")
    return time_s, tuple(names), signal


def _commonest_width(texts: Sequence[str]) -> int:
    widths, counts = np.unique([text.count(",") + 1 for text in texts], return_counts=True)
    return int(widths[np.argmax(counts)])


def _row(text: str, width: int) -> NDArray[np.float64] | None:
    """The numbers of one line, None if they are not as many as they should be or something else."""
    parts = text.strip().strip('"').split(",")
    if len(parts) != width:
        return None
    try:
        return np.array(parts, dtype=np.float64)
    except ValueError:
        pass
    row = np.array([_number(part) for part in parts])
    return row if np.isfinite(row).any() else None


def _number(text: str) -> float:
    plain = text.strip().strip('"')
    if plain.lower() in _NO_NUMBER:
        return float("nan")
    if plain.lower() in {"true", "false"}:
        return float(plain.lower() == "true")
    try:
        return float(plain)
    except ValueError:
        return float("nan")


def _singles(
    blocks: Sequence[_Block], origin: str, notes: list[str]
) -> tuple[NDArray[np.float64], tuple[str, ...], NDArray[np.float64]]:
    """Monitors logged one by one, laid on whole seconds; a second at which one was not logged is NaN."""
    read: dict[str, _Reading] = {}
    for block in blocks:
        time_s = _times(block, origin, notes)
        values = np.array([_number(text) for text in block.texts], dtype=float)
        kept = np.isfinite(time_s)
        read.setdefault(plain_monitor(block.name), _Reading(np.round(time_s[kept]), values[kept]))
    if len(read) < len(blocks):
        notes.append(f"{len(blocks) - len(read)} monitors twice: the first taken")
    every = np.unique(np.concatenate([one.time_s for one in read.values()]))
    if not every.size:
        raise InputError(origin, "has no time stamp that can be read")
    if every.size * len(read) > MAX_CELLS:
        raise InputError(origin, f"holds more than {MAX_CELLS} readings")
    return every, tuple(read), _laid(every, read)


def _laid(every: NDArray[np.float64], read: Mapping[str, _Reading]) -> NDArray[np.float64]:
    signal = np.full((every.size, len(read)), np.nan)
    for at, one in enumerate(read.values()):
        place = np.searchsorted(every, one.time_s)
        signal[place[::-1], at] = one.values[::-1]  # of a second that comes twice, the first
    return signal
