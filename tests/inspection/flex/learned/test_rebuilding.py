"""The autoencoder's part: the error is where the defect is, whatever the size of the board."""

import numpy as np
import pytest

from inspection.flex.learned import rebuilding
from inspection.flex.learned.rebuilding import Rebuilding, fit_rebuilding, halved, rebuild_error, scaled
from tests.inspection.flex.learned import stand_ins


def flat(plane):
    return np.zeros_like(plane) + np.median(plane)


@pytest.mark.parametrize("shape", [(336, 448), (333, 451), (338, 444), (346, 458)])
def test_the_error_lies_where_the_board_was_not_rebuilt(shape):
    for row, column in ((40, 60), (shape[0] - 38, shape[1] - 42)):
        board = np.full((*shape, 3), 90, np.uint8)
        board[row - 4 : row + 4, column - 4 : column + 4] = 200
        error = rebuild_error(board, stand_ins.rebuilding(flat))
        assert error.shape == (-(-shape[0] // 4), -(-shape[1] // 4))
        weight = np.square(error)
        middle = [float((weight.sum(axis=1 - axis) * (np.arange(error.shape[axis]) * 4 + 2)).sum()) for axis in (0, 1)]
        assert np.array(middle) / weight.sum() == pytest.approx([row, column], abs=3.5)  # a cell is 4 px


def test_the_error_is_the_root_mean_square_over_the_colours():
    board = np.full((64, 64, 3), 64, np.uint8)
    error = rebuild_error(board, stand_ins.rebuilding(lambda plane: plane + np.float32(0.5)))
    assert error == pytest.approx(np.full((16, 16), 0.5), abs=1e-6)


def test_tiles_say_what_the_whole_picture_says(monkeypatch):
    board = np.random.default_rng(0).integers(0, 256, (470, 610, 3)).astype(np.uint8)
    whole = stand_ins.rebuilding()
    wanted = rebuild_error(board, whole)
    monkeypatch.setattr(rebuilding, "_TILE", 64)
    tiled = stand_ins.rebuilding()
    found = rebuild_error(board, tiled)
    assert len(whole.seen) == 1
    assert len(tiled.seen) == 4 * 5
    assert found == pytest.approx(wanted, abs=1e-5)


def test_half_boards_are_multiples_of_eight():
    board = np.random.default_rng(0).integers(0, 256, (53, 71, 3)).astype(np.uint8)
    half = halved(board)
    assert half.shape == (32, 40, 3)
    assert np.array_equal(half[:, 35], half[:, 39])
    assert scaled(half).shape == (1, 3, 32, 40)
    assert scaled(np.full((8, 8, 3), 128, np.uint8)).max() == 1


def test_mean_and_spread_come_from_the_sums():
    rng = np.random.default_rng(2)
    errors = (0.4 + 0.05 * rng.standard_normal((200, 12, 15))).astype(np.float32)
    fitted = fit_rebuilding(errors.sum(axis=0), np.square(errors).sum(axis=0), 200)
    assert fitted.mean == pytest.approx(errors.mean(axis=0), abs=1e-5)
    assert fitted.spread.mean() == pytest.approx(0.05, rel=0.05)
    assert fitted.standardise(errors[0]).std() == pytest.approx(1, abs=0.15)
    assert Rebuilding(np.float32([[1.0]]), np.float32([[0.5]])).standardise(np.float32([[2.0]])) == 2
    still = fit_rebuilding(np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32), 3)
    assert np.isfinite(still.standardise(np.ones((4, 4), np.float32))).all()
