"""Parquet of BLM vectors: a column of times and either a list of readings a second, or a column a monitor.

Compact form (what `write` makes): ``time_unix_s``, ``signal_gy_per_s`` (list of single-precision numbers), context
columns by our names, and in the schema's metadata ``monitors`` (JSON list of names). Wide form: ``time`` and a column a
monitor (with or without ``:LOSS_RS09``), context columns by ours or by the logged names.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from accelerator.collimation.context import TEXTS, condition_of, factor
from accelerator.collimation.monitors import by_name, plain_monitor
from accelerator.collimation.stream import MAX_CELLS, Stream
from accelerator.collimation.timestamps import parse, scaled
from core.errors import InputError

TIMES = ("time_unix_s", "time", "timestamp", "timestamps")
SIGNAL = "signal_gy_per_s"
MONITORS = b"monitors"
MAGIC = b"PAR1"
_MAX_ROWS, _MAX_COLUMNS = 200_000, 20_000


def decode(content: bytes, origin: str) -> Stream:
    """Return the seconds in the bytes of a Parquet file.

    Raises
    ------
    core.errors.InputError
        It is cut off or broken, too large once unpacked, or has no times or no readings.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(content), memory_map=False)
        _check_size(file, origin)
        table = file.read(use_threads=False)
    except (pa.ArrowException, OSError, ValueError, UnicodeDecodeError) as error:
        raise InputError(origin, f"is no Parquet file that can be read ({_first_line(error)})") from None
    names = [name for name in table.column_names if name.lower() in TIMES]
    if not names:
        raise InputError(origin, f"has no column of times (one of {', '.join(TIMES)})")
    time_s = _times(table.column(names[0]), origin)
    context = _context(table, origin)
    if SIGNAL in table.column_names:
        monitors, signal = _listed(table, origin)
    else:
        monitors, signal = _wide(table, origin, set(names) | context.keys())
    return Stream(time_s, monitors, signal, _by_condition(context))


def write(path: Path, stream: Stream) -> None:
    """Write a stream in the compact form; the file appears under its name when it is complete."""
    columns: dict[str, pa.Array] = {
        "time_unix_s": pa.array(np.asarray(stream.time_unix_s, dtype=np.float64)),
        SIGNAL: pa.FixedSizeListArray.from_arrays(
            pa.array(np.ascontiguousarray(stream.signal_gy_per_s, dtype=np.float32).ravel()), len(stream.monitors)
        ),
    }
    for name, column in stream.context.items():
        columns[name] = pa.array(column.tolist() if column.dtype.kind == "U" else column)
    table = pa.table(columns).replace_schema_metadata({MONITORS: json.dumps(list(stream.monitors)).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        part = Path(folder) / path.name
        pq.write_table(table, part, compression="zstd")
        part.replace(path)


def _check_size(file: pq.ParquetFile, origin: str) -> None:
    """Refuse what would not fit into memory, by what the file says of itself before anything is unpacked.

    Columns are not asked one by one: of a damaged file, pyarrow 26 ends the whole process when asked for one.
    """
    about = file.metadata
    if about.num_rows > _MAX_ROWS or about.num_columns > _MAX_COLUMNS:
        raise InputError(origin, f"has {about.num_rows} rows of {about.num_columns} columns: too many")
    unpacked = sum(about.row_group(at).total_byte_size for at in range(min(about.num_row_groups, _MAX_ROWS)))
    if about.num_rows * about.num_columns > MAX_CELLS or unpacked > 8 * MAX_CELLS:
        raise InputError(origin, f"holds more than {MAX_CELLS} readings")


def _times(column: pa.ChunkedArray, origin: str) -> NDArray[np.float64]:
    kind = column.type
    if pa.types.is_timestamp(kind):
        nanoseconds = column.cast(pa.timestamp("ns", tz=kind.tz), safe=False).cast(pa.int64())
        return _numbers(nanoseconds, origin, "time") / 1e9
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return parse(
            [str(one) if one is not None else "" for one in column.to_pylist()], local=False, origin=origin
        ).unix_s
    return scaled(_numbers(column, origin, "time"))


def _numbers(column: pa.ChunkedArray, origin: str, name: str) -> NDArray[np.float64]:
    kind = column.type
    try:
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
        if pa.types.is_boolean(column.type):
            column = column.cast(pa.int8())
        cast = column.cast(pa.float64(), safe=False)
        return np.asarray(cast.to_numpy(), dtype=np.float64)
    except (pa.ArrowException, ValueError, TypeError):
        raise InputError(origin, f"holds {kind} instead of numbers in {name[:60]}") from None


def _listed(table: pa.Table, origin: str) -> tuple[tuple[str, ...], NDArray[np.floating]]:
    monitors = _named(table, origin)
    column = table.column(SIGNAL)
    if not (
        pa.types.is_list(column.type) or pa.types.is_large_list(column.type) or pa.types.is_fixed_size_list(column.type)
    ):
        raise InputError(origin, f"holds {column.type} instead of lists of numbers in {SIGNAL}")
    if not pa.types.is_floating(column.type.value_type):
        raise InputError(
            origin, f"holds lists of {column.type.value_type} instead of floating-point numbers in {SIGNAL}"
        )
    parts = []
    for chunk in column.chunks:
        lengths = (
            np.full(len(chunk), chunk.type.list_size)
            if pa.types.is_fixed_size_list(chunk.type)
            else np.diff(chunk.offsets)
        )
        if chunk.null_count or (lengths != len(monitors)).any():
            raise InputError(origin, f"has seconds with another number of readings than its {len(monitors)} monitors")
        parts.append(np.asarray(chunk.flatten().to_numpy(zero_copy_only=False)).reshape(len(chunk), len(monitors)))
    return monitors, np.concatenate(parts) if parts else np.zeros((0, len(monitors)), dtype=np.float32)


def _named(table: pa.Table, origin: str) -> tuple[str, ...]:
    told = (table.schema.metadata or {}).get(MONITORS)
    if told is None:
        raise InputError(origin, f"does not name the monitors of {SIGNAL} (metadata 'monitors')")
    try:
        names = json.loads(told)
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not names or not all(isinstance(one, str) for one in names):
        raise InputError(origin, "has metadata 'monitors' that is no JSON list of names")
    return tuple(names)


def _wide(table: pa.Table, origin: str, taken: set[str]) -> tuple[tuple[str, ...], NDArray[np.floating]]:
    known = by_name()
    others = [name for name in table.column_names if name not in taken]
    chosen = [name for name in others if plain_monitor(name) in known or name.upper().startswith("BLM")]
    if not chosen:
        raise InputError(origin, f"has neither {SIGNAL} nor a column of a known monitor")
    signal = np.empty((table.num_rows, len(chosen)), dtype=np.float32)
    with np.errstate(over="ignore"):  # beyond single precision is infinite, which is counted later
        for at, name in enumerate(chosen):
            signal[:, at] = _numbers(table.column(name), origin, name)
    return tuple(chosen), signal


def _context(table: pa.Table, origin: str) -> dict[str, NDArray[np.generic]]:
    found: dict[str, NDArray[np.generic]] = {}
    for name in table.column_names:
        meaning = condition_of(name)
        if meaning in TEXTS:
            found[name] = np.array([_word(one) for one in table.column(name).to_pylist()], dtype="U40")
        elif meaning is not None:
            found[name] = _numbers(table.column(name), origin, name) * factor(name)
    return found


def _word(value: object) -> str:
    """A text, also of a number: fills are logged as 6642.0."""
    return "" if value is None or value != value else str(value).removesuffix(".0")[:40]  # noqa: PLR0124


def _by_condition(columns: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
    return {str(condition_of(name)): column for name, column in columns.items()}


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
