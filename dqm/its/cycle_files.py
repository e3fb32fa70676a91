"""One cycle in one file: ROOT with the objects under their QCDB paths, or npz with an array each (see README.md)."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from core.errors import InputError
from core.observation import Observation
from dqm.its.arrays import NotAnArrayError, decode_arrays
from dqm.its.cycle import Cycle, assemble, to_observation
from dqm.its.geometry import LAYERS, STAVES
from dqm.its.histogram import Histogram, decode_object, to_root
from dqm.its.objects import OBJECTS, payload_of
from dqm.its.rootfile.container import Key, RootFile
from dqm.its.rootfile.cursor import Cursor, DamagedError

HEADER = "cycle"
MAX_FILE_BYTES = 64 * 2**20
MAX_OBJECT_BYTES = 8 * 2**20
MAX_MASKED = STAVES + sum(layer.staves * layer.cells for layer in LAYERS)


class Header(BaseModel):
    """What a file says about its cycle, as JSON under the name ``cycle``."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["shiftwatch its cycle 1"] = "shiftwatch its cycle 1"
    began_at: AwareDatetime
    ended_at: AwareDatetime
    run_began_at: AwareDatetime | None = None
    metadata: dict[str, str]
    missing: dict[str, str] = Field(default_factory=dict)
    masked: tuple[str, ...] = Field(default=(), max_length=MAX_MASKED)


def read_cycle(path: Path) -> Cycle:
    """Read one ROOT or npz file.

    Raises
    ------
    core.errors.InputError
        If it cannot be read, is neither, is larger than 64 MB or broken, or holds no usable object. A single bad object
        only counts as missing.
    """
    return decode_cycle(_read(path), str(path))


def read_observation(path: Path) -> Observation:
    """Read one ROOT or npz file as an observation; raises as ``read_cycle``."""
    body = _read(path)
    return to_observation(decode_cycle(body, str(path)), str(path), hashlib.sha256(body).hexdigest())


def decode_cycle(body: bytes, origin: str) -> Cycle:
    """Return the cycle in the bytes of a ROOT or npz file; raises as ``read_cycle``."""
    if len(body) > MAX_FILE_BYTES:
        raise InputError(origin, f"is larger than {MAX_FILE_BYTES} bytes")
    if body.startswith(b"root"):
        return _from_root(body, origin)
    if body.startswith(b"PK"):
        return _from_npz(body, origin)
    raise InputError(origin, "is neither a ROOT file nor an npz" if body else "is empty")


def write_npz(path: Path, cycle: Cycle) -> None:
    """Write a cycle as npz; the same cycle gives the same bytes."""
    arrays: dict[str, Any] = {HEADER: np.array(_header(cycle))}
    arrays |= {payload: found.values for payload, found in cycle.histograms.items()}
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        part = Path(folder) / path.name
        with part.open("wb") as file:
            np.savez_compressed(file, **arrays)
        part.replace(path)


def write_root(path: Path, cycle: Cycle, provenance: str = "qc") -> None:
    """Write a cycle as ROOT, every object under its path in the QCDB."""
    import uproot  # only what writes ROOT files needs it

    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        part = Path(folder) / path.name
        with uproot.recreate(part) as file:
            file[HEADER] = _header(cycle)
            for payload, found in cycle.histograms.items():
                file[OBJECTS[payload].path(provenance)] = to_root(found)
        part.replace(path)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError(path, f"cannot be read ({getattr(error, 'strerror', None) or error})") from None


def _header(cycle: Cycle) -> str:
    header = Header(
        began_at=cycle.began_at,
        ended_at=cycle.ended_at,
        run_began_at=cycle.run_began_at,
        metadata=dict(cycle.metadata),
        missing=dict(cycle.reasons),
        masked=cycle.masked,
    )
    return header.model_dump_json()


def _cycle(text: str, found: dict[str, Histogram], reasons: dict[str, str], origin: str) -> Cycle:
    try:
        header = Header.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(origin, f"{HEADER}: {where or 'header'}: {first['msg']}") from None
    return assemble(
        found,
        header.metadata,
        header.began_at,
        header.ended_at,
        origin,
        reasons={**header.missing, **reasons},
        run_began_at=header.run_began_at,
        masked=header.masked,
    )


def _from_npz(body: bytes, origin: str) -> Cycle:
    found: dict[str, Histogram] = {}
    reasons: dict[str, str] = {}
    text = None
    for name, array in decode_arrays(body, origin, {HEADER, *OBJECTS}):
        if isinstance(array, NotAnArrayError):
            reasons[name] = str(array)
        elif name == HEADER:
            text = str(array) if array.dtype.kind == "U" and array.ndim == 0 else None
        else:
            _keep(name, array, found, reasons)
    if text is None:
        raise InputError(origin, f"has no text called {HEADER}")
    return _cycle(text, found, reasons, origin)


def _keep(payload: str, array: np.ndarray, found: dict[str, Histogram], reasons: dict[str, str]) -> None:
    if array.dtype.kind not in "biuf":
        reasons[payload] = f"holds {array.dtype} instead of numbers"
        return
    try:
        found[payload] = OBJECTS[payload].histogram(array)
    except ValueError as error:
        reasons[payload] = str(error)


def _from_root(body: bytes, origin: str) -> Cycle:
    try:
        file = RootFile(body)
        keys = file.keys()
        text = _text(file, keys[HEADER]) if HEADER in keys else None
    except DamagedError as error:
        raise InputError(origin, str(error)) from None
    if text is None:
        raise InputError(origin, f"has no TObjString called {HEADER}")
    found: dict[str, Histogram] = {}
    reasons: dict[str, str] = {}
    for path, key in keys.items():
        payload = payload_of(path)
        if payload is None or payload in found:
            continue
        try:
            found[payload] = decode_object(key.class_name, file.read(key, MAX_OBJECT_BYTES), f"{origin}: {path}")
        except DamagedError as error:
            reasons[payload] = str(error)
        except InputError as error:
            reasons[payload] = error.reason
    return _cycle(text, found, reasons, origin)


def _text(file: RootFile, key: Key) -> str | None:
    if key.class_name != "TObjString":
        return None
    cursor = Cursor(file.read(key, MAX_OBJECT_BYTES))
    cursor.record()
    cursor.unique_id()
    return cursor.text()
