"""Every cause does what it should, where and when it should."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import SettingsError
from dqm.its.causes import Cause
from dqm.its.names import mask, parse
from dqm.its.simulate.cells import index, of_stave
from dqm.its.simulate.effects import effects
from dqm.its.simulate.faults import BACKGROUNDS, Fault, draw_fault
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import RunSettings

RUN = RunSettings(duration_s=260.0, recoveries_per_hour=0.0, detector_seed=4)
PLACE = index(1, 5, 3)
LANE = index(4, 12, 7)


def cycle_of(*faults, seed=2):
    """Return the third cycle of a run, of which all is covered by faults from 0 to 260 s."""
    return list(simulate_run(replace(RUN, faults=faults), seed))[2]


@pytest.fixture(scope="module")
def nominal():
    return cycle_of().payload


def ratios(found, nominal, layer, cell, stave):
    names = (f"cluster_occupation_L{layer}", f"cluster_size_L{layer}", f"hit_occupancy_L{layer}")
    return [found[name][cell, stave] / nominal[name][cell, stave] for name in names]


def test_noisy_chip_has_more_and_smaller_clusters(nominal):
    cycle = cycle_of(Fault(Cause.NOISY_CHIP, 0, 260, 2.0, (PLACE,)))
    clusters, size, hits = ratios(cycle.payload, nominal, 1, 3, 5)
    assert clusters > 2
    assert size < 0.8
    assert hits > 1.2
    assert cycle.truth.faults[0].elements == ("L1_05/3",)
    assert cycle.truth.faults[0].added == pytest.approx(clusters - 1, rel=0.1)


def test_hot_pixel_adds_at_most_one_cluster_a_frame(nominal):
    found = cycle_of(Fault(Cause.HOT_PIXEL, 0, 260, 1.0, (PLACE,))).payload
    more = found["cluster_occupation_L1"][3, 5] - nominal["cluster_occupation_L1"][3, 5]
    assert more == pytest.approx(1.0, abs=0.02)
    assert found["cluster_size_L1"][3, 5] < nominal["cluster_size_L1"][3, 5]


def test_stuck_column_has_few_and_huge_clusters(nominal):
    clusters, size, hits = ratios(
        cycle_of(Fault(Cause.STUCK_DOUBLE_COLUMN, 0, 260, 0.01, (PLACE,))).payload, nominal, 1, 3, 5
    )
    assert 1 < clusters < 1.2
    assert size > 2
    assert hits > 2


@pytest.mark.parametrize(
    ("cause", "places", "chips", "left"),
    [
        (Cause.DEAD_CHIP, (PLACE,), 1.0, 0.0),
        (Cause.DEAD_CHIP, (LANE,), 1.0, 6 / 7),
        (Cause.DEAD_LANE, (LANE,), 7.0, 0.0),
    ],
)
def test_dead_elements_lose_what_they_are(nominal, cause, places, chips, left):
    cycle = cycle_of(Fault(cause, 0, 260, 1.0, places, {"chips": chips, "flagged": 1.0}))
    place = parse(cycle.truth.faults[0].elements[0])
    name = f"cluster_occupation_L{place.layer}"
    change = cycle.payload[name][place.cell, place.stave] / nominal[name][place.cell, place.stave]
    assert change == pytest.approx(left, abs=0.05)
    whole = left == 0
    assert (cycle.payload["lane_fault"].sum() > 0) == whole
    assert cycle.truth.faults[0].added == pytest.approx(left - 1, abs=0.05)


def test_dead_stave_is_a_hole_of_the_tracks_too(nominal):
    cells = tuple(of_stave(0, 3).tolist())
    found = cycle_of(Fault(Cause.DEAD_STAVE, 0, 260, 1.0, cells)).payload
    assert (found["cluster_occupation_L0"][:, 3] == 0).all()
    around = found["angular"].sum(axis=0) / nominal["angular"].sum(axis=0)
    assert around.min() < 0.99
    assert np.median(around) == pytest.approx(1, abs=0.01)
    few = found["track_clusters"]
    assert (few * np.arange(15)).sum() / few.sum() < (nominal["track_clusters"] * np.arange(15)).sum() / nominal[
        "track_clusters"
    ].sum()


def test_readout_loss_takes_the_same_share_of_clusters_and_hits(nominal):
    cells = tuple(of_stave(2, 7).tolist())
    found = cycle_of(Fault(Cause.READOUT_LOSS, 0, 260, 0.4, cells)).payload
    for name in ("cluster_occupation_L2", "hit_occupancy_L2"):
        assert found[name][:, 7].sum() / nominal[name][:, 7].sum() == pytest.approx(0.6, abs=0.02)
    assert found["cluster_size_L2"][:, 7] == pytest.approx(nominal["cluster_size_L2"][:, 7], rel=0.02)


def test_blinded_chips_lose_clusters_and_gain_hits(nominal):
    cells = (index(0, 2, 4), index(0, 2, 5))
    fault = Fault(Cause.BLINDED_CHIPS, 0, 260, 0.4, cells, {"frames": 100.0, "clusters": 60.0, "pixels": 10.0})
    clusters, size, hits = ratios(cycle_of(fault).payload, nominal, 0, 4, 2)
    assert clusters < 1
    assert size > 1.3
    assert hits > clusters * 1.3


def test_onset_in_the_middle_of_a_cycle_counts_in_part():
    run = list(simulate_run(RUN, 2))
    began = (run[2].began_s + run[2].ended_s) / 2
    cycle = cycle_of(Fault(Cause.DEAD_CHIP, began, 260, 1.0, (PLACE,), {"chips": 1.0}))
    name = "cluster_occupation_L1"
    assert cycle.payload[name][3, 5] / run[2].payload[name][3, 5] == pytest.approx(0.5, abs=0.02)
    assert cycle.truth.faults[0].active == pytest.approx(0.5)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(Cause)))
def test_drawn_faults_are_possible_and_their_elements_exist(seed, cause):
    fault = draw_fault(np.random.default_rng(seed), cause, 0.0, 600.0)
    assert fault.intensity > 0
    assert bool(fault.cells) != (cause in BACKGROUNDS)
    done = effects((fault,), 0.0, 60.0, np.random.default_rng(seed))
    touched = (done.kept != 1) | (done.clusters != 0)
    assert set(np.flatnonzero(touched).tolist()) == set(fault.cells)
    assert (done.kept >= 0).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"intensity": -1.0},
        {"intensity": float("nan")},
        {"intensity": 2.0},
        {"ended_s": -1.0},
        {"cells": ()},
        {"details": {"colour": 1.0}},
    ],
)
def test_impossible_faults_are_refused(wrong):
    with pytest.raises(SettingsError, match=r"no such fault|no cells"):
        replace(Fault(Cause.HOT_PIXEL, 0, 10, 0.5, (PLACE,)), **wrong)


def test_two_faults_at_once_are_both_there(nominal):
    faults = (
        Fault(Cause.NOISY_CHIP, 0, 260, 2.0, (PLACE,)),
        Fault(Cause.DEAD_LANE, 0, 260, 1.0, (LANE,)),
    )
    cycle = cycle_of(*faults)
    where = mask([name for fault in cycle.truth.faults for name in fault.elements])
    assert cycle.payload["cluster_occupation_L1"][where[1]] > 2 * nominal["cluster_occupation_L1"][where[1]]
    assert cycle.payload["cluster_occupation_L4"][where[4]] == 0
