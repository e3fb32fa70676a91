"""What the field uses, or could use in ten lines: each learns from nominal maps of one beam and plane, then scores.

- *G/dof*: two-sample multinomial likelihood ratio of counts, beside pooled nominal maps (facts, A2). For
  monitors, which count nothing, chi squared per channel of logarithms against their scatter over the nominal maps.
- *PCA + LOF*: principal components, then Local Outlier Factor (Valentino et al., J. Phys. Conf. Ser. 874 012002).
- *fixed ratios*: shares of stages over that of the primaries, each within a fixed factor of its nominal median.
- *IsolationForest*: of scikit-learn, 300 trees.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.channels import channels
from accelerator.collimation.lossmap import Domain, Pattern

Floats: TypeAlias = NDArray[np.float64]

LEAST_SHARE = 1e-6
COMPONENTS = 0.95
NEIGHBOURS = 20
TREES = 300
LIMITS = {"TCSG7": 1.5, "TCLA7": 4.0, "TCT": 4.0, "IR6": 4.0, "IR3": 4.0, "ds": 3.0, "TCP7 top": 1.25}
"""Factors within which each ratio must stay; our choice, wide enough for 10,000 protons. The first two primaries are
held against each other too: facts A2, small errors announce themselves in the second one."""
PSEUDO = 3.0


class Told(NamedTuple):
    """What a method says of a map: the higher the score the stranger; the channel that is furthest off, if any."""

    score: float
    element: str | None = None


class Peer(Protocol):
    """A method that has learnt what is nominal for one beam and plane."""

    def judge(self, seen: Pattern) -> Told:
        """Score a map."""
        ...


def logs(seen: Pattern) -> Floats:
    """Return logarithms of shares, with a floor of half a count or of the noise, shape (C,)."""
    total = max(float(seen.values.clip(min=0).sum()), 1e-300)
    floor = np.full(len(seen.values), 0.5) if seen.domain is Domain.PROTONS else np.maximum(seen.sigma, 1e-300)
    found: Floats = np.log(np.maximum(np.maximum(seen.values, floor) / total, LEAST_SHARE))
    return found


def collimator_of(seen: Pattern, strangeness: Floats) -> str | None:
    """Return the collimator with the highest strangeness."""
    own = np.array([one.family is not None for one in channels(seen.beam)])
    return seen.channels[int(np.argmax(np.where(own, strangeness, -np.inf)))]


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """G/dof, or chi squared per channel for monitors."""

    counts: Floats
    mean: Floats
    spread: Floats

    @classmethod
    def learn(cls, maps: Sequence[Pattern]) -> "Pooled":
        """Pool nominal maps."""
        every = np.array([logs(one) for one in maps])
        spread = np.maximum(every.std(axis=0, ddof=1), 0.01)
        return cls(np.sum([one.values for one in maps], axis=0), every.mean(axis=0), spread)

    def judge(self, seen: Pattern) -> Told:
        """Score a map."""
        if seen.domain is not Domain.PROTONS:
            pull = (logs(seen) - self.mean) / self.spread
            return Told(float((pull**2).mean()), collimator_of(seen, pull**2))
        both = np.array([np.maximum(seen.values, 0.0), self.counts])
        used = both.sum(axis=0) > 0
        total = both.sum(axis=1, keepdims=True)
        expected = total * both.sum(axis=0) / total.sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = 2 * np.where(both > 0, both * np.log(both / expected), 0.0)
        excess = (both[0] - expected[0]) ** 2 / np.maximum(expected[0], 1e-9)
        return Told(float(terms.sum() / max(used.sum() - 1, 1)), collimator_of(seen, excess))


class Neighbours:
    """PCA + Local Outlier Factor."""

    def __init__(self, maps: Sequence[Pattern]) -> None:
        from sklearn.decomposition import PCA
        from sklearn.neighbors import LocalOutlierFactor

        every = np.array([logs(one) for one in maps])
        self.spread = np.maximum(every.std(axis=0, ddof=1), 0.01)
        self.pca = PCA(COMPONENTS, svd_solver="full").fit(every)
        self.outliers = LocalOutlierFactor(n_neighbors=NEIGHBOURS, novelty=True).fit(self.pca.transform(every))

    def judge(self, seen: Pattern) -> Told:
        """Score a map."""
        row = logs(seen)[None]
        found = self.pca.transform(row)
        left = (row - self.pca.mean_)[0] / self.spread
        return Told(-float(self.outliers.score_samples(found)[0]), collimator_of(seen, left**2))


class Forest:
    """IsolationForest."""

    def __init__(self, maps: Sequence[Pattern]) -> None:
        from sklearn.ensemble import IsolationForest

        self.trees = IsolationForest(n_estimators=TREES, random_state=0).fit(np.array([logs(one) for one in maps]))

    def judge(self, seen: Pattern) -> Told:
        """Score a map."""
        return Told(-float(self.trees.score_samples(logs(seen)[None])[0]))


@dataclass(frozen=True, slots=True, eq=False)
class Ratios:
    """Fixed limits on hierarchy ratios: a score above 1 is beyond a limit."""

    median: dict[str, float]

    @classmethod
    def learn(cls, maps: Sequence[Pattern]) -> "Ratios":
        """Take the median ratios of nominal maps."""
        every = [ratios(one) for one in maps]
        return cls({name: float(np.median([one[name] for one in every])) for name in LIMITS})

    def judge(self, seen: Pattern) -> Told:
        """Score a map."""
        own = ratios(seen)
        return Told(max(abs(own[name] - self.median[name]) / np.log(limit) for name, limit in LIMITS.items()))


def ratios(seen: Pattern) -> dict[str, float]:
    """Return the logarithm of each stage over the primaries, and of the highest primary over all of them."""
    small = PSEUDO if seen.domain is Domain.PROTONS else float(np.median(seen.sigma))
    values = np.maximum(seen.values, 0.0)
    stage = np.array([_stage(str(one.family) if one.family else one.name) for one in channels(seen.beam)])
    sums = {name: float(values[stage == name].sum()) + small for name in {*LIMITS, "TCP7"}}
    primaries = np.sort(values[stage == "TCP7"])[::-1]
    found = {name: float(np.log(sums[name] / sums["TCP7"])) for name in LIMITS}
    found["TCP7 top"] = float(np.log((primaries[0] + small) / (primaries[1] + small))) / 3
    return found


def _stage(name: str) -> str:
    if name.startswith("TCT"):
        return "TCT"
    if name in {"TCSP", "TCDQ"}:
        return "IR6"
    if name.endswith("3") and name.startswith("TC"):
        return "IR3"
    return "ds" if name.startswith("ir7 ds") else name


PEERS = {"G/dof": Pooled.learn, "PCA + LOF": Neighbours, "fixed ratios": Ratios.learn, "IsolationForest": Forest}
