"""What objects add up: counts, or ratios by their numerator and denominator; sums of cycles, and what one cycle added.

An object of the QC holds, by default, everything since the start of the run ("By default QC Tasks are never reset":
QualityControl ``doc/Advanced.md``, "Moving window"). Two versions then differ by what came in between:

- counts: bin by bin, exactly;
- QC's ratio classes (occupation, cluster size, tracks): by numerator and denominator, exactly, which these classes keep
  (``Modules/Common/include/Common/TH2Ratio.h``); ROFs are one number, clusters one a bin (``ITSClusterTask.cxx``);
- averages stored without a denominator (plain TH2D: hit occupancies, and all averages of older versions): weighed by
  what is proportional to it: ROFs by the entries of ``bc_clusters`` (filled once a ROF), clusters by occupation times
  ROFs, vertices by the entries of ``vertex_z``, triggers by the number of entries (bins are set once a time frame:
  ``ITSFhrTask.cxx``), and where that is missing by time;
- the general occupancy is a maximum, which cannot be subtracted: it is made anew of the maps of the cycle.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from core.errors import ShiftwatchError
from dqm.its.geometry import LAYERS
from dqm.its.histogram import Histogram
from dqm.its.objects import OBJECTS
from dqm.its.readout import general_bin

ROUNDING = 1e-6
CHANCE = 1e-9
GENERAL = "general_occupancy"
_COUNTS = ("long_clusters_", "hits_when_long_", "bc_clusters", "lane_fault", "vertex_")
Values = NDArray[np.float64]
Found = Mapping[str, Histogram]


class FellError(ShiftwatchError):
    """Something that can only grow has become less."""


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """``numerator / denominator``, the latter of shape () where all bins share it; counts have none."""

    numerator: Values
    denominator: Values | None = None

    @property
    def values(self) -> Values:
        """The ratio, 0 where nothing is divided."""
        if self.denominator is None:
            return self.numerator
        below = np.broadcast_to(self.denominator, self.numerator.shape)
        return np.divide(self.numerator, below, out=np.zeros_like(self.numerator), where=below > 0)

    def plus(self, other: "Sum") -> "Sum":
        """Return both together."""
        if self.denominator is None or other.denominator is None:
            return Sum(self.numerator + other.numerator)
        return Sum(self.numerator + other.numerator, self.denominator + other.denominator)

    def minus(self, earlier: "Sum") -> "Sum":
        """Return what came since.

        A denominator that all bins share and that does not change at all is a constant, not a count.

        Raises
        ------
        FellError
            If a bin fell by more than rounding.
        """
        above = _less(self.numerator, earlier.numerator)
        if self.denominator is None or earlier.denominator is None:
            return Sum(above)
        if self.denominator.ndim == 0 and self.denominator == earlier.denominator and above.any():
            return Sum(above, self.denominator)
        return Sum(above, _less(self.denominator, earlier.denominator))


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """What came between two versions, or in several; ``how`` says by what it was weighed, "" where it is exact."""

    values: Values
    how: str = ""


def is_counts(payload: str) -> bool:
    """Whether an object holds plain counts."""
    return payload.startswith(_COUNTS)


def ways(payload: str) -> dict[str, Callable[[Histogram, Found, float], Sum | None]]:
    """Return how an object may be made a sum, the best first, by what it is weighed with ("" for exact ways).

    Each takes the object, the others of the same cycle, and how many seconds it holds.
    """
    if is_counts(payload):
        return {"": lambda found, _others, _s: Sum(found.values)}
    if payload == GENERAL:
        return {}
    weighed: dict[str, Callable[[Histogram, Found, float], Sum | None]] = {"": _stored}
    if payload.startswith("cluster_occupation_"):
        weighed["ROFs in bc_clusters"] = lambda found, others, _s: _times(found, _total(others, "bc_clusters"))
    elif payload.startswith("cluster_size_"):
        weighed["clusters of the occupation"] = lambda found, others, _s: _times(found, _clusters(payload, others))
    elif payload.startswith("hit_occupancy_"):
        weighed["entries"] = lambda found, _others, _s: _times(found, np.array(found.entries))
    else:
        weighed["vertices in vertex_z"] = lambda found, others, _s: _times(found, _total(others, "vertex_z"))
    weighed["time"] = lambda found, _others, lasted_s: _times(found, np.array(lasted_s))
    return weighed


def difference(
    payload: str, new: tuple[Histogram, Found, float], old: tuple[Histogram, Found, float]
) -> Difference | None:
    """Return what an object counted between two versions.

    Parameters
    ----------
    new, old
        The object, the other objects of the same cycle, and the seconds that it holds.

    Returns
    -------
    Difference or None
        None where it cannot be told: a maximum, or an average that makes no sense with any weight.

    Raises
    ------
    FellError
        If counts fell: they were reset in between.
    """
    frozen = bool(new[0].values.any()) and np.array_equal(new[0].values, old[0].values)
    for how, way in ways(payload).items():
        if how and frozen:
            return None  # an average does not tell whether it stood still or nobody updates it
        later, earlier = way(*new), way(*old)
        if later is None or earlier is None or (how and not _grew(later, earlier, how)):
            continue
        try:
            return Difference(later.minus(earlier).values, how)
        except FellError:
            if not how:
                raise
    return None


def together(payload: str, pieces: Sequence[tuple[Histogram, Found, float]]) -> Difference | None:
    """Return several cycles of an object as one, weighed as in `difference`; None for a maximum."""
    for how, way in ways(payload).items():
        made = [one for one in (way(*piece) for piece in pieces) if one is not None]
        if len(made) == len(pieces):
            return Difference(reduce(Sum.plus, made).values, how)
    return None


def general_occupancy(maps: Mapping[str, Values]) -> Values | None:
    """Return the largest occupation of each stave, in the bins of QC's plot; None where a layer's map is missing.

    Parameters
    ----------
    maps
        ``cluster_occupation_L0`` to ``_L6``, each (cells, staves).
    """
    made = np.zeros(OBJECTS[GENERAL].shape)
    for layer in LAYERS:
        cells = maps.get(f"cluster_occupation_L{layer.number}")
        if cells is None:
            return None
        for stave, largest in enumerate(cells.max(axis=0)):
            made[general_bin(layer.number, stave)] = largest
    return made


def only_grew(later: Values, earlier: Values) -> bool | None:
    """Return whether counts hold all of earlier ones, by their contents: whether they fell in no bin.

    None if nothing changed, or if none would fall by chance with a probability of more than 1e-9: with as many in each
    bin on average as in the earlier ones, times the ratio of the totals, and Poisson (normal) fluctuations of both.
    """
    if (later < earlier * (1 - ROUNDING)).any():
        return False
    counts = earlier[earlier > 0]
    if not counts.size or np.array_equal(later, earlier):
        return None
    ratio = float(later.sum() / counts.sum())
    falls = ndtr(-(ratio - 1) * counts / np.sqrt(ratio * counts * (1 + ratio)))
    return True if np.log1p(-falls).sum() < np.log(CHANCE) else None


def _stored(found: Histogram, _others: Found, _lasted_s: float) -> Sum | None:
    if found.numerator is None or found.denominator is None:
        return None
    return Sum(found.numerator, found.denominator)


def _times(found: Histogram, weight: Values | None) -> Sum | None:
    if weight is None or not (weight > 0).any():
        return None
    return Sum(found.values * weight, np.asarray(weight, np.float64))


def _total(others: Found, payload: str) -> Values | None:
    """How often an object was filled: its entries, which count what is beyond its axes too, or its contents."""
    found = others.get(payload)
    return None if found is None else np.array(max(found.entries, float(found.values.sum())))


def _clusters(payload: str, others: Found) -> Values | None:
    """Clusters in every bin, but for the number of chips in it."""
    occupation = others.get(payload.replace("size", "occupation"))
    frames = _total(others, "bc_clusters")
    return None if occupation is None or frames is None else occupation.values * frames


def _grew(later: Sum, earlier: Sum, how: str) -> bool:
    """Whether there is more of what an average is weighed with.

    Raises
    ------
    FellError
        If there is less.
    """
    if later.denominator is None or earlier.denominator is None:
        return True
    new, old = float(later.denominator.sum()), float(earlier.denominator.sum())
    if new < old * (1 - ROUNDING):
        raise FellError(f"{how} fell")
    return new > old


def _less(new: Values, old: Values) -> Values:
    left = new - old
    fell = left < -ROUNDING * np.abs(old)
    if count := np.count_nonzero(fell):
        raise FellError(f"{count} of {left.size} bins fell")
    return np.maximum(left, 0.0)
