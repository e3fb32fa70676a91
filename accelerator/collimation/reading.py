"""Any file with losses becomes one observation: the format is found from its bytes, not from its name."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from accelerator.collimation import digitised, lossmap_json, npz_files, parquet, timber
from accelerator.collimation.blowup import excitations, lossmap
from accelerator.collimation.files import (
    MAX_LOSSMAP_BYTES,
    MAX_SIDECAR_BYTES,
    changed_at,
    digest,
    limit_bytes,
    not_in_future,
    read_bytes,
)
from accelerator.collimation.observing import blm_lossmap, noted, stream_observation
from accelerator.collimation.stream import Stream, tidied
from core.clock import Clock, SystemClock
from core.errors import InputError
from core.inbox import opening, printable
from core.observation import Condition, Observation
from core.settings import Settings

SUFFIXES = frozenset({".json", ".csv", ".parquet", ".npz"})
LOSSMAP_EXPORT_S = 300.0
"""An export of no more than this with one excitation was made for that loss map."""
NAMES_FILE = "monitors.csv"


def read_file(path: Path, settings: Settings, clock: Clock | None = None) -> Observation:
    """Read one file of any folder: xcoll JSON, TIMBER CSV, points of a figure, Parquet or npz.

    Raises
    ------
    core.errors.InputError
        If it cannot be read or used; the text names file and reason.
    """
    try:
        with opening(path):
            return observe(path, settings, clock or SystemClock())
    except ValueError as error:
        raise InputError(printable(path), f"cannot be read ({error})") from None


def observe(path: Path, settings: Settings, clock: Clock) -> Observation:
    """Read one file; raises as `read_file`, and OSError if it cannot be opened now."""
    name = printable(path)
    content = read_bytes(path, limit_bytes(settings))
    if lossmap_json.looks_like(content):
        if len(content) > MAX_LOSSMAP_BYTES:
            raise InputError(name, f"is larger than {MAX_LOSSMAP_BYTES / 2**20:.0f} MB")
        told = lossmap_json.read_sidecar(path)
        return _dated(lossmap_json.decode(content, name, digest(content), changed_at(path), told), clock)
    if content.startswith(parquet.MAGIC):
        return _stream(parquet.decode(content, name), content, name, clock)
    if npz_files.looks_like(content):
        return _npz(content, name, clock)
    if digitised.looks_like(content):
        return _digitised(content, path, clock)
    if timber.looks_like(content):
        stream = timber.decode(content, name, _names_beside(path))
        return _cut_out(_stream(stream, content, name, clock))
    raise InputError(name, "is no xcoll JSON, TIMBER export, Parquet, npz or table of points")


def _stream(stream: Stream, content: bytes, name: str, clock: Clock) -> Observation:
    tidy, told = tidied(stream, name)
    return _dated(stream_observation(tidy, told, name, digest(content)), clock)


def _cut_out(observation: Observation) -> Observation:
    """The loss map in a short export with one excitation, else the export as it is, saying how many it has."""
    found = excitations(observation)
    time_s = observation.payload["time_unix_s"]
    if len(found) == 1 and float(time_s[-1] - time_s[0]) <= LOSSMAP_EXPORT_S:
        try:
            return lossmap(observation, found[0])
        except InputError as error:  # no background before it
            return _with(observation, notes=(error.reason,))
    return _with(observation, conditions={"excitations": len(found)}) if found else observation


def _npz(content: bytes, name: str, clock: Clock) -> Observation:
    stream, cut = npz_files.decode(content, name)
    observation = _stream(stream, content, name, clock)
    if cut is None:
        return observation
    kept = {monitor: at for at, monitor in enumerate(stream.monitors)}
    names = observation.payload["monitor"].tolist()
    order = [at for monitor, at in kept.items() if monitor in set(names)]
    conditions = {**observation.conditions, "kind": None}
    beam, plane = conditions.get("beam"), conditions.get("plane")
    return blm_lossmap(
        names,
        np.asarray(observation.payload["signal_gy_per_s"])[0],
        background_gy_per_s=None if cut.background_gy_per_s is None else cut.background_gy_per_s[order],
        noise_gy_per_s=None if cut.noise_gy_per_s is None else cut.noise_gy_per_s[order],
        beam=int(beam) if isinstance(beam, int) else None,
        plane=str(plane) if plane else None,
        seen_at=observation.observed_at,
        told=conditions,
        origin=name,
        sha256=observation.sha256,
    )


def _digitised(content: bytes, path: Path, clock: Clock) -> Observation:
    name = printable(path)
    found = digitised.decode(content, name)
    observation = blm_lossmap(
        found.monitors,
        found.signal,
        background_gy_per_s=None,
        noise_gy_per_s=found.noise,
        beam=found.beam,
        plane=found.plane,
        seen_at=found.seen_at or changed_at(path),
        told=found.told,
        origin=name,
        sha256=digest(content),
        notes=found.notes,
    )
    return _dated(observation, clock)


def _names_beside(path: Path) -> Sequence[str] | None:
    """Names of the monitors of a vector: ``NAME.monitors.csv`` or ``monitors.csv`` beside it, one a line."""
    for beside in (path.with_name(f"{path.stem}.{NAMES_FILE}"), path.with_name(NAMES_FILE)):
        if beside.is_file():
            content = read_bytes(beside, MAX_SIDECAR_BYTES)
            try:
                rows = list(csv.reader(content.decode("utf-8-sig").splitlines()))
            except (UnicodeDecodeError, csv.Error):
                raise InputError(printable(beside), "is no list of names") from None
            names = [row[0].strip() for row in rows if row and row[0].strip()]
            return names[1:] if names and names[0].lower() in {"name", "blm", "monitor"} else names
    return None


def _dated(observation: Observation, clock: Clock) -> Observation:
    notes: list[str] = []
    at = not_in_future(observation.observed_at, clock, notes)
    return observation if not notes else _with(observation, notes=notes, seen_at=at)


def _with(
    observation: Observation,
    *,
    conditions: Mapping[str, Condition] | None = None,
    notes: Sequence[str] = (),
    seen_at: datetime | None = None,
) -> Observation:
    """The same observation with more said of it."""
    before = observation.conditions.get("notes")
    told = noted({**observation.conditions, **(conditions or {})}, (str(before) if before else "", *notes))
    return replace(observation, conditions=told, observed_at=seen_at or observation.observed_at)
