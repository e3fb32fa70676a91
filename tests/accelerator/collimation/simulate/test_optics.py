"""Optics of both beams: tunes of the machine, symplectic maps, mirrored names."""

import numpy as np
import pytest

from accelerator.collimation.geometry import collimators
from accelerator.collimation.simulate.optics import dispersive_orbit, mirrored, optics


def _turn(maps: np.ndarray) -> np.ndarray:
    turn = np.eye(2)
    for one in maps:
        turn = one.reshape(2, 2) @ turn
    return turn


@pytest.mark.parametrize("beam", [1, 2])
@pytest.mark.parametrize(("plane", "tune"), [("mx", 0.3154), ("my", 0.3186)])
def test_one_turn_has_the_tune_of_the_line_and_keeps_areas(beam: int, plane: str, tune: float) -> None:
    line = optics(beam)
    turn = _turn(getattr(line, plane)[:, np.flatnonzero(line.delta == 0)[0]])
    assert np.arccos(np.trace(turn) / 2) / (2 * np.pi) == pytest.approx(tune, abs=1e-3)
    assert np.linalg.det(turn) == pytest.approx(1.0, abs=1e-3)


def test_both_beams_have_every_collimator_that_is_in_at_top_energy() -> None:
    for beam in (1, 2):
        line = optics(beam)
        there = {name for name, one in zip(line.names, line.is_collimator, strict=True) if one}
        wanted = {
            one.name
            for one in collimators(beam, active=True)
            if one.family.value[:3] in {"TCP", "TCS", "TCL", "TCT", "TCD"} and one.family.value not in {"TCLI", "TCLD"}
        }
        assert wanted <= there


def test_names_are_mirrored_at_the_interaction_point() -> None:
    assert mirrored("tcp.c6l7.b1") == "tcp.c6r7.b2"
    assert mirrored("tctph.4l1.b1") == "tctph.4r1.b2"
    assert mirrored("tcsg.a4r7.b1") == "tcsg.a4l7.b2"


def test_orbit_off_momentum_begins_with_the_dispersion() -> None:
    line = optics(1)
    at = line.names.index("tcp.6l3.b1")
    delta, orbit = dispersive_orbit(line, at)
    small = np.argmin(np.abs(delta - 0.0007))
    assert orbit[small, 0] / delta[small] == pytest.approx(line.twiss["dx"][at], rel=0.02)
