"""Templates of a machine state in which nobody followed protons, out of one that differs only far from the beam.

From flat top to collisions the settings of IR3, IR6 and IR7 are the same (TCDQ and TCSP within 0.2 sigma); only
tertiary and debris collimators move. Opened, they lose what they stopped and leave the others alone, so each takes
from its own template what it stops with the gap of the other state.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.states import State, settings
from accelerator.collimation.templates import Fault

Floats: TypeAlias = NDArray[np.float64]

TOP_ENERGY = (State.COLLISIONS, State.SQUEEZE, State.FLAT_TOP)


def moved(
    channels: tuple[str, ...],
    nominal: Floats,
    tolerance: Floats,
    faults: tuple[Fault, ...],
    changes: Floats,
    errors: Floats,
    target: State,
) -> tuple[Floats, Floats, tuple[Fault, ...], Floats, Floats]:
    """Return nominal shares, tolerances, faults, changes and errors of another state at top energy.

    Parameters
    ----------
    nominal, tolerance, errors
        Shares (not logarithms): (C,), (K, C), (F, G, C).
    changes
        Sizes of the errors, (F, G).
    """
    gaps = settings(target)
    place = {name: at for at, name in enumerate(channels)}
    shift = np.zeros(len(channels))
    for number, fault in enumerate(faults):
        if fault.quantity is not Quantity.GAP or gaps[fault.element] == fault.nominal:
            continue
        gap, at = gaps[fault.element], place[fault.element]
        by = float(changes[number, -1]) if gap is None else gap - fault.nominal
        own = np.log(errors[number, :, at] / nominal[at])
        shift[at] = float(np.interp(by, changes[number], own))
    keep = [number for number, fault in enumerate(faults) if gaps[fault.element] is not None]
    factor = np.exp(shift)
    new_faults, new_changes, new_errors = [], changes[keep].copy(), errors[keep] * factor
    for row, number in enumerate(keep):
        fault = faults[number]
        gap = gaps[fault.element]
        if fault.quantity is Quantity.GAP and gap is not None and gap != fault.nominal:
            at = place[fault.element]
            new_errors[row, :, at] = errors[number, :, at]
            new_changes[row] = changes[number] - (gap - fault.nominal)
            nearest = int(np.argmin(np.abs(new_changes[row])))
            new_changes[row, nearest] = 0.0
            new_errors[row, nearest] = nominal * factor
            fault = fault._replace(nominal=gap)
        new_faults.append(fault)
    return nominal * factor, tolerance * factor, tuple(new_faults), new_changes, new_errors
