"""Where the jaws of a collimator stand: what a loss map measures of it, whichever setting put them there.

A gap that is closed and a centre that is off leave the same pattern when the same jaw ends at the same place: one map
tells the position of the jaw nearest to the beam, and cannot tell which of the two settings moved it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from accelerator.collimation.diagnosis import Hypothesis, Quantity
from accelerator.collimation.geometry import find
from accelerator.collimation.states import State, energy_gev, settings, sigma_mm
from accelerator.collimation.templates import Fault

_JAWS = frozenset({Quantity.GAP, Quantity.OFFSET})
DEGENERATE = "a closed gap and an off-centre jaw look alike"
SAID_FROM = 0.02
"""Probability of the other setting from which on it is said that a map does not tell them apart."""


def jaw(fault: Fault, state: str, value: float, error: float) -> tuple[float, float] | None:
    """Return the position in sigma of the jaw nearest to the beam and its error, None where the setting moves none.

    With a gap both jaws stand at it (retracted: as far out as each other); an offset brings one of them nearer.
    """
    if fault.quantity is Quantity.GAP:
        return value, error
    gap = settings(State(state)).get(fault.element)
    if fault.quantity is not Quantity.OFFSET or gap is None:
        return None
    unit = sigma_mm(find(fault.element), energy_gev(State(state)))
    return gap - abs(value) / unit, error / unit


def combined(told: Sequence[Hypothesis]) -> tuple[Hypothesis, ...]:
    """Return the hypotheses with one jaw position for each collimator, whichever of its settings it is."""
    found = []
    for one in told:
        same = [other for other in told if other.element == one.element and other.jaw_sigma is not None]
        if one.jaw_sigma is None or len(same) < 2:
            found.append(one)
            continue
        weight = np.array([other.probability for other in same]) / sum(other.probability for other in same)
        at = np.array([other.jaw_sigma for other in same], np.float64)
        error = np.array([other.jaw_sigma_error or 0.0 for other in same])
        mean = float(weight @ at)
        spread = float(np.sqrt(weight @ (error**2 + (at - mean) ** 2)))
        found.append(replace(one, jaw_sigma=mean, jaw_sigma_error=spread))
    return tuple(found)


def degenerate(told: Sequence[Hypothesis]) -> str | None:
    """Say so if another setting of the collimator named first puts the same jaw in the same place."""
    if not told or told[0].quantity not in _JAWS:
        return None
    first = told[0]
    for other in told[1:]:
        if other.element == first.element and other.quantity in _JAWS and other.probability >= SAID_FROM:
            at = "" if first.jaw_sigma is None else f" (a jaw at {first.jaw_sigma:.1f} sigma either way)"
            return (
                f"{first.element.upper()}: one map cannot tell a closed gap from an off-centre jaw{at}: "
                "the other plane or an alignment can"
            )
    return None
