"""The settings errors that are asked about: which, of what sizes, and what a class of them is called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.families import Family
from accelerator.collimation.geometry import find
from accelerator.collimation.states import State, settings
from accelerator.collimation.templates import Fault, Key, Table, canonical

RETRACTED = (0.15, 0.3, 0.6, 1.0, 1.5, 2.0, 3.0, 5.0)
TIGHTENED = (-0.15, -0.3, -0.6, -1.0)
OFFSETS_MM = (0.05, 0.1, 0.15, 0.25, 0.4, 0.6)
TILTS_URAD = (100.0, 200.0, 400.0)
_MOVABLE_IR7 = frozenset({Family.TCP7, Family.TCSG7})


def faults(beam: int, state: str) -> dict[Fault, Sequence[float]]:
    """Return the settings errors of a beam in a state, with the sizes that templates are made for.

    Gaps of every collimator that is in; centre offsets of primaries, secondaries of IR7 and tertiaries; tilts of
    primaries. The sign of an offset or tilt leaves no trace in a symmetric halo: they are sizes.
    """
    found: dict[Fault, Sequence[float]] = {}
    for name, gap in settings(State(state)).items():
        collimator = find(name)
        if gap is None or collimator.beam != beam:
            continue
        found[Fault(name, Quantity.GAP, gap)] = gaps(collimator.family, gap)
        if collimator.family in _MOVABLE_IR7 or collimator.family is Family.TCT15:
            found[Fault(name, Quantity.OFFSET, 0.0)] = OFFSETS_MM
        if collimator.family is Family.TCP7:
            found[Fault(name, Quantity.TILT, 0.0)] = TILTS_URAD
    return found


def gaps(family: Family, gap: float) -> Sequence[float]:
    """Return the changes of a half gap in sigma that are tried."""
    if family is Family.TCP7:
        return (*TIGHTENED, *RETRACTED)
    low = 4.0 - gap
    inward = np.unique(np.round(np.concatenate([np.linspace(low, -0.3, 8), [5.0 - gap, 5.3 - gap, 5.6 - gap]]), 2))
    return (*inward[(inward < 0) & (inward >= low)].tolist(), 0.5, 1.0, 2.0, 6.0)


@dataclass(frozen=True, slots=True, eq=False)
class Hypotheses:
    """What the network tells apart: faults by their names in beam 1, and the size that counts as 1 of each."""

    names: tuple[tuple[str, str], ...]
    units: NDArray[np.float64]

    @classmethod
    def of(cls, tables: Mapping[Key, Table]) -> "Hypotheses":
        """Collect the faults of all tables."""
        units: dict[tuple[str, str], float] = {}
        for table in tables.values():
            for fault, changes in zip(table.faults, table.changes, strict=True):
                name = (canonical(fault.element), fault.quantity.value)
                units[name] = max(units.get(name, 0.0), float(np.abs(changes).max()))
        return cls(tuple(units), np.array(list(units.values())))

    def places(self, table: Table) -> NDArray[np.int64]:
        """Return the number of each fault of a table, -1 where the network does not know it."""
        known = {name: number for number, name in enumerate(self.names)}
        return np.array([known.get((canonical(one.element), one.quantity.value), -1) for one in table.faults])


_OTHER_CAUSES = {
    Quantity.OFFSET: "collimator off centre",
    Quantity.TILT: "tilted jaw",
    Quantity.ORBIT: "orbit shift",
}
PRIMARY_GAP_SIGMA = 5.0


def cause(fault: Fault, value: float) -> str:
    """Return the class of an error: ``TCP retracted``, ``TCSG inside TCP``, ``TCT exposed``..."""
    if fault.quantity is not Quantity.GAP:
        return _OTHER_CAUSES[fault.quantity]
    family = find(fault.element).family
    kind = "TCT" if family.startswith("TCT") else family.rstrip("0123456789")
    if value > fault.nominal:
        return f"{kind} retracted"
    if kind == "TCT":
        return "TCT exposed"
    inside = family is Family.TCSG7 and value < PRIMARY_GAP_SIGMA
    return "TCSG inside TCP" if inside else f"{kind} tightened"
