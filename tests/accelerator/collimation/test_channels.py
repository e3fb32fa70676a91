import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as checks
from hypothesis import strategies as st

from accelerator.collimation.channels import (
    GROUPS,
    channels,
    group_at,
    in_zone,
    index,
    is_in_ds,
    monitor_channels,
    names,
)
from accelerator.collimation.geometry import IP_M, LHC_LENGTH_M, collimators
from accelerator.collimation.monitors import monitor, monitors, position_of_monitor, positions_m
from core.errors import InputError


@pytest.mark.parametrize("beam", [1, 2])
def test_channels_are_collimators_and_groups(beam):
    found = names(beam)
    assert len(set(found)) == len(found)
    assert set(GROUPS) & set(found) == {name for name in GROUPS if name.endswith(f"b{beam}")}
    assert all(channels(beam)[at].name == name for name, at in index(beam).items())


@checks(deadline=None)
@given(st.floats(0, LHC_LENGTH_M), st.sampled_from([1, 2]))
def test_every_place_of_the_ring_is_in_one_group(s_m, beam):
    (at,) = group_at([s_m], beam)
    assert names(beam)[at] in GROUPS


def test_places_of_the_facts():
    assert [names(1)[at] for at in group_at([20300.0, 20400.0, 20530.0, 19800.0, 10.0, 30.0], 1)] == [
        "ir7 ds q8-9 b1",
        "ir7 ds q10-11 b1",
        "cold arc 78 b1",
        "warm ir7 b1",
        "warm elsewhere b1",
        "triplet ir1 b1",
    ]
    mirrored = 2 * IP_M[7] - np.array([20300.0, 20400.0])
    assert [names(2)[at] for at in group_at(mirrored, 2)] == ["ir7 ds q8-9 b2", "ir7 ds q10-11 b2"]
    assert names(2)[group_at([20300.0], 2)[0]] == "cold arc 78 b2", "upstream of IR7 for beam 2"
    assert is_in_ds([20300.0, 19700.0], 1).tolist() == [True, False]
    assert in_zone("IP1", [26300.0, 100.0, 13000.0]).tolist() == [True, True, False]


@pytest.mark.parametrize("beam", [1, 2])
def test_a_monitor_is_in_one_channel_of_its_beam(beam):
    everything = tuple(one.name for one in monitors())
    found = monitor_channels(everything, beam)
    for one, at in zip(monitors(), found, strict=True):
        if at >= 0:
            assert one.beam in {0, beam}
            assert one.is_ionisation_chamber
    own = {one.name for one in collimators(beam, active=True) if one.blm}
    seen = {names(beam)[at] for at in found if at >= 0}
    assert own - seen <= {"tdisa.a4l2.b1", "tdisb.a4l2.b1", "tdisa.a4r8.b2", "tdisb.a4r8.b2"}, "share one chamber"
    assert {name for name in GROUPS if name.endswith(f"b{beam}")} <= seen


def test_unknown_monitors_are_in_no_channel():
    assert monitor_channels(("BLMQI.99Z9.B1E10_NONE", "blmti.06l7.b1e10_tcp.c6l7.b1:LOSS_RS09"), 1).tolist() == [
        -1,
        index(1)["tcp.c6l7.b1"],
    ]


def test_monitors_by_name():
    assert len(monitors()) == 3961
    assert len(monitors(ionisation=True)) == 3666
    assert position_of_monitor("BLMTI.06L7.B1E10_TCP.C6L7.B1:LOSS_RS09") == (19792.05, "coll")
    assert monitor("blmti.06l7.b1e10_tcp.c6l7.b1").beam == 1
    with pytest.raises(InputError, match="no beam-loss monitor"):
        monitor("BLMTI.NOWHERE")
    assert np.isnan(positions_m(("nothing", "BLMTI.06L7.B1E10_TCP.C6L7.B1"))).tolist() == [True, False]
