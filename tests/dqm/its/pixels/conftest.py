"""Thirty simulated runs of five chips, with defects that stay, and what is learnt from them."""

from pathlib import Path

import pytest

from core.verdict import Model
from dqm.its.pixels.detector import PixelDetector
from dqm.its.pixels.hits import Hits
from dqm.its.pixels.learning import learn
from dqm.its.pixels.reference import Reference
from tests.dqm.its.pixels.telescopes import RUNS, telescope

SHARED = Path(__file__).resolve().parents[5] / "shared/data/its"


@pytest.fixture(scope="session")
def runs() -> list[Hits]:
    """Runs 0 to 29."""
    return [telescope(run) for run in range(RUNS)]


@pytest.fixture(scope="session")
def reference(runs: list[Hits]) -> Reference:
    """What the runs teach."""
    return learn(runs)


@pytest.fixture(scope="session")
def detector(reference: Reference) -> PixelDetector:
    """A detector with a budget that so few runs can show."""
    return PixelDetector(reference, Model("its-pixels", "test"), false_flags=0.02)


@pytest.fixture(scope="session")
def nominal() -> Hits:
    """A run that was not learnt from."""
    return telescope(100)


@pytest.fixture(scope="session")
def shared_its() -> Path:
    """The folder of real chip hits, which may not be redistributed; skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is absent: real hits are not part of the repository")
    return SHARED
