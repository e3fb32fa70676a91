"""From a map of scores to ranked spots with boxes."""

import itertools

import cv2
import numpy as np
import pytest

from inspection.flex.learned.spots import RADIUS_PX, find_spots

STRIDE = 2


def hills(*places, shape=(120, 160), sigma=2.0):
    """Return a map with a hill of the given height at each (x, y, height), in cells."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    out = np.zeros(shape, np.float32)
    for x, y, height in places:
        out += np.float32(height) * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2)).astype(np.float32)
    return out


def test_peaks_come_highest_first_where_they_are():
    found = find_spots(hills((30, 40, 3.0), (100, 20, 5.0), (120, 90, 4.0)), STRIDE, 1.0)
    assert [(s.x, s.y) for s in found] == [(201, 41), (241, 181), (61, 81)]
    assert [s.score for s in found] == pytest.approx([5, 4, 3], abs=1e-4)


def test_the_box_reaches_as_far_as_the_score_stays_high():
    scores = np.zeros((60, 80), np.float32)
    scores[20:26, 30:45] = 4.5
    scores[22, 40] = 5.0
    scores[20:26, 45:50] = 4.3  # lower than the peak by more than the fall
    (spot,) = find_spots(scores, STRIDE, 4.6)
    assert (spot.left, spot.top) == (30 * 2 - 4, 20 * 2 - 4)
    assert (spot.width, spot.height) == (15 * 2 + 8, 6 * 2 + 8)
    assert spot.left <= spot.x < spot.left + spot.width


def test_a_frame_reaches_down_to_half_the_height_above_the_ground():
    scores = hills((60, 60, 6.0), (63, 60, 0.0), sigma=6.0)
    (narrow,), (wide,) = find_spots(scores, STRIDE, 2.0), find_spots(scores, STRIDE, 2.0, ground=2.0)
    assert (narrow.x, narrow.y, narrow.score) == (wide.x, wide.y, wide.score)
    half = 6.0 * np.sqrt(2 * np.log(6.0 / 4.0)) * STRIDE  # where the hill is 4: half-way from 6 to 2
    assert wide.width == pytest.approx(2 * half + 8, abs=2 * STRIDE)
    assert wide.width > 1.4 * narrow.width
    assert len(find_spots(hills((30, 40, 3.0), (60, 40, 5.0)), STRIDE, 1.0, ground=0.0)) == 2


def test_a_lower_peak_within_the_box_of_a_higher_one_is_part_of_it():
    ridge = hills((40, 40, 5.0), (52, 40, 4.9)) + 0
    ridge[40, 38:55] = np.maximum(ridge[40, 38:55], 4.7)
    assert len(find_spots(ridge, STRIDE, 1.0)) == 1
    apart = hills((40, 40, 5.0), (52, 40, 4.9))
    assert len(find_spots(apart, STRIDE, 1.0)) == 2


def fibre(knots, level=3.0, shape=(200, 400)):
    """Return a map with a long even line and a knot of the given height at each x."""
    scores = hills(*((x, 100, height) for x, height in knots), shape=shape)
    scores[98:103, 20:381] = np.maximum(scores[98:103, 20:381], level)
    return scores


def test_a_fibre_with_knots_is_one_spot_in_one_frame_if_asked_to():
    scores = fibre(((40, 3.5), (70, 3.4), (110, 3.55), (150, 3.3), (190, 3.45), (360, 3.4)))
    assert len(find_spots(scores, STRIDE, 2.0)) > 3
    (spot,) = find_spots(scores[:, :220], STRIDE, 2.0, joined=2.0)
    assert (spot.x, spot.score) == (110 * STRIDE + 1, pytest.approx(3.55))
    assert spot.left <= 40 * STRIDE
    assert spot.left + spot.width >= 190 * STRIDE


def test_what_lies_beside_a_fibre_or_beyond_a_gap_is_a_spot_of_its_own():
    scores = np.maximum(fibre(((40, 3.5), (80, 3.4), (120, 5.0))), hills((80, 130, 3.2), shape=(200, 400)))
    found = find_spots(scores[:, :160], STRIDE, 2.0, joined=2.0)
    assert [round(s.score, 1) for s in found] == [5.0, 3.2]
    low = fibre(((40, 4.0), (100, 3.9)))  # the way between them is lower by more than the fall
    assert len(find_spots(low[:, :130], STRIDE, 2.0, joined=2.0)) == 2


def test_below_the_level_from_which_spots_are_joined_nothing_is():
    scores = fibre(((40, 3.5), (70, 3.4), (110, 3.55), (150, 3.3), (190, 3.45), (360, 3.4)))
    apart, below = find_spots(scores, STRIDE, 2.0), find_spots(scores, STRIDE, 2.0, joined=3.6)
    assert below == apart


def test_the_limit_counts_joined_spots():
    scores = np.maximum(fibre(((40, 3.5), (80, 3.4), (120, 3.45), (160, 3.3))), hills((80, 30, 3.1), shape=(200, 400)))
    assert [round(s.score, 2) for s in find_spots(scores[:, :200], STRIDE, 2.0, limit=2, joined=2.0)] == [3.5, 3.1]


def test_peaks_nearer_than_the_radius_are_one():
    close = hills((40, 40, 5.0), (40 + RADIUS_PX // STRIDE - 1, 40, 4.0), sigma=1.0)
    assert len(find_spots(close, STRIDE, 1.0)) == 1


def test_the_floor_counts_and_the_limit_keeps_the_highest():
    scores = hills(*((10 + 20 * i, 60, 1.0 + i) for i in range(7)))
    assert [round(s.score) for s in find_spots(scores, STRIDE, 3.5)] == [7, 6, 5, 4]
    assert [round(s.score) for s in find_spots(scores, STRIDE, 0.5, limit=2)] == [7, 6]
    assert find_spots(scores, STRIDE, 8.0) == []


def test_a_large_even_defect_hides_no_other():
    """A part that is at its limit over a whole burn gives thousands of equal peaks."""
    scores = np.zeros((300, 400), np.float32)
    scores[50:90, 60:100] = 9.0
    scores += hills((300, 200, 6.0), (350, 40, 5.0), shape=(300, 400))
    found = find_spots(scores, STRIDE, 1.0, limit=60)
    assert [round(s.score) for s in found] == [9, 6, 5]
    assert (found[0].left, found[0].top, found[0].width, found[0].height) == (116, 96, 88, 88)


@pytest.mark.parametrize("place", [(0, 0), (159, 119), (159, 0), (0, 119), (80, 119)])
def test_boxes_end_at_the_border(place):
    (spot,) = find_spots(hills((*place, 4.0)), STRIDE, 1.0)
    assert 0 <= spot.left < spot.left + spot.width <= 320
    assert 0 <= spot.top < spot.top + spot.height <= 240
    assert (spot.x // 2, spot.y // 2) == place


def test_more_noise_makes_no_spot_twice():
    noise = cv2.GaussianBlur(np.random.default_rng(5).normal(0, 40, (200, 300)).astype(np.float32), (0, 0), 2)
    found = find_spots(noise, STRIDE, 0.2)
    assert len(found) > 20
    assert len({(s.x, s.y) for s in found}) == len(found)
    assert [s.score for s in found] == sorted((s.score for s in found), reverse=True)
    for higher, lower in itertools.combinations(found, 2):
        inside = higher.left <= lower.x < higher.left + higher.width
        assert not (inside and higher.top <= lower.y < higher.top + higher.height)


def test_finer_maps_give_the_same_places():
    coarse = hills((40, 30, 4.0))
    fine = cv2.resize(coarse, (320, 240), interpolation=cv2.INTER_LINEAR)
    (a,), (b,) = find_spots(coarse, 2, 1.0), find_spots(fine, 1, 1.0)
    assert (a.x, a.y) == pytest.approx((b.x, b.y), abs=2)
