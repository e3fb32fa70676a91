"""One look at one cycle, and what is remembered of it: the part that calibration and the running detector share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import numpy as np
from numpy.typing import NDArray

from core.inference import ModelPackage, Session
from core.observation import Observation
from dqm.its.background import Background, Scales
from dqm.its.expected import Reference
from dqm.its.features import features, sizes
from dqm.its.incidents import Check, Incident, Kind, Sighting, follow
from dqm.its.layout import CELLS, Bools, Floats
from dqm.its.memory import State
from dqm.its.places import no_evidence
from dqm.its.pulls import Pulls
from dqm.its.regions import Seen, find_regions
from dqm.its.standing import Standing
from dqm.its.strange import IMAGE, REBUILT, around, canvas, rest

CAUSES_FILE, REBUILDING_FILE = "causes.onnx", "rebuilding.onnx"
DEAD = 0.1
"""Observed over expected clusters of what is called in the first cycle that is seen of a detector."""
WARM = 5
"""Cycles of a new detector in which only what is beyond doubt is called: how it stands is not known well before."""
PLAIN_SHARE, PLAIN_PULL = 0.01, 12.0
"""Background's share of its side, and pull of a place, that are beyond doubt in these cycles."""
DOUBTFUL_SHARE = 0.003
"""The same of background in the first cycle at another luminosity: nominal ones showed up to 0.1 %."""
FRESH = 3
"""Cycles for which the reference does not follow cells of a new incident, however faint."""
FEATURES, PROBABILITIES = "features", "probabilities"


@dataclass(frozen=True, slots=True, eq=False)
class Eyes:
    """What is looked with: the reference and the networks (None while there is none)."""

    reference: Reference
    causes: Session | None = None
    rebuilding: Session | None = None

    @classmethod
    def of(cls, package: ModelPackage) -> "Eyes":
        """Open the parts of a model package.

        Raises
        ------
        core.errors.ModelError
            If one is missing or damaged.
        """
        causes = package.session(CAUSES_FILE, inputs=[FEATURES], outputs=[PROBABILITIES])
        rebuilding = package.session(REBUILDING_FILE, inputs=[IMAGE], outputs=[REBUILT])
        return cls(Reference.load(package), causes, rebuilding)

    def probabilities(self, pulls: Pulls, observation: Observation) -> NDArray[np.floating]:
        """Return the probability of each class in each cell, (CLASSES, CELLS)."""
        if self.causes is None:
            return no_evidence()
        feeds = {FEATURES: features(pulls, sizes(observation.payload))[None]}
        found: NDArray[np.floating] = self.causes.run(feeds)[PROBABILITIES][0]
        return found

    def rest(self, pulls: Pulls, shown: Bools) -> Floats:
        """Return what the autoencoder does not rebuild around each of the cells shown, shape (CELLS,), 0 elsewhere."""
        if self.rebuilding is None:
            return np.zeros(CELLS)
        return around(rest(self.rebuilding, canvas(pulls, shown)), shown)


@dataclass(frozen=True, slots=True, eq=False)
class Sealed:
    """What eyes are made of: it can be sent to another process, which opens it there."""

    reference: Reference
    networks: Mapping[str, bytes] = field(default_factory=dict)

    def open(self) -> Eyes:
        """Return the eyes; ModelError if a network is damaged."""
        sessions = {name: Session(content, name) for name, content in self.networks.items()}
        return Eyes(self.reference, sessions.get(CAUSES_FILE), sessions.get(REBUILDING_FILE))


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What a cycle shows, and the state after it: incidents seen now have ``now``; ``over`` are those that ended."""

    pulls: Pulls
    background: Background | None
    incidents: tuple[Incident, ...]
    over: tuple[Incident, ...]
    state: State


def look(eyes: Eyes, observation: Observation, state: State, scales: Scales) -> Look:
    """Look at one cycle with what was known before it; pulls that cannot be trusted change nothing."""
    standing = state.standing or Standing.cold()
    pulls = eyes.reference.pulls(observation, standing)
    if pulls.trust:
        return Look(pulls, None, (), (), state)
    probabilities = eyes.probabilities(pulls, observation)
    if standing.run == 0:  # nothing is known of this detector: how it stands now is how it stands
        return _first_look(pulls, probabilities, scales, state, began_at(observation))
    seen = find_regions(pulls, probabilities, scales, partial(eyes.rest, pulls))
    sightings: Sequence[Sighting] = seen.sightings
    if state.cycles < WARM or pulls.in_doubt:
        sightings = [one for one in sightings if _beyond_doubt(one, seen, known=state.cycles >= WARM)]
    incidents, over = follow(state.incidents, sightings, began_at(observation))
    held = seen.held | _fresh(incidents)
    after = replace(state, standing=standing.after(pulls, held), incidents=incidents, cycles=state.cycles + 1)
    return Look(pulls, seen.background, incidents, over, after)


def _beyond_doubt(sighting: Sighting, seen: Seen, *, known: bool) -> bool:
    """Whether this is no matter of how the detector stands; ``known``: that is in doubt for this cycle alone."""
    if sighting.kind is Kind.BACKGROUND:
        return seen.background.share >= (DOUBTFUL_SHARE if known else PLAIN_SHARE)
    if Check.RESTART in sighting.scores:
        return True
    return sighting.kind is Kind.PLACE and max(sighting.scores.values()) >= PLAIN_PULL


def _first_look(
    pulls: Pulls, probabilities: NDArray[np.floating], scales: Scales, state: State, began_at: datetime
) -> Look:
    """The first cycle of a detector: chips that are off since long are no news, only what is beyond doubt is."""
    seen = find_regions(pulls, probabilities, scales)
    certain = [
        one
        for one in seen.sightings
        if one.ratio < DEAD or (one.kind is Kind.BACKGROUND and seen.background.share >= PLAIN_SHARE)
    ]
    incidents, over = follow(state.incidents, certain, began_at)
    held = _fresh(incidents)
    after = replace(state, standing=Standing.cold().after(pulls, held), incidents=incidents, cycles=1)
    return Look(pulls, seen.background, incidents, over, after)


def _fresh(incidents: Iterable[Incident]) -> Bools:
    """Cells of incidents that are new, all cells for background: the reference waits to see what becomes of them."""
    held = np.zeros(CELLS, bool)
    for incident in incidents:
        if incident.now is not None and incident.cycles <= FRESH:
            held[slice(None) if incident.kind is Kind.BACKGROUND else incident.cells] = True
    return held


def began_at(observation: Observation) -> datetime:
    """Return when a cycle began."""
    return observation.observed_at - timedelta(seconds=float(observation.conditions.get("cycle_s") or 0.0))
