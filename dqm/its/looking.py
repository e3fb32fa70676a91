"""One look at one cycle, and what is remembered of it: the part that calibration and the running detector share."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from core.inference import ModelPackage, Session
from core.observation import Observation
from dqm.its.background import Background, Scales
from dqm.its.expected import Reference
from dqm.its.features import features, sizes
from dqm.its.incidents import Incident, follow
from dqm.its.layout import Floats
from dqm.its.memory import State
from dqm.its.places import no_evidence
from dqm.its.pulls import Pulls
from dqm.its.regions import Seen, find_regions
from dqm.its.standing import Standing
from dqm.its.strange import IMAGE, REBUILT, around, canvas, rest

CAUSES_FILE, REBUILDING_FILE = "causes.onnx", "rebuilding.onnx"
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

    def rest(self, pulls: Pulls) -> Floats | None:
        """Return what the autoencoder does not rebuild around each cell, shape (CELLS,); None without one."""
        return None if self.rebuilding is None else around(rest(self.rebuilding, canvas(pulls)), pulls.valid)


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
    seen: Seen = find_regions(pulls, eyes.probabilities(pulls, observation), scales, eyes.rest(pulls))
    incidents, over = follow(state.incidents, seen.sightings, began_at(observation))
    after = replace(state, standing=standing.after(pulls, seen.held), incidents=incidents)
    return Look(pulls, seen.background, incidents, over, after)


def began_at(observation: Observation) -> datetime:
    """Return when a cycle began."""
    return observation.observed_at - timedelta(seconds=float(observation.conditions.get("cycle_s") or 0.0))
