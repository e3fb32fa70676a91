"""Every figure of merit against cases worked out by hand."""

import math

import numpy as np
import pytest

from benchmarks.flex import metrics

ALL = np.s_[:]


def test_bins_keep_the_order_of_scores():
    scores = np.float32([-1e9, -3.0, -1e-6, 0.0, 1e-6, 0.5, 0.51, 7.0, 1e9])
    bins = metrics.bin_of(scores)
    assert (np.diff(bins) > 0).all()
    assert bins.min() >= 0
    assert bins.max() < metrics.BINS


def curve(scores: list[list[float]], truth: list[list[int]]) -> metrics.PixelCurve:
    """A map whose truth labels 0 (normal) and 1, 2, ... (regions)."""
    image, labels = np.float32(scores), np.array(truth)
    regions = [(slice(0, image.shape[0]), slice(0, image.shape[1]), labels == k) for k in range(1, labels.max() + 1)]
    made = metrics.PixelCurve(1)
    made.add(0, image, labels == 0, regions)
    return made


def test_aupro_by_hand():
    # Ten normal pixels 0..9, two regions: one pixel above all of them, and two pixels of which one lies below 8 and 9.
    made = curve([[*range(10), 20, 20, 7.5]], [[0] * 10 + [1, 2, 2]])
    # Overlap 0.75 until two of ten normal pixels are passed (rate 0.2), then 1.
    assert made.aupro(0.2) == pytest.approx(0.75)
    assert made.aupro(0.4) == pytest.approx((0.75 * 0.2 + 0.2) / 0.4)
    assert made.aupro(0.25) == pytest.approx((0.75 * 0.2 + 0.05) / 0.25)


def test_aupro_counts_small_and_large_regions_alike():
    made = curve([[1.0, *[9.0] * 4, 0.0]], [[0, 1, 1, 1, 1, 2]])
    assert made.aupro(0.5) == pytest.approx(0.5)


def test_perfect_and_blind_maps():
    assert curve([[0, 0, 1]], [[0, 0, 1]]).aupro(0.05) == pytest.approx(1.0)
    assert curve([[0, 0, 1]], [[0, 0, 1]]).auroc() == pytest.approx(1.0)
    # A constant map is a straight line from (0, 0) to (1, 1).
    assert curve([[3, 3, 3]], [[0, 0, 1]]).auroc() == pytest.approx(0.5)
    assert curve([[3, 3, 3]], [[0, 0, 1]]).aupro(0.3) == pytest.approx(0.15)


def test_pixel_auroc_is_the_rank_statistic():
    rng = np.random.default_rng(3)
    scores = rng.normal(size=400).astype(np.float32)
    truth = (rng.random(400) < 0.3).astype(int)
    scores[truth == 1] += 1
    expected = (scores[truth == 1][:, None] > scores[truth == 0]).mean()
    assert curve([scores.tolist()], [truth.tolist()]).auroc() == pytest.approx(expected, abs=2e-3)


def test_weights_repeat_boards():
    made = metrics.PixelCurve(2)
    for board, found in enumerate((1.0, -1.0)):
        image = np.float32([[0.0, 0.0, found]])
        made.add(board, image, np.array([[True, True, False]]), [(ALL, ALL, np.array([[False, False, True]]))])
    assert made.aupro(0.3, np.array([2, 0])) == pytest.approx(1.0)
    assert made.aupro(0.3, np.array([0, 2])) < 0.2
    assert math.isnan(metrics.PixelCurve(1).aupro(0.3))


def test_peaks_are_apart_and_ranked():
    scores = np.zeros((60, 80), np.float32)
    scores[10, 20], scores[12, 24], scores[40, 60] = 5, 4, 6
    assert metrics.peaks(scores, apart_px=12) == [(60.0, 40.0, 6.0), (20.0, 10.0, 5.0)]
    assert metrics.peaks(np.ones((20, 20), np.float32)) == []


def test_a_plateau_is_one_peak():
    scores = np.zeros((60, 60), np.float32)
    scores[10:16, 10:16] = 2
    assert len(metrics.peaks(scores)) == 1


def test_spot_counts_only_inside_the_zone():
    zone = (slice(10, 12), slice(20, 23), np.array([[1, 1, 0], [1, 1, 0]], bool))
    assert metrics.spot_in([(20, 10, 1.0), (21, 11, 3.0), (22, 10, 9.0), (20, 12, 9.0)], zone) == 3.0
    assert metrics.spot_in([], zone) == float("-inf")


def spots() -> metrics.Spots:
    return metrics.Spots(
        false=(np.array([9.0, 4.0, 1.0]), np.array([7.0, 3.0]), np.array([]), np.array([2.0])),
        found=(np.array([10.0, 8.0]), np.array([4.0]), np.array([float("-inf")]), np.array([1.5])),
        kinds=(("pad", "dust"), ("pad",), ("dust",), ("dust",)),
    )


def test_recall_at_false_spots_per_board():
    # Sorted false spots 9 7 4 3 2 1 on four boards; one per board allows four, so the level is the fifth, 2.
    assert spots().level(1.0) == 2.0
    assert spots().recall(1.0) == pytest.approx(3 / 5)
    assert spots().level(0.25) == 7.0
    assert spots().recall(0.25) == pytest.approx(2 / 5)
    assert spots().level(0.1) == 9.0
    assert spots().recall(0.1) == pytest.approx(1 / 5)
    # More allowed than there are: everything that has a spot at all is found.
    assert spots().recall(5.0) == pytest.approx(4 / 5)
    assert spots().recall(1.0, "pad") == 1.0
    assert math.isnan(spots().recall(1.0, "fibre"))


def test_a_tie_with_the_level_is_not_found():
    tied = metrics.Spots(false=(np.array([3.0, 3.0]),), found=(np.array([3.0]),), kinds=(("dust",),))
    assert tied.recall(1.0) == 0.0


def test_image_auroc_with_ties():
    assert metrics.auroc(np.array([1.0, 2.0]), np.array([2.0, 3.0])) == pytest.approx(3.5 / 4)


def test_intervals_are_reproducible_and_ignore_nan():
    draws = metrics.resampled_boards(16, 50)
    assert (draws == metrics.resampled_boards(16, 50)).all()
    assert metrics.interval([float("nan"), *range(101)]) == pytest.approx((5.0, 95.0))
    assert math.isnan(metrics.interval([])[0])
