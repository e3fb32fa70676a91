import pytest

from accelerator.collimation.families import Family
from accelerator.collimation.geometry import collimators, find
from accelerator.collimation.states import (
    STAGES,
    State,
    emittance_m,
    energy_gev,
    family_settings,
    half_gap_mm,
    settings,
    sigma_mm,
    state_of,
)


def test_beam_size_is_that_of_the_optics():
    assert emittance_m(6800) == pytest.approx(4.83e-10, rel=1e-3)
    for one in collimators():
        assert sigma_mm(one, 6800) == pytest.approx(one.sigma_mm, rel=2e-3), one.name
    assert sigma_mm("TCP.C6L7.B1", 6800) == pytest.approx(0.263, abs=5e-4)


@pytest.mark.parametrize("state", list(State))
def test_hierarchy_is_in_order(state):
    gaps = family_settings(state)
    for stage in STAGES:
        inner, outer = gaps[stage.inner], gaps[stage.outer]
        assert inner is not None
        assert outer is not None
        assert inner < outer, (state, stage)


def test_settings_of_the_facts():
    collisions = settings(State.COLLISIONS)
    assert collisions["tcp.c6l7.b1"] == 5.0
    assert collisions["tcspm.b4l7.b1"] == 6.5
    assert collisions["tctph.4l1.b1"] == 8.5
    assert collisions["tcl.4r1.b1"] == 17
    assert collisions["tcsg.b4l7.b1"] is None, "not in use"
    assert settings(State.SQUEEZE)["tcl.4r1.b1"] is None
    assert settings(State.INJECTION)["tcp.6l3.b1"] == 8
    in_use = [name for name, gap in collisions.items() if gap is not None and find(name).beam == 1]
    assert len(in_use) == 46


def test_half_gap_in_millimetres():
    assert half_gap_mm("tcp.c6l7.b1", State.COLLISIONS) == pytest.approx(1.313, abs=1e-3)
    assert half_gap_mm("tcla.a6r7.b1", State.COLLISIONS) == pytest.approx(1.588, abs=2e-3)
    assert half_gap_mm("tdisa.a4l2.b1", State.COLLISIONS) is None
    wide = half_gap_mm("tcp.c6l7.b1", State.INJECTION)
    assert wide is not None
    assert wide > 5


@pytest.mark.parametrize(
    ("mode", "energy", "state"),
    [
        ("STABLE", 6800, State.COLLISIONS),
        ("INJPHYS", 450, State.INJECTION),
        ("FLAT TOP", None, State.FLAT_TOP),
        ("ADJUST", None, State.SQUEEZE),
        ("RAMP", 3000, None),
        ("NOBEAM", 0, None),
        ("", 450, State.INJECTION),
        (None, 6800, None),
        (None, None, None),
    ],
)
def test_state_of_mode_and_energy(mode, energy, state):
    assert state_of(mode, energy) is state


def test_every_family_has_its_settings():
    assert set(family_settings(State.FLAT_TOP)) == set(Family)
    assert energy_gev(State.INJECTION) == 450
