"""Monitors: the measured cascade, levels, noise, and what electronics do."""

import numpy as np
import pytest

from accelerator.collimation.channels import channels
from accelerator.collimation.monitors import monitors
from accelerator.collimation.simulate.blm import SATURATION_GY_PER_S, Response, draw_dead, model_error_factors
from accelerator.collimation.simulate.emulator import Emulator
from accelerator.collimation.states import State

MEASURED_B2V = {
    "BLMTI.06R7.B2I10_TCP.D6R7.B2": 0.51,
    "BLMTI.06R7.B2I10_TCP.C6R7.B2": 1.0,
    "BLMTI.06R7.B2I10_TCP.B6R7.B2": 0.61,
    "BLMAI.06R7.B2I10_MBW.B6R7": 0.17,
    "BLMEI.06R7.B2I10_TCSM.A6R7.B2": 0.23,
    "BLMTI.05R7.B2I10_TCSG.A5R7.B2": 0.136,
    "BLMTI.04R7.B2I10_TCSG.D4R7.B2": 0.060,
    "BLMTI.04R7.B2I10_TCSG.A4R7.B2": 0.034,
    "BLMEI.05L7.B2I10_TCSM.B5L7.B2": 0.048,
    "BLMTI.06L7.B2I10_TCLA.A6L7.B2": 4.2e-3,
    "BLMTI.06L7.B2I10_TCLA.C6L7.B2": 9e-4,
    "BLMTI.07L7.B2I10_TCLA.A7L7.B2": 5e-4,
}
"""2018-04-13, 450 GeV, relative to the highest (facts/collimation.md, A1)."""


@pytest.fixture(scope="module")
def response() -> Response:
    return Response.load()


def _signal(response: Response, beam: int, plane: str, state: State, energy_gev: float) -> np.ndarray:
    shares = Emulator.load().shares((), beam, plane, state)
    return response.signals({beam: {name: 1e10 * share for name, share in shares.items()}}, energy_gev)


def test_in_a_vertical_map_the_highest_monitor_is_that_of_the_next_primary(response: Response) -> None:
    signal = _signal(response, 1, "V", State.COLLISIONS, 6800.0)
    assert response.names[int(signal.argmax())] == "BLMTI.06L7.B1E10_TCP.C6L7.B1"


def test_measured_cascade_of_beam_2_is_met_within_a_factor_of_three(response: Response) -> None:
    signal = _signal(response, 2, "V", State.INJECTION, 450.0)
    place = {name: at for at, name in enumerate(response.names)}
    ratios = np.array([signal[place[name]] / signal.max() / there for name, there in MEASURED_B2V.items()])
    assert np.abs(np.log(ratios)).max() < np.log(5.0)
    assert np.median(np.abs(np.log(ratios))) < np.log(2.5)


def test_dispersion_suppressor_is_at_the_measured_level(response: Response) -> None:
    signal = _signal(response, 1, "H", State.COLLISIONS, 6800.0)
    s_m = np.array([one.s_m for one in monitors(ionisation=True)])
    cold = np.array([one.kind == "cold" for one in monitors(ionisation=True)])
    ratio = signal[(s_m > 20270) & (s_m < 20594) & cold].max() / signal.max()
    assert 1e-4 / 3 < ratio < 1.4e-4 * 3


def test_the_other_beam_is_seen_through_its_pipe_only_weakly(response: Response) -> None:
    place = {name: at for at, name in enumerate(response.names)}
    own, other = (
        place[f"BLMTI.06{side}7.B{name}"] for side, name in (("L", "1E10_TCP.C6L7.B1"), ("R", "2I10_TCP.C6R7.B2"))
    )
    signal = _signal(response, 1, "H", State.COLLISIONS, 6800.0)
    assert signal[other] < 1e-3 * signal[own]


def test_readings_have_background_steps_saturation_and_dead_chambers(response: Response) -> None:
    rng = np.random.default_rng(1)
    dead = draw_dead(response, rng)
    quiet = response.read(np.zeros((50, len(response.names)), np.float32), rng, dead)
    arcs = np.array([one.kind == "cold" for one in monitors(ionisation=True)]) & ~dead
    assert 2.3e-7 < quiet[:, arcs].mean() < 2.9e-7
    assert (quiet[:, dead] == 0).all()
    assert 0 < dead.sum() < 40
    loud = response.read(np.full(len(response.names), 100.0, np.float32), rng)
    assert loud.max() <= np.float32(SATURATION_GY_PER_S)


def test_model_error_is_a_factor_for_each_channel_and_nothing_at_scale_0() -> None:
    factors = model_error_factors(np.random.default_rng(2), 1)
    assert factors.shape == (len(channels(1)),)
    assert factors.min() > 0
    assert model_error_factors(np.random.default_rng(2), 1, 0.0) == pytest.approx(1.0)
