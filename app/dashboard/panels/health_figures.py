"""The figures of alarm health beside what the standards ask for, and what lies behind them."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from html import escape

import streamlit as st

from app.dashboard import bars, links
from app.dashboard.access import displays
from app.dashboard.bars import Bars
from app.dashboard.wording import clock_time, plural
from core.alarms.health import FLOOD_BEGINS, Health, ShiftLoad, Source
from core.alarms.targets import Figure, Standing

SHIFTS_SHOWN = 9
STALE_SHOWN = 8
_WORDS = {Standing.GOOD: "within", Standing.OVER: "over", Standing.FAR: "far over", Standing.SILENT: "–"}


def table(figures: Sequence[Figure]) -> None:
    """Draw every figure, its target, where that is from, and how they compare."""
    head = "<tr><th>Figure</th><th>Here</th><th>Target</th><th>Source</th><th></th></tr>"
    st.html(f'<table class="plain figures"><thead>{head}</thead><tbody>{"".join(map(_row, figures))}</tbody></table>')


def course(found: Health, where: tzinfo) -> None:
    """Draw the alarms of every ten minutes."""
    st.html(
        bars.html(
            Bars(
                "Alarms in each 10 minutes",
                found.bins,
                found.span.begins,
                found.span.ends,
                ((1, "one per 10 minutes: what one person can handle"), (FLOOD_BEGINS, "flood")),
                FLOOD_BEGINS,
            ),
            where,
        )
    )


def offenders(found: Health) -> None:
    """Draw the places whose alarms came most often."""
    st.markdown("**Most frequent**")
    if not found.top:
        st.caption("No alarm in this time.")
        return
    chattering = set(found.chattering)
    rows = [
        (
            _system(source),
            _place(source),
            str(count),
            f"{count / found.annunciations:.0%}",
            "chattering" if source in chattering else "",
        )
        for source, count in found.top
    ]
    _plain(("System", "Where", "Alarms", "Share", ""), rows, numbers=(2, 3))


def shifts(loads: Sequence[ShiftLoad], now: datetime, where: tzinfo) -> None:
    """Draw what the newest shifts had to bear."""
    st.markdown("**By shift**")
    rows = [
        (
            clock_time(load.span.begins, now, where),
            clock_time(load.span.ends, now, where),
            str(load.annunciations),
            str(load.operators),
            f"{load.per_operator:.0f}",
        )
        for load in reversed(loads[-SHIFTS_SHOWN:])
    ]
    _plain(("From", "To", "Alarms", "People", "Each"), rows, numbers=(2, 3, 4))
    if len(loads) > SHIFTS_SHOWN:
        st.caption(f"The newest {SHIFTS_SHOWN} of {plural(len(loads), 'shift')}.")


def stale(numbers: Sequence[int]) -> None:
    """Draw the way to the alarms that have lasted for more than a day."""
    st.markdown("**Stale: for more than 24 hours**")
    if not numbers:
        st.caption("None.")
        return
    with st.container(key="stale"):
        for number in numbers[:STALE_SHOWN]:
            links.to(links.ALARMS, f"Alarm {number}", ":material/notifications:", alarm=number)
    if len(numbers) > STALE_SHOWN:
        st.caption(f"and {len(numbers) - STALE_SHOWN} more")


def _row(figure: Figure) -> str:
    look = {Standing.OVER: "over", Standing.FAR: "far"}.get(figure.standing, "")
    about = f'<div class="about">{escape(figure.about)}</div>' if figure.about else ""
    return (
        f'<tr class="{look}"><td>{escape(figure.name)}{about}</td><td class="number">{escape(figure.value)}</td>'
        f"<td>{escape(figure.target)}</td><td>{escape(figure.source)}</td>"
        f'<td class="standing">{_WORDS[figure.standing]}</td></tr>'
    )


def _plain(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> None:
    def cell(place: int, text: str, tag: str) -> str:
        look = ' class="number"' if place in numbers else ""
        return f"<{tag}{look}>{escape(text)}</{tag}>"

    head = "".join(cell(place, text, "th") for place, text in enumerate(heads))
    body = "".join(f"<tr>{''.join(cell(place, text, 'td') for place, text in enumerate(row))}</tr>" for row in rows)
    st.html(f'<table class="plain"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def _system(source: Source) -> str:
    module = displays().get(source[0])
    return str(module.TITLE) if module else source[0]


def _place(source: Source) -> str:
    _, element, kind = source
    return f"{element} ({kind})" if kind else element
