"""Pulls of held-out nominal runs are nearly Gaussian; whatever cannot be told is said, not guessed."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import ModelError
from dqm.its import background
from dqm.its.expected import Reference
from dqm.its.expected_kernel import vertex_weights
from dqm.its.expected_modes import modes, responses
from dqm.its.layout import CELLS, INNER, cell_of, layer_of, layer_slice, phi_rad, z_cm
from dqm.its.reading import read
from dqm.its.simulate.beams import BeamType
from dqm.its.simulate.faults import Fault
from dqm.its.simulate.settings import SHIFTS
from dqm.its.standing import Standing
from tests.dqm.its.conftest import HELD_OUT
from tests.dqm.its.nominal_runs import observations, settings
from tests.dqm.its.test_standing import NOBODY, follow

COUNT_OF = {shift: HELD_OUT + number for number, shift in enumerate(sorted(SHIFTS))}
"""Number of the run and the detector that `its_runs` takes for each shift."""
QUANTITIES = ("occupation", "size", "hits")


@pytest.fixture(scope="module")
def judged(its_reference, its_runs):
    """Pulls of a held-out run from a cold start on, by beam type and shift."""
    kept = {}

    def of(beams, shift="nominal"):
        if (beams, shift) not in kept:
            kept[beams, shift] = follow(its_reference, its_runs(beams, shift), Standing.cold())
        return kept[beams, shift]

    return of


@pytest.mark.parametrize("beams", ["pp", "PbPb"])
@pytest.mark.parametrize("shift", ["nominal", "noise", "vertex", "luminosity", "efficiency"])
def test_pulls_of_nominal_cycles_are_nearly_gaussian(judged, beams, shift):
    _, found = judged(beams, shift)
    assert not any(pulls.trust for pulls in found)
    settled = found[3:]
    for quantity in QUANTITIES:
        pulls = np.stack([getattr(one, quantity)[one.valid] for one in settled])
        assert np.isfinite(pulls).all()
        assert 0.85 < pulls.std() < 1.15, (quantity, pulls.std())
        most = 3e-4 if quantity == "size" else 1e-4  # five short runs teach little of what noise does to sizes
        assert (np.abs(pulls) > 4.5).mean() < most, (quantity, (np.abs(pulls) > 4.5).mean())
        layers = layer_of()[settled[0].valid]
        widths = np.array([pulls[:, layers == layer].std() for layer in range(7)])
        assert ((widths > 0.8) & (widths < 1.25)).all(), (quantity, widths)


@pytest.mark.parametrize("beams", ["pp", "PbPb"])
def test_a_cold_start_gives_no_alarm(judged, beams):
    for pulls in judged(beams)[1][:3]:
        assert max(np.abs(getattr(pulls, quantity)).max() for quantity in QUANTITIES) < 6
        assert (np.abs(pulls.occupation) > 4.5).sum() <= 2


def test_shorter_cycles_have_wider_sigma_and_the_same_pulls(its_reference):
    run = settings(BeamType.PP, 45, 0.5, cycle_s=60.0)
    _, found = follow(its_reference, [read(one) for one in observations(run)], Standing.cold())
    pulls = np.stack([one.occupation[one.valid] for one in found[4:]])
    assert 0.85 < pulls.std() < 1.1
    assert (np.abs(pulls) > 4.5).mean() < 1e-4
    assert np.median(found[-1].occupation_sigma[INNER:]) > 0.002


def test_a_new_run_of_another_luminosity_goes_on_without_alarm(its_reference, judged):
    standing, _ = judged("pp")
    later = settings(BeamType.PP, 43, 0.2, rate=1.3, run=600_000, detector_seed=43)
    same = settings(BeamType.PP, COUNT_OF["nominal"], 0.2, rate=1.3, run=600_000)
    for run, expected in ((same, True), (later, False)):
        _, found = follow(its_reference, [read(one) for one in observations(run)], standing)
        strange = (np.abs(found[0].occupation) > 4.5).sum()
        assert (strange <= 2) == expected, "only the detector that the standing was learnt on has no surprises"


@pytest.mark.parametrize(("first", "second"), [("pp", "PbPb"), ("PbPb", "pp")])
def test_other_beams_or_a_tenth_of_the_luminosity_are_no_surprise(its_reference, its_runs, judged, first, second):
    standing, _ = judged(first, "noise")
    _, found = follow(its_reference, its_runs(second, "noise")[:4], standing)
    number = COUNT_OF["noise"]
    dim = settings(BeamType(first), number, 0.2, rate=0.1, run=600_001, detector_seed=number, shift=SHIFTS["noise"])
    found += follow(its_reference, [read(one) for one in observations(dim)][:4], standing)[1]
    for pulls in found:
        assert (np.abs(pulls.occupation) > 4.5).sum() <= 3
        assert np.abs(pulls.occupation).max() < 8
        assert pulls.occupation.std() < 1.3


def test_background_in_the_inner_barrel_does_not_move_the_luminosity(its_reference, its_runs, judged):
    standing, _ = judged("pp")
    one = its_runs("pp")[-2]
    usual = its_reference.pulls(one, standing)
    lit = one.occupation.copy()
    side = np.zeros(CELLS, bool)
    side[:INNER] = (z_cm()[:INNER] > 1) & (np.cos(phi_rad()[:INNER]) > 0.7)
    lit[side] *= 1.05
    seen = its_reference.pulls(replace(one, occupation=lit), standing)
    assert seen.conditions["interactions"] == pytest.approx(usual.conditions["interactions"], rel=1e-9)
    assert np.median(seen.ratio[side] / usual.ratio[side]) == pytest.approx(1.05, abs=0.002)
    assert np.median(seen.occupation[side]) > 20
    others = ~side & seen.valid
    assert np.abs(seen.occupation - usual.occupation)[others].max() < 1.5


def test_the_share_of_frames_that_a_link_loses_is_the_ratio(its_reference, its_runs, judged):
    standing, _ = judged("PbPb")
    one = its_runs("PbPb")[-2]
    lost = one.occupation.copy()
    lost[layer_slice(3)] *= 0.9
    seen = its_reference.pulls(replace(one, occupation=lost), standing)
    inside = seen.valid & (layer_of() == 3)
    assert np.median(seen.ratio[inside]) == pytest.approx(0.9, abs=0.003)
    assert np.abs(np.median(seen.ratio[seen.valid & ~inside]) - 1) < 0.005


@pytest.mark.parametrize("gone", ["cluster_size", "hit_occupancy", "long_clusters", "lane_fault", "bc_clusters"])
def test_other_objects_may_be_missing(its_reference, judged, gone):
    standing, found = judged("pp")
    observation = list(observations(settings(BeamType.PP, 43, 0.1)))[-1]
    payload = {name: array for name, array in observation.payload.items() if not name.startswith(gone)}
    pulls = its_reference.pulls(replace(observation, payload=payload), standing)
    whole = its_reference.pulls(observation, standing)
    assert not pulls.trust
    assert np.array_equal(pulls.valid, whole.valid)
    emptied = {"cluster_size": "size", "hit_occupancy": "hits", "long_clusters": "long", "lane_fault": "fault"}
    if gone in emptied:
        assert not getattr(pulls, emptied[gone]).any()
        assert (getattr(whole, emptied[gone]) != 0).any() or gone == "lane_fault"
    assert all(np.isfinite(getattr(pulls, name)).all() for name in (*QUANTITIES, "long", "fault", "ratio"))
    assert found


def test_missing_layers_are_not_valid_and_the_tracks_stand_in_for_the_outer_ones(its_reference, its_runs, judged):
    standing, _ = judged("pp")
    one = its_runs("pp")[-2]
    outer = np.arange(CELLS) >= INNER
    cut = replace(one, has_occupation=one.has_occupation & ~outer, occupation=np.where(outer, 0.0, one.occupation))
    pulls = its_reference.pulls(cut, standing)
    whole = its_reference.pulls(one, standing)
    assert not pulls.trust
    assert not pulls.valid[INNER:].any()
    assert pulls.conditions["interactions"] == pytest.approx(whole.conditions["interactions"], rel=0.02)
    assert np.abs(pulls.occupation[:INNER]).max() < 6
    blind = replace(cut, vertices=None, tracks=None)
    assert "luminosity is unknown" in its_reference.pulls(blind, standing).trust


def test_without_vertex_plots_the_columns_tell_the_vertex(its_reference, its_runs, judged):
    standing, _ = judged("pp", "vertex")
    one = its_runs("pp", "vertex")[-2]
    assert abs(one.vertices.z_cm - 0.3) > 0.7
    for vertices in (None, replace(one.vertices, count=50.0, z_cm=one.vertices.z_cm + 0.8)):
        pulls = its_reference.pulls(replace(one, vertices=vertices, tracks=None), standing)
        assert not pulls.trust
        assert ("vertex_z_cm" in pulls.conditions) == (vertices is not None)
        assert (np.abs(pulls.occupation) > 4.5).sum() <= 2
        assert np.median(pulls.occupation_sigma) < 0.02


def test_a_track_task_that_lost_most_does_not_blind_the_sigma(its_reference, its_runs, judged):
    standing, _ = judged("pp")
    one = its_runs("pp")[-2]
    whole = its_reference.pulls(one, standing)
    pulls = its_reference.pulls(replace(one, tracks=one.tracks / 50), standing)
    assert pulls.occupation_sigma == pytest.approx(whole.occupation_sigma, rel=0.05)


def test_what_cannot_be_judged_says_why(its_reference, its_runs):
    one = its_runs("pp")[5]
    cases = {
        "no reference for beam type OO": replace(one, beam_type="OO"),
        "all maps of the cluster occupation are empty": replace(one, occupation=np.zeros(CELLS)),
        "no map": replace(one, has_occupation=np.zeros(CELLS, bool), occupation=np.zeros(CELLS)),
        "too short: data of 3 s": replace(one, cycle_s=3.0),
    }
    for reason, reading in cases.items():
        pulls = its_reference.pulls(reading)
        assert reason in pulls.trust
        assert not pulls.valid.any()
        assert not pulls.occupation.any()
        assert pulls.next_free is None


def test_masked_stave_is_not_judged(its_reference, its_runs, judged):
    standing, _ = judged("pp")
    one = its_runs("pp")[-2]
    off = np.zeros(CELLS, bool)
    off[cell_of("L3_07/lane 0") : cell_of("L3_07/lane 15") + 1] = True
    masked = replace(
        one, off=off, has_occupation=one.has_occupation & ~off, occupation=np.where(off, 0, one.occupation)
    )
    pulls = its_reference.pulls(masked, standing)
    assert not pulls.valid[off].any()
    assert not pulls.occupation[off].any()
    assert np.abs(pulls.occupation).max() < 6
    dead = its_reference.pulls(replace(one, occupation=np.where(off, 0, one.occupation)), standing)
    assert (dead.ratio[off] == 0).all()
    assert dead.occupation[off].max() < -100


def test_a_lane_that_restarts_is_forgiven_and_one_that_stays_away_is_not(its_reference, its_runs, judged):
    standing, _ = judged("pp")
    one = its_runs("pp")[-2]
    lane, orbit_s = cell_of("L4_12/lane 7"), 3564 / 40.079e6
    standings = standing

    def with_lost(seconds):
        faults, occupation = one.faults.copy(), one.occupation.copy()
        faults[lane] = seconds / orbit_s
        occupation[lane] *= 1 - seconds / one.cycle_s
        return replace(one, faults=faults, occupation=occupation)

    short = its_reference.pulls(with_lost(15.0), standing)
    assert abs(short.occupation[lane]) < 4
    assert short.fault[lane] == 0
    for seconds in (40.0, 59.0):
        assert abs(its_reference.pulls(replace(with_lost(seconds), cycle_s=one.cycle_s), standing).occupation[lane]) < 4
    away = with_lost(one.cycle_s * 0.9)
    first = its_reference.pulls(away, standings)
    assert first.fault[lane] > 0.5
    assert first.occupation[lane] < -4.5
    second = its_reference.pulls(away, standings.after(first, NOBODY))
    assert second.fault[lane] > 0.85
    assert second.ratio[lane] == pytest.approx(0.1, abs=0.02)


def test_long_clusters_of_background_stand_out_where_it_comes(its_reference):
    fault = Fault("beam background A", 1800.0, 3600.0, 0.03, details={"phi_rad": 0.0, "spread_rad": 0.3})
    run = settings(BeamType.PP, 44, 1.0, faults=(fault,))
    _, found = follow(its_reference, [read(one) for one in observations(run)], Standing.cold())
    inner = np.arange(CELLS) < INNER
    near = inner & (np.cos(phi_rad()) > 0.8) & (z_cm() > 1) & found[-1].valid
    away = inner & (np.cos(phi_rad()) < -0.5) & found[-1].valid
    before, during = found[8], found[12]
    assert abs(np.median(before.long[near])) < 3
    assert np.median(during.long[near]) > 5
    assert np.median(during.long[away]) < 3
    assert np.median(during.occupation[near]) > 8


def test_modes_hold_nearly_all_of_the_chance(its_reference):
    for tables in its_reference.tables.values():
        weights = vertex_weights(0.3, 5.5)
        whole = responses(0, tables, weights)
        whole = np.einsum("cz,cz->c", whole * weights, whole)
        held = np.square(modes(0, tables, 0.3, 5.5, weights)).sum(axis=1)
        assert (held / whole > 0.95).all()
        assert (held / whole < 1.01).all()


def test_arrays_bring_the_reference_back(its_reference, its_runs):
    back = Reference.from_arrays(its_reference.to_arrays())
    one = its_runs("pp")[4]
    assert np.array_equal(its_reference.pulls(one).occupation, back.pulls(one).occupation)
    arrays = its_reference.to_arrays()
    with pytest.raises(ModelError, match="missing"):
        Reference.from_arrays({name: array for name, array in arrays.items() if name != "pp/kernel"})
    with pytest.raises(ModelError, match="damaged"):
        Reference.from_arrays({**arrays, "PbPb/noise": -np.ones(115)})
    with pytest.raises(ModelError, match="no beam type"):
        Reference.from_arrays({})


@pytest.mark.parametrize("beams", BeamType)
def test_another_luminosity_with_more_noise_is_no_background_and_no_fault(its_reference, beams):
    """The luminosity rests on outer layers whose noise does not follow it: that moves layers, and sizes of cells."""
    noisy = {"shift": SHIFTS["noise"], "detector_seed": 45}
    before, after = (
        [read(one) for one in observations(settings(beams, number, 0.8, rate, **noisy))]
        for number, rate in ((45, 1.0), (50, 1.5))
    )
    standing, usual = follow(its_reference, before, Standing.cold())
    _, found = follow(its_reference, after, standing)
    scores = [max(float(background.sums(pulls)[:3].max()) for pulls in of) for of in (usual[5:], found)]
    assert scores[1] < 2 * scores[0], "clusters, their size, and hits"
    for pulls in found:
        assert np.mean(np.abs(pulls.size[pulls.valid]) > 4.5) < 1e-3
        assert np.mean(np.abs(pulls.occupation[pulls.valid]) > 4.5) < 1e-3


def test_every_task_counts_over_its_own_time(its_reference, its_runs, judged):
    """Tracks of a third of the cycle, hits of half of it and FAULT of twice its time say the same of it."""
    standing, _ = judged("pp")
    one = its_runs("pp")[-2]
    lane, orbit_s = cell_of("L4_12/lane 7"), 3564 / 40.079e6
    lost = replace(one, faults=np.where(np.arange(CELLS) == lane, 0.9 * one.cycle_s / orbit_s, 0.0))
    third = replace(one.vertices, count=one.vertices.count / 3)
    cut = replace(
        lost,
        vertices=third,
        tracks=one.tracks / 3,
        track_s=one.cycle_s / 3,
        hit_s=one.cycle_s / 2,
        faults=2 * lost.faults,
        readout_s=2 * one.cycle_s,
    )
    whole, parts = its_reference.pulls(lost, standing), its_reference.pulls(cut, standing)
    for name in ("live_s", "tracks_hz", "vertices_hz", "interactions"):
        assert parts.conditions[name] == pytest.approx(whole.conditions[name], rel=1e-6), name
    assert parts.fault[lane] == pytest.approx(whole.fault[lane], abs=0.01)
    assert np.std(parts.hits[parts.valid]) < 0.9 * np.std(whole.hits[whole.valid]), "fewer hits say less"
