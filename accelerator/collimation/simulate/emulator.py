"""Expected loss shares for any settings errors in a millisecond: the Monte Carlo library, interpolated.

For each single error of the library the change of the logarithm of each channel's share is tabulated over its size and
interpolated linearly; several errors, and tolerances, add up in the logarithm. Small counts are shrunk towards no
change. Numpy only. How far this is from the Monte Carlo is measured by `comparison`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.channels import channels, names
from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.families import Family
from accelerator.collimation.geometry import find
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.simulate.library import Key, Library
from accelerator.collimation.simulate.optics import mirrored
from accelerator.collimation.simulate.setup import CENTRE_TOLERANCE_MM, GAP_TOLERANCE_SIGMA
from accelerator.collimation.states import State, settings
from core.errors import InputError

Floats: TypeAlias = NDArray[np.float64]

FOLDER = Path(__file__).parents[1] / "data" / "library"
FLOOR_PROTONS = 0.3
"""Counted for a channel in which nothing was ever lost."""
PRIOR_PROTONS = 8.0
SHAPING = frozenset({Family.TCP7, Family.TCSG7})
"""Tolerances of these move every channel; those of other collimators their own."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Change of the logarithm of the shares over the size of one error: shapes (G,) and (G, C)."""

    changes: Floats
    deltas: Floats

    def one_at(self, change: float, channel: int) -> float:
        """Return the change of one channel."""
        return float(np.interp(change, self.changes, self.deltas[:, channel]))

    def at(self, change: float) -> Floats:
        """Return the change of all channels, shape (C,)."""
        upper = min(max(int(self.changes.searchsorted(change)), 1), len(self.changes) - 1)
        low, high = self.changes[upper - 1], self.changes[upper]
        part = min(max((change - low) / (high - low), 0.0), 1.0)
        found: Floats = (1 - part) * self.deltas[upper - 1] + part * self.deltas[upper]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """For one beam, plane and state: logarithm of the nominal shares (C,), and a curve per element and quantity."""

    channels: tuple[str, ...]
    nominal: Floats
    curves: Mapping[tuple[str, Quantity], Curve]


class Emulator:
    """Shares of lost protons by channel."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: dict[Key, Tables] = {}

    @classmethod
    def load(cls, folder: Path = FOLDER) -> "Emulator":
        """Return the emulator of a library; its files are read when they are needed."""
        return cls(folder)

    def shares(
        self,
        settings: Sequence[Setting],
        beam: int,
        plane: str,
        state: State,
        *,
        tolerances: int | None = None,
    ) -> Mapping[str, float]:
        """Return the expected share of lost protons of each channel.

        Parameters
        ----------
        settings
            Errors; sizes beyond those of the library count as its largest.
        beam, plane, state
            ``plane`` is H, V, S, DP+ or DP-.
        tolerances
            Seed of the tolerances that every collimator has (0.05 sigma of gap, 10 um of centre); None: none.

        Raises
        ------
        core.errors.InputError
            No such plane, or an element without that kind of error in this state.
        """
        tables = self.tables(beam, plane, state)
        logs = self.logs(settings, beam, plane, state, tolerances=tolerances)
        return dict(zip(tables.channels, np.exp(logs).tolist(), strict=True))

    def logs(
        self, settings: Sequence[Setting], beam: int, plane: str, state: State, *, tolerances: int | None = None
    ) -> Floats:
        """Return the logarithms of `shares` as an array in the order of `channels.names`."""
        tables = self.tables(beam, plane, state)
        found = tables.nominal.copy()
        for one in settings:
            curve = tables.curves.get((find(one.element).name, Quantity(one.quantity)))
            if curve is None:
                raise InputError(one.element, f"has no {one.quantity} error in beam {beam} {plane}, {state}")
            found += curve.at(one.change)
        if tolerances is not None:
            found += _tolerance(tables, tolerances)
        found -= np.log(np.exp(found).sum())
        return found

    def tables(self, beam: int, plane: str, state: State) -> Tables:
        """Return the tables of a key, from the library of a key that stands for it if it has none of its own."""
        key = Key(beam, plane, state)
        if key not in self._tables:
            self._tables[key] = _tables(self._source(key), beam, state)
        return self._tables[key]

    def _source(self, key: Key) -> Library:
        planes = [key.plane, *(["DP-"] if key.plane == "DP+" else [])]
        nearest = [key.state, State.COLLISIONS]
        for plane in planes:
            for state in nearest:
                for beam in (key.beam, 1):
                    path = self._folder / f"{Key(beam, plane, state)}.npz"
                    if path.exists():
                        return _read(path)
        raise InputError(key.plane, f"has no library of loss patterns in {self._folder}")


@cache
def _read(path: Path) -> Library:
    return Library.read(path)


def _tables(library: Library, beam: int, state: State) -> Tables:
    """Make tables from a library; one of beam 1 serves beam 2 with mirrored names, parked collimators see nothing."""
    to_name = mirrored if library.key.beam != beam else str
    own = names(beam)
    place = {name: at for at, name in enumerate(own)}
    column = np.array([place.get(_to_own(name, library.key.beam, beam), -1) for name in library.channels])
    counts = np.zeros((len(library.counts), len(own)))
    counts[:, column[column >= 0]] = library.counts[:, column >= 0]
    nominal_gaps = settings(state)
    parked = np.array([one.family is not None and nominal_gaps[one.name] is None for one in channels(beam)])
    counts[:, parked] = 0
    share = (counts[0] + np.where(parked, 1e-3, FLOOR_PROTONS)) / max(counts[0].sum(), 1.0)
    curves: dict[tuple[str, Quantity], list[tuple[float, Floats]]] = {}
    for at in np.flatnonzero(library.kind == "grid"):
        one = library.settings(int(at))[0]
        element = to_name(one.element)
        if nominal_gaps.get(element) is None:
            continue
        delta = _shrunk(counts[at], share * counts[at].sum())
        curves.setdefault((element, one.quantity), []).append((one.change, delta))
    return Tables(own, np.log(share / share.sum()), {key: _curve(points) for key, points in curves.items()})


def _to_own(name: str, made_for: int, beam: int) -> str:
    if made_for == beam:
        return name
    if name.endswith(f" b{made_for}"):
        swapped = {"cold arc 67": "cold arc 78", "cold arc 78": "cold arc 67"}
        kind = name.removesuffix(f" b{made_for}")
        return f"{swapped.get(kind, kind)} b{beam}"
    return mirrored(name)


def _shrunk(counts: Floats, expected: Floats) -> Floats:
    """Return the logarithm of the ratio, drawn towards 0 where the difference is not significant."""
    ratio = np.log((counts + PRIOR_PROTONS) / (expected + PRIOR_PROTONS))
    significance = (counts - expected) ** 2 / (counts + expected + 1.0)
    found: Floats = ratio * significance / (significance + 1.0)
    return found


def _curve(points: list[tuple[float, Floats]]) -> Curve:
    points = sorted([*points, (0.0, np.zeros_like(points[0][1]))], key=lambda one: one[0])
    changes = np.array([change for change, _ in points])
    keep = np.concatenate([[True], np.diff(changes) > 1e-9])
    return Curve(changes[keep], np.array([delta for _, delta in points])[keep])


def _tolerance(tables: Tables, seed: int) -> Floats:
    """Return what tolerances of all collimators add, shape (C,)."""
    rng = np.random.default_rng(seed)
    added = np.zeros(len(tables.channels))
    place = {name: at for at, name in enumerate(tables.channels)}
    sizes = {Quantity.GAP: GAP_TOLERANCE_SIGMA, Quantity.OFFSET: CENTRE_TOLERANCE_MM}
    for (element, quantity), curve in tables.curves.items():
        size = sizes.get(quantity)
        if size is None:
            continue
        change = size * rng.normal()
        if _shapes(element):
            added += curve.at(change)
        else:
            added[place[element]] += curve.one_at(change, place[element])
    return added


@cache
def _shapes(element: str) -> bool:
    return find(element).family in SHAPING
