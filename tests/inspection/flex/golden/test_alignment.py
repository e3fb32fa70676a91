"""Laying the template on the test image."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inspection.flex.golden.alignment import _to_full, _to_reduced, align_template
from inspection.flex.golden.channels import stack_channels
from inspection.flex.golden.simulate import simulate_pair


def _moved(image: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    size = image.shape[::-1]
    moved = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=255)
    return np.where(moved > 127, 255, 0).astype(np.uint8)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (3.4, -6.7), (-14.0, 9.0)])
def test_a_shifted_turned_stretched_template_is_found(seed: int, shift: tuple[float, float]) -> None:
    """What is left is less than one pixel everywhere."""
    drawing = simulate_pair("p", seed, 400, grey_share=0.0, defects=0).template
    matrix = np.array([[1.004, 0.006, 0], [-0.005, 0.997, 0]])
    matrix[:, 2] = (np.eye(2) - matrix[:, :2]) @ (200, 200) + shift
    found = align_template(drawing, _moved(drawing, matrix)).matrix
    corners = np.array([[20, 20, 1], [380, 20, 1], [20, 380, 1], [380, 380, 1.0]])
    assert np.abs(corners @ found.T - corners @ matrix.T).max() < 1.0


def test_identical_images_stay_as_they_are() -> None:
    """Nothing is smeared by interpolation where nothing moved, and even where nothing is drawn."""
    drawing = simulate_pair("p", 5, 400, grey_share=0.0, defects=0).template
    assert align_template(drawing, drawing).mismatch < 1e-3
    blank = np.full((100, 100), 255, np.uint8)
    np.testing.assert_array_equal(align_template(blank, blank).template, blank)


def test_full_and_reduced_matrices_are_inverse() -> None:
    """Pixel centres are at whole numbers on both scales."""
    matrix = np.array([[1.01, 0.02, 3.0], [-0.01, 0.99, -4.0]])
    for factor in (2, 5):
        np.testing.assert_allclose(_to_full(_to_reduced(matrix, factor), factor), matrix)
    np.testing.assert_allclose(_to_reduced(np.array([[1.0, 0, 2], [0, 1, -6]]), 2)[:, 2], (1.0, -3.0))


def test_a_large_board_is_found_as_well() -> None:
    """Reduced more, it is still found to about half a pixel."""
    drawing = np.tile(simulate_pair("p", 7, 640, grey_share=0.0, defects=0).template, (2, 3))
    matrix = np.array([[1.001, 0.002, 5.0], [-0.002, 0.999, 3.0]])
    found = align_template(drawing, _moved(drawing, matrix)).matrix
    corners = np.array([[30, 30, 1], [1890, 30, 1], [30, 1250, 1], [1890, 1250, 1.0]])
    assert np.abs(corners @ found.T - corners @ matrix.T).max() < 1.0


def test_play_of_two_pixels_leaves_nothing_and_a_defect_stays() -> None:
    """The tolerant differences are the reason why misregistration does not raise false spots."""
    template = np.full((80, 80), 255, np.uint8)
    template[20:40, 10:70] = 0
    channels = stack_channels(template, np.roll(template, (2, -2), (0, 1)))
    assert channels.shape == (4, 80, 80)
    assert not channels[2:].any()
    test = template.copy()
    test[60:66, 50:56] = 0
    test[28:32, 30:34] = 255
    channels = stack_channels(template, test)
    assert np.argwhere(channels[2]).min(0).tolist() == [60, 50]
    assert np.argwhere(channels[3]).max(0).tolist() == [31, 33]
