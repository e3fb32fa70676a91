"""DeepPCB figures against cases worked out by hand."""

import math

import numpy as np
import pytest

from benchmarks.flex.boxes import Found, Labelled, average_precision, best_f, iou, matched, mean_ap, recall_at

A, B, FAR = (0, 0, 10, 10), (20, 0, 30, 10), (80, 80, 90, 90)


def test_iou_by_hand():
    assert iou((0, 0, 10, 10), np.array([[5, 0, 15, 10], [0, 0, 10, 10], [20, 20, 30, 30]])) == pytest.approx(
        [1 / 3, 1, 0]
    )


def test_one_third_is_enough_and_less_is_not():
    assert matched([Found("i", "open", 1, (5, 0, 15, 10))], [Labelled("i", "open", A)])[0].tolist() == [True]
    assert matched([Found("i", "open", 1, (5.2, 0, 15.2, 10))], [Labelled("i", "open", A)])[0].tolist() == [False]


def test_a_true_box_serves_once_and_only_its_image():
    found = [Found("i", "open", 0.9, A), Found("i", "open", 0.8, A), Found("j", "open", 0.7, A)]
    assert matched(found, [Labelled("i", "open", A)])[0].tolist() == [True, False, False]


def test_average_precision_by_hand():
    # right, wrong, right of 2 positives: precision 1 up to recall 1/2, then 2/3.
    assert average_precision(np.array([True, False, True]), 2) == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert average_precision(np.array([], bool), 2) == 0.0
    assert math.isnan(average_precision(np.array([], bool), 0))


def test_mean_over_classes_respects_the_class():
    truth = [Labelled("i", "open", A), Labelled("i", "short", B)]
    found = [Found("i", "open", 0.9, A), Found("i", "open", 0.8, B)]
    mean, each = mean_ap(found, truth, ("open", "short"))
    assert each == {"open": pytest.approx(1.0), "short": 0.0}
    assert mean == pytest.approx(0.5)


def test_recall_at_false_boxes_per_image():
    truth = [Labelled("i", "open", A), Labelled("j", "open", B)]
    found = [Found("i", "open", 0.9, A), Found("i", "x", 0.8, FAR), Found("j", "short", 0.7, B)]
    assert recall_at(found, truth, images=2, false_per_image=0.25) == 0.5
    assert recall_at(found, truth, images=2, false_per_image=0.5) == 1.0


def test_best_f_by_hand():
    truth = [Labelled("i", "open", A), Labelled("j", "open", B)]
    found = [Found("i", "open", 0.9, A), Found("i", "open", 0.8, FAR), Found("j", "open", 0.7, B)]
    # thresholds keep 1, 2, 3 boxes: F = 2/3, 2/4, 4/5.
    assert best_f(found, truth, ("open",)) == pytest.approx(0.8)
    assert best_f([], truth, ("open",)) == 0.0
