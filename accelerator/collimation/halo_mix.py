"""Ordinary losses as the sum over planes of each plane's pattern with its own settings errors."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.templates import Table

Floats: TypeAlias = NDArray[np.float64]

USUAL = {"H": 0.55, "V": 0.37, "S": 0.08}
"""Part of each plane in ordinary losses (an assumption: the parts are fitted)."""


class HaloMix:
    """The sum over planes of patterns with errors of some gaps, relative to nominal; channels as in ``table``."""

    def __init__(self, table: Table, planes: Sequence[Table], faults: Sequence[int]) -> None:
        self._planes = planes
        self._log = np.array([np.log(USUAL[one.key.plane]) + _on(table, one, one.nominal) for one in planes])
        self._places = [
            [one.find(table.faults[number].element, table.faults[number].quantity) for one in planes]
            for number in faults
        ]
        self._index = [_index(table, one) for one in planes]
        self.gaps = len(faults)
        self.nominal = self.of(self.parameters())

    def parameters(self, vertical: float = 0.0) -> Floats:
        """Return the parameters of nominal gaps; ``vertical``: logarithm of the vertical part over the usual one."""
        tilt = {"V": 0.5 * vertical, "H": -0.5 * vertical}
        return np.array([0.0] * self.gaps + [tilt.get(one.key.plane, 0.0) for one in self._planes])

    def of(self, parameters: Floats) -> Floats:
        """Return the logarithm of the pattern for changes of the gaps, then logarithms of factors of the planes."""
        logs = self._log + parameters[self.gaps :, None]
        for change, places in zip(parameters, self._places, strict=False):
            for plane, place in enumerate(places):
                if change and place is not None:
                    delta = self._planes[plane].delta(place, np.array([change]))[0]
                    logs[plane] += np.where(self._index[plane] >= 0, delta[self._index[plane]], 0.0)
        found: Floats = np.logaddexp.reduce(logs, axis=0)
        return found


def _index(table: Table, other: Table) -> NDArray[np.int64]:
    place = {name: at for at, name in enumerate(other.channels)}
    return np.array([place.get(name, -1) for name in table.channels])


def _on(table: Table, other: Table, values: Floats) -> Floats:
    index = _index(table, other)
    found: Floats = np.where(index >= 0, values[index], -20.0)
    return found
