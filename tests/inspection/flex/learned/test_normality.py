"""What is normal at every pixel: leaving one out is exact, dust on one board changes little."""

from functools import reduce

import numpy as np
import pytest

from inspection.flex.learned.normality import (
    OPPONENT,
    SPREAD_STEPS_PER_DN,
    Normality,
    Sums,
    difference,
    median_board,
    sum_up,
    zscore,
)

SHAPE = (60, 80, 3)
SPECK = (slice(20, 26), slice(30, 36))


def good_boards(count=9, seed=0):
    rng = np.random.default_rng(seed)
    picture = rng.integers(60, 190, SHAPE)
    noise = rng.normal(0, 2.0, (count, *SHAPE[:2], 1)) + rng.normal(0, 0.6, (count, *SHAPE))
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def boards():
    return good_boards()


@pytest.fixture(scope="module")
def dusty(boards):
    spoiled = boards.copy()
    spoiled[4][SPECK] = np.clip(spoiled[4][SPECK].astype(int) - 90, 0, 255)
    return spoiled


def test_leaving_one_out_equals_summing_up_the_others(dusty):
    sums = sum_up(dusty, median_board(dusty))
    for index in (0, 4):
        nothing = Sums(sums.golden, np.zeros(SHAPE, np.float32), np.zeros(SHAPE, np.float32), 0, sums.limit, sums.play)
        others = [board for number, board in enumerate(dusty) if number != index]
        again = reduce(lambda total, board: total.add_up(board), others, nothing)
        assert again.count == sums.count - 1
        wanted, found = again.normality(), sums.without(dusty[index])
        for name in ("golden", "spread"):
            change = np.abs(getattr(wanted, name).astype(int) - getattr(found, name))
            assert change.max() <= 1
            assert (change > 0).mean() < 0.002
    assert not np.array_equal(sums.without(dusty[0]).golden, sums.normality().golden)


def test_the_spread_is_the_standard_deviation_of_good_boards():
    boards = good_boards(60, seed=2)
    normality = sum_up(boards, median_board(boards)).normality()
    spread = normality.spread.mean(axis=(0, 1)) / SPREAD_STEPS_PER_DN
    changes = (boards.astype(np.float32) - boards.astype(np.float32).mean(axis=0)) @ OPPONENT.T
    wanted = np.sqrt(changes.var(axis=0, ddof=1).mean(axis=(0, 1)) + 0.5)  # the digitisation noise is added
    assert spread == pytest.approx(wanted, rel=0.04)


def test_one_dusty_board_does_not_widen_the_band(boards, dusty):
    clean = sum_up(boards, median_board(boards)).normality()
    normality = sum_up(dusty, median_board(dusty)).normality()
    speck_clean = clean.spread[SPECK][..., 0].mean()
    speck_dusty = normality.spread[SPECK][..., 0].mean()
    naive = np.array([difference(b, median_board(dusty))[SPECK][..., 0] for b in dusty]).std(axis=0).mean()
    assert naive * SPREAD_STEPS_PER_DN > 8 * speck_clean
    assert speck_dusty < 2.2 * speck_clean
    assert np.abs(normality.golden[SPECK].astype(int) - clean.golden[SPECK]).max() <= 3
    again = good_boards(10)[9]
    again[SPECK] = np.clip(again[SPECK].astype(int) - 90, 0, 255)
    assert np.abs(zscore(again, normality)[SPECK][..., 0]).mean() > 10


def test_a_z_score_is_the_opponent_difference_over_the_spread():
    golden = np.full((4, 5, 3), 100, np.uint8)
    board = golden.copy()
    board[1, 2] = (112, 100, 100)
    spread = np.full((4, 5, 3), 2 * SPREAD_STEPS_PER_DN, np.uint8)
    found = zscore(board, Normality(golden, spread))
    assert found[1, 2] == pytest.approx([12 / 3 / 2, 12 / 2 / 2, -12 / 4 / 2])
    assert np.count_nonzero(found) == 3


def test_an_unseen_good_board_is_about_one_standard_deviation_off():
    boards = good_boards(25, seed=5)
    sums = sum_up(boards, median_board(boards))
    scores = zscore(boards[3], sums.without(boards[3]))[..., 0]
    assert 0.8 < scores.std() < 1.15
    assert abs(scores.mean()) < 0.1


def test_an_edge_is_expected_to_wander_as_edges_around_it_do():
    """Three of four stretches of an edge were seen to wander; the fourth is not trusted to stand still."""
    rng = np.random.default_rng(8)
    boards = []
    for _ in range(12):
        board = np.full((160, 160, 3), 60, np.float64)
        board[:, 80:] = 160
        for top in (0, 40, 80):
            aside = int(rng.integers(-2, 3))
            board[top : top + 40, 80 + min(aside, 0) : 80 + max(aside, 0)] = 60 if aside > 0 else 160
        boards.append(np.clip(board + rng.normal(0, 2, board.shape), 0, 255).astype(np.uint8))
    spread = sum_up(boards, median_board(boards)).normality().spread[..., 0] / SPREAD_STEPS_PER_DN
    assert spread[130:150, 79:81].min() > 12, "100 levels a pixel aside, seen on three quarters of the edge"
    assert np.median(spread[130:150, 20:60]) < 3, "plain ground stays as quiet as it is"


def test_the_median_in_strips_is_the_median():
    boards = np.random.default_rng(1).integers(0, 256, (5, 300, 4, 3)).astype(np.uint8)
    assert np.array_equal(median_board(boards), np.median(boards, axis=0).astype(np.uint8))


def test_a_window_of_the_sums_gives_the_window_of_the_whole(dusty):
    sums = sum_up(dusty, median_board(dusty))
    window = (slice(8, 50), slice(16, 70))
    whole, part = sums.without(dusty[4]), sums.part(window).without(dusty[4][window])
    inner = (slice(3, -3), slice(3, -3))  # the neighbourhood of 5 px reaches across the edge of a window
    assert np.array_equal(part.golden, whole.golden[window])
    assert np.array_equal(part.spread[inner], whole.spread[window][inner])
