"""JSON from outside: objects, lists of numbers and numbers, or an error that names the file and the reason."""

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

MAX_ENTRIES = 400_000


def parse_object(content: bytes, origin: str) -> dict[str, Any]:
    """Return the object in some bytes.

    Raises
    ------
    core.errors.InputError
        They are cut off, no text or no JSON object.
    """
    try:
        found = json.loads(content)
    except UnicodeDecodeError:
        raise InputError(origin, "is no text") from None
    except json.JSONDecodeError as error:
        is_cut = error.pos >= len(content.rstrip()) - 1 or error.msg.startswith("Unterminated")
        what = "is cut off" if is_cut else "is no JSON"
        raise InputError(origin, f"{what} (line {error.lineno}: {error.msg})") from None
    except (ValueError, RecursionError) as error:
        raise InputError(origin, f"is no JSON that can be read ({type(error).__name__})") from None
    if not isinstance(found, dict):
        raise InputError(origin, "is no JSON object")
    return found


def numbers(raw: object, length: int, origin: str, notes: list[str]) -> NDArray[np.float64] | None:
    """Return a list of finite numbers, None if it is not there; numbers as text are taken, with a note.

    Raises
    ------
    core.errors.InputError
        It is no list, has another length, or holds something that is no finite number.
    """
    if raw is None:
        return None
    if not isinstance(raw, list):
        raise InputError(origin, "is no list")
    if len(raw) != length or length > MAX_ENTRIES:
        raise InputError(
            origin, f"has {len(raw)} entries for {length}" if len(raw) != length else "has too many entries"
        )
    if any(isinstance(one, str) for one in raw):
        notes.append(f"numbers written as text in {origin.rsplit(': ', 1)[-1]}")
    try:
        values = np.array([_number(one) for one in raw], dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise InputError(origin, "holds something else than numbers") from None
    if not np.isfinite(values).all():
        raise InputError(origin, "holds numbers that are not finite")
    return values


def _number(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise TypeError(raw)
    return float(raw)


def positive(raw: object) -> float | None:
    """Return a finite number above zero, or none."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    try:
        value = float(raw)
    except OverflowError:
        return None
    return value if math.isfinite(value) and value > 0 else None
