"""Crops and the decision between a category and "unknown"."""

import numpy as np
import pytest

from core.errors import ModelError
from inspection.flex.classifier.crops import CHANNELS, SIDE, cut, stack
from inspection.flex.classifier.inference import UNKNOWN, Classes, decide, softmax


@pytest.fixture
def board():
    rng = np.random.default_rng(0)
    return rng.integers(0, 255, (120, 150, 3)).astype(np.uint8)


def test_small_region_keeps_every_pixel(board):
    pads = np.zeros(board.shape[:2], bool)
    pads[50:60] = True
    crop = cut(board, board[::-1].copy(), pads, (70, 50, 10, 6))
    assert crop.pixels.shape == (CHANNELS, SIDE, SIDE)
    assert crop.scale == 0.0
    x0, y0 = (75 - 32), (53 - 32)
    assert np.array_equal(crop.pixels[:3], board[y0 : y0 + 64, x0 : x0 + 64].transpose(2, 0, 1))
    assert np.array_equal(crop.pixels[3:6], board[::-1][y0 : y0 + 64, x0 : x0 + 64].transpose(2, 0, 1))
    assert set(np.unique(crop.pixels[6])) == {0, 255}
    assert (crop.pixels[7] > 0).sum() == 60


def test_large_region_fits(board):
    crop = cut(board, board, np.zeros(board.shape[:2], bool), (5, 5, 100, 20))
    assert crop.scale == pytest.approx(np.log2((140 + 12) / 64))
    rows, columns = np.nonzero(crop.pixels[7] > 127)
    assert columns.max() - columns.min() > 0.6 * SIDE
    assert rows.max() < SIDE - 1


@pytest.mark.parametrize("box", [(0, 0, 3, 3), (147, 117, 3, 3), (-20, -20, 5, 5), (400, 400, 4, 4), (0, 0, 150, 120)])
def test_regions_at_the_edge_and_beyond(board, box):
    crop = cut(board, board, np.ones(board.shape[:2], bool), box)
    assert crop.pixels.shape == (CHANNELS, SIDE, SIDE)
    assert np.isfinite(crop.scale)


def test_stack_of_nothing():
    pixels, scale = stack([])
    assert pixels.shape == (0, 8, 64, 64)
    assert scale.shape == (0, 1)


def test_decision_is_unknown_when_unsure_or_nothing():
    classes = Classes(("a", "b", UNKNOWN), 0.5)
    rows = np.array([[0.8, 0.1, 0.1], [0.45, 0.4, 0.15], [0.1, 0.2, 0.7]])
    causes = decide(rows, classes)
    assert [cause.name for cause in causes] == ["a", UNKNOWN, UNKNOWN]
    assert [cause.probability for cause in causes] == pytest.approx([0.8, 0.55, 0.8])


def test_classes_survive_json_and_refuse_nonsense():
    classes = Classes(("a", UNKNOWN), 0.25)
    assert Classes.from_json(classes.to_json()) == classes
    for content in ({}, {"names": ["a"], "threshold": 0.2}, {"names": ["a", "b"], "threshold": 0.2}):
        with pytest.raises(ModelError):
            Classes.from_json(content)
    with pytest.raises(ModelError):
        Classes(("a", UNKNOWN), 1.5)


def test_softmax_of_huge_logits():
    assert softmax(np.array([[1e4, 0.0]])).tolist() == [[1.0, 0.0]]
