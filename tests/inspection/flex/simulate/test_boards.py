"""Synthetic boards: the same seed gives the same board, different boards differ as real ones do."""

import time

import cv2
import numpy as np
import pytest

from inspection.flex.simulate import boards, scanner
from inspection.flex.simulate.pose import draw_pose, place
from inspection.flex.simulate.render import cover
from inspection.flex.simulate.shapes import Layer, rectangle
from inspection.flex.simulate.zones import Zone, estimate_zones


@pytest.fixture(scope="module")
def product():
    return boards.design(1)


@pytest.fixture(scope="module")
def photos(product):
    return [boards.photograph(product, np.random.default_rng(seed), width=800) for seed in (1, 2)]


def test_design_is_given_by_its_seed():
    first, again, other = boards.design(4), boards.design(4), boards.design(5)
    same = [np.array_equal(a.points, b.points) for a, b in zip(first.shapes, again.shapes, strict=True)]
    assert all(same)
    assert first.colours == again.colours
    assert len(first.shapes) != len(other.shapes) or any(
        a.points.shape != b.points.shape or not np.allclose(a.points, b.points)
        for a, b in zip(first.shapes, other.shapes, strict=True)
    )


def test_photograph_is_given_by_design_and_generator(product):
    wanted = ["pad_scratch", "trace_open", "component_missing"]
    one, two = (boards.photograph(product, np.random.default_rng(9), wanted, width=800) for _ in range(2))
    assert np.array_equal(one.image, two.image)
    assert one.labels == two.labels
    assert [label.kind for label in one.labels] == wanted


def test_two_boards_differ_in_place_and_light(product, photos):
    first, second = photos
    assert first.image.shape == (599, 800, 3)
    assert first.image.dtype == np.uint8
    assert (first.zones != second.zones).mean() > 0.005
    pads = [photo.image[photo.zones == Zone.PAD].mean(axis=0) for photo in photos]
    assert 0.2 < np.abs(pads[0] - pads[1]).max() < 30


def test_every_zone_is_there_and_gold_is_bright(photos):
    photo = photos[0]
    share = {zone: float((photo.zones == zone).mean()) for zone in Zone}
    assert min(share.values()) > 0.01
    assert share[Zone.SOLDER_MASK] > 0.4
    level = {zone: float(photo.image[photo.zones == zone].mean()) for zone in Zone}
    assert level[Zone.PAD] > 1.4 * level[Zone.COPPER] > 1.4 * 1.2 * level[Zone.SOLDER_MASK]
    assert level[Zone.OUTSIDE] < 25


def test_photo_without_looseness_lies_as_drawn(product):
    template, zones = boards.drawing(product, width=800)
    photo = boards.photograph(product, np.random.default_rng(3), width=800, looseness=0.0)
    assert (photo.zones != zones).mean() < 0.003
    assert np.corrcoef(template[..., 1].ravel(), photo.image[..., 1].ravel())[0, 1] > 0.97


def test_registered_photo_lies_on_the_drawing_but_keeps_its_light(product):
    _, zones = boards.drawing(product, width=800)
    loose, laid = (
        boards.photograph(product, np.random.default_rng(6), width=800, registered=flag) for flag in (False, True)
    )
    assert (laid.zones != zones).mean() < 0.5 * (loose.zones != zones).mean()
    assert (laid.zones != zones).mean() > 0.001


def test_pose_moves_layers_against_each_other(product):
    pad = next(s for s in product.shapes if s.layer is Layer.PAD)
    offsets = []
    for seed in range(40):
        pose = draw_pose(product, np.random.default_rng(seed))
        offsets.append(place(product, pose, pad).mean(axis=0) - pad.points.mean(axis=0))
    sigma = np.std(offsets, axis=0)
    assert np.all((sigma > 0.06) & (sigma < 0.18)), sigma


def test_edges_are_drawn_with_subpixel_accuracy():
    for shift in (0.07, 0.32, 0.61, 0.85):
        shape = rectangle(Layer.PAD, (20 + shift, 15 + shift), (16, 8), 0.01)
        box, coverage = cover(shape.points, 0.0, (30, 40))
        ys, xs = np.mgrid[box].astype(float) + 0.5
        weight = coverage / coverage.sum()
        assert abs((weight * xs).sum() - 20 - shift) < 0.13
        assert abs((weight * ys).sum() - 15 - shift) < 0.13
        assert abs(coverage.sum() / 255 - 128) < 10


def test_noise_is_as_measured_on_real_scans():
    rng = np.random.default_rng(0)
    for level in (15.0, 60.0, 160.0):
        image = scanner.scan(np.full((300, 400, 3), level, np.float32), rng).astype(np.float32)
        fine = image - cv2.GaussianBlur(image, (0, 0), 3)
        expected = float(scanner.noise_sigma(np.float32(level)))
        assert 0.8 * expected < fine[..., 1].std() < 1.5 * expected + 0.3
        neighbour = np.corrcoef(fine[:, 1:, 1].ravel(), fine[:, :-1, 1].ravel())[0, 1]
        assert 0.1 < neighbour < 0.5
        assert np.corrcoef(fine[..., 0].ravel(), fine[..., 1].ravel())[0, 1] > 0.75


def test_zones_are_guessed_by_colour(photos):
    photo = photos[0]
    guessed = estimate_zones(photo.image)
    pads = photo.zones == Zone.PAD
    assert (guessed[pads] == Zone.PAD).mean() > 0.85
    assert (guessed[photo.zones == Zone.OUTSIDE] == Zone.PAD).mean() < 0.01


@pytest.mark.slow
def test_seventeen_megapixels_in_sane_time(product):
    started = time.process_time()
    photo = boards.photograph(product, np.random.default_rng(1), ["pad_scratch"], width=4760)
    assert photo.image.shape == (3566, 4760, 3)
    assert time.process_time() - started < 30
    assert photo.labels[0].size_um < 1001
