"""The fit finds what the simulation put in, from what it publishes; a bad cell does it no harm."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import CalibrationError
from dqm.its.layout import column_layer, layer_of
from dqm.its.nominal import fit_reference
from dqm.its.simulate.beams import COLLISIONS, BeamType
from dqm.its.simulate.hardware import draw_detector


@pytest.mark.parametrize("beams", list(BeamType))
def test_counting_and_wander_are_found(its_reference, beams):
    tables, noisy = its_reference.tables[beams.value], beams is BeamType.PP
    companions = np.array([0.02, 0.04, 0.06, 0.18, 0.21, 0.25, 0.28])
    assert tables.counting[0] == pytest.approx((1 + 3 * companions) / (1 + companions), rel=0.3)
    assert np.median(np.sqrt(tables.wander[0])) == pytest.approx(0.002 * np.sqrt(2), rel=0.5 if noisy else 0.15)
    assert 1800 <= tables.memory_s[0] <= 14400
    assert tables.dispersion[0] == pytest.approx(COLLISIONS[beams].dispersion / 0.85, rel=0.5)


def test_noise_is_told_from_particles_by_the_luminosity(its_reference):
    noise = np.mean([draw_detector(seed).noise for seed in range(1, 6)], axis=0)
    for layer in (5, 6):
        true = np.median(noise[layer_of() == layer]) / 7
        assert its_reference.tables["pp"].noise[column_layer() == layer] == pytest.approx(true, rel=0.3)
    assert np.sqrt(its_reference.tables["pp"].noise_wander) == pytest.approx(0.1 * np.sqrt(2), rel=0.4)


def test_bad_cells_and_bad_cycles_change_little(its_runs):
    run = its_runs("pp", "nominal")
    rng = np.random.default_rng(3)
    spoilt = []
    for one in run:
        occupation = one.occupation.copy()
        occupation[rng.integers(0, occupation.size, 8)] *= 3
        occupation[500:510] *= rng.uniform(0, 2)
        spoilt.append(replace(one, occupation=occupation))
    good, bad = fit_reference([run]).tables["pp"], fit_reference([spoilt]).tables["pp"]
    assert bad.counting[0] == pytest.approx(good.counting[0], rel=0.4)
    usual = np.einsum("cz->c", good.kernel)
    assert np.einsum("cz->c", bad.kernel) == pytest.approx(usual, rel=0.01)


def test_too_little_is_refused(its_runs):
    with pytest.raises(CalibrationError, match="no run with 20 whole cycles"):
        fit_reference([its_runs("pp")[:10], []])
