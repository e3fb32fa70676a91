"""What held while a picture was taken, as an observation carries it, with all that is odd about it in words.

Names: ``run, event, camera, mask, focal_mm, pixel_um, bits, width, height``; ``density_up_cm3, density_down_cm3`` and
``density_cm3`` where the camera looks; ``density_set_cm3, detuning_ghz, detuning_set_ghz, laser_energy_mj``;
``camera_delay_s``; ``stale`` (instruments whose stamp is outside its window), ``missing`` and ``notes``, as text.
What is not known is None: zero, infinite or missing readings never pass as numbers.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from accelerator.schlieren.events.record import EventRecord
from accelerator.schlieren.sidecar import Sidecar
from core.observation import Condition
from core.settings import SchlierenSettings

_UNITS: Mapping[str, tuple[str, float]] = {
    "density_up": ("density_up_cm3", 1.0),
    "density_down": ("density_down_cm3", 1.0),
    "density_set": ("density_set_cm3", 1.0),
    "detuning": ("detuning_ghz", 1.0),
    "detuning_set": ("detuning_set_ghz", 1.0),
    "laser_energy": ("laser_energy_mj", 1000.0),
}
_MUST_BE_POSITIVE = ("density_up_cm3", "density_down_cm3", "density_cm3", "density_set_cm3")
_MUST_NOT_BE_ZERO = ("detuning_ghz", "detuning_set_ghz")
_LONGEST = 600


def of_event(record: EventRecord, settings: SchlierenSettings) -> dict[str, Condition]:
    """Return the conditions of an event."""
    values: dict[str, Condition] = {"run": record.run, "event": record.event, "camera": record.camera}
    notes, stale, missing = [], ["camera"] if record.camera_stale else [], []
    for name, reading in record.readings.items():
        condition, scale = _UNITS[name]
        values[condition] = None if reading.value is None else reading.value * scale
        if reading.missing:
            if getattr(settings, name) is not None:
                missing.append(name)
                notes.append(reading.missing)
        elif reading.stale:
            stale.append(name)
            notes.append(f"{name} is stamped {_delay(reading.delay_s)} the cycle")
    if record.camera_stale:
        notes.insert(0, f"the camera is stamped {_delay(record.camera_delay_s)} the cycle")
    values["camera_delay_s"] = record.camera_delay_s
    return _complete(values, settings, notes, stale, missing)


def of_sidecar(sidecar: Sidecar, settings: SchlierenSettings) -> dict[str, Condition]:
    """Return the conditions of a picture with or without a sidecar."""
    values: dict[str, Condition] = {condition: None for condition, _ in _UNITS.values()}
    values |= {"run": None, "event": None, "camera": None, "camera_delay_s": None, **sidecar.values}
    known = values.get("density_cm3") is not None
    absent = ("detuning_ghz",) if known else ("density_down_cm3", "detuning_ghz")
    missing = [name.rsplit("_", 1)[0] for name in absent if values[name] is None]
    delay = values["camera_delay_s"]
    low, high = settings.camera_window_s
    stale = ["camera"] if isinstance(delay, (int, float)) and not low <= delay <= high else []
    return _complete(values, settings, list(sidecar.notes), stale, missing)


def add_pixels(conditions: dict[str, Condition], pixels: NDArray[np.int16], bits: int) -> NDArray[np.uint16]:
    """Return the counts of an event's picture, and say what is odd about them.

    A camera of more than 15 bits overflows the file's int16: negative pixels are what is above 32767.
    """
    overflowed = int(np.count_nonzero(pixels < 0))
    counts = pixels.view(np.uint16)
    beyond = int(np.count_nonzero(counts > 2**bits - 1))
    if overflowed:
        _note(conditions, f"{overflowed} pixels overflow int16: read as unsigned")
    if beyond:
        _note(conditions, f"{beyond} pixels above {2**bits - 1}: not a camera of {bits} bits")
    conditions["beyond_bits"] = beyond
    return counts


def add_size(conditions: dict[str, Condition], shape: tuple[int, ...], settings: SchlierenSettings) -> None:
    """Say how large the picture is, and whether that is what the camera gives."""
    rows, columns = shape
    conditions["height"], conditions["width"] = rows, columns
    expected = settings.camera_rows_columns
    if expected is not None and (rows, columns) != tuple(expected):
        conditions["wrong_size"] = True
        _note(
            conditions, f"{rows} x {columns} pixels instead of {expected[0]} x {expected[1]}: another camera or binning"
        )


def _complete(
    values: dict[str, Condition], settings: SchlierenSettings, notes: list[str], stale: list[str], missing: list[str]
) -> dict[str, Condition]:
    for name in _MUST_BE_POSITIVE:
        _refuse(values, name, notes, lambda value: value > 0)
    for name in _MUST_NOT_BE_ZERO:
        _refuse(values, name, notes, lambda value: value != 0)
    _refuse(values, "laser_energy_mj", notes, lambda _: True)
    if values.get("density_cm3") is None:
        values["density_cm3"] = _between(values, settings.viewport_share)
    usual: dict[str, Condition] = {
        "mask": settings.mask,
        "focal_mm": settings.focal_mm,
        "pixel_um": settings.pixel_um,
        "bits": settings.bits,
    }
    told = {"stale": ", ".join(stale), "missing": ", ".join(missing), "notes": "; ".join(notes)[:_LONGEST]}
    return {**usual, **values, **told}


def _refuse(values: dict[str, Condition], name: str, notes: list[str], usable: Callable[[float], bool]) -> None:
    value = values.get(name)
    if not isinstance(value, (int, float)):
        return
    if not math.isfinite(value) or not usable(value):
        notes.append(f"{name} is {value:g}")
        values[name] = None


def _between(values: Mapping[str, Condition], share: float) -> float | None:
    """The density where the camera looks: between the ends, or what the only end that is known says."""
    up, down = values.get("density_up_cm3"), values.get("density_down_cm3")
    if isinstance(up, (int, float)) and isinstance(down, (int, float)):
        return float(up + share * (down - up))
    only = up if down is None else down
    return float(only) if isinstance(only, (int, float)) else None


def _delay(delay_s: float | None) -> str:
    if delay_s is None:
        return "never, unlike"
    return f"{abs(delay_s):.3g} s {'before' if delay_s < 0 else 'after'}"


def _note(conditions: dict[str, Condition], text: str) -> None:
    before = conditions.get("notes")
    conditions["notes"] = (f"{before}; {text}" if before else text)[:_LONGEST]
