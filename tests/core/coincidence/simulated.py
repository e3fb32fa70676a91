"""A past without any connection: fills that come and go, alarms that follow their rhythm, numbers that wander."""

import numpy as np
from scipy.signal import lfilter

from core.coincidence.followed import Followed
from core.coincidence.history import STEP_S, Bools, Floats, History, Onset, Track

BEGINS_S = 1_700_000_100.0 // STEP_S * STEP_S
DAY = 86_400 // STEP_S
HOUR = 3600 // STEP_S
SHIFT_S = 8 * 3600.0


def fills(rng: np.random.Generator, steps: int) -> "np.typing.NDArray[np.str_]":
    """Return modes: stable beams of about ten hours, a dump, then injection and ramp; the last fill goes on."""
    modes: list[str] = []
    while len(modes) < steps:
        modes += ["INJPHYS"] * int(rng.integers(6, 24)) + ["RAMP"] * 4 + ["FLATTOP"] * 3
        modes += ["STABLE"] * int(2 + rng.exponential(10 * HOUR)) + ["NOBEAM"] * int(rng.integers(6, 36))
    return np.array(modes[:steps])


def steady_since(modes: "np.typing.NDArray[np.str_]") -> Floats:
    """Return for each step how many seconds beams are stable, NaN where they are not."""
    since, found = 0, []
    for mode in modes:
        since = since + 1 if mode == "STABLE" else 0
        found.append((since - 0.5) * STEP_S if since else np.nan)
    return np.array(found)


def with_rhythm(
    rng: np.random.Generator, modes: "np.typing.NDArray[np.str_]", system: str, first_id: int, per_day: float = 4.0
) -> list[Onset]:
    """Return alarms of one stream: twenty times as many in the first twenty minutes of stable beams, in bunches."""
    since = steady_since(modes)
    rate = np.where(since < 1200, 20.0, np.where(np.isfinite(since), 1.0, 0.3)) * per_day / DAY / 1.7
    starts = np.flatnonzero(rng.random(len(modes)) < rate) * STEP_S + rng.random() * STEP_S
    times = np.concatenate([start + np.cumsum(rng.exponential(600, rng.geometric(0.6))) for start in starts] or [[]])
    inside = np.sort(times[times < len(modes) * STEP_S])
    return [Onset(BEGINS_S + float(at), system, "a kind", first_id + number) for number, at in enumerate(inside)]


def wandering(rng: np.random.Generator, steps: int, memory: float) -> Floats:
    """Return an autocorrelated series of unit variance: ``memory`` from step to step (Ornstein and Uhlenbeck)."""
    noise = rng.normal(size=steps + 2000)
    found: Floats = lfilter([1.0], [1.0, -memory], noise)[2000:] * np.sqrt(1 - memory**2)
    return found


def history(
    modes: "np.typing.NDArray[np.str_] | None",
    steps: int,
    onsets: list[Onset] | None = None,
    tracks: dict[str, Floats] | None = None,
    beams: dict[str, Floats] | None = None,
) -> History:
    """Return a history in which every system was watched all the time."""
    told, watched = tracks or {}, np.ones(steps, bool)
    names = {*(one.system for one in onsets or ()), *told}
    return History(
        begins_s=BEGINS_S,
        watched=dict.fromkeys(names, watched),
        onsets=tuple(onsets or ()),
        tracks=tuple(Track(name, followed(name), values) for name, values in told.items()),
        beams=tuple(Track("machine", followed(name), values) for name, values in (beams or {}).items()),
        modes=modes,
        steady=None if modes is None else modes == "STABLE",
    )


def followed(name: str) -> Followed:
    """Return a declaration of a number that follows the beams."""
    return Followed(name, name, "", with_beam=True, kinds=frozenset({"a kind"}))


def all_steady(modes: "np.typing.NDArray[np.str_]", last: int) -> Bools:
    """Whether the last steps are all of stable beams for more than half an hour."""
    return np.asarray(steady_since(modes)[-last:] > 1800)
