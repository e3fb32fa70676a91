"""The picture of a board with its suspect places drawn over it, so that marking one sends no picture again."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from app.dashboard.access import picture
from app.dashboard.review import Review
from core.store.views import Judgement, ObservationDetail
from inspection.flex.display import Spot, image_size

LIGHT, HEAT = "Photo", "Heat map"


def draw(detail: ObservationDetail, spots: Sequence[Spot], review: Review, look: str) -> None:
    """Draw the board as a photo or as a heat map, with numbered frames on the suspect places."""
    size = image_size(detail.view.conditions)
    name = ("heat" if look == HEAT else "plain") if size else "board"
    shown = _first_picture(detail, (name, "plain", "board"))
    if shown is None:
        st.info("The picture of this board is not in the store any more.", icon=":material/image_not_supported:")
        return
    with st.container(key="board_view"):
        st.image(shown, width="stretch", alt=_alt(detail, spots, look))
        if size:
            st.html(frames(spots, review, size))


def frames(spots: Sequence[Spot], review: Review, size: tuple[int, int]) -> str:
    """Return the frames as SVG in the pixels of the input image."""
    width, height = size
    font = max(size) / 38
    inside = "".join(_frame(spot, review, font) for spot in spots)
    return f'<svg class="spots" viewBox="0 0 {width} {height}" aria-hidden="true">{inside}</svg>'


def _frame(spot: Spot, review: Review, font: float) -> str:
    margin = font / 4
    box = (
        f'x="{spot.x - margin:.0f}" y="{spot.y - margin:.0f}" '
        f'width="{spot.width + 2 * margin:.0f}" height="{spot.height + 2 * margin:.0f}"'
    )
    above = spot.y - margin - font / 5
    baseline = above if above > font else spot.y + spot.height + margin + font
    return (
        f'<g class="{_state(spot, review)}"><rect class="under" {box}/><rect class="over" {box}/>'
        f'<text x="{spot.x:.0f}" y="{baseline:.0f}" font-size="{font:.0f}" stroke-width="{font / 6:.0f}">'
        f"{spot.number}</text></g>"
    )


def _state(spot: Spot, review: Review) -> str:
    answer = review.answers.get(spot.index)
    said = "open" if answer is None else ("clean" if answer.judgement is Judgement.FALSE_ALARM else "defect")
    return f"{said} now" if spot.index == review.cursor else said


def _first_picture(detail: ObservationDetail, names: Sequence[str]) -> bytes | None:
    for name in names:
        digest = detail.evidence.get(name)
        if digest is not None and (content := picture(digest)) is not None:
            return content
    return None


def _alt(detail: ObservationDetail, spots: Sequence[Spot], look: str) -> str:
    return f"{look} of board {escape(detail.view.element)} with {len(spots)} marked places"
