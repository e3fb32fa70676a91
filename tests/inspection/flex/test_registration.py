"""Boards are found however they lie, to a fraction of a pixel; what is no such board is refused, never guessed."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.errors import RegistrationError
from inspection.flex.bending import find_flow, sample
from inspection.flex.registration import (
    Registration,
    align,
    lay,
    points_to_input,
    prepare,
    refine,
    register,
    to_input,
)
from inspection.flex.rough_pose import project

HEIGHT, WIDTH = 460, 640
SPOTS = np.array([[40, 40], [600, 40], [600, 420], [40, 420], [320, 230]], np.float64)


def board(seed: int = 5, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """A board with a repeating array of pads, traces and some parts of its own."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), (40, 70, 45), np.uint8)
    for y in range(int(height * 0.3), int(height * 0.7), 28):
        for x in range(int(width * 0.3), int(width * 0.7), 28):
            cv2.rectangle(image, (x, y), (x + 13, y + 13), (200, 170, 90), -1)
    for _ in range(45):
        x, y = (int(v) for v in rng.integers((0, 0), (width, height)))
        dx, dy = (int(v) for v in rng.integers(-120, 120, 2))
        cv2.line(image, (x, y), (x + dx, y), (120, 80, 40), int(rng.integers(2, 6)), cv2.LINE_AA)
        cv2.line(image, (x + dx, y), (x + dx, y + dy), (120, 80, 40), 3, cv2.LINE_AA)
    for _ in range(18):
        x, y = (int(v) for v in rng.integers((20, 20), (width - 20, height - 20)))
        cv2.circle(image, (x, y), int(rng.integers(5, 16)), tuple(int(v) for v in rng.integers(0, 255, 3)), -1)
    noise = cv2.GaussianBlur(rng.normal(0, 14, (height, width, 3)), (0, 0), 1.5)
    return np.clip(cv2.GaussianBlur(image, (0, 0), 0.8) + noise, 0, 255).astype(np.uint8)


BOARD = board()
REFERENCE = prepare(BOARD)


def scan(picture: NDArray[np.uint8], pose: NDArray[np.float64], margin: int = 12) -> tuple[NDArray, NDArray]:
    """The board seen through ``pose`` on a canvas that shows all of it; also the pose with that canvas."""
    height, width = picture.shape[:2]
    corners = project(pose, np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64))
    low, high = corners.min(0) - margin, corners.max(0) + margin
    pose = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]]) @ pose
    size = tuple(int(v) for v in np.ceil(high - low))
    shrinks = abs(np.linalg.det(pose[:2, :2])) < 0.7
    source = cv2.GaussianBlur(picture, (0, 0), 0.6) if shrinks else picture
    seen = cv2.warpPerspective(source, pose, size, flags=cv2.INTER_CUBIC, borderValue=(12, 12, 14))
    noise = np.random.default_rng(0).normal(0, 3, seen.shape)
    return np.clip(seen * 0.9 + 8 + noise, 0, 255).astype(np.uint8), pose


def misfit(found: Registration, pose: NDArray[np.float64]) -> float:
    return float(np.abs(project(found.homography @ pose, SPOTS) - SPOTS).max())


def turned(degrees: float, scale: float, perspective: tuple[float, float] = (0.0, 0.0)) -> NDArray[np.float64]:
    pose = np.vstack([cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), degrees, scale), [0, 0, 1]])
    return np.array([[1, 0, 0], [0, 1, 0], [*perspective, 1]]) @ pose


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    degrees=st.floats(-180, 180),
    scale=st.floats(0.55, 1.9),
    perspective=st.tuples(st.floats(-4e-5, 4e-5), st.floats(-4e-5, 4e-5)),
)
def test_any_pose_is_found_to_half_a_pixel(degrees: float, scale: float, perspective: tuple[float, float]) -> None:
    image, pose = scan(BOARD, turned(degrees, scale, perspective))
    found = register(image, REFERENCE)
    assert misfit(found, pose) < 0.5
    assert found.correlation > 0.7
    assert found.agreement > 0.9
    assert found.overlap > 0.95
    assert found.residual_px < 0.5


@pytest.mark.parametrize("quarter", [0, 90, 180, 270])
def test_quarter_turns_are_told_apart(quarter: int) -> None:
    image = np.ascontiguousarray(np.rot90(BOARD, -quarter // 90))
    laid = align(image, register(image, REFERENCE))
    assert np.abs(laid.astype(int) - BOARD)[8:-8, 8:-8].mean() < 2


def test_a_nearly_symmetric_board_is_not_laid_upside_down() -> None:
    half = board(9)[: HEIGHT // 2]
    symmetric = np.vstack([half, half[::-1, ::-1]])
    cv2.circle(symmetric, (90, 90), 14, (240, 240, 240), -1)
    cv2.rectangle(symmetric, (500, 60), (560, 90), (200, 40, 40), -1)
    image = np.ascontiguousarray(symmetric[::-1, ::-1])
    found = register(image, symmetric)
    assert np.sign(found.homography[0, 0]) == -1
    assert np.abs(align(image, found).astype(int) - symmetric)[8:-8, 8:-8].mean() < 2


def test_a_repeating_pattern_is_not_laid_one_period_off() -> None:
    tiled = np.tile(board(3, 60, 60), (8, 10, 1))
    cv2.circle(tiled, (130, 170), 11, (250, 250, 250), -1)
    pose = np.array([[1, 0, 7.25], [0, 1, -4.5], [0, 0, 1.0]])
    image = cv2.warpPerspective(tiled, pose, (600, 480), borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_CUBIC)
    found = register(image, tiled)
    np.testing.assert_allclose(found.homography @ pose, np.eye(3), atol=0.3)


def defects(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    out, rng = picture.copy(), np.random.default_rng(2)
    for k in range(14):
        x, y = (int(v) for v in rng.integers((20, 20), (WIDTH - 20, HEIGHT - 20)))
        cv2.ellipse(out, (x, y), (18, 4 + k), k * 25, 0, 360, [(235, 230, 220), (5, 5, 5), (150, 60, 160)][k % 3], -1)
    return out


def test_a_bad_board_is_laid_as_well_as_a_good_one() -> None:
    image, pose = scan(defects(BOARD), turned(3, 1.05))
    assert misfit(register(image, REFERENCE), pose) < 0.5


@pytest.mark.parametrize("trouble", ["blurred", "banded", "dark", "glare"])
def test_poor_light_and_focus_do_not_matter(trouble: str) -> None:
    image, pose = scan(BOARD, turned(1.5, 1.0))
    values = image.astype(np.float32)
    if trouble == "blurred":
        values = cv2.GaussianBlur(values, (0, 0), 2.5)
    elif trouble == "banded":
        values += 12 * np.sin(np.arange(len(values)) * 1.7)[:, None, None]
    elif trouble == "dark":
        values *= 0.3
    else:
        values *= np.linspace(0.5, 1.4, values.shape[1])[None, :, None]
    assert misfit(register(np.clip(values, 0, 255).astype(np.uint8), REFERENCE), pose) < 0.6


def cut(keep: slice) -> NDArray[np.uint8]:
    return np.ascontiguousarray(BOARD[:, keep])


def covered() -> NDArray[np.uint8]:
    out = BOARD.copy()
    out[:, WIDTH // 2 :] = 128
    return out


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.full((HEIGHT, WIDTH, 3), 130, np.uint8), "blank"),
        (np.zeros((HEIGHT, WIDTH, 3), np.uint8), "blank"),
        (np.zeros((8, 900, 3), np.uint8), "too small"),
        (np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8), "match"),
        (board(77), "match"),
        (board(78, 700, 500), "match"),
        (np.ascontiguousarray(BOARD[:, ::-1]), "match"),
        (cut(slice(0, WIDTH // 2)), "part"),
        (cut(slice(WIDTH // 3, WIDTH)), "part"),
        (covered(), "match"),
    ],
    ids=["grey", "black", "sliver", "noise", "other", "other format", "mirrored", "left half", "two thirds", "covered"],
)
def test_what_is_not_the_board_is_refused(image: NDArray[np.uint8], reason: str) -> None:
    with pytest.raises(RegistrationError, match=reason) as caught:
        register(image, REFERENCE, origin="scan.jpg")
    assert str(caught.value).startswith("scan.jpg: ")


def test_a_blank_reference_is_refused() -> None:
    with pytest.raises(RegistrationError, match="reference: is blank"):
        prepare(np.full((100, 100, 3), 7, np.uint8))


def bent(picture: NDArray[np.uint8], most: float) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The board bent by up to ``most`` pixels, and the shift ``bent(x + s(x)) = picture(x)`` on every pixel."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    shift = np.dstack([np.sin(y / 130) * most, np.cos(x / 170 + y / 300) * most]).astype(np.float32)
    back = shift.copy()
    for _ in range(8):
        back = cv2.remap(shift, x - back[..., 0], y - back[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    out = cv2.remap(picture, x - back[..., 0], y - back[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.uint8), shift


def dense(flow: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(flow, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))


def test_smooth_bending_is_taken_out() -> None:
    image, shift = bent(BOARD, 1.5)
    straight, flow = refine(image, REFERENCE)
    inside = np.s_[30:-30, 30:-30]
    assert np.abs(dense(flow) - shift)[inside].max() < 0.6
    assert np.sqrt(np.mean((dense(flow) - shift)[inside] ** 2)) < 0.15
    left, before = (np.abs(picture.astype(int) - BOARD)[inside].mean() for picture in (straight, image))
    assert left < 0.35 * before


def test_a_straight_board_is_not_bent() -> None:
    noisy = np.clip(BOARD + np.random.default_rng(3).normal(0, 4, BOARD.shape), 0, 255).astype(np.uint8)
    _, flow = refine(noisy, REFERENCE)
    assert np.abs(flow).max() < 0.15


def test_a_defect_is_not_absorbed() -> None:
    """Spots of up to 36 pixels move the bending by less than half a pixel, and stay as visible as they were."""
    image, _ = bent(BOARD, 1.0)
    clean, dirty = find_flow(image, REFERENCE), find_flow(defects(image), REFERENCE)
    assert np.hypot(*np.moveaxis(dirty - clean, 2, 0)).max() < 0.6
    straight, _ = refine(defects(BOARD), REFERENCE)
    visible = np.abs(defects(BOARD).astype(int) - BOARD).sum()
    assert np.abs(straight.astype(int) - BOARD).sum() > 0.9 * visible


def test_laying_at_once_equals_the_steps() -> None:
    image, _ = scan(bent(BOARD, 1.0)[0], turned(20, 1.3, (2e-5, 0)))
    laid = lay(image, REFERENCE)
    steps, flow = refine(align(image, laid.registration), REFERENCE)
    assert np.abs(flow - laid.flow).max() < 0.1
    assert np.abs(laid.aligned.astype(int) - steps).mean() < 1.5
    assert laid.aligned.shape == BOARD.shape
    assert np.abs(laid.aligned.astype(np.float32) * 1.1 - 9 - BOARD)[20:-20, 20:-20].mean() < 6


def test_boxes_come_back_to_the_input() -> None:
    image, pose = scan(BOARD, turned(90, 0.8))
    found = register(image, REFERENCE)
    (box,) = to_input([(100, 50, 40, 20)], found)
    corners = project(pose, np.array([[99.5, 49.5], [139.5, 69.5]])) + 0.5
    low, high = corners.min(0), corners.max(0)
    np.testing.assert_allclose(box, [low[0], low[1], high[0] - low[0], high[1] - low[1]], atol=1.5)
    assert box[2] < box[3], "a lying box stands after a quarter turn"
    points = points_to_input(SPOTS, found)
    np.testing.assert_allclose(points, project(pose, SPOTS), atol=0.5)


def test_boxes_are_cut_to_the_image_and_follow_the_bending() -> None:
    still = Registration(np.eye(3), (HEIGHT, WIDTH), 1.0, 1.0, 1.0, 0.0)
    assert to_input([(10, 20, 30, 40)], still) == [(10, 20, 30, 40)]
    assert to_input([(-9, 450, 30, 40)], still, image_shape=(HEIGHT, WIDTH)) == [(0, 450, 21, 10)]
    assert to_input([(9999, 9999, 5, 5)], still, image_shape=(HEIGHT, WIDTH)) == [(WIDTH - 1, HEIGHT - 1, 1, 1)]
    flow = np.full((6, 8, 2), (5.0, -3.0), np.float32)
    assert to_input([(100, 100, 30, 40)], still, flow) == [(105, 97, 30, 40)]


def test_sampling_is_exact() -> None:
    """Coordinates are interpolated between every eighth pixel; that costs nothing that could be seen."""
    pose = np.array([[0.9, 0.1, 5], [-0.08, 1.1, 9], [2e-5, -1e-5, 1]])
    expected = cv2.warpPerspective(
        BOARD, pose, (530, 611), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    out = sample(BOARD, pose, None, (611, 530))
    assert np.abs(out.astype(int) - expected).mean() < 0.3
    ramp = np.add.outer(np.arange(700.0), np.arange(900.0)).astype(np.float32)
    np.testing.assert_allclose(sample(ramp, np.eye(3), None, ramp.shape), ramp, atol=1e-3)
    moved = sample(ramp, np.eye(3), np.full((3, 4, 2), (2.5, 1.0), np.float32), ramp.shape)
    np.testing.assert_allclose(moved[5:-5, 5:-5], ramp[5:-5, 5:-5] + 3.5, atol=0.05)


@pytest.mark.shared
def test_real_scans_fit_and_other_parts_do_not(shared_flex: Path) -> None:
    def rgb(path: Path) -> NDArray[np.uint8]:
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)

    main = sorted((shared_flex / "flex98" / "main").glob("*.jpg"))
    reference = prepare(rgb(main[0]))
    for path in main[5::10]:
        found = register(rgb(path), reference, origin=path.name)
        assert found.correlation > 0.7
        assert found.residual_px < 0.5
    other = min((shared_flex / "flex98" / "tail").glob("*.jpg"))
    with pytest.raises(RegistrationError):
        register(rgb(other), reference)
    with pytest.raises(RegistrationError):
        register(rgb(shared_flex / "visa_samples" / "pcb1" / "defective.jpg"), reference)


@pytest.mark.shared
def test_pairs_of_drawing_and_board_are_not_made_worse(shared_flex: Path) -> None:
    def differs(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
        return float(((one > 127) != (other > 127)).mean())

    before, after = [], []
    for name in ("00041010", "13000129", "20085060", "44000020", "77000040", "92000077"):
        folder = shared_flex / "deeppcb" / "pairs"
        template, test = (cv2.imread(str(folder / f"{name}_{part}.png")) for part in ("temp", "test"))
        if template is None or test is None:
            continue
        before.append(differs(test, template))
        after.append(differs(lay(test, template).aligned, template))
        assert after[-1] < before[-1] * 1.05 + 5e-4, name
    assert len(before) >= 3
    assert np.mean(after) < np.mean(before)
