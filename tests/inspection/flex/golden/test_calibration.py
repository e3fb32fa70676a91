"""Scores into expected false spots, classes into probabilities, photos into grey."""

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import CalibrationError, InputError
from inspection.flex.golden.calibration import Calibration, calibrate
from inspection.flex.golden.decoding import Candidates
from inspection.flex.golden.evaluation import Truth
from inspection.flex.golden.greying import equal_light, learn_greying
from inspection.flex.golden.simulate import simulate_pair

NOTHING = Truth(np.empty((0, 4), np.float32), np.empty(0, np.int64))


def _false_places(count: int, rng: np.random.Generator) -> Candidates:
    classes = np.zeros((count, 6), np.float32)
    classes[np.arange(count), rng.integers(0, 6, count)] = 1 / (1 + np.exp(-rng.normal(-1.5, 1.0, count)))
    corner = rng.uniform(0, 600, (count, 2))
    places = Candidates(np.concatenate([corner, corner + 30], 1).astype(np.float32), classes)
    order = np.argsort(-places.scores)
    return Candidates(places.boxes[order], places.classes[order])


def test_the_budget_holds_on_unseen_images() -> None:
    """Asked for half a false spot per image, unseen ones of the same kind show 0.35 to 0.7; four times the area, 2."""
    rng = np.random.default_rng(1)
    learned = [_false_places(int(rng.poisson(5)), rng) for _ in range(200)]
    calibration = calibrate(learned, [NOTHING] * 200, 0.4)
    threshold = calibration.threshold(0.5, 0.4)
    unseen = [_false_places(int(rng.poisson(5)), rng) for _ in range(400)]
    shown = np.mean([(places.scores >= threshold).sum() for places in unseen])
    assert 0.35 <= shown <= 0.7
    assert calibration.false_spots(np.array([threshold], np.float32), 1.6)[0] == pytest.approx(2.0, rel=0.05)
    assert calibration.threshold(2.0, 1.6) == pytest.approx(threshold, abs=1e-3)


def test_it_survives_json_and_refuses_nonsense() -> None:
    """Same thresholds after a round trip."""
    rng = np.random.default_rng(2)
    calibration = calibrate([_false_places(6, rng) for _ in range(20)], [NOTHING] * 20, 0.4)
    again = Calibration.from_json(calibration.to_json())
    assert again.threshold(1.0, 0.4) == pytest.approx(calibration.threshold(1.0, 0.4))
    with pytest.raises(CalibrationError):
        Calibration.from_json({"megapixels": 1.0})
    with pytest.raises(CalibrationError, match="not positive"):
        calibration.threshold(0.0, 0.4)


def test_a_network_without_false_places_can_be_calibrated() -> None:
    """The floor then stands for more false spots than were seen, never fewer."""
    empty = Candidates(np.empty((0, 4), np.float32), np.empty((0, 6), np.float32))
    calibration = calibrate([empty] * 10, [NOTHING] * 10, 0.4)
    assert 0.02 <= calibration.threshold(0.5, 0.4) < 0.2


def test_class_probabilities_are_as_sure_as_they_are_right() -> None:
    """Scores that name the wrong class for two in five become probabilities near 0.6."""
    rng = np.random.default_rng(3)
    boxes = np.array([[0, 0, 30, 30]], np.float32)
    found, truth = [], []
    for _ in range(300):
        classes = np.full((1, 6), 0.02, np.float32)
        named = int(rng.integers(6))
        classes[0, named] = 0.95
        right = named if rng.random() < 0.6 else int(rng.integers(6))
        found.append(Candidates(boxes, classes))
        truth.append(Truth(boxes, np.array([right])))
    calibration = calibrate(found, truth, 0.4)
    probabilities = calibration.class_probabilities(found[0].classes)
    assert probabilities.sum() == pytest.approx(1.0)
    assert 0.55 < probabilities.max() < 0.8


def _photo(drawing: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Gold on green."""
    metal = (255 - drawing[..., None].astype(float)) / 255
    return (metal * (220, 190, 90) + (1 - metal) * (30, 90, 50)).astype(np.uint8)


def test_metal_comes_out_dark_from_drawings_and_photos() -> None:
    """A drawing keeps its polarity, a photo has bright metal, and either can be told otherwise."""
    drawing = simulate_pair("p", 2, 300, grey_share=0.0, defects=0).template
    rgb = np.repeat(drawing[..., None], 3, 2)
    np.testing.assert_array_equal(learn_greying(rgb)(rgb), drawing)
    np.testing.assert_array_equal(learn_greying(rgb, "bright")(rgb), 255 - drawing)
    photo = _photo(drawing)
    grey = learn_greying(photo)(photo)
    assert grey[drawing == 0].mean() < 60
    assert grey[drawing == 255].mean() > 195
    assert learn_greying(photo, "dark")(photo)[drawing == 0].mean() > 195


def test_gain_and_slow_shading_leave_no_difference() -> None:
    """A darker scan with a bright side equals its template within a few levels; a defect stays."""
    template = simulate_pair("p", 4, 400, grey_share=1.0, defects=0).template
    slope = np.linspace(0.75, 0.95, 400)[None]
    test = np.clip(template * slope + 5, 0, 255).astype(np.uint8)
    test[200:212, 200:212] = 255 - test[200:212, 200:212]
    equal = equal_light(template, test)
    left = np.abs(equal.astype(int) - template)
    assert np.median(left) < 6
    assert left[202:210, 202:210].mean() > 60


def test_a_blank_reference_is_refused() -> None:
    """It would make everything a defect."""
    with pytest.raises(InputError, match="no structure"):
        learn_greying(np.full((50, 50, 3), 200, np.uint8))
