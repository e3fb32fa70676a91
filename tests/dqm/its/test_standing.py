"""A standing follows drift, keeps a fault that stays out of it, and survives being stored."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import ModelError
from dqm.its.layout import CELLS, INNER, cell_of, z_cm
from dqm.its.standing import Standing

CHIP = cell_of("L1_05/3")
NOBODY = np.zeros(CELLS, bool)


def follow(reference, readings, standing, held=NOBODY):
    """Go through cycles; the standing after them and the pulls of each."""
    found = []
    for one in readings:
        found.append(reference.pulls(one, standing))
        standing = standing.after(found[-1], held)
    return standing, found


def weaker(readings, cell, factor):
    """The same cycles with one cell that gives less; ``factor`` is one number, or one per cycle."""
    factors = np.broadcast_to(factor, len(readings))
    made = []
    for one, share in zip(readings, factors, strict=True):
        occupation, hits = one.occupation.copy(), one.hits.copy()
        occupation[cell] *= share
        hits[cell] *= share
        made.append(replace(one, occupation=occupation, hits=hits))
    return made


@pytest.fixture(scope="module")
def long_run(its_runs):
    return its_runs("pp", "nominal", 4.0)


@pytest.fixture(scope="module")
def learnt(its_reference, long_run):
    standing, _ = follow(its_reference, long_run[:18], Standing.cold())
    return standing


def test_a_held_fault_is_seen_for_three_hours(its_reference, long_run, learnt):
    bad = weaker(long_run[18:78], CHIP, 0.98)
    held = NOBODY.copy()
    held[CHIP] = True
    _, kept = follow(its_reference, bad, learnt, held)
    assert bad[-1].ended_s - bad[0].ended_s > 2.9 * 3600
    assert max(pulls.occupation[CHIP] for pulls in kept) < -4.5
    assert np.median([pulls.ratio[CHIP] for pulls in kept]) == pytest.approx(0.98, abs=0.004)
    _, lost = follow(its_reference, bad, learnt)
    assert lost[0].occupation[CHIP] < -10
    assert abs(lost[-1].occupation[CHIP]) < 4


def test_a_lost_lane_is_not_absorbed_even_in_part(its_reference, long_run, learnt):
    lane = cell_of("L5_20/lane 9")
    held = NOBODY.copy()
    held[lane] = True
    _, kept = follow(its_reference, weaker(long_run[18:78], lane, 0.0), learnt, held)
    assert max(pulls.ratio[lane] for pulls in kept) == 0
    assert max(pulls.occupation[lane] for pulls in kept) < -30


def test_slow_drift_is_followed(its_reference, long_run, learnt):
    drift = np.linspace(1.0, 0.97, 60)
    _, found = follow(its_reference, weaker(long_run[18:78], CHIP, drift), learnt)
    assert found[-1].observed[CHIP] < 0.985 * found[0].observed[CHIP]
    assert max(abs(pulls.occupation[CHIP]) for pulls in found) < 4.5
    assert found[-1].ratio[CHIP] == pytest.approx(1.0, abs=0.004)


def test_sigma_shrinks_from_a_cold_start(its_reference, long_run, learnt):
    cold = its_reference.pulls(long_run[18], Standing.cold())
    warm = its_reference.pulls(long_run[18], learnt)
    assert np.median(cold.occupation_sigma[:INNER]) > 10 * np.median(warm.occupation_sigma[:INNER])
    assert np.median(warm.occupation_sigma[:INNER]) < 0.0012


def test_usual_background_of_a_held_side_is_not_learnt(its_reference, long_run, learnt):
    pulls = its_reference.pulls(long_run[18], learnt)
    held = NOBODY.copy()
    held[:INNER] = z_cm()[:INNER] > 1
    after = learnt.after(pulls, held)
    assert after.halo[0] == pulls.next_held.halo[0]
    assert after.halo[1] == pulls.next_free.halo[1]
    assert pulls.next_free.halo[0] != pulls.next_held.halo[0]


def test_an_untrusted_cycle_teaches_nothing(its_reference, long_run, learnt):
    empty = replace(long_run[18], occupation=np.zeros(CELLS))
    pulls = its_reference.pulls(empty, learnt)
    assert pulls.trust
    assert learnt.after(pulls, NOBODY) is learnt


def test_arrays_bring_it_back(its_reference, long_run, learnt):
    back = Standing.from_arrays(learnt.to_arrays())
    assert (back.run, back.beam_type, back.ended_s) == (learnt.run, "pp", learnt.ended_s)
    one, two = (its_reference.pulls(long_run[18], standing) for standing in (learnt, back))
    assert np.abs(one.occupation - two.occupation).max() < 0.01
    cold = Standing.from_arrays(Standing.cold("ITS").to_arrays())
    assert cold.detector == "ITS"
    assert np.isinf(cold.variance).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("offset", np.zeros((3, 7))),
        ("offset", np.full((3, CELLS), np.nan)),
        ("variance", np.full((3, CELLS), -1.0)),
        ("format", np.array(99)),
        ("ended_s", np.array(np.inf)),
        ("halo", np.array("text")),
    ],
)
def test_damaged_arrays_are_refused(name, value):
    arrays = Standing.cold().to_arrays()
    with pytest.raises(ModelError, match="no standing"):
        Standing.from_arrays({**arrays, name: value})
    with pytest.raises(ModelError, match="no standing"):
        Standing.from_arrays({key: array for key, array in arrays.items() if key != name})


def test_time_goes_on_where_all_is_held(its_reference, long_run, learnt):
    """Or what a lane lost before would be forgiven twice, and the next cycle taken for one of another time."""
    one = long_run[18]
    faults = one.faults.copy()
    faults[cell_of("L4_12/lane 7")] = 20.0 / (3564 / 40.079e6)
    pulls = its_reference.pulls(replace(one, faults=faults), learnt)
    after = learnt.after(pulls, np.ones(CELLS, bool))
    assert after.ended_s == one.ended_s
    assert after.restart_s[cell_of("L4_12/lane 7")] == pytest.approx(20.0, rel=0.1)
    assert np.array_equal(after.variance, pulls.next_held.variance)
    cold = Standing.cold()
    assert cold.after(its_reference.pulls(one, cold), np.ones(CELLS, bool)) is cold


def test_the_end_of_what_was_there_from_the_first_is_nothing_wrong(its_reference, long_run):
    lane = cell_of("L5_20/lane 9")
    standing, first = follow(its_reference, weaker(long_run[:8], lane, 0.4), Standing.cold())
    assert abs(first[-1].occupation[lane]) < 4.5, "taken for how it stands"
    _, found = follow(its_reference, long_run[8:16], standing)
    assert max(abs(pulls.occupation[lane]) for pulls in found) < 4.5
    assert found[0].ratio[lane] == pytest.approx(1.0, abs=0.2)
    broken, _ = follow(its_reference, long_run[:8], Standing.cold())
    assert its_reference.pulls(weaker(long_run[8:9], lane, 0.4)[0], broken).occupation[lane] < -20
