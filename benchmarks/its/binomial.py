"""AutoDQM's beta-binomial test against reference runs (arXiv 2501.13789; plugins/beta_binomial.py @ 051ce2f).

A bin with D of N entries is held against a reference with R of M through the beta-binomial law

    P(D) = BetaBinomial(D; N, alpha = R' + 1, beta = M' - R' + 1),   (R', M') = (R, M) / sqrt(1 + (R tol^2)^2)

so that a reference is never taken to be better than ``tol`` (1 %). The probability relative to that at the expected
number (the better of its floor and ceiling), averaged over the references and cut at 1e-300, becomes a pull:
``chi2.isf(p, 1) ** 0.5``, signed. Each layer's map is one histogram; of it

- *chi2* is the mean squared pull of the bins that are used,
- *max pull* is the largest pull, corrected for the number of bins: p -> 1 - (1 - p)^bins.

The score is the largest of the seven layers. References are the runs of the history, each summed over its cycles.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import gammaln
from scipy.stats import chi2

from benchmarks.its.seen import Floats, Judgement, Method, Seen, suspects
from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS, layer_slice

TOLERANCE = 0.01
_LEAST = 1e-300


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What the law needs of the references of one layer, worked out once; (references, bins) each."""

    share: Floats
    alpha: Floats
    beta: Floats
    constant: Floats

    @classmethod
    def of(cls, runs: Floats) -> "Reference":
        """Return it for counts of shape (references, bins)."""
        total = runs.sum(axis=1, keepdims=True)
        scale = 1 / np.sqrt(1 + (runs * TOLERANCE**2) ** 2)
        alpha = np.round(runs * scale) + 1
        beta = np.round(total * scale) - np.round(runs * scale) + 1
        return cls(runs / np.maximum(total, 1), alpha, beta, gammaln(alpha + beta) - gammaln(alpha) - gammaln(beta))

    def log_probability(self, count: Floats, total: float) -> Floats:
        """Return ln P(count), shape (references, bins)."""
        choose = gammaln(total + 1) - gammaln(count + 1) - gammaln(total - count + 1)
        tail = (
            gammaln(count + self.alpha) + gammaln(total - count + self.beta) - gammaln(total + self.alpha + self.beta)
        )
        return choose + tail + self.constant

    def relative(self, count: Floats) -> Floats:
        """Return the probability of the counts, (bins,), relative to the most probable ones, per reference."""
        total = float(count.sum())
        expected = self.share * total
        highest = np.maximum(
            self.log_probability(np.minimum(np.ceil(expected), total), total),
            self.log_probability(np.maximum(np.floor(expected), 0.0), total),
        )
        return np.exp(np.clip(self.log_probability(count, total) - highest, np.log(_LEAST), 0.0))


def pulls(count: Floats, references: Floats) -> Floats:
    """Return the unsigned pull of every bin.

    Parameters
    ----------
    count
        Entries, shape (bins,).
    references
        Entries of the reference runs, shape (references, bins).
    """
    return _sigmas(Reference.of(references).relative(count).mean(axis=0))


def max_pull(pull: Floats, used: int) -> Floats:
    """Return pulls corrected for looking at ``used`` bins."""
    single = chi2.sf(np.minimum(pull, 37.0) ** 2, 1)
    return _sigmas(
        np.where(used * single < 0.01, used * single, -np.expm1(used * np.log1p(-np.minimum(single, 1 - 1e-12))))
    )


def _sigmas(probability: Floats) -> Floats:
    return np.sqrt(chi2.isf(np.maximum(probability, _LEAST), 1))


@dataclass(frozen=True, slots=True, eq=False)
class BetaBinomial:
    """Holds cycles against one reference run (the latest) and against all; ``layers`` has a pair for each layer."""

    counts: Floats
    layers: tuple[tuple[Reference, Reference], ...] = field(default=())

    def fork(self) -> "BetaBinomial":
        return self

    def judge(self, seen: Seen, *, good: bool) -> dict[str, Judgement]:
        del good
        one, every = np.zeros(CELLS), np.zeros(CELLS)
        one_score = every_score = every_chi2 = 0.0
        for of, references in zip(LAYERS, self.layers, strict=True):
            block = layer_slice(of.number)
            count = seen.counts[block]
            if count.sum() <= 0:
                continue
            used = int(np.count_nonzero(count + self.counts[:, block].sum(axis=0)))
            single, many = (_sigmas(reference.relative(count).mean(axis=0)) for reference in references)
            one[block], every[block] = max_pull(single, used), max_pull(many, used)
            one_score, every_score = max(one_score, one[block].max()), max(every_score, every[block].max())
            every_chi2 = max(every_chi2, float((many**2).sum()) / max(used, 1))
        return {
            ONE: Judgement(float(one_score), *suspects(one)),
            MANY: Judgement(float(every_score), *suspects(every)),
            CHI2: Judgement(every_chi2, *suspects(every)),
        }


def compare_to(history: Sequence[Sequence[Seen]]) -> BetaBinomial:
    """Return the test against the runs of the history."""
    counts = np.array([np.sum([seen.counts for seen in run], axis=0) for run in history])
    layers = []
    for of in LAYERS:
        block = counts[:, layer_slice(of.number)]
        layers.append((Reference.of(block[-1:]), Reference.of(block)))
    return BetaBinomial(counts, tuple(layers))


ONE, MANY, CHI2 = (f"beta-binomial, {what}" for what in ("1 reference", "8 references", "8 references, chi2"))
METHODS = (Method("beta-binomial", {ONE: None, MANY: None, CHI2: 3.0}, compare_to, ("binomial.py",)),)
