"""Margins between stages, in sigma: what settings mean them to be, and what the losses say of them."""

from typing import NamedTuple

import numpy as np

from accelerator.collimation.blind import PRIMARY, Sight, visible
from accelerator.collimation.diagnosis import Margin, Quantity
from accelerator.collimation.geometry import collimators, find
from accelerator.collimation.posterior import Posterior
from accelerator.collimation.states import STAGES, Stage, State, settings, sigma_mm
from accelerator.collimation.templates import Fault, Table

TOLERANCE_SIGMA = 0.07
"""Two jaws, 0.05 sigma each."""
_LEAST = 1e-3
_ENERGY_GEV = 6800.0


class _Ends(NamedTuple):
    """The collimators of both ends of a margin and their nominal gaps."""

    inner: dict[str, float]
    outer: dict[str, float]

    @property
    def nominal(self) -> float:
        return min(self.outer.values()) - max(self.inner.values())


def margins(table: Table, posterior: Posterior, seen: Sight) -> tuple[Margin, ...]:
    """Return the margins of a beam and plane with their uncertainties, from the posterior over settings errors."""
    found = []
    for stage in STAGES:
        ends = _ends(stage, table)
        if ends is not None:
            found.append(_margin(stage, ends, table, posterior, seen))
    return tuple(found)


def _ends(stage: Stage, table: Table) -> _Ends | None:
    beam, plane, state = table.key.beam, table.key.plane, State(table.key.state)
    gaps = settings(state)

    def of(family: object) -> dict[str, float]:
        return {
            one.name: gap
            for one in collimators(beam, active=True)
            if one.family is family and (gap := gaps[one.name]) is not None
        }

    inner, outer = of(stage.inner), of(stage.outer)
    own = PRIMARY.get(plane)
    if stage.inner == "TCP7" and own is not None:
        inner = {name: gap for name, gap in inner.items() if name.startswith(own)}
    return _Ends(inner, outer) if inner and outer else None


def _margin(stage: Stage, ends: _Ends, table: Table, posterior: Posterior, seen: Sight) -> Margin:
    probability, value, variance = [posterior.nominal], [ends.nominal], [TOLERANCE_SIGMA**2]
    element, most = "", 0.0
    for number in np.flatnonzero(posterior.faults > _LEAST):
        fault, change = table.faults[number], float(posterior.change[number])
        moved = moved_by(ends.inner, ends.outer, fault, change)
        unit = 1.0 if fault.quantity is Quantity.GAP else 1.0 / sigma_mm(find(fault.element), _ENERGY_GEV)
        spread = float(posterior.sigma[number]) * unit if moved else 0.0
        probability.append(float(posterior.faults[number]))
        value.append(ends.nominal + moved)
        variance.append(TOLERANCE_SIGMA**2 + min(spread, 5.0) ** 2)
        if -moved * posterior.faults[number] > most:
            element, most = fault.element, -moved * float(posterior.faults[number])
    weights = np.array(probability) / np.sum(probability)
    mean = float(weights @ np.array(value))
    sigma = float(np.sqrt(weights @ (np.array(variance) + (np.array(value) - mean) ** 2)))
    known = _constrained(ends, table, seen)
    return Margin(
        beam=table.key.beam,
        plane=table.key.plane,
        inner=str(stage.inner),
        outer=str(stage.outer),
        nominal_sigma=ends.nominal,
        value_sigma=mean,
        sigma=sigma if known or element else None,
        element=element,
    )


def moved_by(inner: dict[str, float], outer: dict[str, float], fault: Fault, change: float) -> float:
    """Return how much an error changes the margin between two stages (negative: smaller)."""
    lost = 0.0
    if fault.quantity is Quantity.GAP:
        if fault.element in inner:
            lost = max([*(g for n, g in inner.items() if n != fault.element), inner[fault.element] + change])
            return max(inner.values()) - lost
        if fault.element in outer:
            lost = min([*(g for n, g in outer.items() if n != fault.element), outer[fault.element] + change])
            return lost - min(outer.values())
        return 0.0
    if fault.quantity is Quantity.TILT or fault.element not in {*inner, *outer}:
        return 0.0
    return -abs(change) / sigma_mm(find(fault.element), _ENERGY_GEV)


def _constrained(ends: _Ends, table: Table, seen: Sight) -> bool:
    """Whether the loss of the whole margin would be seen at most of the collimators at both of its ends."""
    told = (
        [visible(table, seen, name, ends.nominal) for name in ends.inner],
        [visible(table, seen, name, -ends.nominal) for name in ends.outer],
    )
    return all(2 * sum(one) >= len(one) for one in told)
