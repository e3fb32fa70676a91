"""What an event file says, once it is read; and the same as text and plain bytes, to be sent between processes."""

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

READINGS = ("density_up", "density_down", "density_set", "detuning", "detuning_set", "laser_energy")
_LENGTH = struct.Struct("<I")
_PIXEL = np.dtype("<i2")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one instrument says: value (None: nothing), how long after the cycle, and why it is not to be used.

    ``stale`` is true for a stamp outside the device's window or none at all.
    """

    value: float | None = None
    delay_s: float | None = None
    stale: bool = False
    missing: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class EventRecord:
    """One event: numbers, stamp of the cycle [ns since 1970], picture, instruments by name."""

    run: int
    event: int
    stamp_ns: int
    camera: str
    pixels: NDArray[np.int16]
    camera_delay_s: float | None
    camera_stale: bool
    readings: Mapping[str, Reading]


_PLAIN = ("run", "event", "stamp_ns", "camera", "camera_delay_s", "camera_stale")


def to_bytes(record: EventRecord) -> bytes:
    """Return a record as its words in JSON, after their length, and its pixels."""
    told = {name: getattr(record, name) for name in _PLAIN}
    told |= {"shape": record.pixels.shape, "readings": {name: asdict(one) for name, one in record.readings.items()}}
    words = json.dumps(told).encode()
    return _LENGTH.pack(len(words)) + words + record.pixels.astype(_PIXEL).tobytes()


def from_bytes(content: bytes) -> EventRecord:
    """Return the record that `to_bytes` was given.

    Raises
    ------
    ValueError
        If it was not.
    """
    try:
        (length,) = _LENGTH.unpack_from(content)
        told = json.loads(content[_LENGTH.size : _LENGTH.size + length])
        pixels = np.frombuffer(content, _PIXEL, offset=_LENGTH.size + length).reshape(told["shape"])
        readings = {name: Reading(**told["readings"][name]) for name in READINGS}
        return EventRecord(pixels=pixels, readings=readings, **{name: told[name] for name in _PLAIN})
    except (struct.error, KeyError, TypeError) as error:
        raise ValueError("these bytes are no event") from error
