import pytest
from hypothesis import given
from hypothesis import settings as checks
from hypothesis import strategies as st

from accelerator.collimation import geometry
from accelerator.collimation.families import Family
from accelerator.collimation.geometry import LHC_LENGTH_M, along, collimators, find, is_warm
from core.errors import InputError


def test_all_collimators_are_there():
    assert len(collimators()) == 115
    assert [len(collimators(beam)) for beam in (1, 2)] == [57, 58]
    assert [len(collimators(beam, active=True)) for beam in (1, 2)] == [52, 52]
    assert sum(one.family is Family.TCSG7 and one.active for one in collimators(1)) == 11


@pytest.mark.parametrize("beam", [1, 2])
def test_a_beam_meets_its_collimators_in_order(beam):
    own = collimators(beam)
    way = [along(one.s_m, beam) for one in own]
    assert way == sorted(way)
    ir7 = [one.name for one in own if one.family is Family.TCP7]
    assert [name[4] for name in ir7] == ["d", "c", "b"], "V, H, skew"
    assert {one.angle_deg for one in own if one.name[:5] == "tcp.d"} == {90.0}


@pytest.mark.parametrize("name", ["TCP.C6L7.B1", "tcp_c6l7_b1", " Tcp.C6L7_b1 ", "tcp c6l7 b1"])
def test_a_name_is_found_in_any_writing(name):
    assert find(name).name == "tcp.c6l7.b1"


def test_an_unknown_name_tells_the_nearest():
    with pytest.raises(InputError, match=r"nearest: tcp\.c6l7\.b1") as caught:
        find("tcp.c6l7.b3")
    assert isinstance(caught.value, KeyError)
    with pytest.raises(InputError):
        find("")


def test_warm_stretch_wraps_round_ip1():
    assert is_warm([0.0, 2.0, 26650.0]).all()
    assert not is_warm([40.0, 20300.0]).any()


def test_ds_is_mirrored_at_ip7():
    (begin, end), (begin_2, end_2) = geometry.ds_range(1), geometry.ds_range(2)
    assert begin - geometry.IP_M[7] == pytest.approx(geometry.IP_M[7] - end_2)
    assert end - begin == pytest.approx(end_2 - begin_2)
    assert not is_warm([begin + 1, end - 1, begin_2 + 1, end_2 - 1]).any()


@checks(deadline=None)
@given(st.floats(0, LHC_LENGTH_M - 1e-6))
def test_way_along_a_beam_and_back(s_m):
    assert 0 <= along(s_m, 2) < LHC_LENGTH_M
    assert along(along(s_m, 2), 2) == pytest.approx(s_m, abs=1e-6)
    assert along(s_m, 1) == s_m


def test_chambers_stand_at_their_collimators():
    from accelerator.collimation.monitors import monitor

    for one in collimators():
        if one.blm:
            found = monitor(one.blm)
            assert found.is_ionisation_chamber
            assert abs(found.s_m - one.s_m) < 8, one.name
            assert found.beam == one.beam or one.family in {Family.TCLI, Family.TDI}, one.name
