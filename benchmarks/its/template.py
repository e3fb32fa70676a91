"""DINAMO-S: an exponentially weighted template with its own uncertainty (arXiv 2501.19237; repository @ b177ffb).

Each layer's map is one histogram x, normalised to 1, with binomial variance s2 = x (1 - x) / N (an empty bin: 1 / N).
With weights w = 1 / (s2 + 1e-9), everything good so far is forgotten by a factor alpha with each cycle:

    W <- alpha W + (1 - alpha) w,   mu <- sum(w x) / W,   sigma2 <- sum(w (x - mu_before)^2) / W

and a cycle is held against mu with chi2 = mean((x - mu)^2 / (s2 + sigma2)). The template begins uniform, sees the
history as good, and afterwards every cycle that *is* good: an oracle's labels, as the paper takes those of shifters.
The score is the largest of the seven layers. ``ALPHA``: of 0.7, 0.9, 0.97 and 0.99 the best
on nominal test runs themselves, in its favour.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.its.seen import Floats, Judgement, Method, Seen, suspects
from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS, layer_of, layer_slice

ALPHA = 0.7
_EPSILON = 1e-9
_FIRST_ENTRIES = 100


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """The template before the next cycle; (CELLS,) each: sums of weights, of values and of squared residuals."""

    weight: Floats
    total: Floats
    square: Floats
    alpha: float = ALPHA

    @property
    def mean(self) -> Floats:
        return self.total / self.weight

    @property
    def variance(self) -> Floats:
        return self.square / self.weight

    @classmethod
    def uniform(cls, alpha: float = ALPHA) -> "Template":
        """Return the template that has seen nothing: uniform, 100 entries a bin."""
        bins = np.bincount(layer_of())[layer_of()].astype(np.float64)
        variance = (1 / bins - 1 / bins**2) / (_FIRST_ENTRIES * bins)
        weight = (1 - alpha) / (variance + _EPSILON)
        return cls(weight, weight / bins, weight * variance, alpha)

    def after(self, seen: Seen) -> "Template":
        """Return the template with a good cycle."""
        share, variance = normalised(seen)
        weight = 1 / (variance + _EPSILON)
        keep, new = self.alpha, (1 - self.alpha) * weight
        square = keep * self.square + new * (share - self.mean) ** 2
        return Template(keep * self.weight + new, keep * self.total + new * share, square, self.alpha)

    def pulls(self, seen: Seen) -> Floats:
        """Return (x - mu) / sigma of every cell."""
        share, variance = normalised(seen)
        return np.asarray((share - self.mean) / np.sqrt(variance + self.variance + 1e-30))


def normalised(seen: Seen) -> tuple[Floats, Floats]:
    """Return every cell's share of its layer's clusters, and the variance of it."""
    share, variance = np.zeros(CELLS), np.ones(CELLS)
    for of in LAYERS:
        block = layer_slice(of.number)
        entries = seen.counts[block].sum()
        if entries > 0:
            part = seen.counts[block] / entries
            share[block] = part
            variance[block] = np.where(part > 0, part * (1 - part) / entries, 1 / entries**2)
    return share, variance


@dataclass(slots=True, eq=False)
class Dinamo:
    """A template that goes on with the cycles that it is told are good."""

    template: Template

    def fork(self) -> "Dinamo":
        return Dinamo(self.template)

    def judge(self, seen: Seen, *, good: bool) -> dict[str, Judgement]:
        pull = self.template.pulls(seen)
        chi2 = np.bincount(layer_of(), pull**2) / np.bincount(layer_of())
        if good:
            self.template = self.template.after(seen)
        cells = suspects(np.abs(pull))
        return {CHI2: Judgement(float(chi2.max()), *cells), PULL: Judgement(float(np.abs(pull).max()), *cells)}


def learn_template(history: Sequence[Sequence[Seen]], alpha: float = ALPHA) -> Dinamo:
    """Return the template after the history."""
    template = Template.uniform(alpha)
    for run in history:
        for seen in run:
            template = template.after(seen)
    return Dinamo(template)


CHI2, PULL = "DINAMO-S, chi2", "DINAMO-S, largest pull"
METHODS = (Method("template", {CHI2: 5.0, PULL: None}, learn_template, ("template.py",)),)
