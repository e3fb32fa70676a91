"""A few boards of 430 px, laid and summed up, with stand-ins for the networks."""

import numpy as np
import pytest

from inspection.flex.learned.stack import Stack, build_stack, measure_filters, measure_rebuilding
from inspection.flex.simulate.boards import design, photograph
from inspection.flex.simulate.zones import estimate_zones
from tests.inspection.flex.learned import stand_ins

BOARDS = 4


@pytest.fixture(scope="session")
def zones_and_stack(tmp_path_factory):
    laid = [
        photograph(design(1), np.random.default_rng([7, i]), width=430, registered=True).image[:, :427]
        for i in range(BOARDS)
    ]
    stack = build_stack(laid, stand_ins.features(), tmp_path_factory.mktemp("stack"), seed=0)
    measure_rebuilding(stack, stand_ins.rebuilding())
    zones = estimate_zones(stack.sums.normality().golden)
    return zones, measure_filters(stack, zones)


@pytest.fixture(scope="session")
def stack(zones_and_stack) -> Stack:
    return zones_and_stack[1]


@pytest.fixture(scope="session")
def zones(zones_and_stack):
    return zones_and_stack[0]
