"""What the standards ask of an alarm system, beside what was measured.

Figures are those of ANSI/ISA-18.2-2016 (clause 16, the same in IEC 62682) and EEMUA 191, for one person on shift and
judged over 30 days or more.
"""

from dataclasses import dataclass
from enum import StrEnum

from core.alarms.health import BIN, Health
from core.alarms.severity import Severity
from core.shifts import Span

ISA = "ISA-18.2"
EEMUA = "EEMUA 191"
LEAST_DAYS = 30
HIGH = (Severity.MAJOR,)
MEDIUM = (Severity.INVALID, Severity.UNDEFINED)
LOW = (Severity.MINOR,)
_SHIFT_H = 8.0


class Standing(StrEnum):
    """How a figure compares with its target; nothing can be said where there is no target or too little data."""

    GOOD = "good"
    OVER = "over"
    FAR = "far over"
    SILENT = "no target"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the alarm system in words, what the standard asks for, where that is from, how they compare."""

    name: str
    value: str
    target: str
    source: str
    standing: Standing
    about: str = ""


def compare(health: Health) -> tuple[Figure, ...]:
    """Return all figures beside their targets, in the order in which the standards list them."""
    return (*_rates(health), *_floods(health), *_nuisances(health), _seen(health), _priorities(health))


def is_short(span: Span) -> bool:
    """Whether a span is shorter than what the standards want to be judged over."""
    return span.length.days < LEAST_DAYS


def _rates(health: Health) -> tuple[Figure, ...]:
    hours = max(health.span.length.total_seconds() / 3600, 1e-9)
    most = max(
        (load.per_operator * _SHIFT_H / _hours(load.span) for load in health.shifts if _long(load.span)), default=0.0
    )
    return (
        Figure(
            "Alarms per 10 minutes, mean",
            f"{health.per_ten_minutes:.2f}",
            "about 1, at most 2",
            ISA,
            _graded(health.per_ten_minutes, 1, 2),
        ),
        Figure(
            "Alarms per day",
            f"{health.annunciations * 24 / hours:.0f}",
            "about 150, at most 300",
            ISA,
            _graded(health.annunciations * 24 / hours, 150, 300),
        ),
        Figure(
            "Alarms per person in the busiest shift",
            f"{most:.0f}",
            "about 50, at most 100",
            f"{ISA}, for 8 hours",
            _graded(most, 50, 100),
            "People are those who did something with an alarm in the shift.",
        ),
        Figure(
            "Most alarms in any 10 minutes",
            f"{health.peak_ten_minutes}",
            "10 or fewer",
            ISA,
            _graded(health.peak_ten_minutes, 10, 20),
        ),
    )


def _floods(health: Health) -> tuple[Figure, ...]:
    crowded = sum(count > 10 for count in health.bins) / len(health.bins)
    return (
        Figure("10-minute periods with more than 10", f"{crowded:.1%}", "below 1%", ISA, _graded(crowded, 0.01, 0.05)),
        Figure(
            "Time in flood",
            f"{health.flood_share:.1%}",
            "below 1%",
            ISA,
            _graded(health.flood_share, 0.01, 0.05),
            "A flood begins with 10 alarms in 10 minutes and ends when 10 minutes bring fewer than 5.",
        ),
    )


def _nuisances(health: Health) -> tuple[Figure, ...]:
    few = health.sources <= 20
    return (
        Figure(
            "Chattering",
            f"{len(health.chattering)}",
            "none",
            f"{ISA}, {EEMUA}",
            _graded(len(health.chattering), 0, 3),
            "Places whose alarm came three times or more within a minute.",
        ),
        Figure(
            "Fleeting",
            f"{health.fleeting}",
            "none",
            ISA,
            _graded(health.fleeting, 0, max(3, health.annunciations // 20)),
            "Alarms whose cause was over within a minute without anybody doing anything.",
        ),
        Figure(
            "Stale",
            f"{len(health.stale)}",
            "fewer than 5 on any day",
            ISA,
            _graded(len(health.stale), 4, 10),
            "Alarms whose cause has lasted for more than 24 hours now.",
        ),
        Figure(
            "Share of the 10 most frequent",
            f"{health.top_share:.0%}",
            "1 to 5%",
            ISA,
            Standing.SILENT if few else _graded(health.top_share, 0.05, 0.2),
            f"Only {health.sources} places raised alarms: too few for the share to mean much." if few else "",
        ),
    )


def _seen(health: Health) -> Figure:
    middle, most = health.seen_within(0.5), health.seen_within(0.9)
    value = "nothing acknowledged" if middle is None or most is None else f"{_long_words(middle)} / {_long_words(most)}"
    never = f" {health.never_seen} were not acknowledged at all." if health.never_seen else ""
    about = f"Half of the alarms within the first, nine of ten within the second time.{never}"
    return Figure("Time to acknowledge", value, "none set", "the site's own", Standing.SILENT, about)


def _priorities(health: Health) -> Figure:
    total = sum(health.priorities.values())
    counts = [sum(health.priorities.get(one, 0) for one in group) for group in (HIGH, MEDIUM, LOW)]
    shares = [count / total if total else 0.0 for count in counts]
    few = total < 20
    return Figure(
        "Priorities: high / medium / low",
        " / ".join(f"{share:.0%}" for share in shares),
        "about 5 / 15 / 80%",
        ISA,
        Standing.SILENT if few else _graded(shares[0], 0.1, 0.25),
        "High: major. Medium: cannot be judged, unknown. Low: minor."
        + (f" Only {total} alarms: too few to judge their shares." if few else ""),
    )


def _graded(value: float, good: float, most: float) -> Standing:
    return Standing.GOOD if value <= good else Standing.OVER if value <= most else Standing.FAR


def _hours(span: Span) -> float:
    return max(span.length.total_seconds() / 3600, 1e-9)


def _long(span: Span) -> bool:
    """Whether a part of a shift is long enough for a rate (a piece of some minutes would exaggerate)."""
    return span.length >= 6 * BIN


def _long_words(seconds: float) -> str:
    for limit, size, unit in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"
