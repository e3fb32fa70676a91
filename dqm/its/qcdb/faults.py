"""What the fake QCDB can be told to do wrong, for drills."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from threading import Lock

import numpy as np

from core.errors import InputError
from dqm.its.histogram import Histogram, decode, encode


class FaultKind(StrEnum):
    """Ways to fail while the server still listens (``FakeQcdb.down`` is the one where it does not)."""

    SLOW = "slow"
    NOT_FOUND = "not found"
    ERROR = "error"
    HALF_BODY = "half body"
    WRONG_SUM = "wrong checksum"
    WRONG_TYPE = "wrong type"
    CHANGED_BINNING = "changed binning"
    NO_LISTING = "no listing"
    TWO_VERSIONS = "two versions"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the objects whose path fits ``pattern``, for so many ``times`` (None: until cleared)."""

    kind: FaultKind
    pattern: str = ".*"
    times: int | None = None
    seconds: float = 0.0


@dataclass
class Faults:
    """The faults that are on, and how far the clock of the server is off."""

    clock_offset_s: float = 0.0
    _on: list[Fault] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, kind: FaultKind, pattern: str = ".*", times: int | None = None, seconds: float = 0.0) -> None:
        """Turn a fault on; ``seconds`` is how slow SLOW is.

        Raises
        ------
        re.error
            If ``pattern`` is no regular expression.
        """
        re.compile(pattern)
        with self._lock:
            self._on.append(Fault(kind, pattern, times, seconds))

    def clear(self) -> None:
        """Turn all faults off and set the clock right."""
        with self._lock:
            self._on.clear()
            self.clock_offset_s = 0.0

    def take(self, path: str, *kinds: FaultKind) -> Mapping[FaultKind, Fault]:
        """Return which of these faults hit a question for ``path``, and count them as used."""
        hit: dict[FaultKind, Fault] = {}
        with self._lock:
            left = list[Fault]()
            for fault in self._on:
                if fault.kind in kinds and fault.kind not in hit and re.fullmatch(fault.pattern, path):
                    hit[fault.kind] = fault
                    left += _used(fault)
                else:
                    left.append(fault)
            self._on = left
        return hit


def _used(fault: Fault) -> list[Fault]:
    if fault.times is None:
        return [fault]
    return [replace(fault, times=fault.times - 1)] if fault.times > 1 else []


def wrong_type(body: bytes) -> bytes:
    """Return the object as one of another class: its projection, or a map in place of a plot."""
    made = _histogram(body)
    if made.values.ndim == 1:
        flat = replace(made, class_name="TH2D", values=made.values[:, None], edges=(*made.edges, np.arange(2.0)))
        return encode(replace(flat, labels=(*made.labels, None), axis_titles=(*made.axis_titles, "")))
    line = replace(made, class_name="TH1D", values=made.values.sum(1), edges=made.edges[:1])
    return encode(replace(line, labels=made.labels[:1], axis_titles=made.axis_titles[:1]))


def changed_binning(body: bytes) -> bytes:
    """Return the object with one bin less on its first axis, over the same range."""
    made = _histogram(body)
    edges = np.linspace(made.edges[0][0], made.edges[0][-1], max(len(made.edges[0]) - 1, 2))
    values = made.values[: len(edges) - 1]
    return encode(replace(made, values=values, edges=(edges, *made.edges[1:]), labels=(None,) * values.ndim))


def _histogram(body: bytes) -> Histogram:
    try:
        return decode(body, "object")
    except InputError:
        edges = np.arange(3.0)
        return Histogram("object", "TH1D", np.ones(2), (edges,), (None,), ("",))
