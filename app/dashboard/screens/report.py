"""Shift report: what happened in a shift, to read, to take home, to post to the logbook."""

from datetime import datetime, tzinfo

import streamlit as st

from app.dashboard import kept, person
from app.dashboard.access import now, settings
from app.dashboard.wording import plain, plural
from app.handover import making, web
from app.handover.composing import Signed, compose
from app.handover.making import FORMATS, Report
from core.desk import Deeds
from core.errors import ShiftwatchError
from core.shifts import Span

SHIFTS = 9
LONGEST = 4000
_REMARK, _DONE, _PROBLEM = "report_remark", "report_done", "report_problem"
_LABELS = {".pdf": "PDF", ".html": "HTML", ".md": "Markdown"}


def page() -> None:
    """Draw the report of the chosen shift, at first the one that goes on."""
    shifts, site = _shifts(now()), settings().shifts
    left, right = st.columns([2, 5], gap="large")
    with left:
        number = st.selectbox(
            "Shift",
            range(len(shifts)),
            format_func=lambda place: _name(place, shifts[place], kept.zone_of(site.zone)),
            key="report_shift",
        )
        shift = shifts[number or 0]
        st.text_area(
            "In your words (goes to the top of the report)",
            key=_REMARK,
            max_chars=LONGEST,
            placeholder="What the next shift should know",
        )
        report = _report(shift)
        _take(report)
        _post(report)
    with right, st.container(key="handover", border=True):
        st.html(web.body(report.blocks))


def _shifts(instant: datetime) -> list[Span]:
    plan = settings().shifts.plan
    return [plan.before(plan.at(instant), count) for count in range(SHIFTS)]


def _name(place: int, shift: Span, where: tzinfo) -> str:
    begins, ends = shift.begins.astimezone(where), shift.ends.astimezone(where)
    when = f"{begins:%a %d %b %H:%M} to {ends:%H:%M}"
    return f"{when}, goes on" if place == 0 else when


def _report(shift: Span) -> Report:
    facts = kept.shift_facts(shift)
    signed = Signed(person.name(), str(st.session_state.get(_REMARK) or ""))
    return Report(facts, compose(facts, settings().shifts.zone, signed), signed.author)


def _take(report: Report) -> None:
    """Files to take home, made when asked for."""
    with st.container(horizontal=True, key="report_files"):
        for ending, label in _LABELS.items():
            media_type, make = FORMATS[ending]
            st.download_button(
                label,
                data=lambda make=make: make(report),  # type: ignore[misc]
                file_name=report.name + ending,
                mime=media_type,
                icon=":material/download:",
                key=f"report_{label}",
                on_click="ignore",
            )


def _post(report: Report) -> None:
    if settings().logbook_url is None:
        st.caption("No logbook is connected: SHIFTWATCH_LOGBOOK_URL is the webhook that takes reports.")
        return
    st.button(
        "Post to the logbook",
        type="primary",
        key="report_post",
        disabled=not person.may(Deeds.HAND_OVER),
        on_click=_send,
        args=(report,),
    )
    if refused := person.why_not(Deeds.HAND_OVER):
        st.caption(refused)
    if done := st.session_state.pop(_DONE, None):
        st.success(done, icon=":material/check:")
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(f"Not posted: {plain(problem)}", icon=":material/error:")


def _send(report: Report) -> None:
    try:
        person.desk().hand_over(report.facts.whole)
        making.post(report, settings())
    except ShiftwatchError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    st.session_state[_DONE] = f"The report is in the logbook, with {plural(len(report.facts.alarms), 'alarm')}."
