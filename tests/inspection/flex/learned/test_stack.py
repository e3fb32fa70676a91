"""Good boards on one grid: each is judged by the others alone."""

import numpy as np

from inspection.flex.learned.rebuilding import fit_rebuilding
from inspection.flex.learned.stack import half_tiles


def test_boards_are_kept_normalised_with_their_sums(stack):
    assert stack.boards.shape == (4, 322, 427, 3)
    assert stack.features.shape == (4, 81, 107, 64)
    assert stack.errors.shape == (4, 81, 107)
    assert (np.asarray(stack.errors).max(axis=(1, 2)) > 0).all()
    assert isinstance(stack.boards, np.memmap)
    golden = stack.sums.normality().golden.astype(float)
    assert all(np.abs(board - golden).mean() < 4 for board in stack.boards)


def test_a_board_has_no_say_in_what_is_normal_for_it(stack):
    others = [i for i in range(len(stack)) if i != 2]
    errors = np.asarray(stack.errors)[others]
    wanted = fit_rebuilding(errors.sum(axis=0), np.square(errors).sum(axis=0), 3)
    found = stack.without(2)
    assert np.allclose(found.rebuilding.mean, wanted.mean, rtol=1e-4)
    assert np.allclose(found.rebuilding.spread, wanted.spread, rtol=1e-2)
    blind, all_knowing = (stack.coarse(2, expected).surprise for expected in (found, stack.expectation()))
    assert blind.mean() > 1.2 * all_knowing.mean()


def test_tiles_for_the_autoencoder_are_boards_at_half_resolution(stack):
    first, again = (next(half_tiles(stack, 64, 3, seed=1)) for _ in range(2))
    assert first.shape == (3, 64, 64, 3)
    assert np.array_equal(first, again)
    assert abs(first.mean() - np.asarray(stack.boards).mean()) < 40
