"""Where every cell stands now: a slow correction of the reference that follows drift, and what it is not sure of.

Three quantities are followed (occupation, size of clusters, hits), each as the logarithm of what a cell gives over what
the reference expects, with its variance: a Kalman filter per cell whose state wanders (`dqm.its.expected`). A cell that
is held keeps its state, so that a fault that stays is not absorbed; only its variance grows, up to what nominal cells
wander. Nothing here knows of faults: who calls says which cells are under suspicion.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError
from dqm.its.layout import CELLS, INNER, Bools, z_cm

if TYPE_CHECKING:
    from dqm.its.pulls import Pulls

QUANTITIES = ("occupation", "size", "hits")
FORMAT = 1
_SIDE_HELD = 0.1
_MIDDLE_CM = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """The state after a cycle.

    Parameters
    ----------
    detector, run, beam_type
        What it was learnt on; empty, 0 and empty where nothing was seen yet.
    ended_s
        End of the last cycle (seconds since 1970), 0 where none was seen.
    luminosity
        Of that cycle, in units of the reference.
    offset, variance
        Logarithm over the reference and its variance, shape (3, CELLS); variance is infinite where nothing is known.
    spread
        By how much squared pulls of a cell were larger than 1, shape (3, CELLS).
    restart_s
        Seconds of FAULT that were forgiven lately, shape (CELLS,).
    halo, halo_variance
        Logarithm of usual background from side A and C over the reference, shape (2,); variance infinite if unknown.
    """

    detector: str
    run: int
    beam_type: str
    ended_s: float
    luminosity: float
    offset: NDArray[np.float64]
    variance: NDArray[np.float64]
    spread: NDArray[np.float64]
    restart_s: NDArray[np.float64]
    halo: NDArray[np.float64]
    halo_variance: NDArray[np.float64]

    @classmethod
    def cold(cls, detector: str = "") -> "Standing":
        """Return the standing of a detector of which nothing is known."""
        shape = (len(QUANTITIES), CELLS)
        unknown = np.full(shape, np.inf)
        return cls(
            detector, 0, "", 0.0, 0.0, np.zeros(shape), unknown, np.ones(shape), np.zeros(CELLS), np.zeros(2),
            np.full(2, np.inf),
        )  # fmt: skip

    def after(self, pulls: "Pulls", held: Bools) -> "Standing":
        """Return the standing after the cycle of ``pulls``; cells that are ``held``, shape (CELLS,), learn nothing.

        ``pulls`` must come from `Reference.pulls` with this standing; pulls that are not trusted change nothing.
        """
        free, kept = pulls.next_free, pulls.next_held
        held = np.asarray(held, bool)
        if pulls.trust or free is None or kept is None or (held.all() and self.run == 0):
            return self
        moved = 0.0 if pulls.next_moved is None else pulls.next_moved
        z, inner = z_cm()[:INNER], held[:INNER]
        sides = np.array([inner[side * z > _MIDDLE_CM].mean() > _SIDE_HELD for side in (1, -1)])
        return replace(
            free,
            offset=np.where(held, kept.offset + moved, free.offset),
            variance=np.where(held, kept.variance, free.variance),
            spread=np.where(held, kept.spread, free.spread),
            restart_s=free.restart_s,
            halo=np.where(sides, kept.halo, free.halo),
            halo_variance=np.where(sides, kept.halo_variance, free.halo_variance),
        )

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return plain arrays, for an npz."""
        found: dict[str, NDArray[Any]] = {"format": np.array(FORMAT)}
        for field in fields(self):
            value = np.asarray(getattr(self, field.name))
            found[field.name] = value.astype(np.float32) if value.ndim == 2 else value
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Standing":
        """Read what `to_arrays` gave.

        Raises
        ------
        core.errors.ModelError
            If it is something else, or holds what no standing can.
        """
        try:
            if int(arrays["format"]) != FORMAT:
                raise ValueError(f"format {arrays['format']}")
            usual = cls.cold()
            numbers = {name: np.asarray(arrays[name], np.float64) for name in _ARRAYS}
            for name, value in numbers.items():
                if value.shape != getattr(usual, name).shape or np.isnan(value).any():
                    raise ValueError(f"{name} of shape {value.shape}")
            ended_s, luminosity = float(arrays["ended_s"]), float(arrays["luminosity"])
            if not (np.isfinite((ended_s, luminosity)).all() and all((numbers[n] >= 0).all() for n in _POSITIVE)):
                raise ValueError("impossible numbers")
            return cls(
                str(arrays["detector"]),
                int(arrays["run"]),
                str(arrays["beam_type"]),
                ended_s,
                luminosity,
                *(numbers[name] for name in _ARRAYS),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"no standing of the ITS ({error!r:.120})") from None


_POSITIVE = ("variance", "spread", "restart_s", "halo_variance")
_ARRAYS = ("offset", "variance", "spread", "restart_s", "halo", "halo_variance")
