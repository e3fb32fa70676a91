"""A run publishes what the QC would, is given by its seed, and follows the luminosity."""

from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest

from core.errors import SettingsError
from dqm.its.objects import OBJECTS
from dqm.its.simulate.acceptance import Vertex
from dqm.its.simulate.beams import BeamType
from dqm.its.simulate.luminosity import Fill
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import SHIFTS, RunSettings, describe, shift_named

SHORT = RunSettings(duration_s=240.0)
PBPB = replace(SHORT, beam_type=BeamType.PBPB, fill=Fill(rate_hz=4.5e4))
LIMITS = {BeamType.PP: (5, 3, 3, 0.3, 0.3, 0.2, 0.2), BeamType.PBPB: (65, 35, 25, 1, 1, 1, 1)}
"""Clusters per frame and chip above which the QC warns (``itsCluster.json``)."""


@pytest.fixture(scope="module")
def cycles():
    return {settings.beam_type: list(simulate_run(settings, 3)) for settings in (SHORT, PBPB)}


@pytest.mark.parametrize("beams", list(BeamType))
def test_payload_is_what_the_qc_publishes(cycles, beams):
    for cycle in cycles[beams]:
        assert {name: array.shape for name, array in cycle.payload.items()} == {n: o.shape for n, o in OBJECTS.items()}
        assert all(a.dtype == np.float64 and np.isfinite(a).all() and (a >= 0).all() for a in cycle.payload.values())


def test_same_seed_same_run_other_seed_another(cycles):
    again, other = list(simulate_run(SHORT, 3)), list(simulate_run(SHORT, 4))
    for one, two in zip(cycles[BeamType.PP], again, strict=True):
        assert (one.number, one.began_s, one.ended_s, one.truth) == (two.number, two.began_s, two.ended_s, two.truth)
        assert all(np.array_equal(one.payload[name], two.payload[name]) for name in OBJECTS)
    first = cycles[BeamType.PP][1].payload
    assert not np.array_equal(first["cluster_occupation_L0"], other[1].payload["cluster_occupation_L0"])


def test_cycles_cover_the_run_and_the_first_is_short(cycles):
    run = cycles[BeamType.PP]
    assert run[0].began_s == 0
    assert run[-1].ended_s == SHORT.duration_s
    assert all(one.ended_s == two.began_s for one, two in pairwise(run))
    lengths = [cycle.ended_s - cycle.began_s for cycle in run]
    assert 0.2 * SHORT.cycle_s <= lengths[0] < SHORT.cycle_s
    assert set(np.round(lengths[1:-1], 6)) == {SHORT.cycle_s}
    frames = [cycle.payload["bc_clusters"].sum() for cycle in run]
    assert frames[0] < 0.9 * lengths[0] / SHORT.cycle_s * frames[1]


@pytest.mark.parametrize("beams", list(BeamType))
def test_occupancy_lies_below_the_limits_of_the_qc(cycles, beams):
    payload = cycles[beams][2].payload
    means = [payload[f"cluster_occupation_L{layer}"].mean() for layer in range(7)]
    largest = [payload[f"cluster_occupation_L{layer}"].max() for layer in range(7)]
    assert all(np.array(largest) < LIMITS[beams])
    assert sorted(means, reverse=True) == means
    assert (np.array(means[:3]) > np.array(LIMITS[beams])[:3] / 10).all()


@pytest.mark.parametrize("beams", list(BeamType))
def test_tracks_and_vertices_are_those_the_qc_expects(cycles, beams):
    payload = cycles[beams][2].payload
    number = payload["track_clusters"]
    assert 5.2 < (number * np.arange(number.size)).sum() / number.sum() < 6.2
    assert payload["angular"].sum() == pytest.approx(number.sum(), rel=0.01)
    z = (OBJECTS["vertex_z"].axes[0].edges[1:] + OBJECTS["vertex_z"].axes[0].edges[:-1]) / 2
    mean = (payload["vertex_z"] * z).sum() / payload["vertex_z"].sum()
    assert abs(mean) < 1


def test_noise_adds_little_and_hits_follow_clusters(cycles):
    payload = cycles[BeamType.PP][2].payload
    for layer in range(7):
        clusters = payload[f"cluster_occupation_L{layer}"]
        pixels = clusters * payload[f"cluster_size_L{layer}"]
        hits = payload[f"hit_occupancy_L{layer}"] * 1024 * 512
        busy = clusters > 0
        assert np.median(hits[busy] / pixels[busy]) == pytest.approx(1, abs=0.02)


def test_occupancy_follows_the_luminosity():
    falling = replace(SHORT, fill=Fill(rate_hz=5e5, levelled_h=0.0, tau_h=1.0), duration_s=7200.0, cycle_s=180.0)
    run = list(simulate_run(falling, 1))
    ratio = [cycle.payload["cluster_occupation_L1"].mean() / cycle.truth.rate_hz for cycle in run]
    assert run[-1].truth.rate_hz < 0.6 * run[0].truth.rate_hz
    assert np.ptp(ratio) / np.mean(ratio) < 0.02


def test_named_shifts_move_what_they_say():
    def mean(name, payload, rows=slice(None)):
        cycle = next(islice(simulate_run(replace(SHORT, shift=shift_named(name)), 3), 2, None))
        return cycle.payload[payload][rows].mean()

    assert mean("luminosity", "cluster_occupation_L0") == pytest.approx(
        1.5 * mean("nominal", "cluster_occupation_L0"), rel=0.02
    )
    assert mean("noise", "cluster_occupation_L6") > 1.02 * mean("nominal", "cluster_occupation_L6")
    lost = mean("efficiency", "cluster_occupation_L0") / mean("nominal", "cluster_occupation_L0")
    assert 0.985 < lost < 0.995
    a, c = slice(0, 4), slice(5, 9)
    moved, usual = (
        mean(name, "cluster_occupation_L0", a) / mean(name, "cluster_occupation_L0", c)
        for name in ("vertex", "nominal")
    )
    assert moved > 1.01 * usual
    assert mean("background angle", "long_clusters_L0") < 0.8 * mean("nominal", "long_clusters_L0")
    assert {name: describe(shift) for name, shift in SHIFTS.items()}["noise"] == "noise_factor=3.0"


@pytest.mark.parametrize(
    "wrong", [{"cycle_s": 0.0}, {"sampled": 1.5}, {"duration_s": float("nan")}, {"halo": -1.0}, {"ramp_s": -1.0}]
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        replace(SHORT, **wrong)


@pytest.mark.parametrize("changes", [{"ramp_s": 1e6}, {"fill": Fill(rate_hz=0.0)}, {"sampled": 1e-9}])
def test_cycles_without_data_are_empty_and_finite(changes):
    cycle = next(simulate_run(replace(SHORT, duration_s=100.0, halo=0.0, **changes), 1))
    assert all(np.isfinite(array).all() for array in cycle.payload.values())
    assert cycle.payload["vertex_z"].sum() == 0
    assert cycle.payload["angular"].sum() == 0


def test_low_rate_leaves_noise_and_little_else():
    cycle = list(simulate_run(replace(SHORT, fill=Fill(rate_hz=10.0)), 1))[2]
    size = cycle.payload["cluster_size_L6"]
    assert np.median(size[size > 0]) == pytest.approx(1.05, abs=0.05)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Fill(rate_hz=-1.0),
        lambda: Fill(rate_hz=float("nan")),
        lambda: Fill(tau_h=0.0),
        lambda: Vertex(x_cm=2.0),
        lambda: Vertex(z_cm=float("nan")),
        lambda: Vertex(sigma_z_cm=0.0),
    ],
)
def test_impossible_beams_are_refused(make):
    with pytest.raises(SettingsError, match="no such"):
        make()


def test_unknown_shift_is_refused():
    with pytest.raises(SettingsError, match="no shift"):
        shift_named("everything")


def test_vertex_can_be_given():
    moved = replace(SHORT, vertex=Vertex(0.1, 0.0, 5.0, 5.0), vertex_wander_cm=0.0)
    payload = next(islice(simulate_run(moved, 3), 2, None)).payload
    assert payload["vertex_z"].argmax() / 3000 * 30 - 15 == pytest.approx(5.0, abs=1.0)
    assert payload["vertex_xy"].sum(axis=1).argmax() in {59, 60}
