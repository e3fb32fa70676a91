"""Beams, fills, the detector, drifts, bunch crossings, tracks: each part by itself."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqm.its.geometry import CHIPS, LAYERS, Chip
from dqm.its.names import parse
from dqm.its.simulate import cells
from dqm.its.simulate.acceptance import Vertex
from dqm.its.simulate.beams import COLLISIONS, BeamType, activity
from dqm.its.simulate.crossings import crossings, draw_filling, frame_sizes
from dqm.its.simulate.drifts import Drift, Drifts
from dqm.its.simulate.hardware import draw_detector
from dqm.its.simulate.luminosity import Fill, draw_fill
from dqm.its.simulate.tracks import directions, expected_tracks


@given(st.integers(0, CHIPS - 1))
def test_cells_are_in_the_order_of_chips(chip_id):
    layer = next(of for of in reversed(LAYERS) if of.first_chip <= chip_id)
    stave, chip = divmod(chip_id - layer.first_chip, layer.chips_per_stave)
    place = cells.index(layer.number, stave, Chip(layer.number, stave, chip).cell)
    assert place == (chip_id if layer.inner else cells.INNER + (chip_id - cells.INNER) // 7)
    found = parse(cells.name(place))
    assert (found.layer, found.stave, found.cell) == (layer.number, stave, chip // layer.chips_per_cell)
    assert cells.as_map(np.arange(cells.CELLS, dtype=float), layer.number)[found.cell, stave] == place


def test_lanes_of_the_readout_are_all_different():
    fees, lanes = cells.readout_places()
    assert len(set(zip(fees.tolist(), lanes.tolist(), strict=True))) == cells.CELLS


@pytest.mark.parametrize("beams", list(BeamType))
def test_activity_has_the_stated_moments(beams):
    drawn = activity(np.random.default_rng(1), COLLISIONS[beams], 400_000)
    assert drawn.mean() == pytest.approx(1, rel=0.01)
    assert (drawn**2).mean() == pytest.approx(COLLISIONS[beams].dispersion, rel=0.02)


def test_strobes_are_those_of_the_experiment():
    assert 1 / COLLISIONS[BeamType.PP].frame_s == pytest.approx(202_400, rel=0.001)
    assert 1 / COLLISIONS[BeamType.PBPB].frame_s == pytest.approx(67_500, rel=0.001)


def test_fill_is_level_and_then_falls_to_half_after_tau():
    fill = Fill(rate_hz=4e5, levelled_h=2.0, tau_h=8.0)
    assert fill.rate(0) == fill.rate(7200) == 4e5
    assert fill.rate(10 * 3600) == pytest.approx(2e5)
    assert 1 == fill.beam(0) > fill.beam(3600) > 0.9


def test_drawn_fills_have_the_fitted_times():
    rng = np.random.default_rng(2)
    fills = [draw_fill(rng, BeamType.PP) for _ in range(2000)]
    assert np.median([fill.tau_h for fill in fills]) == pytest.approx(9.7, rel=0.05)
    assert np.median([fill.length_h for fill in fills]) == pytest.approx(7.3, rel=0.1)
    assert np.mean([fill.levelled_h >= fill.length_h for fill in fills]) > 0.8


def test_detector_is_given_by_its_seed_and_shifts_keep_its_chips():
    one, again, other = draw_detector(1), draw_detector(1), draw_detector(2)
    noisier = draw_detector(1, noise_factor=3.0, inefficiency_factor=3.0)
    assert np.array_equal(one.seen, again.seen)
    assert not np.array_equal(one.seen, other.seen)
    assert noisier.noise == pytest.approx(3 * one.noise)
    assert noisier.masked == one.masked
    assert 0.98 < one.seen.mean() < 0.997
    assert noisier.seen.mean() < one.seen.mean() - 0.005
    per_pixel = np.median(one.noise / cells.chips_per_cell()) / cells.PIXELS_PER_CHIP
    assert 1e-10 < per_pixel < 1e-8
    assert {cells.name(int(place)) for place in np.flatnonzero(one.seen == 0)} == set(one.masked)


def test_drift_keeps_its_spread_and_forgets():
    rng = np.random.default_rng(3)
    drift = Drift.start(rng, 4000, 0.5, 600.0)
    first = drift.values.copy()
    for _ in range(10):
        drift.advance(rng, 60.0)
    assert drift.values.std() == pytest.approx(0.5, rel=0.05)
    assert np.corrcoef(first, drift.values)[0, 1] == pytest.approx(np.exp(-1), abs=0.05)


def test_restarts_lose_the_time_they_take():
    drifts = Drifts.start(np.random.default_rng(4), 0.1, 20.0, 7200.0)
    edges = np.arange(0, 8401, 60)
    lost = sum(drifts.lost(a, b).sum() * 60 for a, b in pairwise(edges))
    assert lost == pytest.approx(drifts.recoveries[:, 2].sum())
    assert len(drifts.recoveries) == pytest.approx(40, abs=20)


def test_frames_are_counted_once_and_have_the_mean_of_their_interactions():
    rng, pp = np.random.default_rng(5), COLLISIONS[BeamType.PP]
    filling, sizes = draw_filling(rng, 18), frame_sizes(pp, 100.0, 0.0)
    found = crossings(rng, sizes, filling, 18 * 20_000, 2.5, np.zeros(0))
    assert found.sum() == 18 * 20_000
    assert np.count_nonzero(found.sum(axis=1)) == 18
    mean = (found.sum(axis=0) * (np.arange(150) + 0.5) * 20).sum() / found.sum()
    assert mean == pytest.approx(250, abs=15)
    assert filling.colliding[-1] < filling.colliding[:-1].min()


def test_background_fills_frames_of_many_clusters():
    rng, pp = np.random.default_rng(6), COLLISIONS[BeamType.PP]
    filling, sizes = draw_filling(rng, 18), frame_sizes(pp, 100.0, 0.0)
    events = np.full(500, 2500.0)
    found = crossings(rng, sizes, filling, 18 * 1000, 0.5, events)
    assert found[:, 125:].sum() == pytest.approx(490, abs=15)


@pytest.mark.parametrize("layer", [0, 6])
def test_dead_layer_takes_a_cluster_from_every_track(layer):
    pp = COLLISIONS[BeamType.PP]
    reached, seen = directions(Vertex()), np.ones(cells.CELLS)
    whole = expected_tracks(pp, reached, seen)
    seen[cells.block(layer)] = 0.0
    less = expected_tracks(pp, reached, seen)
    number = np.arange(15)
    assert less.clusters[7] == 0
    assert (less.clusters * number).sum() / less.clusters.sum() < (
        whole.clusters * number
    ).sum() / whole.clusters.sum() - 0.3
    assert (less.angular <= whole.angular).all()
