"""The table of shots that the analysis takes home: one row a shot, as CSV or Parquet.

Columns: time, run, event, camera, quality, cause; value, sigma and floor of each parameter (empty where withheld); what
the instruments said; what was stale, missing or odd.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq

from accelerator.schlieren.channel import PARAMETERS
from core.store.course import CoursePoint

Value = str | float | int | datetime | None
_NUMBERS = ("density_cm3", "density_set_cm3", "detuning_ghz", "detuning_set_ghz", "laser_energy_mj", "camera_delay_s")
_TEXTS = ("mask", "stale", "missing", "notes")
SCHEMA = pa.schema(
    [
        ("observed_at", pa.timestamp("us", "UTC")),
        ("run", pa.int64()),
        ("event", pa.int64()),
        ("camera", pa.string()),
        ("quality", pa.string()),
        ("cause", pa.string()),
        *((f"{name}{part}", pa.float64()) for name in PARAMETERS for part in ("", "_sigma", "_floor")),
        *((name, pa.float64()) for name in _NUMBERS),
        *((name, pa.string()) for name in _TEXTS),
    ]
)


def rows(points: Sequence[CoursePoint]) -> list[dict[str, Value]]:
    """Return a row for each shot, oldest first."""
    return [_row(point) for point in points]


def to_csv(points: Sequence[CoursePoint]) -> bytes:
    """Return the table as CSV (UTF-8, a line of names, ISO 8601 times in UTC)."""
    target = io.StringIO()
    writer = csv.DictWriter(target, SCHEMA.names, lineterminator="\n")
    writer.writeheader()
    for row in rows(points):
        writer.writerow({name: _safe(value) for name, value in row.items()})
    return target.getvalue().encode()


def to_parquet(points: Sequence[CoursePoint]) -> bytes:
    """Return the table as Parquet, with the units of the parameters in the schema's metadata."""
    units = {f"unit {name}": unit or "1" for name, unit in PARAMETERS.items()}
    table = pa.Table.from_pylist(rows(points), SCHEMA).replace_schema_metadata(units)
    target = io.BytesIO()
    pq.write_table(table, target, compression="zstd")
    return target.getvalue()


def _row(point: CoursePoint) -> dict[str, Value]:
    told = point.conditions
    measured: dict[str, Value] = {}
    for name in PARAMETERS:
        one = point.measurements.get(name)
        measured[name] = one.value if one else None
        measured[f"{name}_sigma"] = one.sigma if one else None
        measured[f"{name}_floor"] = one.floor if one else None
    return {
        "observed_at": point.observed_at,
        "run": _whole(told, "run"),
        "event": _whole(told, "event"),
        "camera": _text(told, "camera"),
        "quality": point.quality.value,
        "cause": point.cause,
        **measured,
        **{name: _number(told, name) for name in _NUMBERS},
        **{name: _text(told, name) for name in _TEXTS},
    }


def _safe(value: Value) -> str | float | int:
    """A text that a spreadsheet would take for a formula is quoted: names come from outside."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def _number(told: Mapping[str, object], name: str) -> float | None:
    value = told.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(told: Mapping[str, object], name: str) -> int | None:
    value = told.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else None


def _text(told: Mapping[str, object], name: str) -> str | None:
    value = told.get(name)
    return str(value) if value not in {None, ""} else None
