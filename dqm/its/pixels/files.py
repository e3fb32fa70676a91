"""One run of hits in one npz file (see README.md)."""

import hashlib
import re
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.observation import Observation
from dqm.its.arrays import NotAnArrayError, decode_arrays
from dqm.its.pixels.hits import DETECTOR, Hits, checked, to_observation

MAX_FILE_BYTES = 32 * 2**20
_HITS = ("event", "plane", "column", "row")
_NUMBERS = ("run", "events")
_TEXTS = ("began_at", "detector")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}", re.ASCII)


def is_run(path: Path) -> bool:
    """Return whether a file is an npz with the arrays of hits, so that `read_observation` is what should read it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {f"{name}.npy" for name in _HITS} <= set(archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False


def read_run(path: Path) -> Hits:
    """Read the hits of one run.

    Raises
    ------
    core.errors.InputError
        If the file cannot be read, is larger than 32 MB, is no npz, lacks an array, or holds impossible numbers.
    """
    found = _decoded(_read(path), str(path))
    return _hits(found, str(path))


def read_observation(path: Path) -> Observation:
    """Read one run as an observation, seen at ``began_at`` or else when it was written; raises as `read_run`."""
    body = _read(path)
    found = _decoded(body, str(path))
    hits = _hits(found, str(path))
    detector = _text(found, "detector", str(path)) or DETECTOR
    if not _NAME.fullmatch(detector):
        raise InputError(path, f"detector {detector[:80]!r} is no name of up to 64 letters, digits, blanks and ._-")
    return to_observation(hits, _observed_at(found, path), str(path), hashlib.sha256(body).hexdigest(), detector)


def write_run(path: Path, hits: Hits, *, began_at: datetime | None = None, detector: str = DETECTOR) -> None:
    """Write one run; the same run gives the same bytes."""
    arrays: dict[str, Any] = {
        "run": np.array(hits.run, np.int64),
        "events": np.array(hits.events, np.int64),
        "detector": np.array(detector),
        "event": hits.event,
        "plane": hits.plane.astype(np.uint16),
        "column": hits.column.astype(np.uint16),
        "row": hits.row.astype(np.uint16),
    }
    if began_at is not None:
        arrays["began_at"] = np.array(began_at.isoformat())
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        part = Path(folder) / path.name
        with part.open("wb") as file:
            np.savez_compressed(file, **arrays)
        part.replace(path)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError(path, f"cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if len(body) > MAX_FILE_BYTES:
        raise InputError(path, f"is larger than {MAX_FILE_BYTES} bytes")
    return body


def _decoded(body: bytes, origin: str) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    for name, array in decode_arrays(body, origin, {*_HITS, *_NUMBERS, *_TEXTS}):
        if isinstance(array, NotAnArrayError):
            raise InputError(origin, f"{name} {array}")
        if name in found:
            raise InputError(origin, f"has two arrays called {name}")
        found[name] = array
    return found


def _hits(found: dict[str, NDArray[Any]], origin: str) -> Hits:
    numbers = []
    for name in _NUMBERS:
        array = found.get(name)
        if array is None or array.ndim != 0 or array.dtype.kind not in "iu":
            raise InputError(origin, f"has no single integer called {name}")
        numbers.append(int(array))
    return checked(numbers[0], numbers[1], found, origin)


def _text(found: dict[str, NDArray[Any]], name: str, origin: str) -> str | None:
    array = found.get(name)
    if array is None:
        return None
    if array.ndim != 0 or array.dtype.kind != "U":
        raise InputError(origin, f"{name} is no text")
    try:
        return str(array)
    except ValueError as error:  # not every 32-bit number is a character
        raise InputError(origin, f"{name} is no text ({error})") from None


def _observed_at(found: dict[str, NDArray[Any]], path: Path) -> datetime:
    text = _text(found, "began_at", str(path))
    if text is None:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(path, f"began_at {text[:40]!r} is no time") from None
    if moment.tzinfo is None:
        raise InputError(path, f"began_at {text[:40]!r} has no time zone")
    return moment
