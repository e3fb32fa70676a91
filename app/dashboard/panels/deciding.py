"""The decision in progress: kept in the session until it is submitted, untouched by what arrives meanwhile."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app.dashboard import links, person
from app.dashboard.access import now, settings, store
from app.dashboard.panels import decided, spot, waiting
from app.dashboard.review import Review, Step
from app.dashboard.wording import plain, plural
from core.desk import Deeds
from core.errors import ShiftwatchError
from core.store.views import Disposition, ObservationDetail
from inspection.flex import display
from inspection.flex.display import Spot

TOO_FAST_S = 0.5
"""A second press of S within this time was meant for the board before."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """The board that was submitted last."""

    board: int
    element: str
    text: str


def current(detail: ObservationDetail) -> Review:
    """Return the answers so far on this board."""
    board = detail.view.id
    reviews = st.session_state.setdefault("reviews", {})
    if board not in reviews:
        causes = tuple(place.cause for place in display.spots(detail))
        reviews[board] = Review(board, causes)
        st.session_state["shown_at"] = time.monotonic()
    return reviews[board]  # type: ignore[no-any-return]


def panel(detail: ObservationDetail, spots: Sequence[Spot], review: Review) -> None:
    """Draw the place being looked at, its keys, how far the operator is, and the submit key."""
    if spots:
        place = spots[review.cursor]
        spot.draw(place, review, lambda step: _take(detail, step))
        spot.keys(place, review.total - len(review.answers), display.classes(detail), lambda step: _take(detail, step))
        st.progress(len(review.answers) / review.total, text=f"{len(review.answers)} of {review.total} decided")
    else:
        st.markdown("No place stands out from the golden boards. Look once, then submit it as passed.")
    _submit_button(detail, review)


def unjudged(detail: ObservationDetail) -> None:
    """Draw why a photo could not be judged and what to do; putting it away is not a verdict on the board."""
    current(detail)
    reason = plain(display.why(detail.view))
    with st.container(key="reason"):
        st.markdown(f"**Why:** {reason}")
        st.markdown(f"**What to do:** {display.advice(detail.view.reason)}")
    st.button(
        "Put away",
        key=f"submit_{detail.view.id}",
        shortcut="S",
        type="primary",
        disabled=not person.may(Deeds.DECIDE),
        help="Takes it off the list. The board is neither passed nor failed.",
        on_click=_put_away,
        args=(detail,),
    )
    _say_problem()


def moved_on() -> bool:
    """Go to the next board if the last key submitted this one."""
    if not st.session_state.pop("submitted_now", False):
        return False
    following = waiting.after(-1)
    if following is None:
        st.query_params.clear()
    else:
        st.query_params["board"] = str(following)
    st.rerun()
    return True


def is_reopened(board: int) -> bool:
    """Tell whether the operator asked to decide this board again."""
    return board in st.session_state.get(decided.REOPENED, set())


def last_submitted() -> None:
    """Draw what became of the board before, with its record."""
    place = st.container()
    last: Submitted | None = st.session_state.get("last_submitted")
    if last is None:
        return
    with place, st.container(key="last", horizontal=True, vertical_alignment="center"):
        st.markdown(f"Stored: {plain(last.element)}, {last.text}")
        links.to(links.INSPECTION, "Open it again", ":material/undo:", board=last.board)
        detail = store().observation(last.board)
        if detail is not None:
            decided.download(detail, "last_record")


def _submit_button(detail: ObservationDetail, review: Review) -> None:
    missing = review.total - len(review.answers)
    label = "Submit" if not missing else f"Submit ({plural(missing, 'place')} left)"
    st.button(
        label,
        key=f"submit_{detail.view.id}",
        shortcut="S",
        type="primary",
        width="stretch",
        disabled=not review.is_complete or not person.may(Deeds.DECIDE),
        on_click=_submit,
        args=(detail,),
    )
    if refused := person.why_not(Deeds.DECIDE):
        st.caption(refused)
    _say_problem()


def _take(detail: ObservationDetail, step: Step) -> None:
    st.session_state["reviews"][detail.view.id] = step(current(detail))


def _submit(detail: ObservationDetail) -> None:
    review = current(detail)
    if not review.is_complete or _too_fast():
        return
    at, author = now(), person.name()
    try:
        record = display.record(detail, review.decisions, author, at, settings())
        person.desk().decide(detail.view.id, review.decisions, record)
    except ShiftwatchError as error:
        st.session_state["problem"] = str(error)
        return
    _done(detail, display.outcome(record, review.decisions))


def _put_away(detail: ObservationDetail) -> None:
    if _too_fast():
        return
    try:
        person.desk().decide(detail.view.id, (), None, Disposition.SET_ASIDE)
    except ShiftwatchError as error:
        st.session_state["problem"] = str(error)
        return
    _done(detail, "put away")


def _done(detail: ObservationDetail, text: str) -> None:
    board = detail.view.id
    st.session_state["reviews"].pop(board, None)
    st.session_state.get(decided.REOPENED, set()).discard(board)
    st.session_state["last_submitted"] = Submitted(board, detail.view.element, text)
    st.session_state["submitted_now"] = True


def _too_fast() -> bool:
    return time.monotonic() - float(st.session_state.get("shown_at", 0.0)) < TOO_FAST_S


def _say_problem() -> None:
    if problem := st.session_state.pop("problem", None):
        st.error(f"Not stored: {plain(problem)}. Your answers are still here: submit again.", icon=":material/error:")
