"""What a shot says: what is wrong and what to do, the five parameters, what cannot be told, and what is behind it."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from html import escape

import streamlit as st

from accelerator.schlieren import display
from accelerator.schlieren.display_words import bench_row, cause_label, drift_line, how_sure, per_hour
from accelerator.schlieren.guidance import guidance
from accelerator.schlieren.result import NOMINAL, UNKNOWN, ShotResult
from app.dashboard import plasma
from app.dashboard.panels import answers
from app.dashboard.wording import age, clock_time, plain
from core.store.views import ObservationDetail
from core.verdict import Quality

CAUSES = tuple(display.CAUSES)
_OTHERS = 2
_LEAST_PROBABLE = 0.01


def draw(detail: ObservationDetail, found: ShotResult | None, now: datetime, where: tzinfo) -> None:
    """Draw all of it, the most urgent first."""
    quality = detail.view.quality
    if quality is Quality.NULL:
        with st.container(key="reason"):
            st.markdown(f"**Why:** {plain(display.why(detail.view))}")
            st.markdown(f"**What to do:** {plain(guidance(None))}")
        return
    if quality is Quality.GOOD:
        st.html('<div class="urgent calm" role="status">Nothing needs you right now.</div>')
    else:
        _card(detail, found, now, where)
    if found is None:
        st.caption("The result behind this shot is not there any more.")
        return
    _parameters(found, display.why(detail.view))
    _untold(found, display.why(detail.view))
    _behind(found)


def _card(detail: ObservationDetail, found: ShotResult | None, now: datetime, where: tzinfo) -> None:
    cause = detail.view.cause.name if detail.view.cause else UNKNOWN
    look = "bad" if detail.view.quality is Quality.BAD else "look"
    with st.container(key=f"incident_now_{look}"):
        named = cause_label(cause) if detail.view.cause else display.headline(detail, found)
        st.markdown(f"**{plain(named)}**{_why(detail)}")
        st.markdown(f"**What to do:** {plain(guidance(cause if detail.view.cause else None))}")
        rows = [*_sure(found, cause), *_drifts(found, now, where)]
        if rows:
            body = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows)
            st.html(f"<dl class='facts'>{body}</dl>")
        answers.draw(detail, answers.Question(None, cause, CAUSES, cause_label))


def _why(detail: ObservationDetail) -> str:
    return f"  \n{plain(_sentence(display.why(detail.view)))}" if detail.view.reason else ""


def _sure(found: ShotResult | None, cause: str) -> list[tuple[str, str]]:
    if found is None or cause not in found.causes:
        return []
    others = [
        f"{cause_label(name)}, {how_sure(probability)}"
        for name, probability in found.causes.items()
        if name not in {cause, NOMINAL} and probability >= _LEAST_PROBABLE
    ][:_OTHERS]
    rows = [("How sure", how_sure(found.causes[cause]))]
    return [*rows, ("Or else", "; ".join(others))] if others else rows


def _drifts(found: ShotResult | None, now: datetime, where: tzinfo) -> list[tuple[str, str]]:
    rows = []
    for drift in () if found is None else found.drifts:
        since = datetime.fromisoformat(drift.since)
        text = f"{drift_line(drift)}; {per_hour(drift)}, since {clock_time(since, now, where)} ({age(since, now)})"
        rows.append(("Drift", text))
    return rows


def _parameters(found: ShotResult, said: str) -> None:
    """The five, or why they are withheld, unless that is ``said`` already."""
    reasons = sorted({one.withheld for one in found.parameters if one.withheld and one.withheld != said})
    why = "".join(f'<div class="p-why">Withheld: {escape(_sentence(reason))}</div>' for reason in reasons)
    rows = plasma.parameters(found.parameters) if found.measurements else ""
    nothing = "" if rows or why else '<div class="p-why">Nothing was measured.</div>'
    st.html(f'<div class="conditions"><b>Channel</b>{rows}{why}{nothing}</div>')


def _untold(found: ShotResult, said: str) -> None:
    lines = [*(line for line in found.missing if line != said), *(found.blind if found.measurements else ())]
    if lines:
        st.html(f'<div class="untold"><b>What this shot cannot tell</b>{_list(lines)}</div>')


def _behind(found: ShotResult) -> None:
    """The numbers behind it, for the expert."""
    checks = [
        (_sentence(one.name, ""), f"{one.value:.2g} (trusted up to {one.limit:g}){'' if one.passed else ': too much'}")
        for one in found.checks
    ]
    laser = [] if found.laser_energy_mj is None else [("Ionising laser", f"{found.laser_energy_mj:.1f} mJ")]
    rows = [*laser, *checks, *(bench_row(one) for one in found.bench)]
    if rows:
        body = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows)
        folded = f'<details><summary>Fit and bench</summary><dl class="facts">{body}</dl></details>'
        st.html(f'<div class="untold">{folded}</div>')


def _list(lines: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(_sentence(line))}</li>" for line in lines)
    return f"<ul>{items}</ul>"


def _sentence(text: str, end: str = ".") -> str:
    return f"{text[:1].upper()}{text[1:]}{end if not text.endswith('.') else ''}"
