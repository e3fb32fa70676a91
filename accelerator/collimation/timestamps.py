"""Time stamps of logged data: UTC or local (Europe/Zurich) text, ISO 8601, or seconds, milliseconds, nanoseconds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

CERN = "Europe/Zurich"
_NUMBER = re.compile(r"\d{9,19}(\.\d*)?")
HOUR_S = 3600.0
EARLIEST_S, LATEST_S = 946684800.0, 4102444800.0
"""2000 and 2100: a time outside is no time of the LHC."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds since 1970, NaN where a stamp could not be read, and what there is to say about them."""

    unix_s: NDArray[np.float64]
    notes: tuple[str, ...] = ()


def parse(stamps: Sequence[str], *, local: bool, origin: str) -> Times:
    """Read time stamps as text.

    Local time is unambiguous but for one hour a year: stamps that fall back by more than half an hour within it are
    those after the clock change, and the others those before it.

    Parameters
    ----------
    stamps
        In the order in which they stand in the file.
    local
        Whether text without zone is the time of CERN's clocks (else UTC).

    Raises
    ------
    core.errors.InputError
        Local time was asked for, and this machine does not know CERN's time zone.
    """
    zone = _zone(origin) if local else UTC
    found = np.full(len(stamps), np.nan)
    read = [_one(stamp.strip()) for stamp in stamps]
    forms = {one[1] for one in read if one}
    doubtful: list[int] = []
    skipped = 0
    for at, one in enumerate(read):
        if one is not None and isinstance(one[0], datetime):
            told = one[0].replace(tzinfo=zone)
            is_odd = local and told.utcoffset() != told.replace(fold=1).utcoffset()
            is_skipped = is_odd and told.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != one[0]
            skipped += is_skipped
            if is_odd and not is_skipped:
                doubtful.append(at)
            found[at] = told.timestamp()
        elif one is not None:
            found[at] = one[0]
    notes = [_settle_doubtful(found, doubtful)] if doubtful else []
    return Times(found, (*notes, *_about(skipped, forms)))


def _about(skipped: int, forms: set[str]) -> list[str]:
    notes = []
    if skipped:
        notes.append(f"{skipped} time stamps in the hour that the clock change skips: taken as before the change")
    if len(forms) > 1:
        notes.append(f"time stamps of several forms: {', '.join(sorted(forms))}")
    return notes


def scaled(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numeric time stamps in seconds: larger numbers are milli-, micro- or nanoseconds; NaN if impossible."""
    seconds = np.array(numbers, dtype=float)
    with np.errstate(invalid="ignore"):
        for power in (1e9, 1e6, 1e3):
            is_finer = (seconds >= EARLIEST_S * power) & (seconds < LATEST_S * power)
            seconds = np.where(is_finer, seconds / power, seconds)
        return np.where((seconds >= EARLIEST_S) & (seconds < LATEST_S), seconds, np.nan)


def _one(stamp: str) -> tuple[float | datetime, str] | None:
    """A time with zone in seconds, one without as it is, and the name of the form; None if it is none."""
    if _NUMBER.fullmatch(stamp):
        value = float(scaled(np.array([float(stamp)]))[0])
        return (value, "numbers") if np.isfinite(value) else None
    try:
        told = datetime.fromisoformat(stamp)
        if not 2000 <= told.year < 2100:
            return None
        return (told, "text without zone") if told.tzinfo is None else (told.timestamp(), "text with zone")
    except (ValueError, OverflowError):
        return None


def _settle_doubtful(found: NDArray[np.float64], doubtful: list[int]) -> str:
    """Move stamps of the doubled hour behind the change where their order says so; say what was done."""
    is_after = bool(doubtful[0] and found[doubtful[0] - 1] > found[doubtful[0]])
    moved, before = 0, np.nan
    for at in doubtful:
        as_read = found[at]
        is_after = is_after or bool(as_read < before - HOUR_S / 2)
        before = as_read
        if is_after:
            found[at] += HOUR_S
            moved += 1
    return f"{len(doubtful)} local time stamps in the hour that the clock change doubles: {moved} taken as after it"


def _zone(origin: str) -> ZoneInfo:
    try:
        return ZoneInfo(CERN)
    except ZoneInfoNotFoundError:
        raise InputError(
            origin, f"is in local time, and the time zone {CERN} is unknown here (install tzdata)"
        ) from None
