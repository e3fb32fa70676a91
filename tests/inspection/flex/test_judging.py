"""From scores to a verdict: ranks, budgets, places on the photo, evidence."""

import json

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from core.errors import CalibrationError  # noqa: E402
from core.inference import load_package  # noqa: E402
from core.verdict import Quality  # noqa: E402
from inspection.flex.classifier.samples import NAMES  # noqa: E402
from inspection.flex.judging import alarm_level, heat_on_input, judge_by_product  # noqa: E402
from inspection.flex.learned.product import Product  # noqa: E402
from tests.inspection.flex.taught import photo  # noqa: E402


@pytest.fixture(scope="module")
def product(taught):
    return Product(load_package(taught.package), threads=1)


@pytest.fixture(scope="module")
def board():
    """A board with several gross defects, lying turned by half a turn under the scanner."""
    return photo(61, "burn", "mask_particle", "solder_spill")


@pytest.fixture(scope="module")
def verdict(product, board):
    return judge_by_product(product, board.image, "board", 1.0, 0.02)


def covers(region, label, slack=4):
    where = region.where
    x, y = where["x"] + where["width"] / 2, where["y"] + where["height"] / 2
    return (
        label.x - slack <= x <= label.x + label.width + slack and label.y - slack <= y <= label.y + label.height + slack
    )


def test_regions_are_ranked_and_above_the_threshold(verdict):
    scores = [region.score for region in verdict.regions]
    assert len(scores) >= 3
    assert scores == sorted(scores, reverse=True)
    assert min(scores) >= verdict.threshold
    p_values = [region.p_value for region in verdict.regions]
    assert p_values == sorted(p_values)
    assert all(0 <= p <= 1 for p in p_values)
    assert verdict.p_value == pytest.approx(p_values[0])


def test_every_gross_defect_is_a_region(verdict, board):
    for label in board.labels:
        assert any(covers(region, label) for region in verdict.regions), label


def test_places_are_whole_pixels_of_the_photo(verdict, board):
    height, width = board.image.shape[:2]
    for region in verdict.regions:
        where = region.where
        assert set(where) == {"x", "y", "width", "height"}
        assert all(type(value) is int for value in where.values())
        assert 0 <= where["x"] < where["x"] + where["width"] <= width
        assert 0 <= where["y"] < where["y"] + where["height"] <= height


def test_causes_are_categories_or_unknown(verdict):
    assert verdict.cause == verdict.regions[0].cause
    for region in verdict.regions:
        assert region.cause.name in NAMES
        assert 0 <= region.cause.probability <= 1


def test_a_board_that_lies_upside_down_and_larger_is_judged_the_same(product, verdict, board):
    turned = np.ascontiguousarray(board.image[::-1, ::-1])
    large = cv2.resize(turned, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_CUBIC)
    found = judge_by_product(product, large, "board", 1.0, 0.02)
    assert found.quality is verdict.quality
    height, width = large.shape[:2]
    for label in board.labels:
        x, y = width - 1.5 * (label.x + label.width / 2), height - 1.5 * (label.y + label.height / 2)
        assert any(
            abs(r.where["x"] + r.where["width"] / 2 - x) < 1.5 * (label.width / 2 + 4)
            and abs(r.where["y"] + r.where["height"] / 2 - y) < 1.5 * (label.height / 2 + 4)
            for r in found.regions
        ), label


def test_a_larger_budget_lowers_the_threshold_and_measures_what_it_costs(product, board):
    strict, loose = (judge_by_product(product, board.image, "board", budget, 0.02) for budget in (0.3, 3.0))
    assert loose.threshold < strict.threshold
    assert len(loose.regions) >= len(strict.regions)
    assert loose.score == strict.score
    for verdict, budget in ((strict, 0.3), (loose, 3.0)):
        expected = verdict.measurements["false_spots_expected"]
        assert expected.unit == "spots/board"
        assert expected.value == pytest.approx(budget, rel=0.05)
        assert expected.sigma > 0


def test_the_alarm_level_is_never_below_the_threshold(product):
    levels = [alarm_level(product, share) for share in (0.5, 0.1, 0.02)]
    assert levels == sorted(levels)
    assert alarm_level(product, 1e-9) < 100  # rarer than the good boards can show: as rare as they can


def test_medium_is_between_threshold_and_alarm(product):
    """A board whose worst spot lies between the two levels is to be looked at, but raises no alarm."""
    image = photo(50).image
    score = judge_by_product(product, image, "board", 1.0, 0.02).score
    observed = product.threshold
    budgets = [b for b in (1.0, 2.0, 5.0, 10.0, 20.0) if observed.threshold(b) <= score]
    assert budgets, "this board has no spot at all"
    found = judge_by_product(product, image, "board", budgets[0], 0.02)
    alarming = found.score >= found.measurements["alarm_level"].value
    assert found.quality is (Quality.BAD if alarming else Quality.MEDIUM)
    assert not alarming


def test_a_budget_beyond_the_calibration_is_an_error(product, board):
    with pytest.raises(CalibrationError, match="budget"):
        judge_by_product(product, board.image, "board", 1000.0, 0.02)


def test_the_evidence_is_what_the_page_expects(verdict, board):
    numbers = range(1, min(12, len(verdict.regions)) + 1)
    wanted = {"board", "plain", "thumbnail", "heat"} | {f"{kind}_{n}" for kind in ("spot", "golden") for n in numbers}
    assert set(verdict.evidence) == wanted
    pictures = {
        name: cv2.imdecode(np.frombuffer(e.content, np.uint8), cv2.IMREAD_COLOR) for name, e in verdict.evidence.items()
    }
    assert all(e.media_type == "image/jpeg" for e in verdict.evidence.values())
    assert pictures["board"].shape == pictures["plain"].shape == pictures["heat"].shape == board.image.shape
    assert max(pictures["thumbnail"].shape) == 320
    for number in numbers:
        spot, golden = pictures[f"spot_{number}"].astype(float), pictures[f"golden_{number}"].astype(float)
        assert spot.shape == golden.shape
        assert min(spot.shape[:2]) >= 256
        rim = np.ones(spot.shape[:2], np.bool_)
        rim[60:-60, 60:-60] = False
        assert np.corrcoef(spot[rim].ravel(), golden[rim].ravel())[0, 1] > 0.6, number
    middle = (slice(150, 234), slice(150, 234))
    change = np.abs(pictures["spot_1"].astype(float) - pictures["golden_1"])
    assert change[middle].mean() > 2 * change.mean()


def test_the_heat_is_hottest_at_the_worst_spot(product, verdict, board):
    looked = product.look(board.image, "board")
    heat = heat_on_input(looked, verdict.threshold, board.image.shape[:2])
    assert heat.shape == (131, 175)
    assert 0 <= heat.min() <= heat.max() <= 1
    where = verdict.regions[0].where
    x, y = (where["x"] + where["width"] / 2) / 4, (where["y"] + where["height"] / 2) / 4
    assert heat[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].max() == pytest.approx(heat.max(), abs=0.02)
    assert np.median(heat) < 0.5
    assert np.mean(heat == 0) > 0.2  # a good place is not tinted


def test_the_verdict_is_plain_json(verdict):
    content = json.loads(json.dumps(verdict.to_json(), allow_nan=False))
    assert content["quality"] == "BAD"
    assert content["regions"][0]["x"] == verdict.regions[0].where["x"]
    assert content["measurements"]["registration_residual"]["unit"] == "px"
    assert content["measurements"]["registration_residual"]["value"] < 2
