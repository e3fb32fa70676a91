"""From what the checks find to regions with a cause: each defect once, also where several checks see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from core.verdict import Cause, Region
from dqm.its.pixels.bursts import STUCK_PIXELS
from dqm.its.pixels.causes import PixelCause
from dqm.its.pixels.checking import Findings
from dqm.its.pixels.chip import DOUBLE_COLUMNS, LONG_COLUMNS, Bools, Ints
from dqm.its.pixels.reference import Reference
from dqm.its.pixels.spots import Check, Spots, apart, joined, spots

COLUMN_OF_PIXELS = 4
"""So many new hot pixels in one double column are one stuck double column."""
CHIP_OF_PIXELS, CHIP_OF_COLUMNS = 50, 16
"""So many other pixels, or bursting double columns, on one chip are a noisy chip."""
FILLED = 0.9
DEAD_CHIP_BELOW = 0.1
DEAD_REGION_BELOW = 0.25
"""With more than this part of what is expected, a place has lost something but is not dead."""
MOSTLY = 0.5
KNOWN_CHANCE = 0.01
"""A known hot pixel counts as active where particles alone would show the like on any of them in so few runs."""
MAX_REGIONS = 200
MOST_SPOTS = 5000

NameCause: TypeAlias = Callable[[Spots], PixelCause]


@dataclass(frozen=True, slots=True)
class Judged:
    """A region; whether the reference knows the defect already."""

    region: Region
    known: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """The reference with the score from which on each check flags."""

    reference: Reference
    thresholds: Mapping[Check, float]

    def flagged(self, check: Check, found: Spots) -> Spots:
        """Return the spots of a check that reach its threshold."""
        return found.of(found.score >= self.thresholds[check])

    def p_value(self, check: Check, score: float) -> float:
        """Return the chance that a nominal chip map scores at least this high in a check."""
        tail = self.reference.tails.get(check)
        if tail is not None:
            return float(tail.p_value(score))
        return 1 / (self.reference.maps + 1) if score >= self.thresholds[check] else 1.0


def judged_regions(findings: Findings, rules: Rules) -> list[Judged]:
    """Return the regions of a run, most surprising first; at most 200."""
    flagged = {check: rules.flagged(check, found) for check, found in findings.spots.items()}
    pixels, pixel_columns, noisy_chips = _pixels(_loudest(flagged[Check.PIXEL], MOST_SPOTS))
    bursts, burst_chips = _bursts(_loudest(flagged[Check.BURST], MOST_SPOTS))
    columns = _outside(apart(flagged[Check.COLUMN]), joined([bursts, pixel_columns]))
    rates, noisy, dead = _regions(flagged, columns)
    found = [
        *_each(burst_chips, Check.BURST, PixelCause.NOISY_CHIP, rules),
        *_each(bursts, Check.BURST, _burst_cause, rules),
        *_each(pixel_columns, Check.PIXEL, PixelCause.STUCK_DOUBLE_COLUMN, rules),
        *_each(noisy_chips, Check.PIXEL, PixelCause.NOISY_CHIP, rules),
        *_each(pixels, Check.PIXEL, PixelCause.HOT_PIXEL, rules),
        *_each(columns, Check.COLUMN, PixelCause.STUCK_DOUBLE_COLUMN, rules),
        *_each(noisy, Check.NOISY, PixelCause.NOISY_REGION, rules),
        *_each(dead, Check.DEAD, PixelCause.DEAD_REGION, rules),
        *_each(rates, Check.RATE, _rate_cause, rules),
        *_each(_loudest(flagged[Check.FLASH]), Check.FLASH, PixelCause.UNKNOWN, rules),
        *_each(_loudest(flagged[Check.CLUSTER]), Check.CLUSTER, PixelCause.UNKNOWN, rules),
        *_each(_long(findings.spots[Check.LONG]), Check.LONG, PixelCause.LONG_CLUSTER, rules),
        *_known_pixels(findings.known, rules.reference),
    ]
    return sorted(found, key=lambda one: (one.known, one.region.p_value or 0.0, -one.region.score))[:MAX_REGIONS]


def _bursts(flagged: Spots) -> tuple[Spots, Spots]:
    """Return one spot per double column, of all its bursts, and one for each chip that is full of them."""
    columns = _merged(flagged, flagged.plane * DOUBLE_COLUMNS + flagged.column // 2)
    in_chip = _alike(columns.plane) >= CHIP_OF_COLUMNS
    return columns.of(~in_chip), _merged(columns.of(in_chip), columns.plane[in_chip])


def _merged(flagged: Spots, group: Ints) -> Spots:
    """Return one spot per group: its highest, over the box and the events of all."""
    parts = [flagged.of(group.ravel() == number) for number in np.unique(group)]
    return joined([_spanning(own.of(np.array([int(np.argmax(own.score))])), own) for own in parts] or [flagged])


def _spanning(largest: Spots, own: Spots) -> Spots:
    """Return the spot with the box and the events of all."""
    low, high = own.row.min(), (own.row + own.rows).max()
    left, right = own.column.min(), (own.column + own.columns).max()
    return spots(
        plane=largest.plane, column=left, columns=right - left, row=low, rows=high - low,
        first_event=own.first_event.min(), last_event=own.last_event.max(), count=own.count.sum(),
        expected=own.expected.sum(), score=largest.score,
    )  # fmt: skip


def _pixels(flagged: Spots) -> tuple[Spots, Spots, Spots]:
    """Return hot pixels by themselves, double columns that hold several, and chips that are full of them."""
    column = flagged.plane * DOUBLE_COLUMNS + flagged.column // 2
    in_column = _alike(column) >= COLUMN_OF_PIXELS
    rest = flagged.of(~in_column)
    in_chip = _alike(rest.plane) >= CHIP_OF_PIXELS
    columns = _merged(flagged.of(in_column), column[in_column])
    return rest.of(~in_chip), columns, _merged(rest.of(in_chip), rest.plane[in_chip])


def _alike(number: Ints) -> Ints:
    """Return for each number how often it is there."""
    _, index, count = np.unique(number, return_inverse=True, return_counts=True)
    return np.asarray(count[index.ravel()])


def _regions(flagged: Mapping[Check, Spots], columns: Spots) -> tuple[Spots, Spots, Spots]:
    """Return chips, noisy and dead regions, without those that one of the others explains."""
    rates = flagged[Check.RATE]
    gone = rates.of(rates.count < DEAD_CHIP_BELOW * rates.expected)
    noisy = apart(_outside(flagged[Check.NOISY], joined([columns, gone])))
    low = flagged[Check.DEAD]
    dead = apart(_outside(low.of(low.count < DEAD_REGION_BELOW * low.expected), gone))
    changed = np.array([_explained_by(plane, noisy, dead) for plane in rates.plane.tolist()])
    off = rates.count - rates.expected
    explained = (np.abs(changed) >= MOSTLY * np.abs(off)) & (np.sign(changed) == np.sign(off)) if off.size else off > 0
    return rates.of(~explained), noisy, dead


def _explained_by(plane: int, noisy: Spots, dead: Spots) -> float:
    return float(sum((one.count - one.expected)[one.plane == plane].sum() for one in (noisy, dead)))


def _outside(found: Spots, others: Spots) -> Spots:
    """Return the spots that meet none of the others."""
    meets = np.zeros(found.plane.size, dtype=bool)
    for i in range(others.plane.size):
        meets |= (
            (found.plane == others.plane[i])
            & (found.column < others.column[i] + others.columns[i])
            & (others.column[i] < found.column + found.columns)
            & (found.row < others.row[i] + others.rows[i])
            & (others.row[i] < found.row + found.rows)
        )
    return found.of(~meets)


def _loudest(flagged: Spots, limit: int = 20) -> Spots:
    return flagged.of(np.argsort(-flagged.score, kind="stable")[:limit])


def _long(every: Spots) -> Spots:
    """Return the clusters that QC calls long, however (in)frequent the reference has them."""
    return _loudest(every.of(every.columns >= LONG_COLUMNS), 50)


def _burst_cause(spot: Spots) -> PixelCause:
    """A particle along a double column does not fill it."""
    filled = spot.count[0] / (2 * spot.rows[0]) >= FILLED
    return PixelCause.STUCK_DOUBLE_COLUMN if filled or spot.count[0] >= STUCK_PIXELS / 2 else PixelCause.UNKNOWN


def _rate_cause(spot: Spots) -> PixelCause:
    if spot.count[0] > spot.expected[0]:
        return PixelCause.NOISY_CHIP
    return PixelCause.DEAD_CHIP if spot.count[0] < DEAD_CHIP_BELOW * spot.expected[0] else PixelCause.READOUT_LOSS


def _each(found: Spots, check: Check, cause: PixelCause | NameCause, rules: Rules) -> list[Judged]:
    """Return a region for each spot; ``cause`` is one, or tells it from the spot."""
    regions = []
    for number in range(found.plane.size):
        spot = found.of(np.array([number]))
        name = cause if isinstance(cause, PixelCause) else cause(spot)
        p_value = rules.p_value(check, float(spot.score[0]))
        known = name is PixelCause.STUCK_DOUBLE_COLUMN and bool(is_known(rules.reference, spot)[0])
        regions.append(_region(spot, name, p_value, known, rules.reference))
    return regions


def _known_pixels(fired: Spots, reference: Reference) -> list[Judged]:
    number = max(sum(len(chip.hot) for chip in reference.chips.values()), 1)
    sure = fired.of(10.0**-fired.score <= KNOWN_CHANCE / number)
    return [
        _region(one := sure.of(np.array([i])), PixelCause.HOT_PIXEL, float(10 ** -one.score[0]), True, reference)
        for i in range(sure.plane.size)
    ]


def _region(spot: Spots, cause: PixelCause, p_value: float, known: bool, reference: Reference) -> Judged:
    """The cause is as probable as it is frequent, against a nominal map that shows the like."""
    prior = 1.0 if known else reference.fault_shares.get(str(cause), 0.0)
    numbers = {
        name: int(getattr(spot, name)[0])
        for name in ("plane", "column", "row", "columns", "rows", "count", "first_event", "last_event")
    }
    if numbers["first_event"] < 0:
        del numbers["first_event"], numbers["last_event"]
    where: dict[str, float | int | str] = {"element": _element(spot, cause), **numbers}
    where |= {"expected": round(float(spot.expected[0]), 4), "known": "yes" if known else "no"}
    probability = prior / (prior + p_value) if prior + p_value > 0 else 1.0
    return Judged(Region(where, -float(np.log10(max(p_value, 1e-300))), p_value, Cause(str(cause), probability)), known)


def is_known(reference: Reference, found: Spots) -> Bools:
    """Return which spots are in double columns that the reference knows as stuck."""
    known = [chip.plane * DOUBLE_COLUMNS + column for chip in reference.chips.values() for column in chip.stuck]
    return np.isin(found.plane * DOUBLE_COLUMNS + found.column // 2, known)


def _element(spot: Spots, cause: PixelCause) -> str:
    plane, column, row = int(spot.plane[0]), int(spot.column[0]), int(spot.row[0])
    if cause in (PixelCause.NOISY_CHIP, PixelCause.DEAD_CHIP, PixelCause.READOUT_LOSS):
        return f"plane {plane}"
    if cause is PixelCause.STUCK_DOUBLE_COLUMN:
        return f"plane {plane}/double column {column // 2}"
    return f"plane {plane}/column {column}/row {row}"
