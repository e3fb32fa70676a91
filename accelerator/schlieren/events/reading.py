"""Read an AWAKE event file: the camera's picture, the instruments, and how fresh each of them is."""

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from accelerator.schlieren.events.hdf5 import (
    find,
    members,
    opened,
    read_array,
    read_number,
    read_whole,
    whole_attribute,
)
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
    VALUES,
    WIDTH,
    Address,
    parse_address,
    parse_camera,
)
from accelerator.schlieren.events.record import READINGS, EventRecord, Reading
from core.errors import InputError
from core.settings import SchlierenSettings

_SMALL = 1 << 16
_NS = 1_000_000_000


def read_event(content: bytes, origin: str, settings: SchlierenSettings) -> EventRecord:
    """Read the bytes of an event file.

    Raises
    ------
    core.errors.InputError
        If it is no event file, is damaged, or has no usable picture of the camera; the text says which.
    """
    device, property_ = parse_camera(settings.camera)
    with opened(content, origin) as file:
        try:
            run, event, stamp_ns = (_info(file, name) for name in (RUN, EVENT, TIMESTAMP))
            group = _camera_group(file, device, property_)
            pixels = _pixels(group, int(settings.max_megapixels * 1e6))
            delay_s = _delay(group, stamp_ns)
            readings = {name: _reading(file, name, stamp_ns, settings) for name in READINGS}
        except InputError as error:
            raise InputError(origin, str(error).removeprefix(f"{origin}: ")) from error
    stale = not _fresh(delay_s, settings.camera_window_s)
    return EventRecord(run, event, stamp_ns, device, pixels, delay_s, stale, readings)


def _info(file: h5py.Group, name: str) -> int:
    item = find(file, (INFO, name))
    value = None if item is None else read_whole(item)
    if value is None:
        raise InputError(f"{INFO}/{name}", "is missing: no AWAKE event file")
    if not 0 <= value < 2**63:
        raise InputError(f"{INFO}/{name}", f"is {value}")
    return value


def _camera_group(file: h5py.Group, device: str, property_: str) -> h5py.Group:
    group = find(file, (DATA, device, property_))
    if isinstance(group, h5py.Group) and find(group, (PIXELS,)) is not None:
        return group
    data = find(file, (DATA,))
    others = [name for name in members(data) if find(data, (name, property_, PIXELS)) is not None]
    seen = f"; cameras in the file: {', '.join(sorted(others)[:20])}" if others else ""
    raise InputError(f"{device}/{property_}", f"is missing or has no {PIXELS}{seen}")


def _pixels(group: h5py.Group, most_pixels: int) -> NDArray[np.int16]:
    """The picture as (rows, columns): flattened with height and width, or as it is."""
    item, name = find(group, (PIXELS,)), f"{group.name}/{PIXELS}"
    shape = getattr(item, "shape", None)
    if shape is None or not isinstance(item, h5py.Dataset):
        raise InputError(name, "is no array")
    if item.dtype.kind not in "iu" or item.dtype.itemsize > 4:
        raise InputError(name, f"has pixels of type {item.dtype}")
    if item.size > most_pixels:
        raise InputError(name, f"has {item.size / 1e6:.1f} megapixels; the limit is {most_pixels / 1e6:g}")
    rows, columns = _size(group, shape)
    values = read_array(item, 4 * most_pixels)
    if rows * columns != values.size or min(rows, columns) < 16:
        raise InputError(name, f"has {values.size} pixels of shape {shape}, not height x width = {rows} x {columns}")
    if values.dtype.itemsize > 2 and not (values.min() >= -32768 and values.max() <= 32767):
        raise InputError(name, "has pixels of more than 16 bits")
    return values.reshape(rows, columns).astype(np.int16)


def _size(group: h5py.Group, shape: tuple[int, ...]) -> tuple[int, int]:
    told = [None if (item := find(group, (name,))) is None else read_whole(item) for name in (HEIGHT, WIDTH)]
    if None not in told:
        return int(told[0] or 0), int(told[1] or 0)
    if len(shape) == 2 and min(shape) > 1:
        return shape[0], shape[1]
    raise InputError(str(group.name), f"has no {HEIGHT} and {WIDTH} for its flattened {PIXELS}")


def _reading(file: h5py.Group, name: str, stamp_ns: int, settings: SchlierenSettings) -> Reading:
    """Read one instrument; nothing that is wrong with it keeps the picture from being judged."""
    text: str | None = getattr(settings, name)
    if text is None:
        return Reading(missing="not recorded")
    try:
        return _read_at(file, parse_address(text), stamp_ns, _window(name, settings))
    except InputError as error:
        return Reading(missing=f"{text}: {error.reason}")


def _read_at(file: h5py.Group, address: Address, stamp_ns: int, window_s: tuple[float, float]) -> Reading:
    device = find(file, (DATA, address.device))
    if device is None:
        return Reading(missing=f"{address.device} is missing")
    value = _named(device, address.name) if address.name else _plain(device, address)
    if value is None:
        return Reading(missing=f"{address.device} has no {address.name or '/'.join(address.parts)}")
    delay_s = _delay(find(file, (DATA, *address.stamped)), stamp_ns)
    return Reading(value, delay_s, stale=not _fresh(delay_s, window_s))


def _plain(device: Any, address: Address) -> float | None:
    item = find(device, address.parts)
    return None if item is None else read_number(item, address.element)


def _named(device: Any, name: str) -> float | None:
    names, values = find(device, NAMES.split("/")), find(device, VALUES.split("/"))
    if names is None or values is None:
        return None
    texts = [
        text.decode("utf-8", "replace").strip("\0 ")
        for text in read_array(names, _SMALL).astype(bytes).reshape(-1).tolist()
    ]
    return read_number(values, texts.index(name)) if name in texts else None


def _window(name: str, settings: SchlierenSettings) -> tuple[float, float]:
    return settings.laser_window_s if name == "laser_energy" else settings.table_window_s


def _delay(group: Any, stamp_ns: int) -> float | None:
    """How long after the cycle a property is stamped, in s; None without a stamp."""
    if not isinstance(group, h5py.Group):
        return None
    stamp = whole_attribute(group, STAMP)
    if stamp is None and (item := find(group, (IMAGE_STAMP,))) is not None:
        stamp = read_whole(item)
    return None if stamp is None else (stamp - stamp_ns) / _NS


def _fresh(delay_s: float | None, window_s: tuple[float, float]) -> bool:
    return delay_s is not None and window_s[0] <= delay_s <= window_s[1]
