"""Who did what: the trail of everything that people did or were refused, for experts."""

from datetime import datetime, timedelta

import streamlit as st

from app.dashboard import links, person
from app.dashboard.access import now
from app.dashboard.panels import tables
from app.dashboard.wording import clock_time, zone
from app.deed_table import to_csv
from core.desk import Deeds
from core.store.audit import Sought
from core.store.views import AuditView

PAGE = 50
LONGEST_EXPORT = 20_000
SPANS = {
    "8 hours": timedelta(hours=8),
    "24 hours": timedelta(hours=24),
    "7 days": timedelta(days=7),
    "30 days": timedelta(days=30),
    "All": None,
}
_FIRST = "7 days"
_HEADS = ("When", "Who", "Did what", "To what", "In their words", "")


def page() -> None:
    """Draw what the chosen time, person and kind leave of it, newest first."""
    person.ask("the trail is shown to experts")
    if refused := person.why_not(Deeds.READ_TRAIL):
        st.header("Who did what is shown to experts", anchor=False)
        st.markdown(refused)
        return
    sought, before = _chosen(), links.asked_for("before")
    found = person.desk().trail(PAGE, before, sought)
    if not found:
        st.header("Nothing of the kind was done", anchor=False)
        st.markdown("What people do with alarms, boards, guidance and models, or are refused, is listed here.")
        return
    instant, where = now(), zone(st.context.timezone)
    rows = [_row(deed, clock_time(deed.at, instant, where)) for deed in found]
    tables.draw(_HEADS, rows, marked=["" if deed.allowed else "over" for deed in found])
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(found) == PAGE:
            st.button("Older ones", icon=":material/arrow_forward:", on_click=_go_before, args=(found[-1].id,))
        if before is not None:
            st.button("Newest ones", icon=":material/first_page:", on_click=_go_before, args=(None,))
        _export(sought, instant)


def _chosen() -> Sought:
    """What is sought; all of it is in the address."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="trail_sought"):
        span = st.segmented_control(
            "Time", list(SPANS), default=_FIRST, key="since", bind="query-params", on_change=_go_before, args=(None,)
        )
        who = st.text_input(
            "Whose name has", key="who", max_chars=person.LONGEST_NAME, bind="query-params", width=220,
            on_change=_go_before, args=(None,),
        )  # fmt: skip
        what = st.selectbox(
            "What", [deed.value for deed in Deeds], index=None, key="what", bind="query-params", width=220,
            placeholder="Everything", on_change=_go_before, args=(None,),
        )  # fmt: skip
        refused = st.toggle(
            "Only what was refused", key="refused", bind="query-params", on_change=_go_before, args=(None,)
        )
    length = SPANS[span or _FIRST]
    return Sought(since=now() - length if length else None, person=who.strip(), what=what, refused=refused)


def _go_before(number: int | None) -> None:
    """Go on with what was before a line, or back to the newest."""
    if number is None:
        st.query_params.pop("before", None)
    else:
        st.query_params["before"] = str(number)


def _row(deed: AuditView, when: str) -> tuple[str, ...]:
    who = f"{deed.author or 'Nobody named'} ({deed.role}, {deed.via})"
    subject = " ".join(word for word in (deed.system, deed.subject) if word)
    return when, who, deed.deed, subject, deed.note, "" if deed.allowed else "refused"


def _export(sought: Sought, instant: datetime) -> None:
    desk = person.desk()  # asked here: when the file is made, nobody is known to be at the page
    st.download_button(
        "CSV",
        data=lambda: to_csv(desk.trail(LONGEST_EXPORT, None, sought)),
        file_name=f"shiftwatch-trail-{instant:%Y%m%d-%H%M}.csv",
        mime="text/csv",
        icon=":material/download:",
        key="trail_csv",
        on_click="ignore",
        help=f"Everything that is sought, at most {LONGEST_EXPORT} lines",
    )
