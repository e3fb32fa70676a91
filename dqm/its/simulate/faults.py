"""What goes wrong during a run: a cause, where, from when to when, how strongly. `draw_fault` draws one of each cause.

``intensity`` means, by cause:

- beam background: clusters added to one side of the inner barrel, as a share of what that side had when it began;
- noisy chip: noise clusters per readout frame of the chip;
- hot pixel: share of frames in which it fires;
- stuck double column: share of frames in which it fires (rows 0-255 or all of them, as in real chips);
- dead chip, lane or stave, readout loss, blinded chips: share of frames (or particles) that are lost.

Intensity 0 changes nothing: the run is the same run as without the fault.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.random import Generator

from core.errors import SettingsError
from dqm.its.causes import Cause
from dqm.its.geometry import LAYERS
from dqm.its.readout import Link, links
from dqm.its.simulate.cells import INNER, index, of_stave

BACKGROUNDS = (Cause.BEAM_BACKGROUND_A, Cause.BEAM_BACKGROUND_C)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    ``began_s`` and ``ended_s`` count from the start of the run; ``cells`` are places in the row of
    `dqm.its.simulate.cells` (empty for beam background, whose place follows from its angle); ``details`` are what one
    cause needs besides: see `DETAILS`.
    """

    cause: Cause
    began_s: float
    ended_s: float
    intensity: float
    cells: tuple[int, ...] = ()
    details: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        """Raise SettingsError for a fault that cannot be."""
        unknown = set(self.details) - set(DETAILS[self.cause])
        shares = self.cause not in (*BACKGROUNDS, Cause.NOISY_CHIP)
        if unknown or not self.intensity >= 0 or (shares and self.intensity > 1) or not self.ended_s >= self.began_s:
            raise SettingsError(f"no such fault: {self}")
        if (self.cause in BACKGROUNDS) == bool(self.cells):
            raise SettingsError(f"beam background has no cells of its own, all others have some: {self}")

    def detail(self, name: str) -> float:
        """Return one of the details, or what is usual."""
        return float(self.details.get(name, DETAILS[self.cause][name]))

    def overlap(self, began_s: float, ended_s: float) -> float:
        """Return the share of a time that the fault covers."""
        together = min(ended_s, self.ended_s) - max(began_s, self.began_s)
        return max(0.0, together) / (ended_s - began_s)


_BACKGROUND = {"phi_rad": 0.0, "spread_rad": 0.5, "angle_rad": 0.06, "clusters": 300.0, "clusters_spread": 1.0}
_DEAD = {"flagged": 1.0, "chips": 7.0}
DETAILS: Mapping[Cause, Mapping[str, float]] = MappingProxyType(
    {
        Cause.BEAM_BACKGROUND_A: _BACKGROUND,
        Cause.BEAM_BACKGROUND_C: _BACKGROUND,
        Cause.NOISY_CHIP: {"larger": 1.05, "variation": 0.2},
        Cause.HOT_PIXEL: {},
        Cause.STUCK_DOUBLE_COLUMN: {"rows": 512.0},
        Cause.DEAD_CHIP: _DEAD,
        Cause.DEAD_LANE: _DEAD,
        Cause.DEAD_STAVE: _DEAD,
        Cause.READOUT_LOSS: {"flagged": 0.2},
        Cause.BLINDED_CHIPS: {"frames": 100.0, "clusters": 80.0, "pixels": 6.0},
    }
)
"""Usual details. Background: direction and spread of events in phi, angle to z (Rayleigh), clusters an event leaves in
the inner barrel (median, spread of the logarithm). Noisy chip: size of the clusters of the chip's particles (its
threshold is low) and variation from cycle to cycle. Dead: whether the readout flags it, how many chips of the lane.
Readout loss: how much of it is flagged. Blinded: frames lost per burst, clusters and pixels per cluster of a burst."""


def draw_fault(rng: Generator, cause: Cause, began_s: float, ended_s: float, intensity: float | None = None) -> Fault:
    """Draw a fault of this cause; its intensity too, unless it is given."""
    cells, usual, details = _DRAW[cause](rng)
    given = usual if intensity is None else intensity
    return Fault(cause, began_s, ended_s, given, cells, MappingProxyType(details))


_Drawn = tuple[tuple[int, ...], float, dict[str, float]]


def _log_uniform(rng: Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _cell(rng: Generator, inner: float = 0.5) -> int:
    """One cell, in the inner barrel with this probability."""
    if rng.random() < inner:
        return int(rng.integers(INNER))
    layer = LAYERS[int(rng.integers(3, 7))]
    return index(layer.number, int(rng.integers(layer.staves)), int(rng.integers(layer.cells)))


def _stave(rng: Generator) -> tuple[int, int]:
    layer = LAYERS[int(rng.integers(7))]
    return layer.number, int(rng.integers(layer.staves))


def _background(rng: Generator) -> _Drawn:
    details = {
        "phi_rad": float(rng.uniform(0, 2 * np.pi)),
        "spread_rad": float(rng.uniform(0.3, 1.2)),
        "angle_rad": _log_uniform(rng, 0.03, 0.15),
        "clusters": _log_uniform(rng, 100, 1500),
        "clusters_spread": float(rng.uniform(0.6, 1.4)),
    }
    return (), _log_uniform(rng, 0.002, 0.3), details


def _noisy(rng: Generator) -> _Drawn:
    return (_cell(rng),), _log_uniform(rng, 0.3, 30), {"larger": float(rng.uniform(1.0, 1.2))}


def _hot(rng: Generator) -> _Drawn:
    return (_cell(rng),), _log_uniform(rng, 0.05, 1.0), {}


def _stuck(rng: Generator) -> _Drawn:
    return (_cell(rng),), _log_uniform(rng, 0.001, 0.5), {"rows": float(rng.choice([256, 512]))}


def _flag(rng: Generator) -> float:
    return float(rng.random() < 0.7)


def _dead_chip(rng: Generator) -> _Drawn:
    return (_cell(rng),), 1.0, {"flagged": _flag(rng), "chips": 1.0}


def _dead_lane(rng: Generator) -> _Drawn:
    return (_cell(rng, inner=0.0),), 1.0, {"flagged": _flag(rng)}


def _dead_stave(rng: Generator) -> _Drawn:
    return tuple(of_stave(*_stave(rng)).tolist()), 1.0, {"flagged": _flag(rng)}


def _readout_loss(rng: Generator) -> _Drawn:
    """Frames of one link are lost, or of a few neighbouring staves."""
    layer, stave = _stave(rng)
    if rng.random() < 0.5:
        link = Link(layer, stave, int(rng.integers(links(layer))))
        cells = tuple(index(layer, stave, cell) for cell in link.cells)
    else:
        near = (np.arange(int(rng.integers(1, 5))) + stave) % LAYERS[layer].staves
        cells = tuple(np.concatenate([of_stave(layer, int(at)) for at in near]).tolist())
    return cells, float(rng.uniform(0.1, 0.9)), {"flagged": float(rng.uniform(0, 0.5))}


def _blinded(rng: Generator) -> _Drawn:
    """Chips of one to three neighbouring staves of the inner barrel, from some chip of the stave on."""
    layer = LAYERS[int(rng.integers(3))]
    near = (np.arange(int(rng.integers(1, 4))) + int(rng.integers(layer.staves))) % layer.staves
    first, count = int(rng.integers(0, 5)), int(rng.integers(2, 6))
    cells = tuple(index(layer.number, int(at), chip) for at in near for chip in range(first, min(first + count, 9)))
    details = {"frames": _log_uniform(rng, 20, 500), "clusters": _log_uniform(rng, 30, 300)}
    return cells, float(rng.uniform(0.05, 0.6)), {**details, "pixels": float(rng.uniform(4, 12))}


_DRAW: Mapping[Cause, Callable[[Generator], _Drawn]] = MappingProxyType(
    {
        Cause.BEAM_BACKGROUND_A: _background,
        Cause.BEAM_BACKGROUND_C: _background,
        Cause.NOISY_CHIP: _noisy,
        Cause.HOT_PIXEL: _hot,
        Cause.STUCK_DOUBLE_COLUMN: _stuck,
        Cause.DEAD_CHIP: _dead_chip,
        Cause.DEAD_LANE: _dead_lane,
        Cause.DEAD_STAVE: _dead_stave,
        Cause.READOUT_LOSS: _readout_loss,
        Cause.BLINDED_CHIPS: _blinded,
    }
)
