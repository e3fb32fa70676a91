"""The JSON file beside a picture: what an event file would have told of the shot."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.inbox import printable

_LARGEST = 65536
_LONGEST = 120
NUMBERS = (
    "density_cm3",
    "density_up_cm3",
    "density_down_cm3",
    "density_set_cm3",
    "detuning_ghz",
    "detuning_set_ghz",
    "laser_energy_mj",
    "camera_delay_s",
    "pixel_um",
    "focal_mm",
)
WHOLES = ("run", "event", "bits")
TEXTS = ("camera", "mask", "observed_at")
POSITIVE = ("pixel_um", "focal_mm", "bits")


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What a sidecar says: ``values`` by key, what is not to be used in ``notes``, and when the shot was."""

    values: Mapping[str, float | int | str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    observed_at: datetime | None = None


def sidecar_of(path: Path) -> Path:
    """Return where the sidecar of a picture is looked for: ``NAME.json`` beside ``NAME.png``."""
    return path.with_suffix(".json")


def read_sidecar(path: Path) -> Sidecar:
    """Return what the file beside a picture says; nothing if there is none.

    Raises
    ------
    core.errors.InputError
        If there is one that cannot be used: no JSON object, an unknown key, a value of the wrong kind.
    """
    sidecar = sidecar_of(path)
    name = printable(sidecar)
    if not sidecar.exists():
        return Sidecar()
    if not sidecar.is_file() or sidecar.stat().st_size > _LARGEST:
        raise InputError(name, f"is no plain file of at most {_LARGEST} bytes")
    try:
        content: Any = json.loads(sidecar.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(name, f"is not valid JSON ({error})") from None
    if not isinstance(content, dict):
        raise InputError(name, "is not a JSON object")
    if unknown := sorted(set(content) - {*NUMBERS, *WHOLES, *TEXTS}):
        raise InputError(name, f"has unknown keys: {', '.join(map(repr, unknown))}"[:300])
    return _checked({key: value for key, value in content.items() if value is not None}, name)


def _checked(content: Mapping[str, Any], name: str) -> Sidecar:
    values: dict[str, float | int | str] = {}
    notes = []
    for key, value in content.items():
        checked = _value(key, value, name)
        if isinstance(checked, float) and not math.isfinite(checked):
            notes.append(f"{key} is {checked}")
        else:
            values[key] = checked
    at = values.pop("observed_at", None)
    return Sidecar(values, tuple(notes), _instant(str(at), name) if at is not None else None)


def _value(key: str, value: object, name: str) -> float | int | str:
    if key in TEXTS:
        if not isinstance(value, str) or not value.strip().isprintable() or not 0 < len(value.strip()) <= _LONGEST:
            raise InputError(name, f"{key} must be 1 to {_LONGEST} printable characters")
        if key == "mask" and value not in {"knife", "stop"}:
            raise InputError(name, f"mask must be knife or stop, not {value!r}")
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError(name, f"{key} must be a number, not {type(value).__name__}")
    if key in POSITIVE and not 0 < value < math.inf:
        raise InputError(name, f"{key} must be positive, not {value}")
    if key in WHOLES:
        if not isinstance(value, int) or not 0 <= value < 2**53:
            raise InputError(name, f"{key} must be a whole number, not {value}")
        return value
    return _float(value)


def _float(value: float) -> float:
    """A JSON integer may be too long for a float."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _instant(text: str, name: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(name, f"observed_at is no time: {text!r}") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
