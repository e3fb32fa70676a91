"""The emulator: a distribution, fast, close to the Monte Carlo on settings it has not seen, and free of numba."""

import subprocess
import sys
import time

import numpy as np
import pytest

from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.simulate.comparison import emulator_error
from accelerator.collimation.simulate.emulator import Emulator
from accelerator.collimation.simulate.faults import FAULTS, Setting
from accelerator.collimation.simulate.library import Key
from accelerator.collimation.states import State
from core.errors import InputError


@pytest.fixture(scope="module")
def emulator() -> Emulator:
    return Emulator.load()


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("plane", ["H", "V", "S", "DP+", "DP-"])
@pytest.mark.parametrize("beam", [1, 2])
def test_shares_are_a_distribution(emulator: Emulator, beam: int, plane: str, state: State) -> None:
    shares = emulator.shares((), beam, plane, state, tolerances=7)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert min(shares.values()) > 0.0


def test_a_retracted_primary_as_tracking_has_it(emulator: Emulator) -> None:
    shares = emulator.shares(FAULTS["tcp-retracted"].settings, 1, "H", State.COLLISIONS)
    assert shares["tcp.c6l7.b1"] == pytest.approx(0.644, abs=0.07)
    assert shares["tcp.b6l7.b1"] == pytest.approx(0.175, abs=0.07)


def test_tolerances_differ_by_seed_and_are_small(emulator: Emulator) -> None:
    many = np.array([emulator.logs((), 1, "H", State.COLLISIONS, tolerances=seed) for seed in range(20)])
    at = list(emulator.shares((), 1, "H", State.COLLISIONS)).index("tcp.c6l7.b1")
    assert 0.001 < np.exp(many[:, at]).std() < 0.03


@pytest.mark.parametrize(("beam", "plane"), [(1, "H"), (1, "V"), (2, "H"), (2, "V")])
def test_half_of_unseen_settings_are_within_three_hundredths(beam: int, plane: str) -> None:
    assert np.median(emulator_error(Key(beam, plane, State.COLLISIONS))) < 0.03


def test_one_pattern_takes_milliseconds(emulator: Emulator) -> None:
    emulator.shares((), 1, "H", State.COLLISIONS, tolerances=1)
    took = []
    for seed in range(20):
        begin = time.perf_counter()
        emulator.shares((), 1, "H", State.COLLISIONS, tolerances=seed)
        took.append(time.perf_counter() - begin)
    assert min(took) < 0.01


def test_what_is_not_known_is_refused(emulator: Emulator) -> None:
    with pytest.raises(InputError):
        emulator.shares((Setting("tcl.4r1.b1", Quantity.TILT, 50.0),), 1, "H", State.COLLISIONS)
    with pytest.raises(InputError):
        emulator.shares((), 1, "Q", State.COLLISIONS)


def test_emulator_and_stream_come_without_numba_or_torch() -> None:
    code = (
        "import sys\n"
        "from accelerator.collimation.simulate.emulator import Emulator\n"
        "import accelerator.collimation.simulate.stream\n"
        "from accelerator.collimation.states import State\n"
        "Emulator.load().shares((), 1, 'H', State.COLLISIONS, tolerances=1)\n"
        "print([name for name in ('numba', 'torch') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
