"""The versions of a model, and what a person may do with them: promote, go back, try in shadow, replay the past."""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo

import streamlit as st

from app.dashboard import person
from app.dashboard.access import now, settings, store
from app.dashboard.panels import tables
from app.dashboard.wording import clock_time, plain
from core import promoting
from core.desk import Deeds
from core.errors import ShiftwatchError
from core.precision import Precision
from core.shifts import Span
from core.store import replays
from core.store.replays import ReplayView
from core.store.views import Alias, AliasView, ModelView
from core.verdict import Model

SHIFTS, CHANGES = 9, 6
_REASON, _DONE, _PROBLEM, _PAST = "model_reason", "model_done", "model_problem", "model_past"


def table(models: Sequence[ModelView], said: Mapping[Model, Precision], now: datetime, where: tzinfo) -> None:
    """Draw every version: what it is now, since when it is known, and how often people said that it was right."""
    rows = [
        (
            one.name,
            one.version,
            ", ".join(alias.value for alias in one.aliases),
            clock_time(one.registered_at, now, where),
            *_precision(said.get(Model(one.name, one.version), Precision())),
        )
        for one in models
    ]
    heads = ("Model", "Version", "Is", "Known since", "Answers", "Was so", "90 % interval", "Cause right")
    tables.draw(heads, rows, (4, 5, 6))


def history(changes: Sequence[AliasView], now: datetime, where: tzinfo) -> None:
    """Draw who promoted what and why."""
    if not changes:
        return
    st.markdown("**Who judges since when, and why**")
    rows = [
        (clock_time(one.at, now, where), f"{one.version or 'none'} is the {one.alias.value}", one.author, one.reason)
        for one in reversed(changes[-CHANGES:])
    ]
    tables.draw(("At", "", "By", "Why"), rows)


def keys(model: ModelView, champion: ModelView | None) -> None:
    """Draw what can be done with the chosen version; everything needs its reason."""
    if refused := person.why_not(Deeds.PROMOTE):
        st.caption(refused)
    st.text_input("Why", key=_REASON, max_chars=300, placeholder="The reason is kept with the change")
    judges, tried = Alias.CHAMPION in model.aliases, Alias.CHALLENGER in model.aliases
    with st.container(horizontal=True, key="model_keys"):
        _key("Promote", "promote", lambda why: _promote(model, why), disabled=judges, primary=True)
        word = "End the trial" if tried else "Try in shadow"
        _key(word, "challenge", lambda why: _challenge(model, why, end=tried), disabled=judges)
        _key("Roll back", "rollback", lambda why: _roll_back(model, why), disabled=champion is None)
    if done := st.session_state.pop(_DONE, None):
        st.success(done, icon=":material/check:")
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(f"Not done: {plain(problem)}", icon=":material/error:")


def replay_key(model: ModelView, where: tzinfo) -> None:
    """Draw the choice of a past shift, and the key that has it judged again with this version."""
    shifts = _past()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.selectbox(
            "Replay a past shift with this version",
            range(len(shifts)),
            format_func=lambda place: _name(shifts[place], where),
            key=_PAST,
        )
        st.button(
            "Replay",
            key="model_replay",
            disabled=not person.may(Deeds.REPLAY),
            on_click=_replay,
            args=(model, shifts[number or 0]),
        )


def replay_lines(found: Sequence[ReplayView], where: tzinfo) -> None:
    """Draw how far replays have come."""
    rows = [
        (
            str(one.id),
            one.model.version,
            _name(one.span, where),
            one.author,
            f"{one.done} of {one.total}" if one.total else "",
            f"{one.state.value}{f': {one.detail}' if one.detail else ''}",
        )
        for one in found
    ]
    if rows:
        tables.draw(("Nr.", "Version", "Shift", "By", "Judged", ""), rows, (0, 4))


def _precision(one: Precision) -> tuple[str, str, str, str]:
    if one.share is None:
        return ("0", "", "", "")
    low, high = one.interval()
    cause = "" if one.cause_share is None else f"{one.cause_share:.0%}"
    return (str(one.answered), f"{one.share:.0%}", f"{low:.0%} to {high:.0%}", cause)


def _key(label: str, key: str, act: Callable[[str], str], *, disabled: bool, primary: bool = False) -> None:
    st.button(
        label,
        key=f"model_{key}",
        type="primary" if primary else "secondary",
        disabled=disabled or not person.may(Deeds.PROMOTE),
        on_click=_do,
        args=(act,),
    )


def _do(act: Callable[[str], str]) -> None:
    try:
        st.session_state[_DONE] = act(str(st.session_state.get(_REASON, "")))
    except ShiftwatchError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    st.session_state[_REASON] = ""


def _promote(model: ModelView, why: str) -> str:
    promoting.promote(person.desk(), model.system, Model(model.name, model.version), why)
    return f"{model.version} judges from now on: the watch takes it within seconds."


def _challenge(model: ModelView, why: str, *, end: bool) -> str:
    promoting.challenge(person.desk(), model.system, model.name, None if end else model.version, why)
    return "The trial is over." if end else f"{model.version} judges in shadow from now on; it never alarms."


def _roll_back(model: ModelView, why: str) -> str:
    return f"{promoting.roll_back(person.desk(), model.system, model.name, why)} judges again."


def _replay(model: ModelView, span: Span) -> None:
    try:
        number = promoting.ask_replay(person.desk(), model.system, Model(model.name, model.version), span)
    except ShiftwatchError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    start(number)


def start(number: int) -> None:
    """Start the process that works off a replay; how far it came is in the store."""
    command = [sys.executable, "-m", "flows.replaying", str(number)]
    subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)


def newest(system: str) -> list[ReplayView]:
    """Return the newest replays of a system."""
    return replays.newest(store().database, system)


def _past() -> list[Span]:
    plan = settings().shifts.plan
    present = plan.at(now())
    return [plan.before(present, count) for count in range(1, SHIFTS)]


def _name(span: Span, where: tzinfo) -> str:
    begins, ends = span.begins.astimezone(where), span.ends.astimezone(where)
    return f"{begins:%a %d %b %H:%M} to {ends:%H:%M}"
