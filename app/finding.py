"""What an examination finds: a subject, how bad it is, what was seen, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: an error keeps something from working, a warning will or may."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    level: Level
    text: str
    advice: str = ""

    def lines(self) -> str:
        """Return it as text: one line, and another one that says what to do."""
        told = f"{self.level:<8}{self.subject}: {self.text}"
        return f"{told}\n{'':8}do: {self.advice}" if self.advice and self.level is not Level.OK else told


def fine(subject: str, text: str) -> Finding:
    """Return a finding that needs nobody."""
    return Finding(subject, Level.OK, text)


def warning(subject: str, text: str, advice: str) -> Finding:
    """Return a finding that somebody should know of."""
    return Finding(subject, Level.WARNING, text, advice)


def error(subject: str, text: str, advice: str) -> Finding:
    """Return a finding that keeps something from working."""
    return Finding(subject, Level.ERROR, text, advice)
