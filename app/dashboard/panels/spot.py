"""One suspect place beside the same place of the golden board, and the keys that answer it."""

from collections.abc import Callable, Sequence

import streamlit as st

from app.dashboard.access import picture
from app.dashboard.review import Review, Step, accept, answer_shown, make_minor, move, reject, reject_rest, rename
from app.dashboard.wording import plain
from core.store.views import Judgement, RegionDecision
from inspection.flex.display import Spot, class_label, how_sure

WITH_KEY = 9
Take = Callable[[Step], None]


def draw(spot: Spot, review: Review, take: Take) -> None:
    """Draw the place, its golden twin, what the model proposes, and the keys to the next and previous place."""
    here, golden = st.columns(2, gap="small")
    with here:
        _picture(spot.picture, f"Place {spot.number} on this board", "This board")
    with golden:
        _picture(spot.golden, f"The same place on the golden board as place {spot.number}", "Golden board")
    before, words, after = st.columns([2, 5, 2], gap="small", vertical_alignment="center")
    before.button(
        "◀", key="previous", shortcut="K", help="Previous place", width="stretch", on_click=take, args=(_back,)
    )
    after.button("▶", key="next", shortcut="J", help="Next place", width="stretch", on_click=take, args=(_on,))
    with words, st.container(key="place"):
        sure = how_sure(spot.probability)
        proposal = f"**{plain(class_label(spot.cause))}**{f', {sure}' if sure else ''}"
        answer = said(review.answers.get(spot.index))
        st.markdown(f"Place {spot.number} of {review.total}  \n{proposal}  \n:small[{answer}]")


def said(answer: RegionDecision | None) -> str:
    """Return what was answered, in words."""
    if answer is None:
        return "Not decided yet"
    if answer.judgement is Judgement.FALSE_ALARM:
        return "You said: no defect"
    what = "minor defect" if answer.judgement is Judgement.KNOWN else "defect"
    return f"You said: {what}, {plain(class_label(answer.cause))}"


def keys(spot: Spot, left: int, names: Sequence[str], take: Take) -> None:
    """Draw the buttons that answer; every one has its key. Streamlit keeps R and C for itself, so X rejects."""
    here = spot.index
    buttons = (
        ("Defect", "accept", "A", accept, "The board fails"),
        ("Minor", "minor", "Y", make_minor, "A defect, but the board may pass with it"),
        ("No defect", "reject", "X", reject, "Nothing is wrong here"),
    )
    for column, (label, name, key, step, what) in zip(st.columns([4, 4, 5], gap="small"), buttons, strict=True):
        column.button(
            label,
            key=f"{name}_{here}",
            shortcut=key,
            help=what,
            type="primary" if step is accept else "secondary",
            width="stretch",
            on_click=take,
            args=(_at(here, step),),
        )
    if left > 1:
        words = f"No defect at any of the {left} places left"
        st.button(words, key=f"rest_{here}_{left}", shortcut="N", width="stretch", on_click=take, args=(reject_rest,))
    with st.container(key="kinds"):
        st.caption("Or a defect of another kind")
        columns = st.columns(2, gap="small")
        for digit, name in enumerate(names[:WITH_KEY], start=1):
            columns[(digit - 1) % 2].button(
                class_label(name),
                key=f"class_{digit}_{here}",
                shortcut=str(digit),
                width="stretch",
                on_click=take,
                args=(_at(here, _as(name)),),
            )
        if rest := names[WITH_KEY:]:
            columns[len(names[:WITH_KEY]) % 2].selectbox(
                "More kinds",
                rest,
                index=None,
                format_func=class_label,
                placeholder="More kinds",
                label_visibility="collapsed",
                key=f"class_more_{here}",
                on_change=_chosen,
                args=(take, here),
            )


def _chosen(take: Take, here: int) -> None:
    name = st.session_state.get(f"class_more_{here}")
    if name is not None:
        take(_at(here, _as(str(name))))


def _at(here: int, step: Step) -> Step:
    return lambda review: answer_shown(review, here, step)


def _as(name: str) -> Step:
    return lambda review: rename(review, name)


def _back(review: Review) -> Review:
    return move(review, -1)


def _on(review: Review) -> Review:
    return move(review, 1)


def _picture(digest: str | None, alt: str, caption: str) -> None:
    content = picture(digest) if digest else None
    if content is None:
        st.caption(f"{caption}: no picture of this place")
        return
    st.image(content, caption=caption, width="stretch", alt=alt)
