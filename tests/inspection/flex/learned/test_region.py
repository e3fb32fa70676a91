"""The part is found on its panel or desk, and nothing is invented where it cannot be."""

import cv2
import numpy as np
import pytest

from core.errors import InputError
from inspection.flex.learned.region import find_region, judged_zones, read_region
from inspection.flex.simulate.boards import design, photograph
from inspection.flex.simulate.zones import Zone, estimate_zones

COPPER, MASK, GOLD = (150, 75, 40), (18, 16, 14), (200, 170, 110)


def panel() -> tuple[np.ndarray, np.ndarray]:
    """A dark part with gold on a copper panel, with a printed mark close by; returns the picture and the part."""
    rng = np.random.default_rng(3)
    picture = np.full((400, 600, 3), COPPER, np.uint8)
    part = np.zeros((400, 600), np.uint8)
    cv2.rectangle(part, (60, 40), (520, 330), 1, -1)
    picture[part > 0] = MASK
    cv2.rectangle(picture, (200, 100), (240, 140), GOLD, -1)
    cv2.circle(picture, (400, 200), 20, COPPER, -1)
    cv2.circle(picture, (560, 370), 14, MASK, -1)
    cv2.rectangle(picture, (521, 200), (570, 204), MASK, -1)
    noisy = picture + rng.normal(0, 2, picture.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), part > 0


def test_the_part_on_a_panel_without_what_is_printed_beside_it():
    picture, part = panel()
    found = find_region(picture, estimate_zones(picture))
    assert (found == part).mean() > 0.995
    assert found[200, 400], "a copper window in the part is part of it"
    assert not found[370, 560]
    assert not found[202, 550]


def test_the_part_on_a_desk():
    photo = photograph(design(1), np.random.default_rng(5), width=640)
    found = find_region(photo.image, estimate_zones(photo.image))
    truth = photo.zones != Zone.OUTSIDE
    assert (found & truth).sum() / (found | truth).sum() > 0.97


def test_everything_is_judged_where_no_surroundings_are_made_out():
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 255, (20, 30, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, (600, 400), interpolation=cv2.INTER_NEAREST)
    assert find_region(picture, estimate_zones(picture)).all()
    flat = np.full((300, 400, 3), 90, np.uint8)
    assert find_region(flat, estimate_zones(flat)).all()


def test_zones_are_outside_where_nothing_is_judged():
    picture, part = panel()
    zones = judged_zones(picture)
    assert ((zones != Zone.OUTSIDE) == find_region(picture, estimate_zones(picture))).all()
    assert zones[120, 220] == Zone.PAD
    mask = np.zeros(part.shape, np.bool_)
    mask[100:200, 100:300] = True
    assert ((judged_zones(picture, mask) != Zone.OUTSIDE) == mask).all()


def test_a_painted_mask(tmp_path):
    painted = np.zeros((40, 60, 3), np.uint8)
    painted[10:20, 5:30] = (0, 0, 255)
    cv2.imwrite(str(tmp_path / "a.png"), painted)
    assert read_region(tmp_path / "a.png", (40, 60)).sum() == 250
    with pytest.raises(InputError, match=r"a.png.*60x40 pixels, the photo it was painted over 61x40"):
        read_region(tmp_path / "a.png", (40, 61))
