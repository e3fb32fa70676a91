"""Which sources of background a cycle has, and all that they leave in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from dqm.its.geometry import LAYERS, cell_positions
from dqm.its.simulate.anomalies import Anomalies, anomalies, blinded_frames, none
from dqm.its.simulate.background import Events, Source, draw_events, kernel, streaks
from dqm.its.simulate.cells import CELLS, INNER, Floats
from dqm.its.simulate.counts import Kind
from dqm.its.simulate.faults import Fault
from dqm.its.simulate.settings import Shift
from dqm.its.simulate.truth import side_of

HALO_ANGLE_RAD = 0.08
_HALO_CLUSTERS = 300.0
MOST_EVENTS_HZ = 5000.0
_EVERYWHERE_RAD = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Showers:
    """What all background of a cycle leaves: expected clusters (chips perfect), event sizes, plots, frames lost.

    ``lost``: readout frames that chips of the inner barrel miss, shape (432,).
    """

    clusters: Kind
    sizes: Floats
    plots: Anomalies
    lost: Floats


def on_side(side: int) -> Floats:
    """Return 1 for the chips of the inner barrel on a side (the middle chip is on none), shape (432,)."""
    z = np.concatenate([cell_positions(layer.number).z_cm.ravel() for layer in LAYERS[:3]])
    return (side * z > 1.0).astype(np.float64)


def halo_sources(rng: Generator, share: float, side_rates: dict[int, float], shift: Shift) -> list[Source]:
    """Return the background that is always there, from either side and all round; log-normal from run to run (0.4)."""
    angle = HALO_ANGLE_RAD * shift.background_angle_factor
    rates = [share * side_rates[side] * float(rng.lognormal(0.0, 0.4)) for side in (1, -1)]
    return [
        Source(side, rate / _side_share(side), 0.0, _EVERYWHERE_RAD, angle, _HALO_CLUSTERS, 1.0)
        for side, rate in zip((1, -1), rates, strict=True)
    ]


def source_of(fault: Fault, side_rate: float, shift: Shift) -> Source:
    """Return the source of a fault that adds its intensity to ``side_rate`` clusters per second of its side.

    Showers are larger than the fault says if there would be more than `MOST_EVENTS_HZ` of them.
    """
    side, spread = side_of(fault.cause), fault.detail("clusters_spread")
    per_second = fault.intensity * side_rate / _side_share(side)
    return Source(
        side,
        per_second,
        fault.detail("phi_rad"),
        fault.detail("spread_rad") * shift.background_phi_factor,
        fault.detail("angle_rad") * shift.background_angle_factor,
        max(fault.detail("clusters"), per_second / MOST_EVENTS_HZ / float(np.exp(spread**2 / 2))),
        spread,
    )


def showers(rng: Generator, sources: Sequence[tuple[Source, float]], alive: Floats, ordinary_pixels: Floats) -> Showers:
    """Draw what sources leave, each in its number of seconds; other arguments as for `anomalies`."""
    total = Kind(*(np.zeros(CELLS) for _ in range(3)))
    plots, lost, sizes = none(), np.zeros(INNER), [np.zeros(0)]
    for source, seconds in sources:
        events: Events = draw_events(rng, source, seconds)
        expected, shape = events.expected(), streaks(source.angle_rad)
        total = Kind(
            total.clusters + expected,
            total.pixels + expected * shape.mean,
            total.squares + expected * shape.square,
        )
        plots += anomalies(rng, events, alive, ordinary_pixels)
        lost += blinded_frames(events)
        sizes.append(events.size)
    return Showers(total, np.concatenate(sizes), plots, lost)


def _side_share(side: int) -> float:
    """Share of a shower's clusters in the inner barrel that lie on the side it comes from."""
    return float((on_side(side) @ kernel(side)[:INNER]).mean())
