"""One suspect place beside the same place of the golden board, and the keys that answer it."""

from collections.abc import Callable, Sequence

import streamlit as st

from app.dashboard import review as deciding
from app.dashboard.access import picture
from app.dashboard.review import Review
from app.dashboard.wording import plain
from core.store.views import Judgement, RegionDecision
from inspection.flex.display import Spot, class_label, how_sure

Take = Callable[[Callable[[Review], Review]], None]


def draw(spot: Spot, review: Review) -> None:
    """Draw the place, its golden twin and what the model proposes."""
    here, golden = st.columns(2, gap="small")
    with here, st.container(key="pair_here"):
        _picture(spot.picture, f"Place {spot.number} on this board", "This board")
    with golden, st.container(key="pair_golden"):
        _picture(spot.golden, f"The same place on the golden board as place {spot.number}", "Golden board")
    sure = how_sure(spot.probability)
    st.markdown(
        f"**Place {spot.number} of {review.total}: {plain(class_label(spot.cause))}**{f', {sure}' if sure else ''}"
    )
    st.caption(said(review.answers.get(spot.index)))


def said(answer: RegionDecision | None) -> str:
    """Return what was answered, in words."""
    if answer is None:
        return "Not decided yet"
    if answer.judgement is Judgement.FALSE_ALARM:
        return "You said: no defect"
    return f"You said: defect, {plain(class_label(answer.cause))}"


def keys(names: Sequence[str], take: Take) -> None:
    """Draw the buttons of a place; every one has its key. Streamlit keeps R and C for itself, so X rejects."""
    yes, no = st.columns(2, gap="small")
    yes.button(
        "Defect", key="accept", shortcut="A", type="primary", width="stretch", on_click=take, args=(deciding.accept,)
    )
    no.button("No defect", key="reject", shortcut="X", width="stretch", on_click=take, args=(deciding.reject,))
    before, after = st.columns(2, gap="small")
    before.button("Previous", key="previous", shortcut="K", width="stretch", on_click=take, args=(_back,))
    after.button("Next", key="next", shortcut="J", width="stretch", on_click=take, args=(_on,))
    st.caption("A defect of another kind:")
    columns = st.columns(3, gap="small")
    for digit, name in enumerate(names[:9], start=1):
        columns[(digit - 1) % 3].button(
            class_label(name),
            key=f"class_{digit}",
            shortcut=str(digit),
            width="stretch",
            on_click=take,
            args=(_as(name),),
        )


def _as(name: str) -> Callable[[Review], Review]:
    return lambda review: deciding.rename(review, name)


def _back(review: Review) -> Review:
    return deciding.move(review, -1)


def _on(review: Review) -> Review:
    return deciding.move(review, 1)


def _picture(digest: str | None, alt: str, caption: str) -> None:
    content = picture(digest) if digest else None
    if content is None:
        st.caption(f"{caption}: no picture of this place")
        return
    st.image(content, caption=caption, width="stretch", alt=alt)
