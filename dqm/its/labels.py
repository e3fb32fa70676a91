"""What is true of every cell of a simulated cycle, as the network has to say it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dqm.its.background import SIDES
from dqm.its.features import CAUSES, NOMINAL
from dqm.its.layout import CELLS, INNER, cell_of
from dqm.its.simulate.truth import TrueFault

IGNORED = -1
_LEAST_ADDED = 5e-4
"""Background that adds less than this to its side is neither right nor wrong to name."""


def label(faults: Sequence[TrueFault]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the class of every cell, `IGNORED` where no answer is right, and the number of the fault, (CELLS,) each.

    Cells of a fault have the number of the fault plus 1, all others 0. Beam background is to be named in its core; the
    rest of the inner barrel gets some of it, so nothing is asked there.
    """
    classes = np.full(CELLS, NOMINAL)
    number = np.zeros(CELLS, np.int64)
    for place, fault in sorted(enumerate(faults), key=lambda pair: pair[1].cause not in SIDES):
        cells = [cell_of(name) for name in fault.elements]
        if fault.cause in SIDES:
            classes[:INNER] = IGNORED
            if abs(fault.added) < _LEAST_ADDED:
                continue
        classes[cells] = 1 + CAUSES.index(fault.cause)
        number[cells] = place + 1
    return classes, number
