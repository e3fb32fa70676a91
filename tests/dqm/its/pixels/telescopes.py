"""A simulated telescope of five chips with defects that stay."""

import numpy as np

from dqm.its.pixels.hits import Hits
from dqm.its.pixels.simulate import cosmic_run, with_burst, with_hot_pixel, without_box

RUNS, PLANES = 30, 5
HOT = (3, 557, 180)
STUCK = (0, 46)
DEAD = (1, 167)


def telescope(run: int, crossings: float = 110.0) -> Hits:
    """Return a run with a hot pixel, a burst at its start, and a dead double column."""
    rng = np.random.default_rng([7, run])
    hits = cosmic_run(rng, run, crossings, PLANES)
    hits = with_burst(hits, 3, *STUCK, 256)
    hits = with_hot_pixel(hits, rng, *HOT, visits=int(rng.integers(2, 20)))
    return without_box(hits, DEAD[0], (2 * DEAD[1], 0, 2, 512))
