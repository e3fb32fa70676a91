"""How often a detector was right, by what people said of what it showed."""

from dataclasses import dataclass

from core.intervals import share_interval


@dataclass(frozen=True, slots=True)
class Precision:
    """Answers on one detector: what was there (right, known, of another cause) and what was not (false alarm)."""

    right: int = 0
    known: int = 0
    wrong_cause: int = 0
    false_alarm: int = 0

    @property
    def answered(self) -> int:
        """How many answers there are."""
        return self.real + self.false_alarm

    @property
    def real(self) -> int:
        """How often something was there."""
        return self.right + self.known + self.wrong_cause

    @property
    def share(self) -> float | None:
        """Share of what was shown that was there; None without an answer."""
        return self.real / self.answered if self.answered else None

    def interval(self, confidence: float = 0.9) -> tuple[float, float]:
        """Return the confidence interval of the share."""
        return share_interval(self.real, self.answered, confidence)

    @property
    def cause_share(self) -> float | None:
        """Share of right causes where the cause was answered; None if it never was."""
        named = self.right + self.wrong_cause
        return self.right / named if named else None

    def cause_interval(self, confidence: float = 0.9) -> tuple[float, float]:
        """Return the confidence interval of the share of right causes."""
        return share_interval(self.right, self.right + self.wrong_cause, confidence)
