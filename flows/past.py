"""What a backfill is about, cut into parts that any process can judge by itself, in any order."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from core.contracts import Arrival, System
from core.errors import SettingsError
from core.settings import Settings
from core.shifts import Span
from core.verdict import Model

SOURCE = "backfill"
"""The source under which the store remembers what a backfill judged."""
YOUNGEST_S = 3600.0
"""What is younger belongs to the watch, which may still have to alarm about it."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What is asked for: a system (as ``flows/systems.py`` or ``package.module:NAME``), a span, and who judges.

    ``archive``: folder or QCDB to read from, in place of what the settings say.
    """

    system: str
    span: Span
    model: Model | None = None
    archive: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Arrivals for one process. ``in_order``: one detector that remembers nothing before judges all, in this order."""

    errand: Errand
    arrivals: tuple[Arrival, ...]
    in_order: bool = False


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What is known of an arrival before it is judged: when it was observed (None: unusable), what it is tied to."""

    at: datetime | None
    ties: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a part: judged now, judged before, seen outside of the span, and unusable (with reasons)."""

    judged: int = 0
    known: int = 0
    outside: int = 0
    unusable: int = 0
    reasons: tuple[str, ...] = ()
    sample: tuple[str, str] | None = None
    cpu_s: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        """Return both together."""
        return Tally(
            self.judged + other.judged,
            self.known + other.known,
            self.outside + other.outside,
            self.unusable + other.unusable,
            (*self.reasons, *other.reasons)[:10],
            other.sample or self.sample,
            self.cpu_s + other.cpu_s,
        )


def pointed_at(settings: Settings, system: System, archive: str | None) -> Settings:
    """Return the settings with another folder or QCDB in place of the system's own.

    Raises
    ------
    SettingsError
        The folder is not there, or the system has no such setting.
    """
    if archive is None:
        return settings
    section = getattr(settings, system.name, None)
    name = "qcdb_url" if system.archive is not None else "inbox"
    if section is None or not hasattr(section, name):
        raise SettingsError(f"{system.name}: has no other place to read from")
    place = archive if system.archive is not None else _folder(archive)
    return settings.model_copy(update={system.name: section.model_copy(update={name: place})})


def youngest(system: System, settings: Settings, now: datetime) -> datetime:
    """Return up to when the past goes."""
    if system.archive is None:
        return now - timedelta(seconds=YOUNGEST_S)
    archive = system.archive(settings)
    try:
        return now - timedelta(seconds=archive.youngest_s)
    finally:
        archive.close()


def checked(errand: Errand, latest: datetime) -> Errand:
    """Return the errand if its span is one, and past.

    Raises
    ------
    SettingsError
        Otherwise; the text says up to when it may go.
    """
    if errand.span.begins >= errand.span.ends:
        raise SettingsError("--from: must lie before --to")
    if errand.span.ends > latest:
        raise SettingsError(f"--to: what is younger than {latest:%Y-%m-%dT%H:%M:%SZ} belongs to the watch")
    return replace(errand, archive=None if errand.archive is None else errand.archive.rstrip("/"))


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise SettingsError(f"--archive {text}: is no folder")
    return path
