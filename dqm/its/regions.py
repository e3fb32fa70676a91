"""From the pulls of a cycle to regions: beam background first, then places that it does not explain."""

from dataclasses import dataclass

import numpy as np

from dqm.its.background import SIDES, Background, Scales, fit
from dqm.its.causes import Cause
from dqm.its.features import CAUSES, CLASSES
from dqm.its.incidents import Check, Kind, Sighting
from dqm.its.layout import CELLS, INNER, Bools, Floats
from dqm.its.places import Place, departures, find_places
from dqm.its.pulls import Pulls

BACKGROUND_FLOOR = 4.0
"""Standard deviations from which background may be a region; calibration knows every one above."""
EXPLAINED_ERROR = 0.5
"""The fitted source may be wrong by this share in a chip."""
_FLAGGED = 0.7
_HELD = 3.5


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What one cycle shows: sightings, worst kind first, the background that fits best, and cells under suspicion."""

    sightings: tuple[Sighting, ...]
    background: Background
    held: Bools


def find_regions(pulls: Pulls, probabilities: Floats, scales: Scales) -> Seen:
    """Return the regions of a cycle.

    Parameters
    ----------
    probabilities
        Of each class in each cell, shape (CLASSES, CELLS).
    scales
        How the sums of the matched filter vary on nominal cycles.
    """
    background = fit(pulls, scales)
    there = background.score >= BACKGROUND_FLOOR
    explained = _explained(background) if there else None
    places = find_places(pulls, probabilities, explained)
    cycle_s = float(pulls.conditions.get("cycle_s", 0.0))
    found = [_background_sighting(pulls, background)] if there else []
    found += [_place_sighting(place, cycle_s) for place in places]
    return Seen(tuple(found), background, _held(pulls, places, there))


def _held(pulls: Pulls, places: list[Place], background: bool) -> Bools:
    """Cells whose standing must not follow: places, what departs by itself, all of the inner barrel in background."""
    held = departures(pulls) >= _HELD
    for place in places:
        held[place.cells] = True
    if background:
        held[:INNER] = True
    return held


def _explained(background: Background) -> Floats:
    found = np.zeros(CELLS)
    moved = background.explained.max(axis=0)
    found[:INNER] = moved * (1 + EXPLAINED_ERROR)
    return found


def _background_sighting(pulls: Pulls, background: Background) -> Sighting:
    cells = background.cells
    observed, expected = float(pulls.observed[cells].sum()), float(pulls.expected[cells].sum())
    return Sighting(
        kind=Kind.BACKGROUND,
        cells=cells,
        worst=int(cells[np.asarray(pulls.occupation)[cells].argmax()]),
        scores={Check.BACKGROUND: background.score},
        evidence=_side_evidence(background),
        ratio=observed / expected if expected > 0 else 1.0,
    )


def _side_evidence(background: Background) -> Floats:
    """Log probabilities: this side or the other, nothing else."""
    chance = np.full(CLASSES, 1e-6)
    other = next(cause for cause in SIDES if cause is not background.cause)
    for cause, probability in ((background.cause, background.probability), (other, 1 - background.probability)):
        chance[1 + CAUSES.index(Cause(cause))] = max(probability, 1e-6)
    return np.asarray(np.log(chance))


def _place_sighting(place: Place, cycle_s: float) -> Sighting:
    """One lane that the readout says was in FAULT is like a restart: it counts by the seconds it lost."""
    restart = place.cells.size == 1 and place.ratio < 1 and place.flagged >= _FLAGGED
    scores = {Check.RESTART: (1 - place.ratio) * cycle_s} if restart else {Check.PLACE: place.strength}
    return Sighting(Kind.PLACE, place.cells, place.worst, scores, place.evidence, place.ratio)
