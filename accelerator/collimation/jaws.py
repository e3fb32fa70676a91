"""Where the jaws of a collimator stand: what a loss map measures of it, whichever setting put them there.

A gap that is closed and a centre that is off leave the same pattern when the same jaw ends at the same place: one map
tells the position of the jaw nearest to the beam, and cannot tell which of the two settings moved it.
"""

from collections.abc import Sequence

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
