"""One file becomes one observation: an event, or a picture with its sidecar."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accelerator.schlieren.conditions import add_pixels, add_size, of_event, of_sidecar
from accelerator.schlieren.events.apart import read_event_apart
from accelerator.schlieren.files import read_bytes
from accelerator.schlieren.pictures import SUFFIXES as PICTURES
from accelerator.schlieren.pictures import decode
from accelerator.schlieren.sidecar import read_sidecar
from core.clock import Clock, SystemClock
from core.errors import InputError
from core.inbox import opening, printable
from core.observation import Condition, Observation
from core.settings import Settings

EVENTS = frozenset({".h5", ".hdf5"})
SUFFIXES = EVENTS | PICTURES
_NS = 1_000_000_000
_AHEAD = timedelta(seconds=2)


def read_file(path: Path, settings: Settings, clock: Clock | None = None) -> Observation:
    """Read one file of any folder.

    Raises
    ------
    core.errors.InputError
        If it cannot be read or used; the text names file and reason.
    """
    with opening(path):
        return observe(path, settings, clock or SystemClock())


def observe(path: Path, settings: Settings, clock: Clock) -> Observation:
    """Read one file.

    Raises
    ------
    OSError
        If it cannot be opened now.
    core.errors.InputError
        If it can never be used.
    """
    name, suffix = printable(path), path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(name, f"is none of {', '.join(sorted(SUFFIXES))}")
    content = read_bytes(path, settings.schlieren.max_file_mb)
    if suffix in EVENTS:
        return _event(content, name, settings, clock)
    return _picture(content, path, settings, clock)


def _event(content: bytes, name: str, settings: Settings, clock: Clock) -> Observation:
    record = read_event_apart(content, name, settings.schlieren)
    conditions = of_event(record, settings.schlieren)
    counts = add_pixels(conditions, record.pixels, settings.schlieren.bits)
    at = _from_ns(record.stamp_ns, conditions, clock)
    return _observation(content, name, counts, conditions, at, settings)


def _picture(content: bytes, path: Path, settings: Settings, clock: Clock) -> Observation:
    name = printable(path)
    sidecar = read_sidecar(path)
    picture = decode(content, path.suffix.lower(), name, settings.schlieren.max_megapixels)
    conditions = of_sidecar(sidecar, settings.schlieren)
    if "bits" not in sidecar.values:
        conditions["bits"] = picture.bits
    if picture.note:
        conditions["notes"] = "; ".join(filter(None, (str(conditions["notes"]), picture.note)))
    at = sidecar.observed_at or datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return _observation(content, name, picture.pixels, conditions, _not_ahead(at, conditions, clock), settings)


def _observation(
    content: bytes,
    name: str,
    counts: NDArray[np.uint16],
    conditions: dict[str, Condition],
    at: datetime,
    settings: Settings,
) -> Observation:
    """The key holds the numbers and the contents: two shots with one number are two observations."""
    add_size(conditions, counts.shape, settings.schlieren)
    digest = hashlib.sha256(content).hexdigest()
    numbers = [str(conditions[key]) for key in ("run", "event") if conditions.get(key) is not None]
    return Observation(
        system="schlieren",
        element=str(conditions.get("camera") or "camera"),
        key="_".join((*numbers, digest[:12])),
        observed_at=at,
        origin=name,
        sha256=digest,
        conditions=conditions,
        payload={"image": np.ascontiguousarray(counts)},
        axes={"image": ("row", "column")},
    )


def _from_ns(stamp_ns: int, conditions: dict[str, Condition], clock: Clock) -> datetime:
    try:
        at = datetime.fromtimestamp(stamp_ns // _NS, UTC) + timedelta(microseconds=stamp_ns % _NS // 1000)
    except (OverflowError, ValueError, OSError):
        at = datetime.max.replace(tzinfo=UTC)
    return _not_ahead(at, conditions, clock)


def _not_ahead(at: datetime, conditions: dict[str, Condition], clock: Clock) -> datetime:
    """The time of the shot; now, with a note, if a wrong clock puts it ahead."""
    now = clock.now()
    if at <= now:
        return at
    if at > now + _AHEAD:
        conditions["clock_ahead"] = True
        text = f"stamped {at.isoformat()}, which is in the future: taken as now"
        conditions["notes"] = "; ".join(filter(None, (str(conditions.get("notes") or ""), text)))
    return now
