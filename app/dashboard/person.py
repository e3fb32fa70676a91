"""Who is at the desk: signed in where that is set up, else asked for a name; stored with everything that is done."""

import json
from collections.abc import Mapping
from urllib.parse import quote, unquote

import streamlit as st

from app.dashboard.access import settings, store
from app.dashboard.wording import plain
from core.desk import Deeds, Desk, Person, Way
from core.roles import Role, local_role, role_of

COOKIE = "shiftwatch_operator"
LONGEST_NAME = 60
_KEEP_DAYS = 90
_NAME = "operator_name"
_FIELD = "operator_field"
_OF_PROXIES = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def here() -> Person:
    """Return who is at the desk. Who only told a name may act at this machine, and elsewhere only look."""
    known = st.user.to_dict()
    if "is_logged_in" in known:
        return _signed_in(known)
    return Person(_told(), local_role(settings().access, loopback=_is_loopback()), Way.PAGE)


def desk() -> Desk:
    """Return the desk at which the person acts."""
    return Desk(store(), here())


def may(deed: Deeds) -> bool:
    """Whether the person may do it."""
    return here().may(deed)


def why_not(deed: Deeds) -> str:
    """Return why the person may not do it, in words for the page; empty if they may."""
    person = here()
    if person.may(deed):
        return ""
    if not person.name:
        return "Type your name at the top first." if not signs_in() else "Sign in first."
    if not (signs_in() or _is_loopback() or settings().access.open_network):
        return "Nobody can sign in here, and the page is open to the network: it only shows."
    return f"Your role ({person.role.word}) does not include this."


def signs_in() -> bool:
    """Whether a sign-in is set up (section ``[auth]`` of Streamlit's secrets)."""
    return "is_logged_in" in st.user.to_dict()


def admit() -> None:
    """Where a sign-in is set up, let nobody further who did not sign in."""
    if not signs_in() or st.user.is_logged_in:
        return
    st.header("Sign in")
    st.markdown("This console shows and stores what people do in their name.")
    st.button("Sign in", type="primary", on_click=st.login, key="sign_in")
    st.stop()


def _is_loopback() -> bool:
    """Whether the page is served to this machine alone; a proxy before it serves others."""
    if any(name in st.context.headers for name in _OF_PROXIES):
        return False
    published = settings().access.published_at
    return str(published or st.get_option("server.address") or "") in _LOOPBACK


def _signed_in(known: Mapping[str, object]) -> Person:
    if known.get("is_logged_in") is not True:
        return Person("", Role.VIEWER, Way.PAGE)
    email = "" if known.get("email_verified") is False else str(known.get("email") or "")
    name = cleaned(str(known.get("name") or email or known.get("sub") or ""))
    return Person(name, role_of(email, settings().access, signed_in=True), Way.PAGE, email or str(known.get("sub")))


def _told() -> str:
    if _NAME not in st.session_state:
        st.session_state[_NAME] = cleaned(unquote(st.context.cookies.get(COOKIE, "")))
    return str(st.session_state[_NAME])


def name() -> str:
    """Return the operator's name, empty if it was not told yet."""
    return here().name


def cleaned(text: str) -> str:
    """Return a name that can be stored and shown: printable, one line, not too long."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:LONGEST_NAME]


def ask(why: str) -> None:
    """Ask for the name where it is needed, if it is not known; what follows keeps its place on the page."""
    place = st.container()
    if name() or signs_in():
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
    if signs_in():
        with st.popover(known, icon=":material/person:", type="tertiary"):
            st.markdown(f"Signed in as {plain(here().identity)}, {here().role.word}.")
            st.button("Sign out", on_click=st.logout, key="sign_out")
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
