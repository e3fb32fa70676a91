"""One score from the parts: expected false spots per board, monotone everywhere."""

import json

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import CalibrationError, ModelError
from inspection.flex.learned.fusion import ALONG, OFF_PADS, SUMS, TOGETHER, Fusion, Scale, Term, add_up, along, together

BOARDS = 20
TERMS = SUMS[TOGETHER]


@pytest.fixture(scope="module")
def spots():
    rng = np.random.default_rng(0)
    return [rng.gumbel(3, 1, 30).tolist() for _ in range(BOARDS)]


@pytest.fixture(scope="module")
def scale(spots):
    return Scale.fit(spots)


def rate(scale, score):
    return float(10 ** -scale.surprise(np.float32([score]))[0])


def test_the_rate_at_a_score_is_what_was_counted(scale, spots):
    pooled = np.sort(np.concatenate(spots))[::-1]
    for rank in (1, 3, 10, 40, 150, 600):
        score = pooled[rank - 1]
        assert rate(scale, score) == pytest.approx((pooled >= score).sum() / BOARDS, rel=0.05)


def test_scores_that_come_often_are_counted_as_often():
    """Maps are kept in half precision while calibrating: many spots have the very same score."""
    spots = [[5.0, 4.0, 3.0, 2.0, 1.5, 1.25, 1.0, 0.5]] * 10
    scale = Scale.fit(spots)
    for rank, score in enumerate(spots[0], start=1):
        assert rate(scale, score) == pytest.approx(rank, rel=0.01)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-60, 60, width=32), min_size=2, max_size=30))
def test_a_higher_score_is_never_less_surprising(scale, scores):
    ordered = np.sort(np.float32(scores))
    assert (np.diff(scale.surprise(ordered)) >= -1e-5).all()


def test_order_is_kept_below_the_lowest_and_above_the_highest_knot(scale):
    low = np.float32(scale.scores[0]) - np.float32([5, 4, 3, 2, 1, 0])
    high = np.float32(scale.scores[-1]) + np.float32([0, 1, 5, 20])
    assert (np.diff(scale.surprise(low)) > 0).all()
    assert (np.diff(scale.surprise(high)) > 0).all()
    assert scale.surprise(high)[0] == pytest.approx(np.log10(BOARDS) + 4, abs=0.01)


def test_the_tail_goes_on_as_rare_as_it_is():
    """Gumbel scores of scale 1: each unit of score is 1 / ln 10 decades rarer."""
    rng = np.random.default_rng(7)
    scale = Scale.fit([rng.gumbel(0, 1, 100).tolist() for _ in range(100)])
    low, high = scale.surprise(np.float32([10, 12]))
    assert (high - low) / 2 == pytest.approx(1 / np.log(10), rel=0.3)


@pytest.mark.parametrize("spots", [[[1.0]] * 20, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]], [[]] * 9])
def test_too_few_different_spots_calibrate_nothing(spots):
    with pytest.raises(CalibrationError, match="too few"):
        Scale.fit(spots)


def test_json_gives_it_back(scale):
    fusion = Fusion({"a": scale}, {"a": 0.4}, {TOGETHER: {"a": Term(1.0, -0.5)}})
    content = json.loads(json.dumps(fusion.to_json()))
    assert Fusion.from_json(content, "here") == fusion
    del content["sums"]
    with pytest.raises(ModelError, match=r"here.*calibrate"):
        Fusion.from_json(content, "here")


def test_the_loudest_part_speaks_less_its_handicap():
    line = Scale((0.0, 10.0), (0.0, 10.0))
    maps = {"a": np.float32([[1, 8]]), "b": np.float32([[3, 4]]), "silent": np.float32([[99, 99]])}
    fused = Fusion({"a": line, "b": line}, {"a": 0.0, "b": 1.0}, {}).fuse(maps)
    assert fused == pytest.approx(np.float32([[2, 8]]))
    with pytest.raises(CalibrationError, match="no part"):
        Fusion({}, {}, {}).fuse(maps)


def test_what_several_parts_find_a_little_strange_is_strange_together():
    line = Scale((0.0, 10.0), (0.0, 10.0))
    maps = {name: np.zeros((9, 9), np.float32) for name in TERMS}
    for number, name in enumerate(TERMS):
        maps[name][4, 3 + number % 2] = 1.5  # not quite at the same place
    maps["position"][0, 8] = 1.5
    scales = dict.fromkeys(TERMS, line)
    handicaps = dict.fromkeys([*TERMS, TOGETHER], 0.0)
    alone = Fusion(scales, handicaps, SUMS).fuse(maps)
    assert alone[4, 3] == alone[0, 8] == pytest.approx(1.5)
    summed = Fusion({**scales, TOGETHER: line}, handicaps, SUMS).fuse(maps)
    assert summed[4, 3] == pytest.approx(1.5 * sum(term.weight for term in TERMS.values()))
    assert summed[0, 8] == pytest.approx(1.5 * max(1.0, TERMS["position"].weight))


def test_a_product_without_pads_adds_up_what_there_is():
    surprises = {"spots": np.full((5, 5), 1.0, np.float32), "position": np.full((5, 5), -9.0, np.float32)}
    found = together(surprises, {"spots": Term(2.0), "position": Term(3.0, -0.5), "pads": Term(1.0)})
    assert found == pytest.approx(2.0 * 1.0 + 3.0 * -0.5)  # one quiet part is no veto


def test_nothing_to_add_up_is_an_error():
    with pytest.raises(CalibrationError, match="spots, position"):
        add_up(ALONG, {"pads": np.zeros((5, 5), np.float32)}, SUMS[ALONG])


@pytest.mark.parametrize("angle", range(0, 180, 20))
def test_a_faint_line_is_stranger_than_dust_as_faint_and_keeps_its_place(angle):
    """A line of 120 px and a speck of 12 px, both half a decade above quiet ground, at any place the same."""
    line, speck = np.full((2, 160, 160), -1.5, np.float32)
    reach = 30 * np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    ends = np.rint([80 - reach, 80 + reach]).astype(int)
    cv2.line(line, ends[0].tolist(), ends[1].tolist(), 0.5, 2)
    cv2.circle(speck, (80, 80), 3, 0.5, -1)
    terms = SUMS[ALONG]
    most = sum(term.weight for term in terms.values())
    found, quiet = (along({"spots": one, "position": one}, terms) for one in (line, speck))
    assert found.shape == line.shape
    assert found.max() > 0.7 * 0.5 * most
    assert quiet.max() < 0
    off = cv2.dilate((line > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    assert found[off].max() < -1.4 * most  # a heat map shows the line, not its surroundings


def test_one_very_strange_speck_is_no_line():
    speck = np.full((80, 80), -1.0, np.float32)
    speck[40, 40] = 99.0
    assert along({"spots": speck}, {"spots": Term(1.0)}).max() < 0.5


def test_off_pads_the_sum_at_one_place_must_be_surer():
    line = Scale((0.0, 10.0), (0.0, 10.0))
    pads = np.zeros((40, 40), np.float32)
    pads[5:15, 5:15] = 0.5
    maps = {"spots": np.ones((40, 40), np.float32), "pads": pads}
    scales = {"spots": line, "pads": line, TOGETHER: line}
    sums = {TOGETHER: {"spots": Term(1.0)}}
    alone = {"spots": 9.0, "pads": 9.0, TOGETHER: 0.0}
    fused = Fusion(scales, {**alone, OFF_PADS: 0.5}, sums).fuse(maps)
    assert fused[10, 10] == pytest.approx(1.0)
    assert fused[10, 16] == pytest.approx(1.0)  # two places from a pad is on it still
    assert fused[10, 18] == pytest.approx(0.5)
    assert fused[30, 30] == pytest.approx(0.5)
    before = Fusion(scales, alone, sums).fuse(maps)  # taught by an older version
    np.testing.assert_allclose(before, 1.0)


def test_without_pads_it_must_be_surer_everywhere():
    line = Scale((0.0, 10.0), (0.0, 10.0))
    maps = {"spots": np.ones((20, 20), np.float32), "pads": np.zeros((20, 20), np.float32)}
    fusion = Fusion(
        {"spots": line, TOGETHER: line}, {"spots": 9.0, TOGETHER: 0.0, OFF_PADS: 0.5}, {TOGETHER: {"spots": Term(1.0)}}
    )
    np.testing.assert_allclose(fusion.fuse(maps), 0.5)
