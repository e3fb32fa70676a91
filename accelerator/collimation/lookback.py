"""Loss maps out of a stream that comes in pieces: an excitation and its background may lie in several of them."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from accelerator.collimation.blowup import BACKGROUND_S, GUARD_S, LONGEST_S, excitations, lossmap
from core.errors import InputError
from core.observation import Array, Observation

PLANES = ("H", "V", "S", "DP")
"""Without the damper's flag, a rise of losses that shows none of these is a spike, not a loss map."""
KEPT_S = LONGEST_S + BACKGROUND_S + GUARD_S + 30.0
"""Seconds that are remembered: the longest excitation, its background, and some more."""


class Lookback:
    """Remembers the end of a stream; gives each excitation once, when it is over."""

    def __init__(self) -> None:
        self._tail: Observation | None = None

    def taken(self, piece: Observation) -> Iterator[Observation]:
        """Yield the loss maps of the excitations that are over with this piece (none twice, none of late pieces)."""
        tail = self._tail if self._tail is not None and _fit(self._tail, piece) else None
        before = 0 if tail is None else len(tail.payload["time_unix_s"])
        joined = piece if tail is None else _joined(tail, piece)
        if joined is None:
            return
        self._tail = _end(joined)
        count = len(joined.payload["time_unix_s"])
        for one in excitations(joined):
            if before <= one.end < count:
                try:
                    cut = lossmap(joined, one)
                except InputError:  # nothing was measured before it: there is no background to take off
                    continue
                if one.by_flag or cut.conditions["plane"] in PLANES:
                    yield cut


def _fit(tail: Observation, piece: Observation) -> bool:
    """Whether two pieces are of one stream: the same monitors and columns, and not far apart."""
    if tail.payload.keys() != piece.payload.keys():
        return False
    apart_s = float(piece.payload["time_unix_s"][0] - tail.payload["time_unix_s"][-1])
    return apart_s < BACKGROUND_S and np.array_equal(tail.payload["monitor"], piece.payload["monitor"])


def _joined(tail: Observation, piece: Observation) -> Observation | None:
    """The piece behind the tail, None if it holds nothing new."""
    is_new = piece.payload["time_unix_s"] > tail.payload["time_unix_s"][-1]
    if not is_new.any():
        return None
    payload: dict[str, Array] = {
        name: values if name == "monitor" else np.concatenate((tail.payload[name], values[is_new]))
        for name, values in piece.payload.items()
    }
    return replace(piece, payload=payload)


def _end(joined: Observation) -> Observation:
    time_s = np.asarray(joined.payload["time_unix_s"], dtype=float)
    kept = time_s >= time_s[-1] - KEPT_S
    payload = {name: values if name == "monitor" else values[kept] for name, values in joined.payload.items()}
    return replace(joined, payload=payload)
