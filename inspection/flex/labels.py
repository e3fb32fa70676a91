"""Whose picture it is: serial number, stage and side, from a JSON file beside the image or from the file name."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import InputError, SettingsError
from core.inbox import printable
from inspection.flex.serials import parse_serial

_LARGEST = 65536
_LONGEST = 120
_FIELDS = ("serial", "stage", "side")


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of the board; ``side`` is ``front``, ``back`` or None."""

    serial: str | None = None
    stage: str | None = None
    side: str | None = None
    conditions: Mapping[str, str | None] = field(default_factory=dict)


def sidecar_of(path: Path) -> Path:
    """Return where the JSON file of an image is looked for: ``NAME.json`` beside ``NAME.jpg``."""
    return path.with_suffix(".json")


def read_label(path: Path, name_pattern: str) -> Label:
    """Return the label of an image; what the sidecar says goes before what the name says.

    Raises
    ------
    core.errors.InputError
        If there is a sidecar that cannot be used; the text names it.
    core.errors.SettingsError
        If ``name_pattern`` is no regular expression.
    """
    found = _from_name(path, name_pattern)
    sidecar = sidecar_of(path)
    if sidecar.exists():
        found.update({key: value for key, value in _from_sidecar(sidecar).items() if value is not None})
    side = found["side"].lower() if found["side"] else None
    serial = found["serial"]
    known = parse_serial(serial) if serial else None
    conditions = {
        "serial": serial,
        "stage": found["stage"],
        "side": side,
        "component": known.component if known else None,
        "manufacturer": known.manufacturer if known else None,
    }
    return Label(serial, found["stage"], side, conditions)


def _from_name(path: Path, name_pattern: str) -> dict[str, str | None]:
    try:
        match = re.search(name_pattern, path.name)
    except re.error as error:
        raise SettingsError(f"flex.name_pattern is no regular expression: {error}") from None
    groups = match.groupdict() if match else {}
    return {key: groups.get(key) or None for key in _FIELDS}


def _from_sidecar(sidecar: Path) -> dict[str, str | None]:
    name = printable(sidecar)
    if not sidecar.is_file():
        raise InputError(name, "is not a plain file")
    if sidecar.stat().st_size > _LARGEST:
        raise InputError(name, f"has more than {_LARGEST} bytes: not the label of an image")
    try:
        content: Any = json.loads(sidecar.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(name, f"is not valid JSON ({error})") from None
    if not isinstance(content, dict):
        raise InputError(name, "is not a JSON object with serial, stage and side")
    return {key: _text(content.get(key), key, name) for key in _FIELDS}


def _text(value: object, key: str, sidecar: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise InputError(sidecar, f"{key} must be text, not {type(value).__name__}")
    text = value.strip()
    if not text.isprintable() or len(text) > _LONGEST or not text:
        raise InputError(sidecar, f"{key} must be 1 to {_LONGEST} printable characters")
    if key == "side" and text.lower() not in {"front", "back"}:
        raise InputError(sidecar, f"side must be front or back, not {text!r}")
    return text
