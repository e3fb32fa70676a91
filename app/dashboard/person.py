"""Who is at the desk: asked once per browser, stored with everything that is decided."""

import json
from urllib.parse import quote, unquote

import streamlit as st

COOKIE = "shiftwatch_operator"
LONGEST_NAME = 60
_KEEP_DAYS = 90
_NAME = "operator_name"
_FIELD = "operator_field"


def name() -> str:
    """Return the operator's name, empty if it was not told yet."""
    if _NAME not in st.session_state:
        st.session_state[_NAME] = cleaned(unquote(st.context.cookies.get(COOKIE, "")))
    return str(st.session_state[_NAME])


def cleaned(text: str) -> str:
    """Return a name that can be stored and shown: printable, one line, not too long."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:LONGEST_NAME]


def ask(why: str) -> None:
    """Ask for the name where it is needed, if it is not known; what follows keeps its place on the page."""
    place = st.container()
    if name():
        return
    with place, st.container(border=True, key="ask_name"):
        st.text_input(
            f"Your name ({why})",
            key=_FIELD,
            max_chars=LONGEST_NAME,
            placeholder="Type your name and press Enter",
            on_change=_take,
        )


def ask_in_line(why: str) -> None:
    """Ask for the name in one line."""
    words = f"Your name ({why})"
    st.text_input(
        words,
        key=_FIELD,
        max_chars=LONGEST_NAME,
        placeholder=f"{words}, then Enter",
        label_visibility="collapsed",
        on_change=_take,
    )


def badge() -> None:
    """Show who is at the desk, with a way to change it, and let the browser remember it."""
    known = name()
    if not known:
        return
    with st.popover(known, icon=":material/person:", type="tertiary"):
        st.text_input("Your name", value=known, key=_FIELD, max_chars=LONGEST_NAME, on_change=_take)
    if st.session_state.get("operator_remembered") != known:
        st.session_state["operator_remembered"] = known
        st.html(_remember(known), unsafe_allow_javascript=True)


def _take() -> None:
    given = cleaned(st.session_state.get(_FIELD, ""))
    if given:
        st.session_state[_NAME] = given


def _remember(known: str) -> str:
    cookie = f"{COOKIE}={quote(known, safe='')}; path=/; max-age={_KEEP_DAYS * 86_400}; samesite=strict"
    return f"<script>document.cookie = {json.dumps(cookie)};</script>"
