"""From head maps to boxes, and their figures of merit."""

import numpy as np
import pytest

from inspection.flex.golden.decoding import Candidates, best_places, decode, intersection_over_union, logit, suppress
from inspection.flex.golden.evaluation import Truth, average_precision, match, recall_at, report


def test_decode_gives_back_the_box_it_was_made_of() -> None:
    """Distances are in strides from the cell centre."""
    heads = np.full((10, 20, 30), -8.0, np.float32)
    heads[3, 7, 11] = 2.0
    heads[3, 7, 12] = 1.0
    heads[6:, 7, 11] = np.log([3.0, 2.0, 4.0, 5.0])
    found = decode(heads)
    assert found.labels.tolist() == [3]
    np.testing.assert_allclose(found.boxes[0], (45.5 - 12, 29.5 - 8, 45.5 + 16, 29.5 + 20), rtol=1e-5)
    np.testing.assert_allclose(logit(found.scores), [2.0], rtol=1e-4)
    assert len(decode(np.full((10, 8, 8), -20.0, np.float32)).boxes) == 0


def test_of_two_overlapping_places_the_better_stays() -> None:
    """Whatever their order and class."""
    boxes = np.array([[0, 0, 10, 10], [100, 0, 110, 10], [1, 1, 11, 11]], np.float32)
    classes = np.zeros((3, 6), np.float32)
    classes[[0, 1, 2], [0, 1, 5]] = (0.5, 0.4, 0.9)
    kept = best_places(Candidates(boxes, classes))
    assert kept.labels.tolist() == [5, 1]
    assert suppress(np.zeros((0, 4), np.float32), 0.3).tolist() == []


def test_overlap() -> None:
    """By hand: 50 shared of 150."""
    first, second = np.array([[0, 0, 10, 10]], np.float32), np.array([[5, 0, 15, 10], [20, 20, 30, 30]], np.float32)
    np.testing.assert_allclose(intersection_over_union(first, second), [[1 / 3, 0.0]], rtol=1e-6)


def _found(*rows: tuple[float, float, int]) -> Candidates:
    classes = np.zeros((len(rows), 6), np.float32)
    for i, (_, score, label) in enumerate(rows):
        classes[i, label] = score
    return Candidates(np.array([[x, 0, x + 10, 10] for x, _, _ in rows], np.float32).reshape(-1, 4), classes)


def test_precision_and_recall_by_hand() -> None:
    """Two images; hit, double, miss, hit: precision 1, 1/2, 1/3, 2/4 of three defects."""
    truth = [
        Truth(np.array([[0, 0, 10, 10], [50, 0, 60, 10]], np.float32), np.array([0, 0])),
        Truth(np.array([[0, 0, 10, 10]], np.float32), np.array([0])),
    ]
    found = [_found((0, 0.9, 0), (1, 0.8, 0), (200, 0.7, 0)), _found((0, 0.6, 0))]
    matches = match(found, truth)
    assert matches.hits.tolist() == [True, False, False, True]
    assert matches.defects == 3
    assert average_precision(matches) == pytest.approx((1 + 0.5) / 3)
    assert recall_at(matches, 0.4)[0] == pytest.approx(1 / 3)
    assert recall_at(matches, 1.0) == (pytest.approx(2 / 3), pytest.approx(0.6))


def test_the_wrong_name_is_no_hit_where_names_count() -> None:
    """Mean precision counts names, plain recall does not."""
    truth = [Truth(np.array([[0, 0, 10, 10]], np.float32), np.array([2]))]
    figures = report([_found((0, 0.9, 3))], truth)
    assert figures.recall == 1.0
    assert figures.recall_with_class == 0.0
    assert figures.average_precision["mousebite"] == 0.0
    assert np.isnan(figures.average_precision["open"])
    assert report([_found()], truth).recall == 0.0
