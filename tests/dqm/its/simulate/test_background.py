"""Beam background: side, direction, long clusters, share of clusters; exact statistics of the plots."""

from dataclasses import replace

import numpy as np
import pytest

from dqm.its.causes import Cause
from dqm.its.geometry import cell_positions
from dqm.its.simulate.anomalies import anomalies
from dqm.its.simulate.background import Events, Source, draw_events, kernel, streaks
from dqm.its.simulate.cells import CELLS, INNER
from dqm.its.simulate.faults import Fault
from dqm.its.simulate.luminosity import Fill
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import RunSettings

RUN = RunSettings(duration_s=200.0, recoveries_per_hour=0.0, halo=0.0, detector_seed=4)
SIDES = {Cause.BEAM_BACKGROUND_A: slice(0, 4), Cause.BEAM_BACKGROUND_C: slice(5, 9)}


def cycle_of(*faults, **changes):
    return list(simulate_run(replace(RUN, faults=faults, **changes), 2))[2]


def added(found, nominal, side):
    inner = [f"cluster_occupation_L{n}" for n in range(3)]
    one, two = (sum(payload[name][side].sum() for name in inner) for payload in (found, nominal))
    return one / two - 1


@pytest.mark.parametrize("cause", SIDES)
def test_intensity_is_the_share_of_clusters_of_its_side(cause):
    nominal = cycle_of().payload
    cycle = cycle_of(Fault(cause, 0, 200, 0.05, (), {"phi_rad": 1.0}))
    other = next(side for name, side in SIDES.items() if name != cause)
    assert added(cycle.payload, nominal, SIDES[cause]) == pytest.approx(0.05, abs=0.005)
    assert 0 < added(cycle.payload, nominal, other) < 0.04
    assert cycle.truth.faults[0].added == pytest.approx(0.05, rel=0.02)


def test_background_sits_where_it_was_put():
    nominal = cycle_of().payload
    cycle = cycle_of(Fault(Cause.BEAM_BACKGROUND_A, 0, 200, 0.1, (), {"phi_rad": 1.0, "spread_rad": 0.3}))
    more = (cycle.payload["cluster_occupation_L0"] - nominal["cluster_occupation_L0"]).sum(axis=0)
    phi = cell_positions(0).phi_rad[:, 4]
    assert np.angle((more * np.exp(1j * phi)).sum()) == pytest.approx(1.0, abs=0.15)
    at = [phi[int(name[3:5])] for name in cycle.truth.faults[0].elements if name.startswith("L0")]
    assert at
    assert (np.abs(np.array(at) - 1.0) < 0.9).all()


def test_background_has_long_clusters_and_many_hits():
    nominal = cycle_of().payload
    found = cycle_of(Fault(Cause.BEAM_BACKGROUND_C, 0, 200, 0.05)).payload
    assert nominal["long_clusters_L0"].sum() == 0
    assert found["long_clusters_L0"].sum() == pytest.approx(found["hits_when_long_L0"].sum(), rel=0.01)
    assert found["long_clusters_L0"][:, 0].sum() == 0
    assert found["cluster_size_L0"].mean() > 1.2 * nominal["cluster_size_L0"].mean()
    assert found["bc_clusters"].sum() == pytest.approx(nominal["bc_clusters"].sum(), rel=0.02)
    assert found["bc_clusters"][:, 60:].sum() > nominal["bc_clusters"][:, 60:].sum()
    outer = added_outer(found) / added_outer(nominal) - 1
    assert abs(outer) < 0.02


def added_outer(payload):
    return sum(payload[f"cluster_occupation_L{n}"].sum() for n in range(3, 7))


def test_background_follows_the_beams_and_not_the_luminosity():
    fill = Fill(rate_hz=5e5, levelled_h=0.0, tau_h=1.0)
    settings = replace(RUN, fill=fill, duration_s=7200.0, cycle_s=600.0)
    fault = Fault(Cause.BEAM_BACKGROUND_A, 0, 7200, 0.1, (), {"phi_rad": 1.0})
    nominal, found = (list(simulate_run(replace(settings, faults=faults), 2)) for faults in ((), (fault,)))
    shares = [added(one.payload, two.payload, SIDES[fault.cause]) for one, two in zip(found, nominal, strict=True)]
    assert shares[-2] > 1.2 * shares[1]
    assert shares[-2] == pytest.approx(found[-2].truth.faults[0].added, rel=0.1)


def test_streaks_are_longer_at_smaller_angles():
    few, many = streaks(0.15), streaks(0.03)
    assert many.mean > 3 * few.mean
    assert many.long_share > 5 * few.long_share
    rng, angle = np.random.default_rng(1), 0.06
    columns = np.clip(30 / np.tan(np.minimum(rng.rayleigh(angle, 200_000), 1.5)) / 29.24 + 1, 1, 1024)
    pieces, whole = np.floor(columns / 128) + 1, np.floor(columns / 128)
    assert streaks(angle).mean == pytest.approx(1.8 * columns.sum() / pieces.sum(), rel=0.02)
    assert streaks(angle).long_share == pytest.approx(whole.sum() / pieces.sum(), rel=0.05)


def test_kernel_counts_clusters_of_the_inner_barrel_once():
    for side in (1, -1):
        table = kernel(side)
        assert table[:INNER].sum(axis=0).mean() == pytest.approx(1)
        assert table[INNER:].sum() < 0.5 * table[:INNER].sum()
    assert np.allclose(np.sort(kernel(1)[:INNER].sum(axis=1)), np.sort(kernel(-1)[:INNER].sum(axis=1)))


def test_plots_agree_with_events_drawn_one_by_one():
    """The classes of like events give the same long clusters as a loop over all events."""
    rng = np.random.default_rng(3)
    source = Source(1, 4e5, 1.0, 0.4, 0.03, 300.0, 0.5)
    events = draw_events(rng, source, 1.0)
    fast = anomalies(rng, events, np.ones(CELLS), np.zeros(INNER))
    mean = kernel(1)[:INNER, events.phi_bin] * events.size * streaks(0.03).long_share
    slow = rng.poisson(mean)
    assert fast.long[:INNER, 1:].sum() == pytest.approx((slow > 0).sum(), rel=0.05)
    total = (fast.long[:INNER] * np.arange(41)).sum()
    assert total == pytest.approx(np.minimum(slow, 40).sum(), rel=0.05)
    assert fast.hits.sum() == pytest.approx(fast.long[:INNER].sum(), rel=0.01)


def test_no_events_fill_no_plots():
    source = Source(1, 0.0, 0.0, 0.4, 0.03, 300.0, 0.5)
    none = Events(source, np.zeros(0, np.int64), np.zeros(0))
    found = anomalies(np.random.default_rng(1), none, np.ones(CELLS), np.zeros(INNER))
    assert found.long.sum() == found.hits.sum() == none.expected().sum() == 0
