"""All checks of one run, in the order in which one defect explains what the next check would see."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dqm.its.pixels.bursts import STUCK_PIXELS, burst_spots, cluster_spots, flash_spots, hits_in, long_spots
from dqm.its.pixels.chip import COLUMNS, LONG_COLUMNS, PIXELS
from dqm.its.pixels.reference import Reference
from dqm.its.pixels.repeats import hits_of, pixel_spots
from dqm.its.pixels.spots import Check, Spots
from dqm.its.pixels.survey import Survey, set_known_aside
from dqm.its.pixels.windows import Crossings, column_spots, count_crossings, rate_spots, region_spots


@dataclass(frozen=True, slots=True)
class Cuts:
    """From which score on a burst, a hot pixel or a flash explains its hits, so that they count no further.

    The standing values are those of defects that no calibration need decide on: a quarter of a double column; a pixel
    of which one chip in ten thousand would show the like.
    """

    burst: float = float(np.log10(STUCK_PIXELS))
    pixel: float = float(np.log10(PIXELS) + 4)
    flash: float = np.inf


BEYOND_DOUBT: Mapping[Check, float] = {
    Check.BURST: Cuts().burst,
    Check.PIXEL: Cuts().pixel,
    Check.LONG: float(np.log10(LONG_COLUMNS)),
}
"""Scores that no nominal map shows, by definition."""


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """The spots of each check, of whatever score, the crossings, and the hot pixels of the reference that fired."""

    spots: Mapping[Check, Spots]
    crossings: Crossings
    known: Spots


def run_checks(found: Survey, reference: Reference, cuts: Cuts) -> Findings:
    """Return what the checks find on one run."""
    bursts, of_hit = burst_spots(found)
    stuck = np.append(bursts.score >= cuts.burst, False)
    found = found.without(stuck[of_hit])
    fired = pixel_spots(found, reference)
    known = np.zeros(fired.plane.size, dtype=bool)
    for chip in reference.chips.values():
        hot = [pixel.pixel for pixel in chip.hot]
        known |= (fired.plane == chip.plane) & np.isin(fired.row * COLUMNS + fired.column, hot)
    new = fired.of(~known)
    found = set_known_aside(found, reference).without(hits_of(found, new.of(new.score >= cuts.pixel)))
    flashes = flash_spots(found)
    found = found.without(hits_in(found, flashes.of(flashes.score >= cuts.flash)))
    crossings = count_crossings(found, reference)
    noisy, dead = region_spots(crossings, reference)
    every = {
        Check.BURST: bursts,
        Check.PIXEL: new,
        Check.COLUMN: column_spots(crossings, reference),
        Check.NOISY: noisy,
        Check.DEAD: dead,
        Check.RATE: rate_spots(crossings, reference),
        Check.FLASH: flashes,
        Check.CLUSTER: cluster_spots(found),
        Check.LONG: long_spots(found),
    }
    return Findings(every, crossings, fired.of(known))
