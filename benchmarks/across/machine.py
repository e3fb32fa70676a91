"""Two weeks of the LHC: modes, energy, protons and luminosity by step of time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.coincidence.history import STEP_S, Floats

HOUR = 3600 // STEP_S
PROTONS = 3.1e14
DECAY_H = 12.0
INTERACTIONS = 2.1
_RAMP = ["RAMP"] * 4 + ["FLATTOP"] * 2 + ["ADJUST"] * 3


@dataclass(frozen=True, slots=True, eq=False)
class Weeks:
    """What holds in each step; ``since_h``: hours since beams became stable, NaN where they are not."""

    modes: NDArray[np.str_]
    fill: NDArray[np.int64]
    energy_gev: Floats
    protons: Floats
    luminosity: Floats
    since_h: Floats

    @property
    def steady(self) -> NDArray[np.bool_]:
        """Where beams are stable."""
        return np.isfinite(self.since_h)


def weeks(rng: np.random.Generator, steps: int, last_h: float | None = None) -> Weeks:
    """Return fills of about ten hours and what is between them; the last one is ``last_h`` old at the end."""
    modes: list[str] = []
    while len(modes) < steps:
        modes += ["INJPHYS"] * int(rng.integers(6, 24)) + _RAMP
        modes += ["STABLE"] * int(6 + rng.exponential(10 * HOUR)) + ["NOBEAM"] * int(rng.integers(6, 36))
    if last_h is not None:
        last = ["NOBEAM"] * 6 + ["INJPHYS"] * 6 + _RAMP + ["STABLE"] * int(last_h * HOUR)
        modes = modes[: steps - len(last)] + last
    return _told(rng, np.array(modes[:steps]))


def _told(rng: np.random.Generator, modes: NDArray[np.str_]) -> Weeks:
    new = np.flatnonzero((modes[1:] == "INJPHYS") & (modes[:-1] != "INJPHYS")) + 1
    fill = np.searchsorted(new, np.arange(len(modes)), side="right")
    first = np.flatnonzero((modes == "STABLE") & (np.roll(modes, 1) != "STABLE"))
    place = np.searchsorted(first, np.arange(len(modes)), side="right") - 1
    since = np.where(
        (modes == "STABLE") & (place >= 0), (np.arange(len(modes)) - first[np.maximum(place, 0)]) / HOUR, np.nan
    )
    size = rng.uniform(0.8, 1.0, fill.max() + 1)[fill]
    left = np.exp(-np.nan_to_num(since) / DECAY_H)
    energy = np.where(np.isin(modes, ["FLATTOP", "ADJUST", "STABLE"]), 6800.0, np.where(modes == "RAMP", 3600.0, 450.0))
    return Weeks(
        modes=modes,
        fill=10_000 + fill,
        energy_gev=energy,
        protons=np.where(modes == "NOBEAM", 0.0, PROTONS * size * left),
        luminosity=np.where(
            np.isfinite(since), INTERACTIONS * size * left**1.6 * (1 + 0.03 * rng.normal(size=len(modes))), 0.0
        ),
        since_h=since,
    )


def wandering(rng: np.random.Generator, steps: int, memory: float) -> Floats:
    """Return an autocorrelated series of unit variance: ``memory`` from step to step."""
    found, last = np.empty(steps), rng.normal()
    noise = rng.normal(size=steps) * np.sqrt(1 - memory**2)
    for number in range(steps):
        last = memory * last + noise[number]
        found[number] = last
    return found
