"""Gaps of the primaries in ordinary losses, minute by minute, whatever the planes share of the halo at that time.

The pattern is the sum over planes of that plane's pattern with its own settings errors. How much of the halo each plane
has wanders: it is fitted beside the gaps (Gauss-Newton with priors), all primaries together, since what one of them
does looks in part like another. Everything is relative to the reference of the fill.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation import model_error
from accelerator.collimation.features import Readings, compare
from accelerator.collimation.templates import Table

Floats: TypeAlias = NDArray[np.float64]

USUAL = {"H": 0.55, "V": 0.37, "S": 0.08}
"""Part of each plane in ordinary losses (an assumption: the parts are fitted)."""
WANDER = 0.35
"""Width of the logarithm of a plane's part beside that of the reference."""
GAP_SIGMA = 1.0
"""Width of changes of a gap before the losses say anything: what they do not constrain stays within it."""
LEAST, MOST = -0.1, 3.0
"""Changes of a gap that are looked for: margins are lost outwards, and a tighter primary looks like another mix."""
TEMPLATES = 0.02
"""What templates leave besides (logarithm)."""
ROUNDS = 8
STEP = 0.02
NEARLY, OPEN = 0.05, 0.8


class HaloMix:
    """The sum over planes of patterns with errors of some gaps, relative to nominal; channels as in ``table``."""

    def __init__(self, table: Table, planes: Sequence[Table], faults: Sequence[int]) -> None:
        self.table, self._planes = table, planes
        self._log = np.array([np.log(USUAL[one.key.plane]) + _on(table, one, one.nominal) for one in planes])
        self._places = [
            [one.find(table.faults[number].element, table.faults[number].quantity) for one in planes]
            for number in faults
        ]
        self._index = [_index(table, one) for one in planes]
        self._count = len(faults)
        self._bright = [not table.faults[number].element.startswith("tcp.b") for number in faults]
        self._nominal = self.of(np.zeros(self._count + len(planes)))
        family, own = model_error.widths(table.channels, table.families)
        same = np.array(table.families)[:, None] == np.array(table.families)[None]
        self._family = same * np.outer(family, family)
        self._own = own
        self._prior = np.array([GAP_SIGMA**-2] * self._count + [WANDER**-2] * len(planes))

    def of(self, parameters: Floats) -> Floats:
        """Return the logarithm of the pattern for changes of the gaps, then logarithms of factors of the planes."""
        logs = self._log + parameters[self._count :, None]
        for change, places in zip(parameters, self._places, strict=False):
            for plane, place in enumerate(places):
                if change and place is not None:
                    delta = self._planes[plane].delta(place, np.array([change]))[0]
                    logs[plane] += np.where(self._index[plane] >= 0, delta[self._index[plane]], 0.0)
        found: Floats = np.logaddexp.reduce(logs, axis=0)
        return found

    def gaps(self, readings: Readings, nominal: Floats) -> list[tuple[float, float]]:
        """Return the change of each gap and its standard deviation for the first pattern beside ``nominal`` (C,)."""
        compared = compare(readings.row(0), nominal[None])
        kept = np.flatnonzero(compared.there[0])
        scale = float(readings.scale[0])
        variance = compared.counting[0] + (self._own * scale) ** 2 + TEMPLATES**2
        covariance = np.diag(variance) + self._family * scale**2 + 1.0  # 1: the level of all is free
        inverse = np.linalg.inv(covariance[np.ix_(kept, kept)])
        ratio = compared.ratio[0][kept]
        found = [self._fit(ratio, kept, inverse, start) for start in self._starts()]
        _, at, normal = min(found, key=lambda one: one[0])
        errors = np.sqrt(np.diag(np.linalg.inv(normal)))
        return [(float(at[one]), float(errors[one])) for one in range(self._count)]

    def _starts(self) -> Floats:
        """Return where fits begin: nothing wrong, and each gap open: in between there may be a hill.

        Not that of the skew primary: its plane has too little of the halo to tell it from the others.
        """
        starts = np.zeros((1 + self._count, len(self._prior)))
        starts[:, : self._count] = NEARLY + (OPEN - NEARLY) * np.eye(self._count + 1, self._count, k=-1)
        return starts[[True, *self._bright]]

    def _fit(
        self, ratio: Floats, kept: NDArray[np.int64], inverse: Floats, start: Floats
    ) -> tuple[float, Floats, Floats]:
        """Return the least cost from a start, where it is, and the normal matrix there."""
        at = best_at = start
        best, damping = np.inf, 1e-3
        normal, toward = np.diag(self._prior), np.zeros(len(at))
        for _ in range(ROUNDS):
            left = ratio - (self.of(at) - self._nominal)[kept]
            cost = float(left @ inverse @ left + self._prior @ at**2)
            if cost < best:
                best, best_at, damping = cost, at, damping * 0.3
                slope = self._slope(at)[:, kept]
                normal = slope @ inverse @ slope.T + np.diag(self._prior)
                toward = slope @ inverse @ left - self._prior * at
            else:
                damping *= 20.0
            at = best_at + np.linalg.solve(normal + damping * np.diag(np.diag(normal)), toward)
            at[: self._count] = np.clip(at[: self._count], LEAST, MOST)
        return best, best_at, normal

    def _slope(self, at: Floats) -> Floats:
        rows = []
        for number in range(len(at)):
            moved = np.zeros(len(at))
            moved[number] = STEP
            rows.append((self.of(at + moved) - self.of(at - moved)) / (2 * STEP))
        return np.array(rows)


def _index(table: Table, other: Table) -> NDArray[np.int64]:
    place = {name: at for at, name in enumerate(other.channels)}
    return np.array([place.get(name, -1) for name in table.channels])


def _on(table: Table, other: Table, values: Floats) -> Floats:
    index = _index(table, other)
    found: Floats = np.where(index >= 0, values[index], -20.0)
    return found
