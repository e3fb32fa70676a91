"""Names in an AWAKE event file, as two real inventories have them (2017 and 2018-11-11, no pixels).

``AwakeEventInfo/{timestamp, runNumber, eventNumber, configurationVersionNumber}`` and
``AwakeEventData/DEVICE/PROPERTY/FIELD``; a property's time is its attribute ``acqStamp`` [ns], or the field
``imageTimeStamp`` of older cameras. Cameras: ``imageRawData`` int16, flattened or (rows, columns), with ``height`` and
``width``. Tables: ``NameAcquisition/nameValue`` and ``ValueAcquisition/floatValue``, 100 each.
"""

import re
from dataclasses import dataclass

from core.errors import SettingsError

DATA = "AwakeEventData"
INFO = "AwakeEventInfo"
TYPES = "__DATA_TYPES__"
RUN, EVENT, TIMESTAMP, VERSION = "runNumber", "eventNumber", "timestamp", "configurationVersionNumber"
PIXELS, HEIGHT, WIDTH = "imageRawData", "height", "width"
STAMP, IMAGE_STAMP = "acqStamp", "imageTimeStamp"
NAMES, VALUES = "NameAcquisition/nameValue", "ValueAcquisition/floatValue"

_ADDRESS = re.compile(r"(?P<path>[^\[\]]+)(?:\[(?P<key>[^\[\]]+)\])?")
_NAME = re.compile(r"(?P<ns>\d{1,20})_(?P<run>\d{1,9})_(?P<event>\d{1,9})")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a reading is: device, property, field and element; ``name``: in a table of names and values instead."""

    device: str
    parts: tuple[str, ...] = ()
    element: int = 0
    name: str | None = None

    @property
    def stamped(self) -> tuple[str, ...]:
        """Device and property that carry the time of the reading."""
        return (self.device, VALUES.split("/", maxsplit=1)[0]) if self.name else (self.device, *self.parts[:-1])


def parse_address(text: str) -> Address:
    """Return the address that a setting names.

    Raises
    ------
    core.errors.SettingsError
        If it is none of DEVICE/PROPERTY/FIELD, DEVICE/PROPERTY/FIELD[3] and DEVICE[NAME].
    """
    match = _ADDRESS.fullmatch(text.strip())
    parts = match["path"].strip("/").split("/") if match else []
    if match and all(parts):
        key = match["key"]
        if len(parts) == 1 and key:
            return Address(parts[0], name=key)
        if len(parts) == 3 and (key is None or key.isdecimal()):
            return Address(parts[0], tuple(parts[1:]), int(key or 0))
    raise SettingsError(
        f"{text!r} is no address: write DEVICE/PROPERTY/FIELD, DEVICE/PROPERTY/FIELD[3] or DEVICE[NAME]"
    )


def parse_camera(text: str) -> tuple[str, str]:
    """Return device and property of a camera; raises SettingsError for what is not DEVICE/PROPERTY."""
    parts = text.strip("/ ").split("/")
    if len(parts) != 2 or not all(parts):
        raise SettingsError(f"{text!r} is no camera: write DEVICE/PROPERTY")
    return parts[0], parts[1]


def file_name(stamp_ns: int, run: int, event: int) -> str:
    """Return the name of an event file: ``1541962108935000000_167_838.h5``."""
    return f"{stamp_ns}_{run}_{event}.h5"


def numbers_in_name(stem: str) -> tuple[int, int] | None:
    """Return run and event number that a file name tells."""
    match = _NAME.fullmatch(stem)
    return (int(match["run"]), int(match["event"])) if match else None
