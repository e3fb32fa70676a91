"""Jaws: gaps in beam sizes, errors, bumps and tolerances."""

import numpy as np
import pytest

from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.simulate.faults import FAULTS, Setting
from accelerator.collimation.simulate.setup import jaws
from accelerator.collimation.states import State
from core.errors import InputError

PRIMARY = "tcp.c6l7.b1"


def test_primary_stands_at_five_sigma_of_the_tracked_machine() -> None:
    made = jaws(1, State.COLLISIONS)
    at = made.names.index(PRIMARY)
    # jaws of the tracked runs: 1.2394 and -1.4065 mm about an orbit of -0.0835 mm
    assert 1e3 * made.left_m[at] == pytest.approx(1.323, abs=0.003)
    assert made.left_m[at] == made.right_m[at]


def test_errors_move_the_jaws_they_name() -> None:
    nominal = jaws(1, State.COLLISIONS)
    at = nominal.names.index(PRIMARY)
    wider = jaws(1, State.COLLISIONS, (Setting(PRIMARY, Quantity.GAP, 1.0),))
    assert wider.left_m[at] - nominal.left_m[at] == pytest.approx(nominal.sigma_m[at])
    moved = jaws(1, State.COLLISIONS, (Setting(PRIMARY, Quantity.OFFSET, 0.25),))
    assert moved.left_m[at] - nominal.left_m[at] == pytest.approx(0.25e-3)
    assert moved.right_m[at] - nominal.right_m[at] == pytest.approx(-0.25e-3)
    assert np.delete(moved.left_m, at) == pytest.approx(np.delete(nominal.left_m, at))


def test_orbit_bump_reaches_the_neighbours_but_not_the_other_side_of_the_ring() -> None:
    nominal = jaws(1, State.COLLISIONS)
    bumped = jaws(1, State.COLLISIONS, (Setting(PRIMARY, Quantity.ORBIT, 0.3),))
    change = {name: 1e3 * (b - a) for name, a, b in zip(nominal.names, nominal.left_m, bumped.left_m, strict=True)}
    assert change[PRIMARY] == pytest.approx(-0.3)
    assert change["tcp.d6l7.b1"] == pytest.approx(0.0, abs=1e-6)
    assert change["tcp.b6l7.b1"] != 0.0
    assert change["tctph.4l5.b1"] == pytest.approx(0.0, abs=1e-12)


def test_tolerances_are_drawn_for_every_jaw() -> None:
    nominal = jaws(1, State.COLLISIONS)
    many = [jaws(1, State.COLLISIONS, tolerances=np.random.default_rng(seed)) for seed in range(60)]
    both = nominal.names.index(PRIMARY)
    centre = [1e3 * (one.left_m[both] - one.right_m[both]) / 2 for one in many]
    gap = [(one.left_m[both] + one.right_m[both]) / 2 / one.sigma_m[both] for one in many]
    assert np.std(centre) == pytest.approx(0.010, rel=0.3)
    assert np.std(gap) == pytest.approx(0.05, rel=0.3)


@pytest.mark.parametrize("element", ["tcp.c6r7.b2", "tdisa.a4l2.b1"])
def test_an_element_of_the_other_beam_or_parked_is_refused(element: str) -> None:
    with pytest.raises(InputError):
        jaws(1, State.COLLISIONS, (Setting(element, Quantity.GAP, 1.0),))


def test_named_faults_fit_the_machine_and_its_mirror() -> None:
    for fault in FAULTS.values():
        for beam in (1, 2):
            assert jaws(beam, State.COLLISIONS, fault.of_beam(beam)).names
