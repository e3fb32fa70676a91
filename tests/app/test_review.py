"""A decision in progress, as a pure value."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.dashboard.review import Review, accept, answer_shown, look_at, move, reject, reject_rest, rename
from core.store.views import Judgement

START = Review(7, ("Dusts", "unknown", None))


def test_accepting_takes_the_proposed_class_and_goes_on() -> None:
    after = accept(START)
    assert (after.answers[0].judgement, after.answers[0].cause, after.cursor) == (Judgement.RIGHT, "Dusts", 1)
    assert START.answers == {}


def test_another_class_is_told_from_the_proposed_one() -> None:
    assert rename(START, "Dusts").answers[0].judgement is Judgement.RIGHT
    assert rename(START, "Missing_component").answers[0].judgement is Judgement.WRONG_CAUSE


def test_the_cursor_looks_for_what_is_still_open() -> None:
    last_first = reject(look_at(START, 2))
    assert last_first.cursor == 0
    assert reject(reject(last_first)).is_complete


def test_an_answer_can_be_changed() -> None:
    done = reject(reject(reject(START)))
    again = accept(look_at(done, 1))
    assert again.is_complete
    assert again.answers[1].judgement is Judgement.RIGHT


def test_a_board_without_places_is_complete_and_does_not_move() -> None:
    empty = Review(1, ())
    assert empty.is_complete
    assert move(empty, 1) == look_at(empty, 5) == empty


def test_keys_pressed_faster_than_the_page_is_drawn_never_answer_a_place_that_was_not_shown() -> None:
    twice = answer_shown(answer_shown(START, 0, accept), 0, accept)
    assert set(twice.answers) == {0}
    assert twice.cursor == 1


def test_the_rest_is_rejected_at_once_and_earlier_answers_stay() -> None:
    done = reject_rest(accept(START))
    assert done.is_complete
    assert [answer.judgement for answer in done.decisions] == [Judgement.RIGHT, *[Judgement.FALSE_ALARM] * 2]


def test_contradicting_keys_on_one_place_leave_it_open() -> None:
    both = answer_shown(answer_shown(START, 0, accept), 0, reject)
    assert not both.answers
    assert both.cursor == 0


def test_a_late_key_counts_for_the_place_it_was_pressed_at() -> None:
    late = answer_shown(move(START, 1), 0, reject)
    assert late.answers[0].judgement is Judgement.FALSE_ALARM
    assert late.cursor == 1


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(1, 12),
    st.lists(
        st.sampled_from([accept, reject, lambda r: rename(r, "Dusts"), lambda r: move(r, 1), lambda r: move(r, -1)])
    ),
)
def test_whatever_is_pressed_the_cursor_stays_on_a_place(total: int, steps: list[object]) -> None:
    review = Review(1, (None,) * total)
    for step in steps:
        before = review
        review = step(review)  # type: ignore[operator]
        assert 0 <= review.cursor < total
        assert set(before.answers) <= set(review.answers)
    assert [decision.region_index for decision in review.decisions] == sorted(review.answers)
