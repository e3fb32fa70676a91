"""Whether a detector keeps what its calibration promises: p-values and false alarms, counted and with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.intervals import count_interval, share_interval

LEVELS = (0.1, 0.01, 0.001)


@dataclass(frozen=True, slots=True)
class Kept:
    """A promised share and the achieved one, with its confidence interval."""

    promised: float
    count: int
    total: int
    low: float
    high: float

    @property
    def achieved(self) -> float:
        """The share that was seen."""
        return self.count / self.total if self.total else 0.0

    @property
    def is_kept(self) -> bool:
        """Whether the promise lies within the interval, or less was seen than promised."""
        return self.low <= self.promised


def p_values(values: Sequence[float | None], levels: Sequence[float] = LEVELS, confidence: float = 0.9) -> list[Kept]:
    """Return how often p-values of nominal data were at or below each level, beside the level itself."""
    known = [value for value in values if value is not None]
    found = []
    for level in levels:
        count = sum(value <= level for value in known)
        found.append(Kept(level, count, len(known), *share_interval(count, len(known), confidence)))
    return found


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """False alarms promised and achieved, per ``unit`` (8 hours of data, or an observation).

    At least those that people called false, at most those too that nobody answered; with the confidence interval of
    the count.
    """

    promised: float
    unit: str
    units: float
    false: int
    unanswered: int

    def rate(self) -> tuple[float, float]:
        """Return the least and the most false alarms per unit that were achieved."""
        units = max(self.units, 1e-9)
        return self.false / units, (self.false + self.unanswered) / units

    def interval(self, confidence: float = 0.9) -> tuple[float, float]:
        """Return the confidence interval from the least to the most."""
        units = max(self.units, 1e-9)
        low, _ = count_interval(self.false, confidence)
        _, high = count_interval(self.false + self.unanswered, confidence)
        return low / units, high / units

    @property
    def is_kept(self) -> bool:
        """Whether the promise lies within the interval, or less was seen than promised."""
        return self.interval()[0] <= self.promised
