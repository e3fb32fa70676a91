"""Write an event file with the layout of the real ones: what the simulation publishes, and tests read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from accelerator.schlieren.events.layout import (
    DATA,
    EVENT,
    HEIGHT,
    IMAGE_STAMP,
    INFO,
    NAMES,
    PIXELS,
    RUN,
    STAMP,
    TIMESTAMP,
    TYPES,
    VALUES,
    VERSION,
    WIDTH,
    file_name,
    parse_address,
    parse_camera,
)
from accelerator.schlieren.events.record import READINGS
from core.settings import SchlierenSettings

_TABLE = 100
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class EventToWrite:
    """One event: as `accelerator.schlieren.events.record.EventRecord`, to be written.

    ``values`` by the names of `READINGS` in the unit of the file (laser energy in J); ``delays_s`` by the same names
    and ``camera``: how long after the cycle each is stamped (default half a second).
    """

    run: int
    event: int
    stamp_ns: int
    pixels: NDArray[np.int16]
    values: Mapping[str, float] = field(default_factory=dict)
    delays_s: Mapping[str, float] = field(default_factory=dict)

    def stamp_of(self, name: str) -> int:
        """Return the stamp of an instrument."""
        return self.stamp_ns + round(self.delays_s.get(name, 0.5) * _NS)


def write_event(folder: Path, event: EventToWrite, settings: SchlierenSettings) -> Path:
    """Write an event into a folder, so that a watcher sees it only once it is complete; return where."""
    path = folder / file_name(event.stamp_ns, event.run, event.event)
    unfinished = path.with_suffix(".h5.part")
    with h5py.File(unfinished, "w") as file:
        _write_info(file.create_group(INFO), event)
        file.create_group(TYPES)
        data = file.create_group(DATA)
        _write_camera(data, event, settings)
        for name in READINGS:
            address = getattr(settings, name)
            if address is not None and name in event.values:
                _write_reading(data, address, event.values[name], event.stamp_of(name))
    unfinished.replace(path)
    return path


def _write_info(info: Any, event: EventToWrite) -> None:
    info[TIMESTAMP] = np.int64(event.stamp_ns)
    for name, value in ((RUN, event.run), (EVENT, event.event), (VERSION, 1)):
        info[name] = np.int32(value)


def _write_camera(data: Any, event: EventToWrite, settings: SchlierenSettings) -> None:
    device, property_ = parse_camera(settings.camera)
    group, stamp = data.create_group(f"{device}/{property_}"), event.stamp_of("camera")
    rows, columns = event.pixels.shape
    group.attrs[STAMP] = np.int64(stamp)
    group[PIXELS] = event.pixels.astype(np.int16).reshape(-1)
    group[HEIGHT], group[WIDTH] = np.array([rows], np.int32), np.array([columns], np.int32)
    group[IMAGE_STAMP] = np.array([stamp], np.int64)


def _write_reading(data: Any, text: str, value: float, stamp: int) -> None:
    address = parse_address(text)
    if address.name:
        _write_named(data.require_group(address.device), address.name, value, stamp)
        return
    group = data.require_group("/".join((address.device, *address.parts[:-1])))
    group.attrs[STAMP] = np.int64(stamp)
    values = np.full(address.element + 1, np.nan, np.float32)
    values[address.element] = value
    group[address.parts[-1]] = values


def _write_named(device: Any, name: str, value: float, stamp: int) -> None:
    if NAMES not in device:
        device[NAMES], device[VALUES] = np.zeros(_TABLE, "S18"), np.full(_TABLE, np.nan)
    names = device[NAMES][()]
    index = int(np.flatnonzero(names == b"")[0])
    device[NAMES][index], device[VALUES][index] = name.encode(), value
    for property_ in (NAMES, VALUES):
        device[property_.split("/", maxsplit=1)[0]].attrs[STAMP] = np.int64(stamp)
