"""The words for an incident: its cause, its place, since when."""

from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from dqm.its.causes import Cause
from dqm.its.features import CAUSES, NOMINAL
from dqm.its.incidents import Incident, Kind, Sighting
from dqm.its.layout import name

UNKNOWN = "unknown"
CONVINCING = 0.5
"""No cause that is less likely than this is named."""


class Named(NamedTuple):
    """A cause and how likely it is, given that something is wrong."""

    name: str
    probability: float


def name_cause(incident: Incident) -> Named:
    """Return the most likely cause by all that was seen of the incident, ``unknown`` where none is convincing.

    None is where the network takes the cells for nominal ones, although they are not, or wavers between causes.
    """
    with_nominal = softmax(incident.evidence)
    named = softmax(np.delete(incident.evidence, NOMINAL))
    best = int(named.argmax())
    if incident.kind is Kind.UNKNOWN or with_nominal.argmax() == NOMINAL or named[best] < CONVINCING:
        return Named(UNKNOWN, float(1 - np.delete(with_nominal, NOMINAL).max()))
    return Named(CAUSES[best].value, float(named[best]))


def where(incident: Incident, cause: Named) -> dict[str, float | int | str]:
    """Return the coordinates of an incident as it is seen now."""
    now = incident.now
    assert now is not None
    kind = Kind.UNKNOWN if cause.name == UNKNOWN else incident.kind
    return {
        "element": _element(now, cause),
        "cells": " ".join(spaceless(name(int(cell))) for cell in now.cells),
        "kind": kind.value,
        "since": incident.since.isoformat(),
        "cycles": incident.cycles,
        "ratio": round(now.ratio, 4),
    }


def spaceless(place: str) -> str:
    """Return the name of a cell without its blank: ``L4_12/lane_7``."""
    return place.replace(" ", "_")


def _element(now: Sighting, cause: Named) -> str:
    if now.kind is Kind.BACKGROUND:
        side = "C" if cause.name == Cause.BEAM_BACKGROUND_C else "A"
        return f"inner barrel {side}"
    return name(now.worst)
