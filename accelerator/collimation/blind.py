"""What a measurement cannot see: settings errors whose trace would be lost in counting, noise and model error.

For every error of every size the pattern that it would give on average is laid before the likelihood: what it would
prefer to nominal by less than `NEEDED` leaves no trace that anybody could rely on.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation import likelihood, model_error
from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.features import Readings, compare
from accelerator.collimation.geometry import find
from accelerator.collimation.templates import Table

Floats: TypeAlias = NDArray[np.float64]

PRIMARY = {"H": "tcp.c6", "V": "tcp.d6", "S": "tcp.b6"}
NEEDED = 9.0
"""Logarithm of the likelihood ratio from which on an error is called visible: about 4 sigma."""
LEVEL_STEP = 0.25
WATCHED = ("TCP7", "TCSG7", "TCLA7", "TCP3", "TCSG3", "TCLA3", "TCSP", "TCDQ", "TCT15", "TCT8", "TCT2")


class Sight(NamedTuple):
    """Smallest visible change inwards and outwards of each fault (F,), infinite where none of those tried is."""

    inward: Floats
    outward: Floats


def sight(table: Table, readings: Readings) -> Sight:
    """Return what one pattern of this statistics, noise and knowledge can see."""
    scale = round(float(readings.scale[0]), 2)
    return _sight(table, _level(readings), scale, readings.counts, readings.there[0].tobytes())


def _level(readings: Readings) -> float:
    """Logarithm (base 10) of protons, or of all signals over the noise of one, in steps."""
    there = readings.there[0]
    total = float(readings.values[0][there].sum())
    noise = 1.0
    if not readings.counts and there.any():
        noise = max(float(np.median(readings.noise[0][there])), 1e-300)
    level = np.log10(max(total, 1.0 if readings.counts else 1e-300) / noise)
    return float(round(float(level) / LEVEL_STEP) * LEVEL_STEP)


@lru_cache(maxsize=128)
def _sight(table: Table, level: float, scale: float, counts: bool, presence: bytes) -> Sight:
    there = np.frombuffer(presence, bool)
    faults, grid, channels = table.deltas.shape
    log_shares = (table.nominal + table.deltas).reshape(-1, channels)
    log_shares = log_shares - np.log(np.exp(log_shares).sum(axis=1, keepdims=True))
    values = np.exp(log_shares) * 10.0**level
    present = np.broadcast_to(there, values.shape)
    scales = np.full(len(values), max(scale, 1e-3))
    expected = Readings(values, np.ones_like(values) * (not counts), present, scales, counts)
    own = likelihood.fit(compare(expected, log_shares), table, scales).log
    nominal = likelihood.fit(compare(expected, table.nominal[None]), table, scales).log
    visible = (own - nominal).reshape(faults, grid) > NEEDED
    size = np.where(visible, np.abs(table.changes), np.inf)
    inward = np.where(table.changes < 0, size, np.inf).min(axis=1)
    outward = np.where(table.changes > 0, size, np.inf).min(axis=1)
    return Sight(inward, outward)


def words(table: Table, seen: Sight) -> tuple[str, ...]:
    """Return in words what cannot be seen, family by family."""
    families: dict[str, list[int]] = {}
    for number, fault in enumerate(table.faults):
        family = str(find(fault.element).family)
        if fault.quantity is Quantity.GAP and family in WATCHED:
            families.setdefault(family, []).append(number)
    lines = []
    for family in (name for name in WATCHED if name in families):
        own = families[family]
        lines += [
            line
            for line in (
                _line(table, family, own, seen.outward, "open"),
                _line(table, family, own, seen.inward, "closed"),
            )
            if line
        ]
    return tuple(lines)


def _line(table: Table, family: str, own: list[int], least: Floats, verb: str) -> str | None:
    tried = table.changes[own].max(axis=1) if verb == "open" else -table.changes[own].min(axis=1)
    own = [number for number, most in zip(own, tried, strict=True) if most > 0]
    if not own:
        return None
    unseen = [number for number in own if not np.isfinite(least[number])]
    if len(unseen) == len(own):
        most = max(abs(table.changes[n].max() if verb == "open" else table.changes[n].min()) for n in own)
        nominal = table.faults[own[0]].nominal
        end = nominal + most if verb == "open" else max(nominal - most, 0.0)
        which = f"all {len(own)}" if len(own) > 1 else table.faults[own[0]].element.upper()
        return f"{family}: {which} {verb} to {end:.3g} sigma would leave no trace here"
    worst = max(float(least[n]) for n in own if np.isfinite(least[n]))
    kept = f"; {len(unseen)} of {len(own)} not at all" if unseen else ""
    return (
        f"{family}: {verb} by less than {worst:.2g} sigma would not be seen at every collimator{kept}"
        if (worst > 0.35 or unseen)
        else None
    )


PLENTY = 9.0
"""Logarithm (base 10) of protons, or of signal over noise, beyond which only what is known of the machine limits."""
SHARPER = 0.3


def unlimited(table: Table, readings: Readings) -> Sight:
    """Return what could be seen with any number of losses: the limit of what is known of machine and code."""
    return _sight(table, PLENTY, round(float(readings.scale[0]), 2), readings.counts, readings.there[0].tobytes())


def sharpest(table: Table, readings: Readings) -> Sight:
    """Return what could be seen with as many losses, were the nominal pattern of this machine learnt."""
    return _sight(table, _level(readings), model_error.KNOWN["site"], readings.counts, readings.there[0].tobytes())


def limits(table: Table, readings: Readings, seen: Sight) -> tuple[str, ...]:
    """Say how far out the primary of this plane could be unseen, and whether losses or knowledge are to blame."""
    number = primary(table)
    if number is None:
        return ()
    least, known = seen.outward[number], sharpest(table, readings).outward[number]
    plenty = unlimited(table, readings).outward[number]
    name = table.faults[number].element.upper()
    if not np.isfinite(least) or least <= SHARPER:
        return ()
    if known < least:
        why = (
            f"in what is not known of this machine: with its nominal maps learnt (calibrate) {known:.2g} would be seen"
        )
    elif plenty < least:
        why = "in the few losses of this map"
    else:
        return ()
    return (f"{name}: a retraction by less than {least:.2g} sigma hides {why}",)


def primary(table: Table) -> int | None:
    """Return the fault that is the gap of the primary of the plane of a table, None if the plane has none."""
    own = PRIMARY.get(table.key.plane)
    for number, fault in enumerate(table.faults):
        if own is not None and fault.element.startswith(own) and fault.quantity is Quantity.GAP:
            return number
    return None


def visible(table: Table, seen: Sight, element: str, change: float) -> bool:
    """Whether a change of the gap of a collimator would be seen."""
    number = table.find(element, Quantity.GAP)
    if number is None:
        return False
    least = seen.outward[number] if change > 0 else seen.inward[number]
    return bool(least <= abs(change) + 1e-9)


def summary(table: Table, seen: Sight) -> Mapping[str, float]:
    """Return the smallest visible change outwards by collimator (gaps only)."""
    return {
        fault.element: float(least)
        for fault, least in zip(table.faults, seen.outward, strict=True)
        if fault.quantity is Quantity.GAP
    }
