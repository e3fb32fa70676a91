"""An observation becomes flat arrays; what is missing is said to be, and the vertex is that of the interactions."""

from itertools import islice

import numpy as np
import pytest

from dqm.its.cycle import to_observation
from dqm.its.layout import CELLS, INNER, cell_of, layer_slice
from dqm.its.names import mask
from dqm.its.objects import OBJECTS
from dqm.its.reading import LONG_PLACES, read
from dqm.its.simulate.acceptance import Vertex
from dqm.its.simulate.beams import BeamType
from tests.dqm.its.cycles import a_cycle
from tests.dqm.its.nominal_runs import observations, settings


@pytest.fixture(scope="module")
def cycle():
    run = settings(BeamType.PP, 3, 0.15, vertex=Vertex(0.05, -0.03, 1.5, 6.2), vertex_wander_cm=0.0)
    return next(islice(observations(run), 2, None))


def test_maps_and_counts_are_those_of_the_payload(cycle):
    reading = read(cycle)
    assert reading.occupation.shape == reading.size.shape == reading.hits.shape == (CELLS,)
    maps = cycle.payload["cluster_occupation_L4"]
    assert reading.occupation[cell_of("L4_12/lane 7")] == maps[7, 12]
    assert reading.hits[cell_of("L0_03/4")] == cycle.payload["hit_occupancy_L0"][4, 3]
    assert reading.long.shape == (LONG_PLACES,)
    assert reading.long[INNER - 1] == cycle.payload["long_clusters_L2"][-1, 1:].sum()
    assert reading.long[INNER:].sum() == sum(cycle.payload[f"long_clusters_L{n}"][:, 1:].sum() for n in range(3, 7))
    assert reading.tracks == pytest.approx(cycle.payload["angular"].sum() * cycle.payload["vertex_z"].sum())
    assert reading.frames_seen == cycle.payload["bc_clusters"].sum()


def test_vertex_is_found_behind_the_ends_of_the_plot(cycle):
    found = read(cycle).vertices
    assert found.z_cm == pytest.approx(1.5, abs=0.01)
    assert found.sigma_cm == pytest.approx(6.2, abs=0.01)
    assert (found.x_cm, found.y_cm) == pytest.approx((0.05, -0.03), abs=1e-3)
    narrow = dict(cycle.payload)
    narrow["vertex_z"] = np.where(np.abs(np.arange(3000) - 1499.5) < 1000, narrow["vertex_z"], 0.0)
    cut = read(with_payload(cycle, narrow)).vertices
    assert (cut.z_cm, cut.sigma_cm) == pytest.approx((1.5, 6.2), abs=0.03)


def test_what_is_missing_is_said_to_be(cycle):
    only = {"cluster_occupation_L3": cycle.payload["cluster_occupation_L3"]}
    reading = read(with_payload(cycle, only))
    assert np.flatnonzero(reading.has_occupation).size == np.ptp(np.array([layer_slice(3).start, layer_slice(3).stop]))
    assert not any(has.any() for has in (reading.has_size, reading.has_hits, reading.has_long))
    assert reading.vertices is reading.tracks is reading.faults is reading.frames_seen is None
    assert read(with_payload(cycle, dict(cycle.payload, vertex_z=np.zeros(3000)))).vertices is None


def test_masked_places_have_no_data():
    observation = to_observation(a_cycle(masked=("L3_07", "L4_12/lane 7", "L0_03/4")), "test", "0" * 64)
    reading = read(observation)
    off = mask(("L3_07", "L4_12/lane 7", "L0_03/4"))
    assert reading.off.sum() == sum(int(one.sum()) for one in off) == 18
    assert reading.off[cell_of("L4_12/lane 7")]
    assert reading.off[cell_of("L3_07/lane 3")]
    assert not (reading.has_occupation & reading.off).any()
    assert reading.run_age_s == 1800.0
    assert reading.cycle_s == 180.0
    assert set(observation.payload) == set(OBJECTS)


def with_payload(cycle, payload):
    """The observation with other arrays."""
    from dataclasses import replace

    return replace(cycle, payload=payload)


def test_times_of_the_tasks_are_those_of_the_conditions(cycle):
    told = with_conditions(cycle, track_s=60.0, hit_s=None, readout_s="soon")
    reading = read(told)
    assert (reading.track_s, reading.hit_s, reading.readout_s) == (60.0, None, None)
    assert reading.share_of("track") == pytest.approx(60.0 / reading.cycle_s)
    assert reading.share_of("hit") == reading.share_of("readout") == 1.0


def with_conditions(cycle, **conditions):
    """The observation with other conditions."""
    from dataclasses import replace

    return replace(cycle, conditions={**cycle.conditions, **conditions})
