"""From the pulls of a cycle to regions: beam background first, then places that it does not explain."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dqm.its.background import SIDES, Background, Scales, fit, is_there
from dqm.its.causes import Cause
from dqm.its.explaining import explain
from dqm.its.features import CAUSES, CLASSES
from dqm.its.geometry import LAYERS
from dqm.its.incidents import Check, Kind, Sighting
from dqm.its.layout import CELLS, Bools, Floats, Ints, layer_of, layer_slice
from dqm.its.places import Place, connected, find_places, neighbours
from dqm.its.pulls import Pulls

MOST_STRANGE = 3
STRANGE_FLOOR = 6.0
"""Spreads above the usual rest from which cells may be strange."""
_FLAGGED = 0.7
HELD = 8.0
"""A cell that departs by more is under suspicion: the reference does not follow it."""
BACKGROUND_HELD = 8.0


Rebuild = Callable[[Bools], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What one cycle shows: sightings, worst kind first, the background that fits best, and cells under suspicion."""

    sightings: tuple[Sighting, ...]
    background: Background
    held: Bools


def find_regions(pulls: Pulls, probabilities: Floats, scales: Scales, rebuild: Rebuild | None = None) -> Seen:
    """Return the regions of a cycle.

    Parameters
    ----------
    probabilities
        Of each class in each cell, shape (CLASSES, CELLS).
    scales
        How nominal cycles vary.
    rebuild
        Returns what the autoencoder does not rebuild around each cell, shape (CELLS,), of the cells that it is given.
    """
    background = fit(pulls, scales)
    there = is_there(pulls, background, scales)
    strong = background.score >= max(BACKGROUND_HELD, scales.floor)  # though perhaps too faint to matter
    explained = explain(pulls, background) if there or strong else None
    places = find_places(pulls, probabilities, explained)
    found = [_background_sighting(pulls, background)] if there else []
    found += [_place_sighting(pulls, place) for place in places]
    if rebuild is not None and not strong:
        found += _strange_sightings(pulls, probabilities, scales, rebuild, places)
    return Seen(tuple(found), background, _held(places, strong))


def _held(places: list[Place], background: bool) -> Bools:
    """Cells whose standing must not follow: what departs far; in background all of them, for it reaches all layers."""
    held = np.full(CELLS, background)
    for place in places:
        if place.strength >= HELD:
            held[place.cells] = True
    return held


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


def _strange_sightings(
    pulls: Pulls, probabilities: Floats, scales: Scales, rebuild: Rebuild, places: Sequence[Place]
) -> list[Sighting]:
    """What is no place, and yet cannot be rebuilt; places are blanked out, for they would disturb what is near them."""
    left = pulls.valid.copy()
    for place in places:
        left[place.cells] = False
    strangeness = _strangeness(rebuild(left), left, scales)
    open_cells = left.copy()
    one, other = neighbours()
    open_cells[one[~left[other]]] = open_cells[other[~left[one]]] = False
    found = []
    for cells in _groups(np.flatnonzero(open_cells & (strangeness >= STRANGE_FLOOR))):
        observed, expected = float(pulls.observed[cells].sum()), float(pulls.expected[cells].sum())
        worst = int(cells[strangeness[cells].argmax()])
        found.append(
            Sighting(
                kind=Kind.UNKNOWN,
                cells=cells,
                worst=worst,
                scores={Check.STRANGE: float(strangeness[worst])},
                evidence=np.log(np.maximum(probabilities[:, cells], 1e-6)).mean(axis=1),
                ratio=observed / expected if expected > 0 else 1.0,
            )
        )
    return found


def _strangeness(rest: Floats, shown: Bools, scales: Scales) -> Floats:
    """Spreads above the usual rest, shape (CELLS,): of nominal cycles, or of this one where a layer is restless."""
    found = np.zeros(CELLS)
    for of in LAYERS:
        own = layer_slice(of.number)
        if shown[own].any():
            middle, upper = np.quantile(rest[own][shown[own]], (0.5, 0.8413))
            mean = max(float(middle), float(scales.rest_mean[of.number]))
            spread = max(float(upper - middle), float(scales.rest_spread[of.number]))
            found[own] = (rest[own] - mean) / spread
    return found


def _groups(cells: Ints) -> Iterator[Ints]:
    """Cells that touch; all of a layer where there are many groups, for they have one cause then."""
    groups = list(connected(cells))
    for layer in range(len(LAYERS)):
        own = [group for group in groups if layer_of()[group[0]] == layer]
        yield from own if len(own) <= MOST_STRANGE else [np.sort(np.concatenate(own))]


def _side_evidence(background: Background) -> Floats:
    """Log probabilities: this side or the other, nothing else."""
    chance = np.full(CLASSES, 1e-6)
    other = next(cause for cause in SIDES if cause is not background.cause)
    for cause, probability in ((background.cause, background.probability), (other, 1 - background.probability)):
        chance[1 + CAUSES.index(Cause(cause))] = max(probability, 1e-6)
    return np.asarray(np.log(chance))


def _place_sighting(pulls: Pulls, place: Place) -> Sighting:
    """One lane that the readout says was in FAULT is like a restart: it counts by the seconds it lost.

    It began when the readout began to say so, though the first seconds were forgiven.
    """
    cycle_s = float(pulls.conditions.get("cycle_s", 0.0))
    restart = place.cells.size == 1 and place.ratio < 1 and place.flagged >= _FLAGGED
    scores = {Check.RESTART: (1 - place.ratio) * cycle_s} if restart else {Check.PLACE: place.strength}
    earlier_s = (
        float(np.median(pulls.forgiven_s[place.cells])) if place.flagged > 0 and pulls.forgiven_s is not None else 0.0
    )
    return Sighting(Kind.PLACE, place.cells, place.worst, scores, place.evidence, place.ratio, earlier_s)
