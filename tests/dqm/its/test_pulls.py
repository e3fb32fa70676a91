"""What a cycle's pulls hold: one number per cell, finite, none where there are no data, and conditions with units."""

from dataclasses import fields

import numpy as np
import pytest

from dqm.its.layout import CELLS
from dqm.its.standing import Standing
from tests.dqm.its.test_standing import follow

PER_CELL = ("occupation", "ratio", "size", "hits", "long", "fault", "occupation_sigma", "observed", "expected")


@pytest.fixture(scope="module", params=["pp", "PbPb"])
def last(request, its_reference, its_runs):
    """A held-out cycle, and its pulls."""
    runs = its_runs(request.param)[:8]
    return runs[-1], follow(its_reference, runs, Standing.cold())[1][-1]


def test_every_field_has_one_finite_number_per_cell(last):
    _, pulls = last
    for name in (*PER_CELL, "expected_size"):
        values = getattr(pulls, name)
        assert values.shape == (CELLS,), name
        assert values.dtype == np.float32, name
        assert np.isfinite(values).all(), name
    assert {field.name for field in fields(pulls)} >= {*PER_CELL, "valid", "conditions", "trust"}


def test_cells_without_data_have_no_pull(last):
    reading, pulls = last
    assert np.array_equal(pulls.valid, ~reading.off)
    out = ~pulls.valid
    assert out.any()
    assert not any(getattr(pulls, name)[out].any() for name in PER_CELL if name != "ratio")
    assert (pulls.ratio[out] == 1).all()


def test_pull_ratio_and_sigma_belong_together(last):
    _, pulls = last
    good = pulls.valid
    assert pulls.occupation[good] == pytest.approx((pulls.ratio[good] - 1) / pulls.occupation_sigma[good], abs=1e-2)
    assert pulls.ratio[good] == pytest.approx(pulls.observed[good] / pulls.expected[good], rel=1e-4)
    assert ((pulls.fault >= 0) & (pulls.fault <= 1)).all()


def test_conditions_are_those_of_the_cycle(last):
    reading, pulls = last
    told = pulls.conditions
    assert told["vertex_z_cm"] == pytest.approx(reading.vertices.z_cm)
    assert told["vertex_sigma_cm"] == pytest.approx(reading.vertices.sigma_cm)
    assert told["live_s"] == pytest.approx(reading.cycle_s, rel=0.03)
    strobes = {"pp": 18, "PbPb": 6}[reading.beam_type] * 40.079e6 / 3564
    assert told["frames"] == pytest.approx(0.3 * strobes * reading.cycle_s, rel=0.03)
    assert told["interactions"] == pytest.approx(reading.vertices.count / told["frames"], rel=0.02)
    assert told["run_age_s"] == reading.run_age_s
    assert all(np.isfinite(value) for value in told.values())
