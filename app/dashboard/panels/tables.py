"""Plain tables: text cells, figures to the right, rows that need a look in bold and colour."""

from collections.abc import Sequence
from html import escape

import streamlit as st

SHORT = 24
"""A last cell of so many letters is kept in one line: it says how something stands."""
WORD = 14
"""Any cell of so many letters is: a time, a number, a version."""


def draw(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: Sequence[int] = (),
    marked: Sequence[str] = (),
) -> None:
    """Draw a table; ``marked`` gives for each row "", "over" or "far". All cells are plain text."""
    st.html(html(heads, rows, numbers, marked))


def html(
    heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = (), marked: Sequence[str] = ()
) -> str:
    """Return the table as HTML."""
    looks = [*marked, *[""] * (len(rows) - len(marked))]
    body = "".join(_row(row, numbers, look) for row, look in zip(rows, looks, strict=True))
    head = "".join(_cell(place, text, numbers, "th") for place, text in enumerate(heads))
    above = f"<thead><tr>{head}</tr></thead>" if any(heads) else ""
    return f'<table class="plain">{above}<tbody>{body}</tbody></table>'


def _row(row: Sequence[str], numbers: Sequence[int], look: str) -> str:
    cells = "".join(_cell(place, text, numbers, "td", last=place == len(row) - 1) for place, text in enumerate(row))
    return f'<tr class="{look}">{cells}</tr>'


def _cell(place: int, text: str, numbers: Sequence[int], tag: str, *, last: bool = False) -> str:
    known = (("number", place in numbers), ("short", len(text) <= WORD), ("standing", last and len(text) <= SHORT))
    looks = " ".join(word for word, holds in known if holds)
    return f"<{tag}{f' class={chr(34)}{looks}{chr(34)}' if looks else ''}>{escape(text)}</{tag}>"
