"""The hits of one run, checked; as an observation and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.observation import Observation
from dqm.its.pixels.chip import COLUMNS, ROWS, Ints

MAX_HITS = 1_000_000
MAX_PLANE = 24_119
"""Every chip of the tracker has a number below this one or equal to it."""
MAX_NUMBER = 2**40
DETECTOR = "telescope"
_ARRAYS = {"event": MAX_NUMBER, "plane": MAX_PLANE, "column": COLUMNS - 1, "row": ROWS - 1}


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """One run.

    Parameters
    ----------
    run
        Number of the run.
    events
        How many events were read out (those without a hit may have been left out where the data were written).
    event, plane, column, row
        One entry per hit, ordered by plane, event, row and column, each hit once.
    """

    run: int
    events: int
    event: Ints
    plane: Ints
    column: Ints
    row: Ints

    @property
    def planes(self) -> tuple[int, ...]:
        """The chips that have hits, ascending."""
        return tuple(np.unique(self.plane).tolist())


def checked(run: int, events: int, arrays: Mapping[str, NDArray[np.generic]], origin: str) -> Hits:
    """Return the hits of a run, in order and without repetitions.

    Parameters
    ----------
    arrays
        ``event``, ``plane``, ``column`` and ``row``, integers of shape (hits,).

    Raises
    ------
    core.errors.InputError
        If an array is missing, has another shape or type, holds an impossible number, or there are more than a million
        hits or more numbers of events with hits than ``events``.
    """
    for what, number in (("run", run), ("events", events)):
        if not 0 <= number <= MAX_NUMBER:
            raise InputError(origin, f"{what} {number} is not within 0 and {MAX_NUMBER}")
    columns = {name: _numbers(name, arrays.get(name), highest, origin) for name, highest in _ARRAYS.items()}
    if len({array.size for array in columns.values()}) > 1:
        raise InputError(origin, "arrays of hits have different lengths: " + _lengths(columns))
    order = np.lexsort((columns["column"], columns["row"], columns["event"], columns["plane"]))
    table = np.stack([columns[name][order] for name in _ARRAYS])
    first = np.ones(order.size, dtype=bool)
    first[1:] = (table[:, 1:] != table[:, :-1]).any(axis=0)
    hits = Hits(run, events, *table[:, first])
    if (seen := np.unique(hits.event).size) > events:
        raise InputError(origin, f"has hits in {seen} events of {events}")
    return hits


def to_observation(
    hits: Hits, observed_at: datetime, origin: str, sha256: str, detector: str = DETECTOR
) -> Observation:
    """Return the observation ``its`` / ``detector`` / ``run N``."""
    return Observation(
        system="its",
        element=detector,
        key=f"run {hits.run}",
        observed_at=observed_at,
        origin=origin,
        sha256=sha256,
        conditions={"run": hits.run, "events": hits.events, "kind": "pixel hits"},
        payload={name: getattr(hits, name) for name in _ARRAYS},
        axes=dict.fromkeys(_ARRAYS, ("hit",)),
    )


def from_observation(observation: Observation) -> Hits:
    """Return the hits that an observation carries; raises as `checked`."""
    numbers = [observation.conditions.get(name) for name in ("run", "events")]
    if not all(isinstance(number, int) for number in numbers):
        raise InputError(observation.origin, "has no number of the run or of its events")
    run, events = (int(number) for number in numbers if number is not None)
    return checked(run, events, observation.payload, observation.origin)


def _numbers(name: str, array: NDArray[np.generic] | None, highest: int, origin: str) -> Ints:
    if array is None:
        raise InputError(origin, f"has no array called {name}")
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InputError(origin, f"{name} is {array.dtype} of shape {array.shape}, not a list of integers")
    if array.size > MAX_HITS:
        raise InputError(origin, f"{name} has {array.size} hits, more than {MAX_HITS}")
    if array.size and (int(array.min()) < 0 or int(array.max()) > highest):
        raise InputError(origin, f"{name} goes from {array.min()} to {array.max()}, not within 0 and {highest}")
    return array.astype(np.int64)


def _lengths(columns: Mapping[str, Ints]) -> str:
    return ", ".join(f"{name} {array.size}" for name, array in columns.items())
