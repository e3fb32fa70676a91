"""A model's figures: what it promised and keeps, what has changed in what it sees, and its rival."""

from datetime import datetime, tzinfo

import streamlit as st

from app.dashboard import links
from app.dashboard.access import displays
from app.dashboard.modelling import Figures, Rival
from app.dashboard.panels import tables
from app.dashboard.wording import QUALITY, clock_time, plain, plural
from core.calibration import FalseAlarms
from core.drift import Change
from core.verdict import Quality

SHOWN = 5
_CHANGE = {
    Change.ALIKE: "alike", Change.LOOK: "look", Change.CHANGED: "changed", Change.UNKNOWN: "too few",
}  # fmt: skip
_LOOKS = {Change.LOOK: "over", Change.CHANGED: "far"}


def promises(found: Figures) -> None:
    """Draw what the calibration promises beside what was achieved."""
    st.markdown("**Promised and achieved**")
    rows: list[tuple[str, ...]] = []
    marked: list[str] = []
    for kept in found.kept:
        span = f"{kept.low:.2%} to {kept.high:.2%}"
        rows.append(
            (f"p ≤ {kept.promised:g}", f"{kept.promised:.1%}", f"{kept.achieved:.2%}", span, _kept(kept.is_kept))
        )
        marked.append("" if kept.is_kept else "over")
    if found.false_alarms is not None and found.false_alarms.units:
        rows.append(_false(found.false_alarms))
        marked.append("" if found.false_alarms.is_kept else "over")
    if not rows:
        st.caption("Nothing to compare yet: no p-values were given.")
        return
    tables.draw(("", "Promised", "Achieved", "90 % interval", ""), rows, (1, 2, 3), marked)
    st.caption(
        f"Of the newest {plural(found.judged, 'verdict')}; what was really bad is among them, so a little more than "
        "promised is no fault. False alarms: from those called false to those nobody answered, last 30 days."
    )


def drifts(found: Figures, now: datetime, where: tzinfo) -> None:
    """Draw how far scores and measurements have moved since this version began to judge."""
    st.markdown("**Has what it sees changed?**")
    if not found.drifts or found.reference is None:
        st.caption("It has judged nothing yet.")
        return
    rows = [
        (one.name, f"{one.before:.4g}", f"{one.now:.4g}", f"{one.psi:.2f}", f"{one.ks:.2f}", _CHANGE[one.change])
        for one in found.drifts
    ]
    marked = [_LOOKS.get(one.change, "") for one in found.drifts]
    tables.draw(("", "At first", "Of late", "PSI", "KS", ""), rows, (1, 2, 3, 4), marked)
    begins, ends = (clock_time(at, now, where) for at in found.reference)
    st.caption(
        f"Medians of its first verdicts ({begins} to {ends}) and its newest. PSI above 0.25 is another population, "
        "below 0.1 the same. Another running condition shows as drift too."
    )


def rivals(found: Rival, system: str, now: datetime, where: tzinfo) -> None:
    """Draw how another version compares on the same observations, and where both disagree."""
    one = found.comparison
    if not one.total:
        st.caption("It has judged nothing beside the champion yet.")
        return
    low, high = one.agreement_interval()
    rows = [
        ("Judged by both", str(one.total), ""),
        ("Alike", f"{one.agreement:.1%}", f"90 % interval {low:.1%} to {high:.1%}"),
        ("Bad by both", str(one.both), ""),
        ("Bad by the champion alone", str(one.only_champion), ""),
        ("Bad by this one alone", str(one.only_other), f"as different by chance: {one.chance:.2g}"),
        ("Called false by people", f"{one.false_champion} / {one.false_other}", "champion / this one, judged bad"),
        ("Called real by people", f"{one.found_champion} / {one.found_other}", f"of {plural(one.answered, 'answer')}"),
        ("Time for each", f"{one.seconds * 1000:.0f} ms", ""),
    ]
    tables.draw(("", "", ""), rows, (1,))
    if found.disagreed:
        st.markdown("**Where they disagree, newest**")
        _disagreed(found, system, now, where)


def _disagreed(found: Rival, system: str, now: datetime, where: tzinfo) -> None:
    module = displays().get(system)
    with st.container(key="disagreed"):
        for pair in found.disagreed[:SHOWN]:
            words = (
                f"{clock_time(pair.observed_at, now, where)} {pair.element}: {_words(pair.quality, pair.other_quality)}"
            )
            if module is None:
                st.markdown(plain(words))
            else:
                links.to(module.PAGE, plain(words), None, **{module.ASKS: pair.observation_id})
    if len(found.disagreed) > SHOWN:
        st.caption(f"and {len(found.disagreed) - SHOWN} more")


def _words(mine: Quality, other: Quality) -> str:
    return f"{QUALITY[mine]} by the champion, {QUALITY[other]} by this one"


def _false(one: FalseAlarms) -> tuple[str, ...]:
    least, most = one.rate()
    low, high = one.interval()
    achieved = _rate(least) if least == most else f"{_rate(least)} to {_rate(most)}"
    return (
        f"false alarms per {one.unit}",
        f"{one.promised:g}",
        achieved,
        f"{_rate(low)} to {_rate(high)}",
        _kept(one.is_kept),
    )


def _kept(kept: bool) -> str:
    return "kept" if kept else "more"


def _rate(value: float) -> str:
    """A rate in two figures, without a power of ten."""
    return f"{value:.2g}" if value < 100 else f"{value:.0f}"
