"""Lamp, banding, sub-pixel shift and blur are taken out to near the noise; a defect stays."""

import cv2
import numpy as np
import pytest

from inspection.flex.learned.photometry import normalise
from inspection.flex.simulate.boards import design, drawing

NOISE_DN = 1.0
EDGE = 24


@pytest.fixture(scope="module")
def clean():
    return drawing(design(1), 700)[0]


@pytest.fixture(scope="module")
def golden(clean):
    return cv2.GaussianBlur(clean, (0, 0), 1.0)


def moved(image, x, y):
    height, width = image.shape[:2]
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
    border = cv2.BORDER_REPLICATE
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=border).astype(np.float64)


def lamp(shape):
    x = np.arange(shape[1]) / shape[1]
    y = np.arange(shape[0])[:, None] / shape[0]
    return (1 + 0.06 * np.sin(3 * x) - 0.04 * y)[..., None] * np.array([1.0, 0.98, 1.02])


def bands(image):
    """An offset of 0.8 DN in the dark and 2.6 DN on gold, another one for each row."""
    return np.random.default_rng(1).normal(0, 1, (image.shape[0], 1, 1)) * (0.8 + 0.012 * image)


def scanned(surface, seed=2):
    noise = np.random.default_rng(seed).normal(0, NOISE_DN, (*surface.shape[:2], 1))
    return np.clip(np.rint(surface + noise), 0, 255).astype(np.uint8)


def power(image, golden):
    """Mean squared departure beyond the noise, in DN squared."""
    change = image[EDGE:-EDGE, EDGE:-EDGE].astype(np.float64) - golden[EDGE:-EDGE, EDGE:-EDGE]
    return np.square(change).mean() - NOISE_DN**2 - 1 / 12


NUISANCES = {
    "lamp": lambda golden, clean: golden * lamp(golden.shape),
    "banding": lambda golden, clean: golden + bands(golden),
    "shift": lambda golden, clean: moved(golden, 0.35, -0.3),
    "defocus": lambda golden, clean: cv2.GaussianBlur(clean, (0, 0), 1.25),
    "all": lambda golden, clean: moved(golden, 0.3, -0.2) * lamp(golden.shape) + bands(golden),
}


@pytest.mark.parametrize("nuisance", NUISANCES)
def test_what_differs_between_good_scans_is_taken_out(nuisance, golden, clean):
    scan = scanned(NUISANCES[nuisance](golden.astype(np.float64), clean))
    before, after = power(scan, golden), power(normalise(scan, golden), golden)
    assert before > 2.0
    assert after < 0.3 * before
    assert after < 1.8


def test_a_scan_like_the_golden_image_stays_as_it_is(golden):
    assert np.array_equal(normalise(golden, golden), golden)


@pytest.mark.parametrize("contrast", [-40, -15, 30])
@pytest.mark.parametrize("place", [(300, 210), (420, 395)])
def test_a_defect_of_20_px_keeps_its_contrast(golden, place, contrast):
    rows, columns = np.ogrid[: golden.shape[0], : golden.shape[1]]
    away = np.hypot(columns - place[0], rows - place[1])
    cover = cv2.GaussianBlur((away < 10).astype(np.float64), (0, 0), 1.0)[..., None]
    surface = NUISANCES["all"](golden.astype(np.float64), None)
    good, bad = scanned(surface), scanned(surface + contrast * cover)
    drawn = (bad.astype(np.float64) - good)[away < 8].mean()
    kept = (normalise(bad, golden).astype(np.float64) - normalise(good, golden))[away < 8].mean()
    assert abs(drawn) > 10
    assert 0.9 < kept / drawn < 1.1


def test_what_the_scan_does_not_show_takes_the_golden_image(golden):
    scan = scanned(golden.astype(np.float64))
    scan[:, :150] = 0
    valid = np.ones(golden.shape[:2], np.bool_)
    valid[:, :150] = False
    shown = normalise(scan, golden, valid)
    assert np.abs(shown[:, :140].astype(int) - golden[:, :140]).mean() < 0.6
    assert np.abs(normalise(scan, golden)[:, :140].astype(int) - golden[:, :140]).mean() > 5


def test_strips_leave_no_seam(golden):
    tall = np.concatenate([golden, golden[::-1]])[:1031]
    scan = scanned(tall * lamp(tall.shape))
    change = normalise(scan, tall).astype(np.float64) - tall
    for seam in (512, 1024):
        above, below = change[seam - 3 : seam].mean(), change[seam : seam + 3].mean()
        assert abs(above - below) < 0.5


@pytest.mark.parametrize("shape", [(17, 23), (64, 5), (33, 700)])
def test_small_and_odd_shapes(golden, shape):
    small = np.ascontiguousarray(golden[100 : 100 + shape[0], 60 : 60 + shape[1]])
    assert normalise(small, small).shape == small.shape
