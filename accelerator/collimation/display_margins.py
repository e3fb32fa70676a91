"""The hierarchy as a person reads it: how much of each margin is left, and when it would be gone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accelerator.collimation.diagnosis import Answer, Diagnosis, Margin, Trend
from accelerator.collimation.display_words import collimator, margin_name, stage, value_of, where
from core.clock import as_utc

TOLERANCE_SIGMA = 0.2
"""A margin that is smaller by less than this is what settings and centres may do at any time (0.05 sigma, 10 um)."""
_OWN = re.compile(r"(?P<name>\S+\.\S+) to (?P<outer>\w+)")
_NAME = re.compile(r"(?P<inner>[A-Z]+\d*)-(?P<outer>[A-Z]+\d*)(?: B(?P<beam>[12]))?(?: (?P<plane>\S+))?")


class Standing(StrEnum):
    """How a margin stands; the value is also its look on the page."""

    KEPT = "kept"
    LESS = "less"
    GONE = "gone"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Outlook:
    """When a margin would be gone, and the span that it is gone in with 68 %."""

    at: datetime
    earliest: datetime | None
    latest: datetime | None


def standing(one: Margin) -> Standing:
    """Return how a margin stands, from its value and uncertainty."""
    if one.sigma is None:
        return Standing.UNSEEN
    if one.value_sigma <= one.sigma:
        return Standing.GONE
    lost = one.nominal_sigma - one.value_sigma
    return Standing.LESS if lost > max(2 * one.sigma, TOLERANCE_SIGMA) else Standing.KEPT


def margin_text(one: Margin) -> str:
    """Return a margin in figures: ``0.9 ± 0.1 of 1.5 σ``."""
    if one.sigma is None:
        return f"not seen here ({one.nominal_sigma:.1f} σ)"
    return f"{value_of(one.value_sigma, one.sigma)} of {one.nominal_sigma:.1f} σ"


def several(margins: Sequence[Margin]) -> bool:
    """Whether the margins are of more than one beam or plane, so that each must say which."""
    return len({(one.beam, one.plane) for one in margins}) > 1


def label(one: Margin, *, full: bool) -> str:
    """Return the name of a margin, ``full``: with beam and plane."""
    return f"{margin_name(one)}, {where(one.beam, one.plane)}" if full else margin_name(one)


def summary(found: Diagnosis) -> str:
    """Return the one sentence on the hierarchy that a person needs first; empty if nothing is known of it.

    Margins come in the order of the hierarchy: of those that are gone, or less, the innermost is told.
    """
    if found.answer is Answer.CANNOT_TELL:
        return ""
    known = [one for one in found.margins if one.sigma is not None]
    if not known:
        return "These losses say nothing about the margins." if found.margins else ""
    full = several(found.margins)
    for state in (Standing.GONE, Standing.LESS):
        first = next((one for one in known if standing(one) is state), None)
        if first is not None:
            return _told(first, state, full=full)
    return f"Intact: {label(known[0], full=full)} has {margin_text(known[0])}."


def unseen(margins: Sequence[Margin]) -> str:
    """Return the margins of which these losses say nothing, as a line; empty if there is none."""
    names = [label(one, full=several(margins)) for one in margins if one.sigma is None]
    return f"Not seen here: {', '.join(names)}." if names else ""


def _told(one: Margin, state: Standing, *, full: bool) -> str:
    what = f"{label(one, full=full)} has {margin_text(one)} left"
    if state is Standing.LESS:
        return f"The order holds, but {what}."
    if one.value_sigma < -(one.sigma or 0.0):
        return f"Broken: {stage(one.outer)} is inside {stage(one.inner)} by {value_of(-one.value_sigma, one.sigma)} σ."
    return f"Broken or about to: {what}."


def trend_of(found: Diagnosis) -> Trend | None:
    """Return the trend that a person should see: the one that ends first, else the one that is known best."""
    ending = [one for one in found.trends if one.gone_at]
    if ending:
        return min(ending, key=lambda one: str(one.gone_at))
    return min(found.trends, key=lambda one: sum(one.errors_sigma) / max(1, len(one.errors_sigma)), default=None)


def trend_title(one: Trend) -> str:
    """Return what a trend is of: ``Margin TCP → TCSG, B1 horizontal``."""
    own = _OWN.fullmatch(one.margin)
    if own is not None:
        return f"Margin {collimator(own['name'])} → {stage(own['outer'])}"
    match = _NAME.search(one.margin)
    if match is None:
        return f"Margin {one.margin}"
    place = where(match["beam"], match["plane"])
    return f"Margin {stage(match['inner'])} → {stage(match['outer'])}{f', {place}' if place else ''}"


def outlook(one: Trend) -> Outlook | None:
    """Return when the margin would be gone, None if that is not in sight."""
    at = moment(one.gone_at)
    return None if at is None else Outlook(at, moment(one.gone_earliest), moment(one.gone_latest))


def slope_text(one: Trend) -> str:
    """Return how fast a margin changes."""
    slope, error = one.slope_sigma_per_h, one.slope_error_sigma_per_h
    if abs(slope) < 2 * error:
        return "no trend"
    return f"{'falls' if slope < 0 else 'grows'} by {value_of(abs(slope), error)} σ per hour"


def moment(text: str | None) -> datetime | None:
    """Return the time that an ISO text says, None if it says none."""
    try:
        return as_utc(datetime.fromisoformat(str(text)))
    except ValueError:
        return None
