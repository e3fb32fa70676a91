"""Cluster sizes: the model's tables are the model, and the model is like real cosmic clusters."""

from pathlib import Path

import numpy as np
import pytest

from dqm.its.simulate import fitting
from dqm.its.simulate.clusters import FLAT, SLOPES, TILTED, fire, sizes

REAL = Path(__file__).parents[5] / "shared/data/its"
SHARES = (0.188, 0.322, 0.157, 0.177, 0.046, 0.039, 0.019, 0.014, 0.037)
"""Of real clusters of 1 to 8 and more pixels: what ``fitting clusters`` prints."""


@pytest.mark.parametrize(("table", "across"), [(TILTED, 0.3), (FLAT, 0.05)])
@pytest.mark.parametrize("slope", [0.0, 1.0, 3.0, 8.0])
def test_table_has_the_moments_of_the_model(table, across, slope):
    rng = np.random.default_rng(5)
    pixels = sizes(rng, np.full(6000, slope), np.full(6000, across))
    seen = pixels[pixels > 0]
    mean, variance, above = table.at(np.array([slope]))
    assert seen.mean() == pytest.approx(mean[0], rel=0.02)
    assert seen.var() == pytest.approx(variance[0], rel=0.12)
    assert (seen > 2).mean() == pytest.approx(above[0], abs=0.02)


def test_particles_are_seen_and_leave_longer_clusters_at_larger_angles():
    rng = np.random.default_rng(6)
    straight = sizes(rng, np.zeros(8000), np.zeros(8000))
    assert (straight > 0).mean() > 0.99
    assert 1.5 < straight[straight > 0].mean() < 2.5
    mean, _, _ = FLAT.at(np.array([*SLOPES, 20.0]))
    assert (np.diff(mean) > 0).all()
    columns = fire(rng, np.full(500, 20.0), np.zeros(500)).any(axis=2).sum(axis=1)
    assert np.median(columns) == pytest.approx(25 * 20 / 29.24 + 1, abs=2)


def test_model_is_like_cosmic_clusters():
    apart, seen, _ = fitting.distance(fitting.Response(), np.array(SHARES), 12_000)
    assert apart < 0.11
    assert seen > 0.99


@pytest.mark.shared
@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/data/its")
def test_shares_are_those_of_the_real_clusters():
    assert fitting.shares(fitting.real_sizes(REAL)) == pytest.approx(np.array(SHARES), abs=6e-4)


@pytest.mark.shared
@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/data/its")
@pytest.mark.parametrize(("part", "text"), [("noise", "24.0"), ("luminosity", "tau_h: 34 fills, median 9.699")])
def test_fits_print_the_constants_of_the_package(capsys, part, text):
    fitting.main([part, str(REAL)])
    assert text in capsys.readouterr().out
