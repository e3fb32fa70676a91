"""What a loss map says: the diagnosis and what to do, the hierarchy, what it cannot show, the field's quantities."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from html import escape

import streamlit as st

from accelerator.collimation import display
from accelerator.collimation.diagnosis import Answer, Diagnosis, Hypothesis
from accelerator.collimation.display_margins import summary
from accelerator.collimation.display_quantities import told
from accelerator.collimation.display_words import cause_label, collimator, family_line, finding, how_sure, settings_of
from accelerator.collimation.guidance import guidance
from app.dashboard import hierarchy
from app.dashboard.panels import answers
from app.dashboard.wording import age, clock_time, plain
from core.store.views import ObservationDetail
from core.verdict import Quality

_SAID = frozenset({"reason", "class"})
"""Facts that the page says elsewhere."""
_BLIND_LINES = 3
_OTHER_CLASSES = "This is a map of its own kind. It is recognised, not compared with betatron cleaning."


def draw(detail: ObservationDetail, found: Diagnosis | None, now: datetime, where: tzinfo) -> None:
    """Draw all of it, the most urgent first."""
    if detail.view.quality is Quality.NULL:
        _unjudged(detail)
        return
    if found is None:
        _without(detail)
        return
    if found.answer in {Answer.BROKEN, Answer.UNKNOWN}:
        _card(detail, found, now, where)
    else:
        _calm(detail, found)
    _hierarchy(detail, found)
    _blind(found)
    _notes(detail, found)
    _quantities(detail, found)


def _without(detail: ObservationDetail) -> None:
    """What is said where there is no diagnosis: nothing was there to diagnose, or it is lost."""
    if "diagnosis" in detail.evidence or not detail.view.reason:
        st.caption("The diagnosis behind this map is not there any more.")
    else:
        st.html(f'<div class="urgent calm" role="status">{escape(_sentence(display.why(detail.view)))}</div>')


def _card(detail: ObservationDetail, found: Diagnosis, now: datetime, where: tzinfo) -> None:
    ranked = display.findings(detail, found) if found.answer is Answer.BROKEN else ()
    first = next(iter(ranked), None)
    cause = first.cause if first else None
    look = "bad" if detail.view.quality is Quality.BAD else "look"
    with st.container(key=f"incident_now_{look}"):
        where_it_is = f"  \n{plain(collimator(first.element))}" if first else ""
        st.markdown(f"**{plain(cause_label(cause))}**{where_it_is}")
        st.markdown(f"**What to do:** {plain(guidance(cause or 'unknown'))}")
        st.html(_facts(detail, ranked, first, now, where))
        answers.draw(detail, answers.Question(0 if detail.regions else None, cause, tuple(display.CAUSES), cause_label))


def _facts(
    detail: ObservationDetail, ranked: Sequence[Hypothesis], first: Hypothesis | None, now: datetime, where: tzinfo
) -> str:
    rows = [("Since", _since(detail, now, where)), *([] if first is None else _hypotheses(ranked))]
    body = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows if text)
    return f"<dl class='facts'>{body}</dl>"


def _hypotheses(ranked: Sequence[Hypothesis]) -> list[tuple[str, str]]:
    rows = [("Setting", settings_of(ranked[0])), ("How sure", how_sure(ranked[0].probability))]
    for number, other in enumerate(ranked[1:3]):
        rows.append(("" if number else "Or else", f"{finding(other)}, {how_sure(other.probability)}"))
    return [(name or "\u00a0", text) for name, text in rows]


def _since(detail: ObservationDetail, now: datetime, where: tzinfo) -> str:
    told_since = detail.regions[0].get("since") if detail.regions else None
    try:
        since = datetime.fromisoformat(str(told_since))
    except ValueError:
        return ""
    return "" if since >= detail.view.observed_at else f"{clock_time(since, now, where)} ({age(since, now)})"


def _calm(detail: ObservationDetail, found: Diagnosis) -> None:
    if found.answer is Answer.CANNOT_TELL:
        with st.container(key="coll_cannot"):
            st.markdown(f"**Why:** {plain(display.why(detail.view))}")
            st.markdown("Nothing is said of the hierarchy: neither that it is broken, nor that it is intact.")
        return
    text = _OTHER_CLASSES if found.answer is Answer.OTHER_CLASS else "Nothing needs you right now."
    if detail.view.quality is not Quality.GOOD:
        text = _sentence(display.why(detail.view))
    st.html(f'<div class="urgent calm" role="status">{escape(text)}</div>')


def _hierarchy(detail: ObservationDetail, found: Diagnosis) -> None:
    calm = detail.view.quality is Quality.GOOD or found.answer is Answer.CANNOT_TELL
    bars = hierarchy.html(found.margins, calm=calm)
    if bars:
        st.html(
            f'<div class="conditions"><b>Hierarchy</b><div class="m-summary">{escape(summary(found))}</div>{bars}</div>'
        )


def _blind(found: Diagnosis) -> None:
    if not found.blind:
        return
    lines = [family_line(line) for line in found.blind]
    first, rest = lines[:_BLIND_LINES], lines[_BLIND_LINES:]
    more = f"<details><summary>{len(rest)} more</summary>{_list(rest)}</details>" if rest else ""
    st.html(f'<div class="untold"><b>What these losses cannot show</b>{_list(first)}{more}</div>')


def _notes(detail: ObservationDetail, found: Diagnosis) -> None:
    """What was odd about the file: missing monitors, gaps, readings that were none."""
    notes = [note for note in str(detail.view.conditions.get("notes") or "").split("; ") if note]
    if detail.view.reason and found.answer in {Answer.BROKEN, Answer.UNKNOWN}:
        notes.insert(0, display.why(detail.view))
    if notes:
        st.html(f'<div class="untold"><b>Of these data</b>{_list([_sentence(note, "") for note in notes])}</div>')


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _sentence(text: str, end: str = ".") -> str:
    return f"{text[:1].upper()}{text[1:]}{end}"


def _quantities(detail: ObservationDetail, found: Diagnosis) -> None:
    shown = found.facts if found.answer in {Answer.BROKEN, Answer.UNKNOWN} else {}
    facts = [(_sentence(name, ""), text) for name, text in shown.items() if name not in _SAID]
    rows = [("Kind of map", display.class_label(found.map_class)), *told(detail.measurements), *facts]
    body = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    st.html(f'<div class="conditions"><b>Cleaning</b><dl class="facts">{body}</dl></div>')


def _unjudged(detail: ObservationDetail) -> None:
    with st.container(key="reason"):
        st.markdown(f"**Why:** {plain(display.why(detail.view))}")
        st.markdown(f"**What to do:** {guidance(None)}")
