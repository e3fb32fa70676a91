"""Simulated pairs: same seed same pair, and each class is what its name says."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inspection.flex.golden import simulate
from inspection.flex.golden.artwork import draw_artwork
from inspection.flex.golden.pairs import CAUSES
from inspection.flex.golden.simulate import simulate_pair


def _pieces(metal: NDArray[np.bool_]) -> int:
    return int(cv2.connectedComponents(metal.astype(np.uint8), connectivity=4)[0]) - 1


def _ladder() -> NDArray[np.bool_]:
    metal = np.zeros((200, 200), bool)
    metal[30:42] = metal[70:84] = True
    metal[110:190, 20:180] = True
    return metal


def test_a_seed_gives_one_pair() -> None:
    """Bit for bit; another seed another one."""
    first, again, other = (simulate_pair("p", seed, 256) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.test, again.test)
    np.testing.assert_array_equal(first.template, again.template)
    np.testing.assert_array_equal(first.boxes, again.boxes)
    assert not np.array_equal(first.test, other.test)


@pytest.mark.parametrize("label", range(len(CAUSES)))
def test_each_class_changes_the_metal_as_its_name_says(label: int) -> None:
    """Counted in connected pieces of metal and of gap on three bars."""
    metal = _ladder()
    placed = 0
    for seed in range(12):
        change = simulate._place(label, metal, [], np.random.default_rng(seed))
        if change is None:
            continue
        placed += 1
        after = metal.copy()
        after[change[0]] = change[1]
        more_metal = _pieces(after) - _pieces(metal)
        more_gap = _pieces(~after) - _pieces(~metal)
        expected = {
            "open": more_metal >= 1 or more_gap < 0,
            "short": more_metal < 0 or more_gap >= 1,
            "mousebite": more_metal <= 0 and more_gap == 0 and after.sum() < metal.sum(),
            "spur": more_metal == 0 and more_gap <= 0 and after.sum() > metal.sum(),
            "copper": more_metal >= 1 and after.sum() > metal.sum(),
            "pin-hole": more_gap >= 1 and after.sum() < metal.sum(),
        }
        assert expected[CAUSES[label]], (CAUSES[label], seed, more_metal, more_gap)
    assert placed >= 6


def test_boxes_hold_the_difference() -> None:
    """Nearly all pixels that differ by more than the play lie in a box, and each box holds some."""
    from inspection.flex.golden.alignment import align_template
    from inspection.flex.golden.channels import stack_channels

    for seed in range(4):
        pair = simulate_pair("p", seed, 400, grey_share=0.0)
        template = align_template(pair.template, pair.test).template
        differs = stack_channels(template, pair.test)[2:].max(0) > 127
        differs = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
        inside = np.zeros_like(differs)
        for x1, y1, x2, y2 in pair.boxes.astype(int):
            inside[y1:y2, x1:x2] = True
        assert differs[~inside].sum() <= 0.3 * max(int(differs[inside].sum()), 1)
        assert pair.boxes.min() >= 0
        assert pair.boxes.max() <= 399
        assert (pair.boxes[:, 2:] > pair.boxes[:, :2]).all()


def test_pictures_are_two_level_or_grey() -> None:
    """As asked."""
    assert set(np.unique(simulate_pair("p", 1, 200, grey_share=0.0).test)) <= {0, 255}
    assert len(np.unique(simulate_pair("p", 1, 200, grey_share=1.0).test)) > 30


def test_artwork_is_varied() -> None:
    """Metal covers neither nothing nor everything on most boards, and boards differ."""
    shares = [draw_artwork(300, np.random.default_rng(seed)).metal.mean() for seed in range(20)]
    assert np.std(shares) > 0.05
    assert np.mean([0.03 < share < 0.97 for share in shares]) > 0.8
