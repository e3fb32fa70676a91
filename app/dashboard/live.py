"""Parts of a page that keep themselves up to date, and say so when the database cannot be reached."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from html import escape
from typing import ParamSpec

import streamlit as st

from app.dashboard import kept, known
from app.dashboard.access import now
from app.dashboard.wording import age, clock_time, zone
from core.errors import StoreError

AGAIN_S = 5
LISTEN_S = 2
_HEARD = "heard"
Asked = ParamSpec("Asked")
NOTHING_LOST = (
    "The watches go on: what they judge is written as soon as it is back. What you enter here is not stored meanwhile. "
    "If it stays away, call the expert."
)


def live(every_s: float) -> Callable[[Callable[Asked, None]], Callable[Asked, None]]:
    """Make a function a part of the page that is drawn anew every so many seconds, whatever the database does."""
    return lambda draw: st.fragment(run_every=every_s)(_saying(away, draw))


def steady(draw: Callable[Asked, None]) -> Callable[Asked, None]:
    """Make a function a part of the page that is drawn anew only by what is pressed in it, or once the database is back
    that was away: nothing moves under a hand.
    """
    return st.fragment(_saying(wait_for_database, draw))


def _saying(what: Callable[[str], None], draw: Callable[Asked, None]) -> Callable[Asked, None]:
    """Say inside the part that the database is away: no error of a fragment reaches the frame of the page."""

    @wraps(draw)
    def guarded(*args: Asked.args, **kwargs: Asked.kwargs) -> None:
        try:
            draw(*args, **kwargs)
        except StoreError as error:
            what(str(error))

    return guarded


def listen() -> None:
    """Draw this page anew as soon as an alarm changes or a part falls silent; its parts would do so later."""
    with suppress(StoreError):
        st.session_state[_HEARD] = kept.heard()
    _listening()


@st.fragment(run_every=LISTEN_S)
def _listening() -> None:
    with suppress(StoreError):
        if kept.heard() != st.session_state.get(_HEARD):
            st.rerun()


def away(why: str) -> None:
    """Say that the database cannot be reached, since when, and that nothing is lost."""
    instant = now()
    since = known.away_since(instant)
    told = f"since {clock_time(since, instant, zone(st.context.timezone))}, {age(since, instant)}"
    st.html(
        f'<div class="urgent blind" role="alert"><b>The database cannot be reached ({escape(told)}).</b> '
        f'{escape(NOTHING_LOST)}<div class="urgent-under">{escape(why[:300])}</div></div>'
    )


def wait_for_database(why: str) -> None:
    """Say that the database cannot be reached, and draw the whole page as soon as it can."""
    _waiting(why)


@st.fragment(run_every=AGAIN_S)
def _waiting(why: str) -> None:
    try:
        if known.is_back():
            st.rerun()
    except StoreError as error:  # it was never opened, and still cannot be
        why = str(error)
    away(why)
