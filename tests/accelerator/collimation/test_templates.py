"""Templates: names of both beams, interpolation between sizes, and the way to arrays and back."""

import numpy as np
import pytest

from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.ensemble import NOMINAL, draw
from accelerator.collimation.templates import Key, canonical, from_arrays, to_arrays
from tests.accelerator.collimation.made_up import made_up_tables


@pytest.fixture(scope="module")
def table():
    return next(iter(made_up_tables(planes=("H",)).values()))


def test_beam_2_is_the_mirror_image_of_beam_1():
    assert canonical("tcp.c6r7.b2") == "tcp.c6l7.b1"
    assert canonical("TCTPH.4R1.B2") == "tctph.4l1.b1"
    assert canonical("tcp.c6l7.b1") == "tcp.c6l7.b1"
    assert canonical("ir7 ds q8-9 b2") == "ir7 ds q8-9 b1"


def test_a_key_is_read_back():
    key = Key("protons", 2, "DP+", "flat_top")
    assert Key.parse(str(key)) == key


def test_errors_between_two_sizes_are_between_their_templates(table):
    fault = table.find("tcp.c6l7.b1", Quantity.GAP)
    low, middle, high = table.delta(fault, np.array([1.0, 1.25, 1.5]))
    assert middle == pytest.approx((low + high) / 2)
    assert not table.delta(fault, np.array([0.0])).any()
    assert table.find("tcp.c6l7.b1", Quantity.ORBIT) is None


def test_tables_go_to_arrays_and_back(table):
    (back,) = from_arrays(to_arrays([table])).values()
    assert back.key == table.key
    assert back.faults == table.faults
    assert back.channels == table.channels
    assert np.abs(back.deltas - table.deltas).max() < 0.02


def test_draws_have_their_truth_and_are_reproducible(table):
    first, second = (draw(table, 200, np.random.default_rng(4), faulty=0.5) for _ in range(2))
    assert np.array_equal(first.readings.values, second.readings.values)
    assert 0.3 < (first.fault == NOMINAL).mean() < 0.7
    assert not first.change[first.fault == NOMINAL].any()
    assert (np.abs(first.change[first.fault >= 0]) > 0).all()
