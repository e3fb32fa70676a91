"""Two models on the same observations: where they agree, what either alone would have alarmed for, what people said."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb

from core.intervals import share_interval
from core.store.shadows import Pair
from core.store.views import Judgement
from core.verdict import Quality


@dataclass(frozen=True, slots=True)
class Comparison:
    """The champion beside another model on ``total`` observations; ``matrix`` counts (champion, other) qualities.

    ``only_champion`` and ``only_other``: judged BAD by one and not by the other. ``false_*``: BAD where a person said
    false alarm, of ``answered`` observations.
    """

    total: int
    matrix: Mapping[tuple[Quality, Quality], int]
    both: int
    only_champion: int
    only_other: int
    answered: int
    false_champion: int
    false_other: int
    found_champion: int
    found_other: int
    seconds: float

    @property
    def agreement(self) -> float:
        """Share of observations that both judge alike."""
        same = sum(count for (one, other), count in self.matrix.items() if one is other)
        return same / self.total if self.total else 0.0

    def agreement_interval(self, confidence: float = 0.9) -> tuple[float, float]:
        """Return the confidence interval of the share of agreement."""
        return share_interval(round(self.agreement * self.total), self.total, confidence)

    @property
    def chance(self) -> float:
        """Chance of a difference at least this large in what they call BAD if both were alike (exact McNemar test)."""
        return mcnemar(self.only_champion, self.only_other)


def compare(pairs: Sequence[Pair]) -> Comparison:
    """Return the comparison of two models on the same observations."""
    said = [one for one in pairs if one.said is not None]
    real = [one for one in said if one.said is not Judgement.FALSE_ALARM]
    false = [one for one in said if one.said is Judgement.FALSE_ALARM]
    bad, other_bad = ([getattr(one, name) is Quality.BAD for one in pairs] for name in ("quality", "other_quality"))
    return Comparison(
        total=len(pairs),
        matrix=Counter((one.quality, one.other_quality) for one in pairs),
        both=sum(a and b for a, b in zip(bad, other_bad, strict=True)),
        only_champion=sum(a and not b for a, b in zip(bad, other_bad, strict=True)),
        only_other=sum(b and not a for a, b in zip(bad, other_bad, strict=True)),
        answered=len(said),
        false_champion=sum(one.quality is Quality.BAD for one in false),
        false_other=sum(one.other_quality is Quality.BAD for one in false),
        found_champion=sum(one.quality is Quality.BAD for one in real),
        found_other=sum(one.other_quality is Quality.BAD for one in real),
        seconds=sum(one.took_s for one in pairs) / max(len(pairs), 1),
    )


def mcnemar(one: int, other: int) -> float:
    """Return the two-sided exact p-value of McNemar's test: are ``one`` and ``other`` halves of their sum by chance?"""
    total, less = one + other, min(one, other)
    if total > 1000:
        return 1.0 if one == other else 0.0 if abs(one - other) > 6 * total**0.5 else _normal(one, other)
    tail = float(sum(comb(total, count) for count in range(less + 1)) / 2**total)
    return min(1.0, 2 * tail)


def _normal(one: int, other: int) -> float:
    """McNemar's test for many, with continuity correction."""
    from statistics import NormalDist

    z = (abs(one - other) - 1) / (one + other) ** 0.5
    return min(1.0, 2 * (1 - NormalDist().cdf(max(z, 0.0))))
