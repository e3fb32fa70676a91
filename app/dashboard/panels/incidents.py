"""What is wrong: the ranked incidents of a cycle, and of the chosen one all that is known and what to do."""

from collections.abc import Sequence
from datetime import datetime, tzinfo

import streamlit as st

from app.dashboard.panels import answers
from app.dashboard.wording import age, clock_time, plain, plural
from core.store.views import ObservationDetail
from core.verdict import Quality
from dqm.its.display import Incident, incidents
from dqm.its.display_words import CAUSES, cause_label, how_sure
from dqm.its.guidance import guidance

SHOWN = 5
_CHOSEN = "its_incident"
_MOST_NAMES = 6


def chosen(found: Sequence[Incident]) -> int | None:
    """Return which incident is looked at: the one chosen before if it is still there, else the worst."""
    if not found:
        return None
    wanted = st.session_state.get(_CHOSEN)
    return next((one.index for one in found if one.identity == wanted), 0)


def draw(detail: ObservationDetail, now: datetime, where: tzinfo) -> None:
    """Draw the list, with the chosen incident in full; J and K go through it."""
    found = incidents(detail)
    current = chosen(found)
    if current is None:
        return
    if len(found) > 1:
        _moves(found, current)
    first = min(max(0, current - SHOWN + 1), max(0, len(found) - SHOWN))
    for one in found[first : first + SHOWN]:
        if one.index == current:
            _in_full(detail, one, now, where)
        else:
            _entry(one, now, where)
    if len(found) > SHOWN:
        st.caption(f"{plural(len(found), 'place')} in all, worst first; J and K go through them.")


def _entry(one: Incident, now: datetime, where: tzinfo) -> None:
    look = "" if one.quality is Quality.BAD else "worth a look"
    words = " · ".join(part for part in (plain(one.place), look, _since(one, now, where)) if part)
    st.button(
        f"**{one.number}** {plain(one.title)} :small[:gray[{words}]]",
        key=f"incident_{one.index}",
        width="stretch",
        on_click=_choose,
        args=(one.identity,),
    )


def _in_full(detail: ObservationDetail, one: Incident, now: datetime, where: tzinfo) -> None:
    with st.container(key=f"incident_now_{'bad' if one.quality is Quality.BAD else 'look'}"):
        look = "" if one.quality is Quality.BAD else ", worth a look"
        st.markdown(f"**{one.number} {plain(one.title)}**{look}  \n{plain(one.place)}")
        st.markdown(f"**What to do:** {plain(guidance(one.cause))}")
        st.html(_facts(one, now, where))
        if names := _names(one):
            st.caption(names)
        answers.draw(detail, answers.Question(one.index, one.cause, tuple(CAUSES), cause_label))


def _facts(one: Incident, now: datetime, where: tzinfo) -> str:
    lasting = f", {plural(one.cycles, 'cycle')}" if one.cycles else ""
    rows = [
        ("Where", one.position),
        ("Since", f"{_since(one, now, where).removeprefix('since ')}{lasting}" if one.since else ""),
        ("Cause", how_sure(one.probability)),
        ("Clusters there", "" if one.ratio is None else f"{_times(one.ratio)} what these conditions should give"),
        ("How strange", one.strangeness),
        ("", "A defect that the reference knows" if one.known else ""),
    ]
    return "".join(["<dl class='facts'>", *(f"<dt>{a}</dt><dd>{b}</dd>" for a, b in rows if b), "</dl>"])


def _times(ratio: float) -> str:
    return "none of" if ratio < 0.005 else f"{ratio:.2f} times"


def _names(one: Incident) -> str:
    if len(one.names) < 2:
        return ""
    more = f" and {len(one.names) - _MOST_NAMES} more" if len(one.names) > _MOST_NAMES else ""
    return f"{len(one.names)} places: {plain(', '.join(one.names[:_MOST_NAMES]))}{more}"


def _since(one: Incident, now: datetime, where: tzinfo) -> str:
    return f"since {clock_time(one.since, now, where)} ({age(one.since, now)})" if one.since else ""


def _moves(found: Sequence[Incident], current: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="incident_moves"):
        st.markdown(f"**{plural(len(found), 'place')}, worst first**", width="content")
        for label, name, key, step in (("▲", "previous", "K", -1), ("▼", "next", "J", 1)):
            target = found[(current + step) % len(found)].identity
            words = f"{name.capitalize()} place"
            st.button(label, key=f"incident_{name}", shortcut=key, help=words, on_click=_choose, args=(target,))


def _choose(identity: tuple[str, str]) -> None:
    st.session_state[_CHOSEN] = identity
