"""What baselines see of a cycle: one row over all cells, worked out once for all of them; and what a method says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.observation import Observation
from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS, chips_per_cell, flatten
from dqm.its.names import mask

Floats = NDArray[np.float64]
ROFS_HZ = {"pp": 18 * 40.079e6 / 3564, "PbPb": 6 * 40.079e6 / 3564}
SAMPLED = 0.3
"""Share of the data that the cluster task sees (O2DPG, qc-sync/its.json): turns clusters/ROF/chip into counts."""
MOST_CELLS = 300


@dataclass(frozen=True, eq=False)
class Seen:
    """One cycle with its maps as rows, shape (CELLS,)."""

    observation: Observation

    @property
    def beams(self) -> str:
        return str(self.observation.conditions["beam_type"])

    @property
    def seconds(self) -> float:
        return float(self.observation.conditions["cycle_s"] or 0.0)

    @cached_property
    def occupation(self) -> Floats:
        """Clusters/ROF/chip."""
        return self._row("cluster_occupation")

    @cached_property
    def size(self) -> Floats:
        """Mean size of clusters in pixels."""
        return self._row("cluster_size")

    @cached_property
    def hits(self) -> Floats:
        """Hits/pixel/event."""
        return self._row("hit_occupancy")

    @cached_property
    def masked(self) -> NDArray[np.bool_]:
        """Cells that are off by configuration."""
        names = str(self.observation.conditions["masked"] or "")
        return flatten(mask(name for name in names.split(", ") if name)).astype(bool)

    @cached_property
    def counts(self) -> Floats:
        """Clusters in every cell, whole numbers, from the length of the cycle and the nominal rate of frames."""
        frames = max(self.seconds * SAMPLED * ROFS_HZ[self.beams], 1.0)
        return np.round(self.occupation * chips_per_cell() * frames)

    def _row(self, kind: str) -> Floats:
        found = flatten([self.observation.payload[f"{kind}_L{of.number}"] for of in LAYERS])
        assert found.shape == (CELLS,)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """What a method says of one cycle.

    ``score``: the higher, the stranger (-inf: no verdict); ``cells`` with ``values``: suspect cells; ``cause`` a name
    of ours, or None; ``alarm``: whether the method itself would alarm, None where it has no threshold of its own;
    ``incidents``: names of the incidents that it counts as alarms of this cycle (ours only).
    """

    score: float
    cells: Sequence[int] = ()
    values: Sequence[float] = ()
    cause: str | None = None
    alarm: bool | None = None
    incidents: tuple[str, ...] = ()


class Judge(Protocol):
    """A method that has seen the history of a time line."""

    def fork(self) -> "Judge":
        """Return one that goes on from here without touching this one."""
        ...

    def judge(self, seen: Seen, *, good: bool) -> Mapping[str, Judgement]:
        """Return what each row of the tables says; ``good`` is an oracle that only templates may use, after judging."""
        ...


@dataclass(frozen=True, slots=True)
class Method:
    """A method: ``rows`` it fills, by name with the cut on ``values`` that makes a region (None: the score's level).

    ``warmed(history)`` returns a judge that has seen nominal cycles of the time line, run by run. ``everywhere``:
    judges all nominal shifts, not only those that set the level. ``taught``: names the lessons that it had, if any.
    """

    name: str
    rows: Mapping[str, float | None]
    warmed: Callable[[Sequence[Sequence[Seen]]], Judge]
    sources: tuple[str, ...] = field(default=())
    everywhere: bool = False
    taught: str = ""


def suspects(values: Floats, valid: NDArray[np.bool_] | None = None) -> tuple[list[int], list[float]]:
    """Return the `MOST_CELLS` cells with the highest values, and these, highest first."""
    ranked = values if valid is None else np.where(valid, values, -np.inf)
    top = np.argpartition(-ranked, MOST_CELLS)[:MOST_CELLS]
    top = top[np.argsort(-ranked[top], kind="stable")]
    top = top[np.isfinite(ranked[top])]
    return top.tolist(), [round(float(value), 5) for value in ranked[top]]
