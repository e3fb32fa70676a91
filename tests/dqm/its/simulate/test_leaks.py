"""Nothing of a payload says what was simulated but what the fault itself does."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ks_2samp

from dqm.its.causes import Cause
from dqm.its.objects import OBJECTS
from dqm.its.simulate.cells import INNER, index
from dqm.its.simulate.faults import Fault, draw_fault
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import RunSettings

RUN = RunSettings(duration_s=300.0, detector_seed=2)


def run_with(*faults, seed=11, **changes):
    return list(simulate_run(replace(RUN, faults=faults, **changes), seed))


@pytest.fixture(scope="module")
def nominal():
    return run_with()


@pytest.mark.parametrize("cause", list(Cause))
def test_fault_without_intensity_is_the_nominal_run_bit_for_bit(nominal, cause):
    fault = draw_fault(np.random.default_rng(1), cause, 60.0, 300.0, intensity=0.0)
    found = run_with(fault)
    assert len(found) == len(nominal)
    for one, two in zip(found, nominal, strict=True):
        assert two.truth.nominal
        assert one.truth == two.truth
        assert all(np.array_equal(one.payload[name], two.payload[name]) for name in OBJECTS)


@pytest.mark.parametrize("cause", list(Cause))
def test_arrays_of_faults_are_stored_as_those_of_nominal_runs(nominal, cause):
    found = run_with(draw_fault(np.random.default_rng(1), cause, 60.0, 300.0))
    assert any(not cycle.truth.nominal for cycle in found)
    for one, two in zip(found, nominal, strict=True):
        assert list(one.payload) == list(two.payload)
        for name, array in one.payload.items():
            other = two.payload[name]
            assert (array.dtype, array.shape, array.strides) == (other.dtype, other.shape, other.strides)
            assert array.flags.c_contiguous == other.flags.c_contiguous
            assert array.flags.owndata == other.flags.owndata


def test_before_its_start_a_fault_changes_nothing(nominal):
    fault = draw_fault(np.random.default_rng(5), Cause.BEAM_BACKGROUND_A, 200.0, 300.0)
    found = run_with(fault)
    early = [number for number, cycle in enumerate(nominal) if cycle.ended_s <= 200]
    assert early
    for number in early:
        assert found[number].truth.nominal
        assert all(np.array_equal(found[number].payload[n], nominal[number].payload[n]) for n in OBJECTS)


def summary(*faults, seed):
    """Four numbers of one cycle of layer 0 without the chip L0_03/4: mean, spread, mean size, side asymmetry."""
    cycle = run_with(*faults, seed=seed, duration_s=90.0, cycle_s=60.0)[1]
    clusters, size = cycle.payload["cluster_occupation_L0"] / cycle.truth.rate_hz, cycle.payload["cluster_size_L0"]
    others = np.ones(clusters.shape, bool)
    others[4, 3] = False
    sides = [clusters[part][others[part]].mean() for part in (slice(0, 4), slice(5, 9))]
    return clusters[others].mean(), clusters[others].std(), size[others].mean(), sides[0] / sides[1]


@pytest.fixture(scope="module")
def nominal_summaries():
    return np.array([summary(seed=seed) for seed in range(25)])


@pytest.mark.parametrize("cause", [Cause.NOISY_CHIP, Cause.DEAD_CHIP, Cause.STUCK_DOUBLE_COLUMN])
def test_cells_that_a_fault_leaves_alone_have_the_law_of_nominal_ones(nominal_summaries, cause):
    """Two-sample tests of 25 independent runs each."""
    details = {"chips": 1.0} if cause is Cause.DEAD_CHIP else {}
    fault = Fault(cause, 0.0, 4000.0, 1.0, (index(0, 3, 4),), details)
    found = np.array([summary(fault, seed=seed) for seed in range(100, 125)])
    for column in range(4):
        assert ks_2samp(nominal_summaries[:, column], found[:, column]).pvalue > 1e-3


def test_dead_chips_and_flags_are_in_nominal_runs_too():
    """An empty cell or a FAULT count is no label: detectors have dead chips, lanes restart by themselves."""
    empty, flagged = [], []
    for seed in range(6):
        for cycle in run_with(seed=seed, detector_seed=seed, recoveries_per_hour=60.0):
            assert cycle.truth.nominal
            empty.append(sum((cycle.payload[f"cluster_occupation_L{n}"] == 0).sum() for n in range(7)))
            flagged.append(cycle.payload["lane_fault"].sum())
    assert max(empty) > 0
    assert 0 < np.mean(np.array(flagged) > 0) < 1


def test_long_clusters_are_in_nominal_runs_too(nominal):
    assert all(cycle.payload[f"long_clusters_L{n}"].sum() > 0 for cycle in nominal for n in range(7))
    assert nominal[1].payload["long_clusters_L0"].shape[0] + 144 + 180 == INNER
