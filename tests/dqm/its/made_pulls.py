"""Pulls as a nominal cycle gives them, and with something added: for tests of what looks at pulls."""

from dataclasses import replace

import numpy as np

from dqm.its.background import templates
from dqm.its.layout import CELLS, INNER
from dqm.its.pulls import Pulls

SIGMA = 0.003
EXPECTED = 0.4
CYCLE_S = 180.0


def nominal(seed: int = 0) -> Pulls:
    """Return independent normal pulls of a relative sigma of 0.3 %."""
    rng = np.random.default_rng(seed)
    occupation, size, hits, long = (rng.standard_normal(CELLS).astype(np.float32) for _ in range(4))
    expected = np.full(CELLS, EXPECTED, np.float32)
    ratio = (1 + SIGMA * occupation).astype(np.float32)
    return Pulls(
        occupation=occupation,
        ratio=ratio,
        size=size,
        hits=hits,
        long=long,
        fault=np.zeros(CELLS, np.float32),
        occupation_sigma=np.full(CELLS, SIGMA, np.float32),
        valid=np.ones(CELLS, bool),
        observed=expected * ratio,
        expected=expected,
        conditions={"cycle_s": CYCLE_S, "live_s": CYCLE_S},
        trust="",
        expected_size=np.full(CELLS, 5.0, np.float32),
    )


def scaled(pulls: Pulls, cells: list[int], ratio: float, fault: float = 0.0) -> Pulls:
    """Return the pulls with the clusters of some cells multiplied."""
    new = {name: np.array(getattr(pulls, name)) for name in ("ratio", "occupation", "observed", "fault")}
    new["ratio"][cells] *= ratio
    new["observed"][cells] *= ratio
    new["occupation"][cells] = (new["ratio"][cells] - 1) / SIGMA
    new["fault"][cells] = fault
    return replace(pulls, **new)


def with_background(pulls: Pulls, side: int, direction: int, width: int, added: float) -> Pulls:
    """Return the pulls with background that adds this share of the usual clusters to the chip that gets most."""
    share = added * templates()[side, direction, width]
    new = {name: np.array(getattr(pulls, name)) for name in ("ratio", "occupation", "observed")}
    new["ratio"][:INNER] += share
    new["observed"][:INNER] += share * EXPECTED
    new["occupation"][:INNER] += share / SIGMA
    return replace(pulls, **new)
