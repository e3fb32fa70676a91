"""Shifts are drawn as stated, and a cycle goes through the same files and checks as a real one."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqm.its.causes import Cause
from dqm.its.cycle import to_observation
from dqm.its.cycle_files import read_cycle, write_npz, write_root
from dqm.its.objects import OBJECTS
from dqm.its.simulate.beams import BeamType
from dqm.its.simulate.cells import staves
from dqm.its.simulate.publishing import to_cycle
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import RunSettings
from dqm.its.simulate.shift import SHIFT_S, draw_shift, simulate_shift

RUN = RunSettings(duration_s=120.0, detector_seed=3)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_runs_of_a_shift_fit_into_it(seed):
    runs = draw_shift(seed, faults_per_shift=4.0)
    assert 1 <= len(runs) <= 3
    assert sum(run.duration_s for run in runs) <= SHIFT_S
    assert all(run.duration_s >= 900 for run in runs)
    ends = [run.began_at.timestamp() + run.duration_s for run in runs]
    assert all(later.began_at.timestamp() > end for later, end in zip(runs[1:], ends, strict=False))
    assert len({run.run for run in runs}) == len(runs)
    for run in runs:
        for fault in run.faults:
            assert 0 <= fault.began_s < fault.ended_s <= run.duration_s


def test_faults_of_a_shift_never_meet_in_a_stave():
    for seed in range(30):
        for run in draw_shift(seed, faults_per_shift=40.0, causes=(Cause.DEAD_STAVE, Cause.NOISY_CHIP)):
            for place, fault in enumerate(run.faults):
                for other in run.faults[:place]:
                    if fault.began_s < other.ended_s and other.began_s < fault.ended_s:
                        shared = set(staves()[list(fault.cells)]) & set(staves()[list(other.cells)])
                        assert not shared


def test_causes_and_beams_are_drawn_as_stated():
    runs = [run for seed in range(300) for run in draw_shift(seed, faults_per_shift=3.0)]
    causes = [fault.cause for run in runs for fault in run.faults]
    counts = [causes.count(cause) for cause in Cause]
    assert sum(counts) > 500
    assert min(counts) > 0.5 * sum(counts) / len(counts)
    assert np.mean([run.beam_type is BeamType.PP for run in runs]) == pytest.approx(0.7, abs=0.08)


def test_shift_yields_all_cycles_of_all_runs():
    runs = tuple(replace(run, duration_s=200.0) for run in draw_shift(3, beam_type=BeamType.PP))
    found = list(simulate_shift(runs, 1))
    assert {settings.run for settings, _ in found} == {run.run for run in runs}
    first = [cycle.number for settings, cycle in found if settings is runs[0]]
    assert first == list(range(1, len(first) + 1))
    assert len(first) >= 4


@pytest.mark.parametrize(("write", "suffix"), [(write_npz, "npz"), (write_root, "root")])
def test_cycle_survives_the_files_of_the_console(tmp_path, write, suffix):
    simulated = next(islice(simulate_run(RUN, 1), 1, None))
    cycle = to_cycle(RUN, simulated)
    assert cycle.missing == ()
    path = tmp_path / f"cycle.{suffix}"
    write(path, cycle)
    back = read_cycle(path)
    assert back.missing == ()
    assert back.masked == cycle.masked
    for name in OBJECTS:
        assert np.array_equal(back.histograms[name].values, simulated.payload[name])


def test_observation_has_the_conditions_and_nothing_of_the_truth():
    simulated = next(islice(simulate_run(RUN, 1), 1, None))
    observation = to_observation(to_cycle(RUN, simulated), "here", "0" * 64)
    assert observation.conditions["run"] == RUN.run
    assert observation.conditions["beam_type"] == "pp"
    assert observation.conditions["run_age_s"] == pytest.approx(simulated.ended_s)
    assert set(observation.payload) == set(OBJECTS)
    told = " ".join(f"{key} {value}" for key, value in observation.conditions.items())
    assert not any(cause.value in told for cause in Cause)
    assert str(simulated.truth.rate_hz) not in told
