"""What is true of a simulated cycle. It travels beside the payload and never in it."""

from dataclasses import dataclass

import numpy as np

from dqm.its.causes import Cause
from dqm.its.simulate.background import kernel
from dqm.its.simulate.cells import INNER, Floats, name
from dqm.its.simulate.faults import BACKGROUNDS, Fault

_REGION = 0.5


@dataclass(frozen=True, slots=True)
class TrueFault:
    """One fault that is present in a cycle.

    Parameters
    ----------
    cause, intensity
        As in `dqm.its.simulate.faults.Fault`.
    elements
        Names of the cells that it affects. Beam background: chips of the inner barrel that get at least half as
        many of its clusters as the chip that gets most.
    began_s, ended_s
        Seconds since the start of the run.
    active
        Share of the cycle in which it is present.
    added
        Clusters that it adds to (or, negative, takes from) its elements in this cycle, as a share of what collisions
        leave in them. Beam background: to its whole side of the inner barrel.
    """

    cause: Cause
    intensity: float
    elements: tuple[str, ...]
    began_s: float
    ended_s: float
    active: float
    added: float


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of a cycle: faults, mean interaction rate in Hz, lanes that restarted by themselves."""

    faults: tuple[TrueFault, ...]
    rate_hz: float
    recovered: tuple[str, ...]

    @property
    def nominal(self) -> bool:
        """Whether nothing is wrong that a person should know of."""
        return not self.faults


def true_fault(fault: Fault, active: float, added: float) -> TrueFault:
    """Return the record of a fault that is active for a share of a cycle."""
    elements = background_elements(fault) if fault.cause in BACKGROUNDS else tuple(name(cell) for cell in fault.cells)
    return TrueFault(fault.cause, fault.intensity, elements, fault.began_s, fault.ended_s, active, added)


def background_elements(fault: Fault) -> tuple[str, ...]:
    """Return the chips of the inner barrel that background reaches most."""
    share = kernel(side_of(fault.cause))[:INNER] @ _phi_weights(fault)
    return tuple(name(int(cell)) for cell in np.flatnonzero(share >= _REGION * share.max()))


def side_of(cause: Cause) -> int:
    """Return +1 for background from side A, -1 from side C."""
    return 1 if cause is Cause.BEAM_BACKGROUND_A else -1


def _phi_weights(fault: Fault) -> Floats:
    directions = (np.arange(36) + 0.5) / 36 * 2 * np.pi
    apart = (directions - fault.detail("phi_rad") + np.pi) % (2 * np.pi) - np.pi
    return np.asarray(np.exp(-(apart**2) / 2 / fault.detail("spread_rad") ** 2))
