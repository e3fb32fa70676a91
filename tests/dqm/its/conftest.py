"""A reference fitted to simulated nominal runs and held-out runs of other detectors, once for all tests; a QCDB."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from core.clock import ManualClock
from dqm.its.expected import Reference
from dqm.its.nominal import fit_reference
from dqm.its.qcdb.server import FakeQcdb
from dqm.its.reading import Reading, read
from dqm.its.simulate.beams import BeamType
from dqm.its.simulate.settings import SHIFTS
from tests.dqm.its.nominal_runs import observations, settings, training
from tests.dqm.its.scene import START, Scene

HELD_OUT = 40
"""Runs and detectors from this number on take no part in the fit."""


@pytest.fixture(scope="session")
def its_reference() -> Reference:
    """What five nominal runs of each beam type teach."""
    return fit_reference(observations(run) for run in training())


@pytest.fixture(scope="session")
def its_runs() -> Callable[..., list[Reading]]:
    """Returns held-out runs by beam type and shift of the generator, each simulated once."""
    kept: dict[tuple[str, str, float], list[Reading]] = {}

    def run(beams: str = "pp", shift: str = "nominal", hours: float = 1.2) -> list[Reading]:
        key = (beams, shift, hours)
        if key not in kept:
            number = HELD_OUT + sorted(SHIFTS).index(shift)
            made = settings(BeamType(beams), number, hours, shift=SHIFTS[shift])
            kept[key] = [read(one) for one in observations(made)]
        return kept[key]

    return run


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A fake QCDB, a source that reads it, one clock for both."""
    clock = ManualClock(START)
    with FakeQcdb(clock=clock) as server:
        made = Scene(server, clock)
        with closing(made.source):
            yield made
