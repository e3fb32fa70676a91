"""What is measured: nominal maps, maps as other codes would make them, and settings errors of every family and size.

All seeds are `HELD_OUT` and up: libraries use seeds below 10,000 for tolerances, tables of models 1 to 64, and whoever
teaches or calibrates draws from generators seeded below 10,000.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.families import Family
from accelerator.collimation.geometry import Collimator, collimators
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.states import State

HELD_OUT = 1_000_000
REFERENCE_SEEDS = 3_000_000
STATE = State.COLLISIONS
PLANES = ("H", "V")
FOLLOWED = "protons 10k"
"""Followed one by one by our Monte Carlo, not emulated (maps of other codes apart)."""
ENSEMBLES = (FOLLOWED, "protons 1M", "monitors")
NOMINAL, CODES = "nominal", "codes"
JITTER = 0.1
"""Sizes are off the round ones by up to this part, so that they lie between those of libraries."""


class FaultClass(NamedTuple):
    """A family with one kind of error, and the sizes that are tried (sigma, mm, urad)."""

    families: tuple[Family, ...]
    quantity: Quantity
    sizes: tuple[float, ...]


_TCP, _TCSG, _TCLA = (Family.TCP7,), (Family.TCSG7,), (Family.TCLA7,)
CLASSES: dict[str, FaultClass] = {
    "TCP7 retracted": FaultClass(_TCP, Quantity.GAP, (0.15, 0.3, 0.6, 1.0, 1.5, 3.0)),
    "TCP7 tightened": FaultClass(_TCP, Quantity.GAP, (-0.15, -0.3, -0.6, -0.9)),
    "TCP7 off centre": FaultClass(_TCP, Quantity.OFFSET, (0.05, 0.1, 0.15, 0.25, 0.4)),
    "TCSG7 inwards": FaultClass(_TCSG, Quantity.GAP, (-0.5, -1.0, -1.5, -2.0, -2.3)),
    "TCSG7 off centre": FaultClass(_TCSG, Quantity.OFFSET, (0.1, 0.2, 0.4, 0.55)),
    "TCLA7 inwards": FaultClass(_TCLA, Quantity.GAP, (-2.0, -3.5, -4.5, -5.2)),
    "TCLA7 open": FaultClass(_TCLA, Quantity.GAP, (5.5,)),
    "TCT15 inwards": FaultClass((Family.TCT15,), Quantity.GAP, (-1.0, -2.0, -3.0, -3.6)),
    "IR6 inwards": FaultClass((Family.TCSP, Family.TCDQ), Quantity.GAP, (-0.8, -1.5, -2.2)),
    "IR3 TCP inwards": FaultClass((Family.TCP3,), Quantity.GAP, (-8.5, -9.6)),
    "TCP7 tilted": FaultClass(_TCP, Quantity.TILT, (200.0, 360.0)),
    "orbit at TCP7": FaultClass(_TCP, Quantity.ORBIT, (0.15, 0.3)),
}
NOT_JUDGED = ("TCP7 tilted", "orbit at TCP7")
"""Classes that have a row of their own and are not in AUC and recall: nobody claims to tell them from tolerances."""


@dataclass(frozen=True, slots=True)
class Case:
    """One map: ``group`` is nominal, codes or a class of faults; ``size`` the round size of its error."""

    ensemble: str
    group: str
    seed: int
    beam: int
    plane: str
    settings: tuple[Setting, ...] = ()
    size: float = 0.0
    code: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether a setting is wrong."""
        return bool(self.settings)


@dataclass(frozen=True, slots=True)
class Plan:
    """How many maps: nominal ones, of other codes, of each size of each class, and references for each beam and plane.

    Of protons that are followed one by one there are fewer faults (``each_followed``): a map takes a second.
    """

    nominal: int = 140
    codes: int = 100
    each: int = 6
    each_followed: int = 2
    references: int = 120
    fills: int = 10
    fill_h: float = 12.0
    drifts: int = 4
    sudden: int = 8


QUICK = Plan(nominal=40, codes=24, each=1, each_followed=1, references=60, fills=1, fill_h=2.0, drifts=1, sudden=2)


def cases(plan: Plan, ensemble: str) -> Iterator[Case]:
    """Yield every map of an ensemble; a smaller plan's maps are among those of a larger one."""
    first = HELD_OUT + 100_000 * ENSEMBLES.index(ensemble)
    for number in range(plan.nominal):
        yield Case(ensemble, NOMINAL, first + number, 1 + number % 2, PLANES[number // 2 % 2])
    for number in range(plan.codes):
        code = ("fluka", "geant4")[number // 4 % 2]
        yield Case(ensemble, CODES, first + 10_000 + number, 1 + number % 2, PLANES[number // 2 % 2], code=code)
    each = plan.each_followed if ensemble == FOLLOWED else plan.each
    sizes = [(name, size) for name, kind in CLASSES.items() for size in kind.sizes]
    for place, (name, size) in enumerate(sizes):
        for number in range(each):
            yield _faulty(ensemble, name, size, first + 20_000 + 1000 * place + number)


def _faulty(ensemble: str, name: str, size: float, seed: int) -> Case:
    kind, rng = CLASSES[name], np.random.default_rng((seed, 3))
    beam = int(rng.integers(1, 3))
    usable = [one for one in collimators(beam, active=True) if one.family in kind.families]
    chosen = usable[int(rng.integers(len(usable)))]
    setting = Setting(chosen.name, kind.quantity, size * float(rng.uniform(1 - JITTER, 1 + JITTER)))
    return Case(ensemble, name, seed, beam, _plane(chosen, rng), (setting,), size)


def _plane(one: Collimator, rng: np.random.Generator) -> str:
    """The plane in which a collimator works, else either."""
    if one.family in {Family.TCP7, Family.TCT15, Family.TCSP, Family.TCDQ, Family.TCP3}:
        if one.angle_deg % 180 == 0:
            return "H"
        if one.angle_deg % 180 == 90:
            return "V"
    return PLANES[int(rng.integers(2))]
