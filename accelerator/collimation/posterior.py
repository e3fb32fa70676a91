"""The posterior over settings errors of one pattern, from two voices: the network and the explicit likelihood."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation import likelihood
from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.ensemble import weight
from accelerator.collimation.features import Layout, Readings
from accelerator.collimation.geometry import find
from accelerator.collimation.hypotheses import Hypotheses
from accelerator.collimation.templates import Table
from core.inference import Session

Floats: TypeAlias = NDArray[np.float64]

PRIOR_NOMINAL = 0.9
"""Nine of ten maps are taken with all settings right."""
TAUGHT_NOMINAL = 0.35
TOLERANCE = {Quantity.GAP: 0.05, Quantity.OFFSET: 0.01, Quantity.TILT: 20.0, Quantity.ORBIT: 0.02}
"""Every setting is off by so much besides."""
TEMPLATES_OFF = 0.06
"""Templates have counting errors and lie between sizes: a size is wrong by so much of itself (measured on the errors
that the library draws at random)."""
SHIFT = float(np.log(PRIOR_NOMINAL / (1 - PRIOR_NOMINAL)) - np.log(TAUGHT_NOMINAL / (1 - TAUGHT_NOMINAL)))
REFINED = 3
FINE = 48


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Probability of nominal, of each fault (F,), and the change that each would be, with its standard deviation."""

    nominal: float
    faults: Floats
    change: Floats
    sigma: Floats

    @property
    def score(self) -> float:
        """Logarithm of the odds that something known is wrong."""
        broken = max(float(self.faults.sum()), 1e-300)
        return float(np.log(broken) - np.log(max(self.nominal, 1e-300)))

    def ranked(self) -> NDArray[np.int64]:
        """Return the numbers of the faults, most probable first."""
        return np.argsort(-self.faults)


@dataclass(frozen=True, slots=True)
class Tuning:
    """How far the voices may be believed.

    ``trust`` is the weight of the network beside the likelihood in what is wrong, ``size_trust`` in how much;
    ``sigma_factor`` multiplies the standard deviations of sizes.
    """

    trust: float = 0.5
    size_trust: float = 0.0
    sigma_factor: float = 1.0


def prior(table: Table) -> Floats:
    """Return the prior of each fault, shape (F,)."""
    weights = np.array([weight(fault) for fault in table.faults])
    found: Floats = weights / weights.sum()
    return found


def from_network(
    session: Session, layout: Layout, hypotheses: Hypotheses, readings: Readings, table: Table
) -> list[Posterior]:
    """Return what the network says of n patterns."""
    told = session.run({"features": layout.features(readings, table)})
    logits, size, log_sigma = told["logits"], told["size"], told["log_sigma"]
    places = hypotheses.places(table)
    known = places >= 0
    found = []
    for row in range(len(readings)):
        own = np.where(known, logits[row, 1 + places], -30.0)
        log = np.concatenate([[logits[row, 0] + SHIFT], own])
        probability = _normalised(log)
        units = hypotheses.units[places]
        change = size[row, places] * units
        sigma = np.exp(log_sigma[row, places]) * units
        found.append(Posterior(float(probability[0]), probability[1:], change.astype(float), sigma.astype(float)))
    return found


def known_scores(session: Session, layout: Layout, hypotheses: Hypotheses, readings: Readings, table: Table) -> Floats:
    """Return the scores (see `Posterior`) that the network gives to n patterns, shape (n,)."""
    logits = session.run({"features": layout.features(readings, table)})["logits"].astype(np.float64)
    places = hypotheses.places(table)
    own = logits[:, 1 + places[places >= 0]]
    top = own.max(axis=1)
    broken = top + np.log(np.exp(own - top[:, None]).sum(axis=1))
    found: Floats = broken - logits[:, 0] - SHIFT
    return found


def from_likelihood(
    readings: Readings,
    table: Table,
    number: int,
    also: Sequence[int] | NDArray[np.int64] = (),
    sharp: likelihood.Voices | None = None,
) -> Posterior:
    """Return what the likelihood says of one pattern; the best faults and those ``also`` named get exact sizes."""
    sharp = sharp or likelihood.explain(readings, table, number)
    voices = likelihood.softened(sharp, readings, table, number)
    log = np.concatenate([[voices.nominal + np.log(PRIOR_NOMINAL)], voices.faults + np.log(prior(table) * 0.1)])
    probability = _normalised(log)
    widths = likelihood.grid_widths(table)
    weights = widths * np.exp(voices.sizes - voices.sizes.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    change = (weights * table.changes).sum(axis=1)
    sigma = np.sqrt((weights * (table.changes - change[:, None]) ** 2).sum(axis=1))
    for fault in {*np.argsort(-probability[1:])[:REFINED].tolist(), *map(int, also)}:
        change[fault], sigma[fault] = refined(readings, table, number, fault, voices.sizes[fault])
    return Posterior(float(probability[0]), probability[1:], change, sigma)


def group_scores(voices: likelihood.Voices, table: Table) -> Floats:
    """Return by how much the likelihood prefers the best fault to nominal, shape (groups,), for each of `GROUPS`.

    Only gaps and offsets raise alarms: what a tilt or an orbit does is too like what tolerances do.
    """
    preferred = voices.faults - voices.nominal
    groups = np.array([group_of(one.element) if one.quantity in _JUDGED else -1 for one in table.faults])
    return np.array([preferred[groups == one].max(initial=-20.0) for one in range(len(GROUPS))])


_JUDGED = frozenset({Quantity.GAP, Quantity.OFFSET})
GROUPS = ("primary", "secondary", "tertiary", "other")


def group_of(element: str) -> int:
    """Return which of `GROUPS` a collimator belongs to."""
    family = str(find(element).family)
    if family == "TCP7":
        return 0
    if family == "TCSG7":
        return 1
    return 2 if family.startswith("TCT") else 3


def refined(
    readings: Readings, table: Table, number: int, fault: int, sizes: Floats | None = None
) -> tuple[float, float]:
    """Mean and standard deviation of the size of one fault on a fine grid around its best sizes."""
    grid = table.changes[fault]
    if sizes is None:
        one = readings.row(number)
        sizes = likelihood.fit(likelihood.beside(one, table, table.deltas[fault]), table, one.scale).log
    near = np.flatnonzero(sizes > sizes.max() - 6.0)
    low, high = grid[max(near[0] - 1, 0)], grid[min(near[-1] + 1, len(grid) - 1)]
    fine = np.linspace(low, high, FINE)
    one = readings.row(number)
    log = likelihood.fit(likelihood.beside(one, table, table.delta(fault, fine)), table, one.scale).log
    weights = np.exp(log - log.max())
    weights /= weights.sum()
    mean = float(weights @ fine)
    return mean, float(np.sqrt(weights @ (fine - mean) ** 2 + (fine[1] - fine[0]) ** 2 / 12))


def together(network: Posterior, classical: Posterior, tuning: Tuning, table: Table) -> Posterior:
    """Return both voices as one: the weighted mean of the logarithms, sizes as a mixture."""
    trust = tuning.trust
    pairs = ((network.nominal, classical.nominal), *zip(network.faults, classical.faults, strict=True))
    log = np.array([trust * np.log(max(a, 1e-300)) + (1 - trust) * np.log(max(b, 1e-300)) for a, b in pairs])
    probability = _normalised(log)
    part = tuning.size_trust
    change = part * network.change + (1 - part) * classical.change
    apart = part * (1 - part) * (network.change - classical.change) ** 2
    sigma = np.sqrt(part * network.sigma**2 + (1 - part) * classical.sigma**2 + apart)
    least = np.array([TOLERANCE[fault.quantity] for fault in table.faults])
    floor = np.hypot(least, TEMPLATES_OFF * np.abs(change))
    return Posterior(float(probability[0]), probability[1:], change, np.hypot(sigma * tuning.sigma_factor, floor))


def _normalised(log: Floats | Sequence[float]) -> Floats:
    shifted = np.exp(np.asarray(log, np.float64) - np.max(log))
    found: Floats = shifted / shifted.sum()
    return found
