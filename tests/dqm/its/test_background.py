"""The matched filter finds weak background, its side and direction, and is not taken in by a broken chip."""

import numpy as np
import pytest

from dqm.its.background import DIRECTIONS, SIDES, WIDTHS_RAD, Scales, fit, sums, templates
from dqm.its.layout import INNER, phi_rad, z_cm

from .made_pulls import nominal, scaled, with_background


def test_sums_of_independent_pulls_have_unit_spread() -> None:
    found = np.stack([sums(nominal(seed)) for seed in range(40)])
    assert found.mean() == pytest.approx(0.0, abs=0.1)
    assert found.std() == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("side", [0, 1])
def test_background_far_below_what_one_chip_shows_is_found_with_its_side(side: int) -> None:
    """No chip gets more than 1.3 standard deviations."""
    quiet = max(fit(nominal(seed), Scales.unit()).score for seed in range(20))
    scores, sides = [], []
    for seed in range(20):
        found = fit(with_background(nominal(seed), side, 9, 2, 0.012), Scales.unit())
        scores.append(found.score)
        sides.append(found.cause is SIDES[side])
    assert np.median(scores) > quiet + 2
    assert np.mean(sides) > 0.6


def test_strong_background_is_measured() -> None:
    pulls = with_background(nominal(), 1, 9, 2, 0.5)
    found = fit(pulls, Scales.unit())
    assert found.cause is SIDES[1]
    assert found.probability > 0.99
    assert found.phi_rad == pytest.approx((9 + 0.5) / DIRECTIONS * 2 * np.pi, abs=0.2)
    assert found.width_rad in WIDTHS_RAD[1:4]
    on_c = z_cm()[:INNER] < -1
    truth = (templates()[1, 9, 2] * 0.5)[on_c].mean()
    assert found.share == pytest.approx(truth, rel=0.15)
    largest = found.cells[np.argmax(templates()[1, 9, 2][found.cells])]
    assert abs(phi_rad()[largest] - found.phi_rad) < 0.4


def test_a_chip_with_a_thousand_times_its_clusters_is_no_background() -> None:
    clean = fit(nominal(), Scales.unit()).score
    assert fit(scaled(nominal(), [40], 1000.0), Scales.unit()).score < clean + 1.5


def test_masked_chips_count_for_nothing() -> None:
    pulls = nominal()
    pulls.valid[:INNER] = False
    assert fit(pulls, Scales.unit()).score == pytest.approx(0.0, abs=1e-6)
