"""What loss patterns look like with nominal settings and with each known settings error: tables that a model ships.

One table per domain, beam, plane and state. Shares are natural logarithms; a table holds the nominal shares, how
tolerances (0.05 sigma, 10 um) move them, and the change that each error of each size makes. Between the sizes of the
grid the logarithm is linear.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.diagnosis import Quantity

Floats: TypeAlias = NDArray[np.float64]

FLOOR = 1e-7
"""Smallest share that is told from nothing."""
_CELL = re.compile(r"(\.?[a-z]?\d+)([lr])(\d)")


class Fault(NamedTuple):
    """A setting that can be wrong, and what it is nominally (offsets, tilts and orbits: 0)."""

    element: str
    quantity: Quantity
    nominal: float


class Key(NamedTuple):
    """What a table is for."""

    domain: str
    beam: int
    plane: str
    state: str

    def __str__(self) -> str:
        return f"{self.domain} {self.beam} {self.plane} {self.state}"

    @classmethod
    def parse(cls, text: str) -> "Key":
        """Read what ``str`` gave."""
        domain, beam, plane, state = text.split(" ")
        return cls(domain, int(beam), plane, state)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Templates of one key.

    Parameters
    ----------
    channels, families
        Names, C of each.
    nominal
        Logarithm of the shares, shape (C,).
    tolerance
        What tolerances add to it: samples, shape (K, C).
    faults
        The settings that can be wrong, F of them.
    changes
        Sizes of each error, ascending, shape (F, G); 0 is among them.
    deltas
        What an error adds to the logarithm of the shares, shape (F, G, C).
    """

    key: Key
    channels: tuple[str, ...]
    families: tuple[str, ...]
    nominal: Floats
    tolerance: Floats
    faults: tuple[Fault, ...]
    changes: Floats
    deltas: Floats

    def delta(self, fault: int, change: Floats) -> Floats:
        """Return what errors of these sizes (n,) of one setting add, shape (n, C)."""
        grid = self.changes[fault]
        upper = np.clip(np.searchsorted(grid, change), 1, len(grid) - 1)
        width = np.maximum(grid[upper] - grid[upper - 1], 1e-12)
        part = np.clip((change - grid[upper - 1]) / width, 0.0, 1.0)[:, None]
        found: Floats = (1 - part) * self.deltas[fault, upper - 1] + part * self.deltas[fault, upper]
        return found

    def find(self, element: str, quantity: Quantity) -> int | None:
        """Return the number of a fault, None if it is not among those of this key."""
        for number, fault in enumerate(self.faults):
            if (fault.element, fault.quantity) == (element, quantity):
                return number
        return None


def canonical(name: str) -> str:
    """Return the name of the same place of beam 1: beam 2 is its mirror image (L and R exchanged)."""
    low = name.lower()
    if not low.endswith("b2"):
        return low
    mirrored = _CELL.sub(lambda m: f"{m[1]}{'r' if m[2] == 'l' else 'l'}{m[3]}", low)
    return mirrored[:-1] + "1"


Shares: TypeAlias = Callable[[Sequence[tuple[str, Quantity, float]], int | None], Mapping[str, float]]
"""Shares by channel for settings errors (element, quantity, change) and a seed of tolerances (None: none)."""


def make_table(
    key: Key,
    families: Mapping[str, str],
    faults: Mapping[Fault, Sequence[float]],
    shares: Shares,
    samples: int = 64,
) -> Table:
    """Compute the templates of one key.

    Parameters
    ----------
    families
        Family of each channel: these are the channels.
    faults
        Sizes by setting; all get as many as the longest, by repeating the last.
    samples
        How many draws of tolerances to keep.
    """
    channels = tuple(families)
    nominal = _log(shares((), None), channels)
    length = max(map(len, faults.values())) + 1
    changes = np.zeros((len(faults), length))
    deltas = np.zeros((len(faults), length, len(channels)))
    for number, (fault, sizes) in enumerate(faults.items()):
        grid = sorted({0.0, *sizes})
        grid += [grid[-1]] * (length - len(grid))
        for place, change in enumerate(grid):
            if change and (place == 0 or change != grid[place - 1]):
                shifted = _log(shares(((fault.element, fault.quantity, change),), None), channels)
                deltas[number, place] = shifted - nominal
            elif change:
                deltas[number, place] = deltas[number, place - 1]
        changes[number] = grid
    tolerance = np.array([_log(shares((), seed), channels) - nominal for seed in range(1, samples + 1)])
    return Table(key, channels, tuple(families.values()), nominal, tolerance, tuple(faults), changes, deltas)


def _log(shares: Mapping[str, float], channels: Sequence[str]) -> Floats:
    values = np.array([shares.get(channel, 0.0) for channel in channels])
    found: Floats = np.log(np.maximum(values, FLOOR))
    return found


def to_arrays(tables: Sequence[Table]) -> dict[str, NDArray[np.generic]]:
    """Return tables as arrays of a model package (half precision)."""
    arrays: dict[str, NDArray[np.generic]] = {"keys": np.array([str(table.key) for table in tables])}
    for number, table in enumerate(tables):
        arrays |= {
            f"{number}_channels": np.array(table.channels),
            f"{number}_families": np.array(table.families),
            f"{number}_nominal": table.nominal.astype(np.float32),
            f"{number}_tolerance": table.tolerance.astype(np.float16),
            f"{number}_faults": np.array([f"{f.element}|{f.quantity.value}|{f.nominal!r}" for f in table.faults]),
            f"{number}_changes": table.changes.astype(np.float32),
            f"{number}_deltas": np.round(table.deltas, 2).astype(np.float16),
        }
    return arrays


def from_arrays(arrays: Mapping[str, NDArray[np.generic]]) -> dict[Key, Table]:
    """Return tables as `to_arrays` gave them."""
    found = {}
    for number, text in enumerate(np.asarray(arrays["keys"])):
        key = Key.parse(str(text))
        found[key] = Table(
            key=key,
            channels=tuple(map(str, arrays[f"{number}_channels"])),
            families=tuple(map(str, arrays[f"{number}_families"])),
            nominal=arrays[f"{number}_nominal"].astype(np.float64),
            tolerance=arrays[f"{number}_tolerance"].astype(np.float64),
            faults=tuple(_fault(str(text)) for text in arrays[f"{number}_faults"]),
            changes=arrays[f"{number}_changes"].astype(np.float64),
            deltas=arrays[f"{number}_deltas"].astype(np.float64),
        )
    return found


def _fault(text: str) -> Fault:
    element, quantity, nominal = text.split("|")
    return Fault(element, Quantity(quantity), float(nominal))
