"""The picture of a board with its suspect places drawn over it, so that marking one sends no picture again."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from app.dashboard.access import picture
from app.dashboard.review import Review
from core.store.views import Judgement, ObservationDetail
from inspection.flex.display import Spot, image_size

_LOOKS = {Judgement.FALSE_ALARM: "clean", Judgement.KNOWN: "minor"}
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
    """Return the numbered frames, placed in percent of the picture, so that they fit it at every size."""
    width, height = size
    inside = "".join(_frame(spot, review, size) for spot in spots)
    fit = f".st-key-board_view img, .frames {{ width: min(100%, calc(72vh * {width / height:.5f})) !important; }}"
    shape = f"aspect-ratio: {width} / {height}"
    return f'<style>{fit}</style><div class="frames" style="{shape}" aria-hidden="true">{inside}</div>'


def _frame(spot: Spot, review: Review, size: tuple[int, int]) -> str:
    width, height = size
    margin = max(size) / 150
    left, top = 100 * (spot.x - margin) / width, 100 * (spot.y - margin) / height
    wide, high = 100 * (spot.width + 2 * margin) / width, 100 * (spot.height + 2 * margin) / height
    place = f"left: {left:.2f}%; top: {top:.2f}%; width: {wide:.2f}%; height: {high:.2f}%"
    side = "below" if top < 6 else "above"
    return f'<div class="frame {_state(spot, review)}" style="{place}"><b class="{side}">{spot.number}</b></div>'


def _state(spot: Spot, review: Review) -> str:
    answer = review.answers.get(spot.index)
    said = "open" if answer is None else _LOOKS.get(answer.judgement, "defect")
    return f"{said} now" if spot.index == review.cursor else said


def _first_picture(detail: ObservationDetail, names: Sequence[str]) -> bytes | None:
    for name in names:
        digest = detail.evidence.get(name)
        if digest is not None and (content := picture(digest)) is not None:
            return content
    return None


def _alt(detail: ObservationDetail, spots: Sequence[Spot], look: str) -> str:
    return f"{look} of board {escape(detail.view.element)} with {len(spots)} marked places"
