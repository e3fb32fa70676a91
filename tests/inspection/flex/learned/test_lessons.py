"""Lessons for the spot network: what is taught, how often, and that nothing invisible is."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from core.errors import InputError
from inspection.flex.learned import lessons as subject
from inspection.flex.learned.lessons import ACCEPTED, DEFECT, GOOD, Lessons, find_blemishes, make_lessons, visibility
from inspection.flex.learned.normality import Normality
from inspection.flex.learned.parts import Networks
from inspection.flex.learned.strange import strange_mark
from tests.inspection.flex.learned import stand_ins

PER_BOARD = 36


def networks():
    return Networks(stand_ins.features(), stand_ins.rebuilding(), stand_ins.features())


@pytest.fixture(scope="module")
def lessons(stack, zones):
    return make_lessons(stack, [0, 3], zones, networks(), PER_BOARD, seed=5)


def test_shapes_and_values(lessons):
    count = 2 * PER_BOARD
    assert lessons.image.shape == (count, 7, 256, 256)
    assert lessons.coarse.shape == (count, 2, 64, 64)
    assert lessons.truth.shape == (count, 128, 128)
    assert np.isfinite(lessons.image).all()
    assert np.isfinite(lessons.coarse).all()
    assert np.abs(lessons.image).max() < 5
    assert set(np.unique(lessons.truth)) == {GOOD, DEFECT, ACCEPTED}


def test_most_lessons_show_a_defect_and_some_do_not(lessons):
    spoiled = (lessons.truth == DEFECT).any(axis=(1, 2))
    assert 0.5 < spoiled.mean() < 0.95
    assert 0.0005 < (lessons.truth == DEFECT).mean() < 0.1


def test_where_a_defect_is_the_board_departs_from_the_golden_board(lessons):
    departure = np.abs(lessons.image[:, :4].astype(np.float32)).max(axis=1)
    half = departure.reshape(-1, 128, 2, 128, 2).max(axis=(2, 4))
    assert half[lessons.truth == DEFECT].mean() > 2 * half[lessons.truth == GOOD].mean()


def test_the_same_seed_gives_the_same_lessons(stack, zones):
    once, again = (make_lessons(stack, [1], zones, networks(), 3, seed=9) for _ in range(2))
    other = make_lessons(stack, [1], zones, networks(), 3, seed=10)
    for name in ("image", "coarse", "truth"):
        assert np.array_equal(getattr(once, name), getattr(again, name))
    assert not np.array_equal(once.image, other.image)


def test_boards_are_left_as_they_are(stack, zones):
    before = np.array(stack.boards[2])
    make_lessons(stack, [2], zones, networks(), 2, seed=1)
    assert np.array_equal(before, stack.boards[2])


def test_lessons_are_joined_in_order(lessons):
    joined = Lessons.joined([lessons, lessons])
    assert len(joined.truth) == 2 * len(lessons.truth)
    assert np.array_equal(joined.coarse[len(lessons.truth) :], lessons.coarse)


def test_what_nobody_could_see_is_not_taught(stack, zones, monkeypatch):
    """Where good boards vary by 30 grey levels, only marks are taught that are strong enough for that."""
    window = (slice(0, 320), slice(0, 320))
    clean, own = np.array(stack.boards[0][window]), zones[window]
    normality = stack.sums.part(window).without(clean)
    rough = Normality(normality.golden, np.full_like(normality.spread, 255))
    rng = np.random.default_rng(0)
    taught = 0
    for expected in (normality, rough) * 8:
        picture, truth = subject._spoil(clean, own, expected, rng)
        taught += bool(truth.any())
        assert truth.any() != np.array_equal(picture, clean)
        assert not truth.any() or visibility(clean, picture, expected) > 6  # marks may cover each other in part
    assert taught >= 12
    monkeypatch.setattr(subject, "_VISIBLE", np.inf)
    picture, truth = subject._spoil(clean, own, normality, rng)
    assert not truth.any()
    assert np.array_equal(picture, clean)


def test_visibility_is_change_over_noise():
    golden = np.full((40, 50, 3), 100, np.uint8)
    normality = Normality(golden, np.full_like(golden, 2 * 8))
    spoiled = golden.copy()
    spoiled[5:9, 7:11] = 106
    assert visibility(golden, spoiled, normality) == pytest.approx(4 * 6 / 2)
    assert visibility(golden, golden, normality) == 0


def test_specks_of_a_good_board_are_accepted_but_no_long_scratch(stack, zones):
    board = np.array(stack.boards[0])
    board[150:155, 200:205] = 255
    board[250:252, 120:220] = 255
    boards = np.array(stack.boards)
    boards[0] = board
    spoiled = replace(stack, boards=boards)
    marked = find_blemishes(spoiled, 0, stack.without(0))
    assert marked.shape == (board.shape[0] // 2, board.shape[1] // 2)
    assert set(np.unique(marked)) <= {GOOD, ACCEPTED}
    assert marked[76, 101] == ACCEPTED
    assert not marked[125, 70:100].all()


def test_boards_smaller_than_a_crop_are_refused(stack, zones):
    with pytest.raises(InputError, match="at least 320"):
        make_lessons(stack, [0], zones[:300, :400], networks(), 1, seed=0)


def test_strange_marks_change_what_they_say_they_change():
    picture = np.random.default_rng(0).integers(40, 200, (320, 320, 3)).astype(np.uint8)
    rng = np.random.default_rng(1)
    sizes = []
    for _ in range(40):
        marked, changed = strange_mark(picture, rng)
        assert np.array_equal(changed, np.abs(marked.astype(int) - picture).max(axis=2) > 2)
        sizes.append(int(changed.sum()))
    assert np.median(sizes) > 20
    assert max(sizes) < 0.2 * changed.size
