"""The shipped package at work: simulated boards, photos, wrong boards, a few real pairs."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import ModelError, RegistrationError
from core.inference import ModelPackage, write_package
from inspection.flex.golden.decoding import intersection_over_union
from inspection.flex.golden.detector import GoldenDetector, Spot, _spans, default_package, find_places
from inspection.flex.golden.pairs import CAUSES, Pair, find_pairs, read_pair
from inspection.flex.golden.simulate import simulate_pair


@pytest.fixture(scope="module")
def package() -> ModelPackage:
    """The package in the repository."""
    return default_package()


def _rgb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(grey[..., None], 3, axis=2)


def _photo(grey: NDArray[np.uint8], light: float, seed: int) -> NDArray[np.uint8]:
    """Gold on green, a little out of focus, with grain."""
    metal = cv2.GaussianBlur((255.0 - grey) / 255.0, (0, 0), 1.0)[..., None]
    colours = metal * (220, 190, 90) + (1 - metal) * (30, 90, 50)
    noisy = light * colours + np.random.default_rng(seed).normal(0, 2.0, colours.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _found(spots: list[Spot], pair: Pair) -> tuple[NDArray[np.bool_], int]:
    """Return which defects were found, and how many spots are false."""
    boxes = np.array([(s.x, s.y, s.x + s.width, s.y + s.height) for s in spots], np.float32).reshape(-1, 4)
    overlaps = intersection_over_union(boxes, pair.boxes)
    return (overlaps >= 0.33).any(0), int((~(overlaps >= 0.33).any(1)).sum()) if len(pair.boxes) else len(spots)


def test_defects_on_unseen_simulated_boards_are_found_and_named(package: ModelPackage) -> None:
    """At one false spot per board: nine of ten found, nine of ten of those named right, ranked worst first."""
    found, named, false = [], [], 0
    for seed in range(900_001, 900_009):
        pair = simulate_pair("p", seed, grey_share=0.0)
        spots = GoldenDetector(package, _rgb(pair.template)).judge_image(_rgb(pair.test))
        assert [s.score for s in spots] == sorted((s.score for s in spots), reverse=True)
        hit, wrong = _found(spots, pair)
        found += hit.tolist()
        false += wrong
        for spot in spots:
            box = np.array([[spot.x, spot.y, spot.x + spot.width, spot.y + spot.height]], np.float32)
            overlap = intersection_over_union(box, pair.boxes)[0] if len(pair.boxes) else np.zeros(1)
            if overlap.max() >= 0.33:
                named.append(spot.cause == CAUSES[pair.labels[overlap.argmax()]])
            assert 0.0 <= spot.p_value <= 1.0
            assert 0.0 <= spot.probability <= 1.0
            assert spot.cause in {*CAUSES, "unknown"}
    assert np.mean(found) >= 0.9
    assert np.mean(named) >= 0.9
    assert false <= 16


def test_a_board_equal_to_its_reference_is_clean(package: ModelPackage) -> None:
    """Also when it lies a few pixels aside."""
    drawing = simulate_pair("p", 900_020, grey_share=0.0, defects=0).template
    detector = GoldenDetector(package, _rgb(drawing), false_spots_per_board=0.5)
    assert detector.judge_image(_rgb(drawing)) == []
    aside = cv2.warpAffine(drawing, np.array([[1.0, 0, 4], [0, 1, -3]]), (640, 640), borderMode=cv2.BORDER_REFLECT_101)
    assert detector.judge_image(_rgb(aside)) == []


def test_a_smaller_budget_shows_fewer_spots_and_says_so(package: ModelPackage) -> None:
    """The threshold rises and the promised rate falls."""
    pair = simulate_pair("p", 900_030, grey_share=0.0)
    strict, loose = (GoldenDetector(package, _rgb(pair.template), budget) for budget in (0.1, 3.0))
    assert strict.threshold > loose.threshold
    assert strict.false_spots_expected == pytest.approx(0.1, rel=0.2)
    assert len(strict.judge_image(_rgb(pair.test))) <= len(loose.judge_image(_rgb(pair.test)))


def test_another_board_is_not_judged(package: ModelPackage) -> None:
    """No verdict instead of a hundred false spots."""
    detector = GoldenDetector(package, _rgb(simulate_pair("p", 900_040, grey_share=0.0).template))
    with pytest.raises(RegistrationError, match="board seven"):
        detector.judge_image(_rgb(simulate_pair("p", 900_041, grey_share=0.0).test), origin="board seven")


def test_colour_photos_of_another_size_and_light_are_judged(package: ModelPackage) -> None:
    """One golden photo; the tested one is turned, larger and darker, and spots come back in its own pixels."""
    pair = next(
        p for s in range(900_050, 900_090) if len((p := simulate_pair("p", s, grey_share=0.0, defects=9)).boxes) >= 6
    )
    golden, test = _photo(pair.template, 1.0, 1), _photo(pair.test, 0.8, 2)
    turned = np.ascontiguousarray(np.rot90(cv2.resize(test, None, fx=1.25, fy=1.25), 2))
    clean = _photo(pair.template, 0.9, 3)
    detector = GoldenDetector(package, golden)
    spots = [
        Spot(round(640 - (s.x + s.width) / 1.25), round(640 - (s.y + s.height) / 1.25), round(s.width / 1.25),
             round(s.height / 1.25), s.score, s.probability, s.cause, s.p_value)
        for s in detector.judge_image(turned)
    ]  # fmt: skip
    hit, _ = _found(spots, pair)
    assert hit.mean() >= 0.7
    assert len(detector.judge_image(clean)) <= 2


def test_tiles_give_what_the_whole_gives(package: ModelPackage) -> None:
    """A large image is cut into overlapping tiles; every place belongs to exactly one."""
    for length in (1, 640, 1024, 1025, 1217, 5000):
        spans = list(_spans(length))
        for position in np.linspace(-3, length + 3, 50):
            assert sum(first <= position < last for _, _, first, last in spans) == 1
        assert spans[-1][1] == length
    pair = simulate_pair("p", 900_060, 640, grey_share=0.0, defects=10)
    whole = find_places(package.session(), pair.template, pair.test, 0.3)
    large = [np.tile(image, (2, 2)) for image in (pair.template, pair.test)]
    tiled = find_places(package.session(), large[0], large[1], 0.3)
    inner = whole.boxes[((whole.boxes > 60) & (whole.boxes < 580)).all(1)]
    for offset in ((0, 0), (640, 0), (0, 640), (640, 640)):
        shifted = inner + np.array([*offset, *offset], np.float32)
        assert (intersection_over_union(shifted, tiled.boxes).max(1, initial=0.0) > 0.6).all()


def test_odd_sizes_and_a_package_of_another_kind(package: ModelPackage, tmp_path: Path) -> None:
    """Sizes that are no multiple of anything are padded; a foreign package is refused by name."""
    pair = simulate_pair("p", 900_070, grey_share=0.0)
    cut = np.s_[:403, :517]
    GoldenDetector(package, _rgb(pair.template[cut])).judge_image(_rgb(pair.test[cut]))
    card = package.card
    other = write_package(
        tmp_path / "other", name="x", system="flex", created_at=card.created_at, seed=0, training_data="none"
    )
    with pytest.raises(ModelError, match="other"):
        GoldenDetector(other, _rgb(pair.template))


def test_no_torch_at_run_time() -> None:
    """The detector and all it imports stay light."""
    code = "import sys, inspection.flex.golden.detector; sys.exit('torch' in sys.modules or 'lightning' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[4])


@pytest.mark.shared
def test_real_pairs_without_having_learned_from_any(package: ModelPackage, shared_flex: Path) -> None:
    """Simulation only: most defects of three pairs of every real board group are found at one false spot per image."""
    files = find_pairs(shared_flex / "deeppcb")
    groups = sorted({file.group for file in files})
    found, false = [], 0
    for file in [f for g in groups for f in [f for f in files if f.group == g][5:60:20]]:
        pair = read_pair(file)
        spots = GoldenDetector(package, _rgb(pair.template)).judge_image(_rgb(pair.test), pair.name)
        hit, wrong = _found(spots, pair)
        found += hit.tolist()
        false += wrong
    assert len(found) >= 100
    assert np.mean(found) >= 0.8
    assert false <= 60
