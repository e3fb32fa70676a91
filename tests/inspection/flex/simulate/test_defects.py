"""Drawn defects: seeded, where they should be, as large and strong as stated, and without any tell-tale trace."""

import cv2
import numpy as np
import pytest

from core.errors import InputError
from inspection.flex.simulate import boards, defects
from inspection.flex.simulate.zones import Zone, estimate_zones

PRODUCT = boards.design(1)


@pytest.fixture(scope="module")
def board():
    return boards.photograph(PRODUCT, np.random.default_rng(1))


@pytest.mark.parametrize("kind", defects.KINDS)
def test_same_seed_same_defect_and_mask_matches_change(board, kind):
    first = defects.draw(board.image, board.zones, np.random.default_rng(5), kind, 2)
    again = defects.draw(board.image, board.zones, np.random.default_rng(5), kind, 2)
    assert np.array_equal(first[0], again[0])
    assert first[2] == again[2]
    image, masks, labels = first
    assert len(masks) == len(labels) == 2
    marked = defects.union(masks, image.shape)
    change = np.abs(image.astype(int) - board.image).max(axis=2)
    assert change[marked].mean() > 1.0
    assert (change[marked] > 0).mean() > 0.7
    away = cv2.dilate(marked.astype(np.uint8), np.ones((91, 91))) == 0
    assert not change[away].any()
    outside = change[~marked]
    assert np.count_nonzero(outside > 30) < 0.2 * marked.sum() + 20


@pytest.mark.parametrize("kind", defects.KINDS)
def test_defect_lies_in_its_zones_and_has_its_category(board, kind):
    rng = np.random.default_rng(11)
    wanted = defects.KINDS[kind]
    for _ in range(6):
        _, masks, labels = defects.draw(board.image, board.zones, rng, kind)
        label = labels[0]
        assert label.category in defects.CATEGORIES
        assert (label.height, label.width) == masks[0].pixels.shape
        under = board.zones[masks[0].on(board.zones.shape)]
        assert np.isin(under, [*wanted.zones, *wanted.reach]).mean() >= 0.6
        if wanted.confined and Zone.PAD in wanted.zones:
            assert "Wirebonding_pad" in label.category
            near_pad = cv2.dilate((board.zones == Zone.PAD).astype(np.uint8), np.ones((9, 9))) > 0
            assert near_pad[masks[0].on(board.zones.shape)].all()


def test_sizes_and_contrasts_follow_the_stated_limits(board):
    rng = np.random.default_rng(3)
    for name in ("pad_scratch", "dust", "watermark"):
        kind = defects.KINDS[name]
        labels = []
        for _ in range(60):
            labels += defects.draw(board.image, board.zones, rng, name)[2]
        size = np.array([label.size_um for label in labels]) * 60 / 1000
        contrast = np.array([label.contrast for label in labels])
        assert kind.size[0] <= size.min()
        assert size.max() <= kind.size[1]
        assert kind.contrast[0] <= contrast.min()
        assert contrast.max() <= kind.contrast[1]
        middle = np.log(size / kind.size[0]) / np.log(kind.size[1] / kind.size[0])
        assert 0.25 < middle.mean() < 0.75
        assert middle.std() > 0.15


def test_hairline_scratch_changes_gold_by_the_stated_contrast(board):
    rng = np.random.default_rng(8)
    clean = cv2.GaussianBlur(board.image, (0, 0), 0.8).astype(float)
    peaks, widths = [], []
    for _ in range(40):
        image, masks, _ = defects.draw(board.image, board.zones, rng, "pad_scratch")
        where = masks[0].on(image.shape)
        ratio = cv2.GaussianBlur(image, (0, 0), 0.8)[where].astype(float) / np.maximum(clean[where], 1)
        peaks.append(np.abs(ratio.mean(axis=1) - 1).max())
        skeleton = cv2.distanceTransform(masks[0].pixels.astype(np.uint8), cv2.DIST_L2, 3).max()
        widths.append(2 * skeleton)
    assert 0.02 < np.median(peaks) < 0.25
    assert max(peaks) < 0.45
    assert np.median(widths) < 6


def test_defects_scale_with_resolution(board):
    extent = {}
    for px_per_mm in (60.0, 180.0):
        rng = np.random.default_rng(4)
        labels = [
            label
            for _ in range(30)
            for label in defects.draw(board.image, board.zones, rng, "dust", px_per_mm=px_per_mm)[2]
        ]
        extent[px_per_mm] = np.median([max(label.width, label.height) for label in labels])
    assert 1.8 < extent[180.0] / extent[60.0] < 3.6


def test_bad_requests_are_refused(board):
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="no such defect"):
        defects.draw(board.image, board.zones, rng, "rust")
    with pytest.raises(InputError, match="do not fit"):
        defects.draw(board.image, board.zones[:-1], rng, "dust")
    nothing = np.zeros(board.zones.shape, np.uint8)
    with pytest.raises(InputError, match="no place"):
        defects.draw(board.image, nothing, rng, "dust")
    assert defects.possible(nothing) == ()
    assert set(defects.possible(board.zones)) == set(defects.KINDS)


def test_input_is_left_alone(board):
    before = board.image.copy()
    defects.draw(board.image, board.zones, np.random.default_rng(0), "burn")
    assert np.array_equal(before, board.image)


def _noise(patch):
    """Statistics that a careless generator gives away: noise power in three bands, neighbours, colour, the 8x8 grid.

    Medians, and ratios between bands, so that edges in the patch do not drown them.
    """
    green = patch[..., 1].astype(np.float32)
    level = 1 + 0.0145 * np.median(green)
    bands = [np.median(np.abs(green[:, step:] - green[:, :-step])) + 0.3 for step in (1, 2, 4)]
    laplace = np.median(np.abs(cv2.Laplacian(green, cv2.CV_32F))) + 0.3
    fine = patch.astype(np.float32) - cv2.medianBlur(patch, 5)
    spread = np.median(np.abs(fine), axis=(0, 1)) + 0.3
    steps = np.abs(np.diff(fine[..., 1], axis=1)).mean(axis=0) + 0.1
    core = np.clip(fine[..., 1], -3 * spread[1], 3 * spread[1])
    neighbour = (core[:, 1:] * core[:, :-1]).mean() / (core**2).mean()
    diagonal = (core[1:, 1:] * core[:-1, :-1]).mean() / (core**2).mean()
    grid = max(steps[k::8].mean() / steps.mean() for k in range(8))
    logs = np.log([bands[0] / level, bands[0] / bands[1], bands[1] / bands[2], laplace / bands[0], laplace / level])
    return np.r_[logs, np.log(spread[0] / spread[1]), np.log(spread[2] / spread[1]), neighbour, diagonal, grid]


def _separation(first, second):
    """Held-out accuracy of a linear probe (ridge regression) between two sets of rows."""
    rows = np.concatenate((first, second))
    rows = np.c_[(rows - rows.mean(axis=0)) / (rows.std(axis=0) + 1e-9), np.ones(len(rows))]
    truth = np.r_[-np.ones(len(first)), np.ones(len(second))]
    fold = np.arange(len(rows)) % 2
    right = []
    for held in (0, 1):
        a, y = rows[fold != held], truth[fold != held]
        weights = np.linalg.solve(a.T @ a + 1.0 * np.eye(a.shape[1]), a.T @ y)
        right.append((np.sign(rows[fold == held] @ weights) == truth[fold == held]).mean())
    return float(np.mean(right))


def test_defect_free_patches_of_defected_boards_tell_nothing():
    clean, defected = [], []
    for seed in range(4):
        for wanted, rows in (([], clean), (["pad_scratch", "dust", "mask_flux", "burn"], defected)):
            photo = boards.photograph(PRODUCT, np.random.default_rng([seed, len(wanted)]), wanted, width=800)
            marked = cv2.dilate(defects.union(photo.masks, photo.image.shape).astype(np.uint8), np.ones((33, 33)))
            rng = np.random.default_rng(seed)
            while len(rows) < 60 * (seed + 1):
                y, x = int(rng.integers(0, 560)), int(rng.integers(0, 760))
                if not marked[y : y + 32, x : x + 32].any():
                    rows.append(_noise(photo.image[y : y + 32, x : x + 32]))
    assert _separation(np.array(clean), np.array(defected)) < 0.62


def test_the_probe_would_notice_a_careless_generator(board):
    """The probe above is no formality: patches smoothed by 0.6 px or compressed once more are told apart."""
    rng = np.random.default_rng(1)
    compressed = cv2.imdecode(cv2.imencode(".jpg", board.image, [cv2.IMWRITE_JPEG_QUALITY, 80])[1], cv2.IMREAD_COLOR)
    corners = [(int(rng.integers(0, 1160)), int(rng.integers(0, 1560))) for _ in range(200)]
    rows = {
        name: np.array([_noise(picture[y : y + 32, x : x + 32]) for y, x in corners])
        for name, picture in (
            ("clean", board.image),
            ("smooth", cv2.GaussianBlur(board.image, (0, 0), 0.6)),
            ("compressed", compressed),
        )
    }
    assert _separation(rows["clean"][:100], rows["smooth"][100:]) > 0.75
    assert _separation(rows["clean"][:100], rows["compressed"][100:]) > 0.7


def test_defect_keeps_the_noise_of_its_surroundings(board):
    """Inside of opaque and dimming defects the fine noise is what the scanner has at that grey level."""
    rng = np.random.default_rng(2)
    inside, outside = [], []
    for kind in ("burn", "mask_missing", "mask_flux", "watermark", "solder_spill"):
        for _ in range(12):
            image, masks, _ = defects.draw(board.image, board.zones, rng, kind)
            core = cv2.erode(masks[0].on(image.shape).astype(np.uint8), np.ones((5, 5))) > 0
            if core.sum() < 60:
                continue
            for picture, rows in ((image, inside), (board.image, outside)):
                green = picture[..., 1].astype(np.float32)
                fine = np.abs(cv2.Laplacian(green, cv2.CV_32F))[core]
                rows.append(np.median(fine) / (1 + 0.0145 * green[core].mean()))
    assert len(inside) > 25
    assert 0.75 < np.median(inside) / np.median(outside) < 1.35
    assert min(inside) > 0.35 * np.median(outside)


@pytest.mark.shared
def test_every_surface_defect_fits_on_a_real_board(shared_flex):
    scan = cv2.imread(str(sorted((shared_flex / "flex98" / "main").glob("*.jpg"))[3]), cv2.IMREAD_COLOR)
    image = np.ascontiguousarray(scan[..., ::-1])
    zones = estimate_zones(image)
    assert 0.01 < (zones == Zone.PAD).mean() < 0.06
    rng = np.random.default_rng(0)
    kinds = defects.possible(zones)
    assert set(kinds) == set(defects.KINDS) - {"component_missing", "component_shifted"}
    for kind in kinds:
        changed, masks, labels = defects.draw(image, zones, rng, kind, 2)
        marked = defects.union(masks, image.shape)
        assert (changed[marked] != image[marked]).any(axis=1).mean() > 0.6, kind
        assert {label.kind for label in labels} == {kind}
