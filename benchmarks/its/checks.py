"""The deployed checks: fixed limits of AliceO2Group/QualityControl Modules/ITS, and a rule on long clusters.

From ``ITSClusterCheck.cxx``, ``ITSFhrCheck.cxx``, ``ITSTrackCheck.cxx`` and ``ITSFeeCheck.cxx``; limits per beam type
from ``itsCluster.json`` (the sync configuration of O2DPG still had one limit for all beams). Every check becomes value
over limit: above 1 it is Medium or Bad. As deployed means with what is odd in them:

- the empty staves of `ITSFhrCheck` are counted per quadrant but divided by 48, and start uninitialised (0 here);
- `ITSClusterCheck` looks for empty staves in ``13 .. 13 + N // 4``, so the last stave of each half of layer 4 is never
  looked at;
- the test of ``|z| > 10`` projects R, so it never fires (it has no object here); the mean number of clusters is held
  against 5.2 to 6.2 though the message says 5.9; no check reads the plots of long clusters.

Left out, in favour of the checks: masked places are skipped (by hand at the experiment); the FAULT plot whose mere
maximum > 0 is Bad (a lane restarts every ten minutes); the test for vertices at 0.05 < y < 0.2 cm, which this simulator
(no badly measured vertices) would always fail; the noisy pixels and the decoding errors, which have no object here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.its.seen import Floats, Judgement, Method, Seen, suspects
from dqm.its.geometry import LAYERS, STAVES
from dqm.its.layout import CELLS, FIRST, INNER, layer_of, readout_places, stave_of_cell

MOST_CLUSTERS = {"pp": (5, 3, 3, 0.3, 0.3, 0.2, 0.2), "PbPb": (65, 35, 25, 1, 1, 1, 1)}
LARGEST_CLUSTER_PX = 5.0
MOST_EMPTY_LANES = 0.1
MOST_HITS = (1e-2, 1e-4)
EMPTY_STAVES = 0.05
CLUSTERS_PER_TRACK = (5.2, 6.2)
ASYMMETRY = 0.3
VERTEX_XY_CM, VERTEX_XY_SPREAD_CM, VERTEX_Z_CM, VERTEX_Z_SPREAD_CM = 0.05, 0.1, 1.0, 7.0
BAD_LANES = (2, 2, 2, 4, 4, 7, 7)
_FIRED = 2.0
"""What a check that is yes or no counts when it fires."""
_BARRELS = (slice(0, FIRST[3]), slice(FIRST[3], FIRST[5]), slice(FIRST[5], CELLS))


def check_ratios(seen: Seen) -> dict[str, Floats]:
    """Return value over limit of every check, per cell where the plot shows the place, (CELLS,), else of shape (1,)."""
    return {
        "cluster occupancy": seen.occupation / np.array(MOST_CLUSTERS[seen.beams])[layer_of()],
        "cluster size": seen.size / LARGEST_CLUSTER_PX,
        "empty stave": _of_staves(_empty_staves(seen, seen.occupation) & _looked_at()) * _FIRED,
        "empty lanes": np.array([_empty_lanes(seen) / MOST_EMPTY_LANES]),
        "hits": seen.hits / np.where(np.arange(CELLS) < INNER, *MOST_HITS),
        "empty staves in a quadrant": _quadrants(seen),
        **_tracks(seen),
        **_lanes(seen),
    }


def _empty_staves(seen: Seen, values: Floats) -> NDArray[np.bool_]:
    """Staves (192) that have no entry though they are not masked."""
    highest, off = np.zeros(STAVES), np.ones(STAVES, bool)
    np.maximum.at(highest, stave_of_cell(), values)
    np.logical_and.at(off, stave_of_cell(), seen.masked)
    return (highest < 1e-15) & ~off


def _of_staves(values: NDArray[np.generic]) -> Floats:
    return np.asarray(values, np.float64)[stave_of_cell()]


def _looked_at() -> NDArray[np.bool_]:
    """Staves whose bin the cluster check looks at: of layer 4, 14 of the 15 of each half."""
    found = np.ones(STAVES, bool)
    found[[LAYERS[4].first_stave + 14, LAYERS[4].first_stave + 29]] = False
    return found


def _empty_lanes(seen: Seen) -> float:
    """Sum over the three barrels of the share of lanes without clusters."""
    empty = (seen.occupation <= 0) & ~seen.masked
    return float(sum(empty[barrel].mean() for barrel in _BARRELS))


def _quadrants(seen: Seen) -> Floats:
    """Empty staves of a quadrant over 48, over the limit, shown at those staves."""
    empty = _empty_staves(seen, seen.hits)
    angle = np.concatenate([(np.arange(of.staves) + 0.5) / of.staves for of in LAYERS])
    quadrant = (4 * angle).astype(int)
    count = np.bincount(quadrant[empty], minlength=4)
    return _of_staves(np.where(empty, count[quadrant] / 48 / EMPTY_STAVES, 0.0))


def _tracks(seen: Seen) -> dict[str, Floats]:
    payload = seen.observation.payload
    clusters, angular = (np.asarray(payload[name], np.float64) for name in ("track_clusters", "angular"))
    mean = float(clusters @ np.arange(clusters.size) / max(clusters.sum(), 1e-30))
    low, high = CLUSTERS_PER_TRACK
    missing = bool((clusters[4:8] < 1e-15).any())
    found = {
        "clusters per track": abs(mean - (low + high) / 2) / ((high - low) / 2),
        "tracks of 4 to 7 clusters": _FIRED * missing,
        "eta asymmetry": _asymmetry(angular.sum(axis=1)) / ASYMMETRY,
        "phi asymmetry": _asymmetry(angular.sum(axis=0)) / ASYMMETRY,
    }
    xy = np.asarray(payload["vertex_xy"], np.float64)
    for axis, name in enumerate("xy"):
        at, spread = _moments(xy.sum(axis=1 - axis), 0.5)
        found[f"vertex {name}"] = abs(at) / VERTEX_XY_CM
        found[f"vertex {name} spread"] = spread / VERTEX_XY_SPREAD_CM
    at, spread = _moments(np.asarray(payload["vertex_z"], np.float64), 15.0)
    found |= {"vertex z": abs(at) / VERTEX_Z_CM, "vertex z spread": spread / VERTEX_Z_SPREAD_CM}
    return {name: np.array([value]) for name, value in found.items()}


def _asymmetry(values: Floats) -> float:
    """|1 - first half over second half|; the bin in the middle counts for both, as ``FindBin(0)`` makes it."""
    half = values.size // 2
    second = values[half:].sum()
    return float(abs(1 - values[: half + 1].sum() / second)) if second > 0 else _FIRED


def _moments(count: Floats, limit: float) -> tuple[float, float]:
    middle = (np.arange(count.size) + 0.5) / count.size * 2 * limit - limit
    total = count.sum()
    if total <= 0:
        return 0.0, 0.0
    mean = float(count @ middle / total)
    return mean, float(np.sqrt(max(count @ (middle - mean) ** 2 / total, 0.0)))


def _lanes(seen: Seen) -> dict[str, Floats]:
    """Lanes in FAULT at any time of the cycle: per stave, and the sum of the shares of the three barrels."""
    flagged = np.asarray(seen.observation.payload["lane_fault"])[readout_places()] > 0
    count = np.bincount(stave_of_cell()[flagged], minlength=STAVES)
    limits = np.repeat(BAD_LANES, [of.staves for of in LAYERS])
    whole = sum(flagged[barrel].mean() for barrel in _BARRELS)
    return {
        "lanes in FAULT of a stave": np.where(flagged, (count / limits)[stave_of_cell()], 0.0),
        "lanes in FAULT": np.array([whole / MOST_EMPTY_LANES]),
    }


@dataclass(frozen=True, slots=True)
class FixedLimits:
    """All checks at once: the score is the highest ratio. ``usual``: what each ratio is at most in nominal history."""

    usual: Mapping[str, float]

    def fork(self) -> "FixedLimits":
        return self

    def judge(self, seen: Seen, *, good: bool) -> dict[str, Judgement]:
        """Rows: the limits as they are, and each limit set anew on history (a check that never fires keeps its own)."""
        del good
        ratios = check_ratios(seen)
        anew = {name: value / self.usual[name] for name, value in ratios.items()}
        return {FIXED: _worst(ratios, 1.0), TUNED: _worst(anew, None)}


def _worst(ratios: Mapping[str, Floats], limit: float | None) -> Judgement:
    values = np.zeros(CELLS)
    for ratio in ratios.values():
        if ratio.size == CELLS:
            values = np.maximum(values, ratio)
    score = max(float(ratio.max()) for ratio in ratios.values())
    return Judgement(score, *suspects(values), alarm=None if limit is None else score > limit)


def learn_limits(history: Sequence[Sequence[Seen]]) -> FixedLimits:
    """Return the checks with what they give at most in nominal cycles."""
    found: dict[str, float] = {}
    for run in history:
        for seen in run:
            for name, ratio in check_ratios(seen).items():
                found[name] = max(found.get(name, 0.0), float(ratio.max()))
    return FixedLimits({name: most if most > 1e-3 else 1.0 for name, most in found.items()})


@dataclass(frozen=True, slots=True)
class LongClusters:
    """Long clusters per second in the inner barrel (Anomalies/LayerN/LongClusters): no deployed check reads them."""

    def fork(self) -> "LongClusters":
        return self

    def judge(self, seen: Seen, *, good: bool) -> dict[str, Judgement]:
        del good
        plots = [np.asarray(seen.observation.payload[f"long_clusters_L{layer}"], np.float64) for layer in range(3)]
        rate = np.concatenate([plot @ np.arange(plot.shape[1]) for plot in plots]) / max(seen.seconds, 1.0)
        values = np.zeros(CELLS)
        values[:INNER] = rate / max(rate.max(), 1e-12)
        return {LONG: Judgement(float(rate.sum()), *suspects(values), cause="beam background")}


FIXED, TUNED = "QC checks, deployed limits", "QC checks, limits set anew"
LONG = "long clusters"
METHODS = (
    Method("checks", {FIXED: None, TUNED: None}, learn_limits, ("checks.py",)),
    Method("long clusters", {LONG: 0.5}, lambda _: LongClusters(), ("checks.py",)),
)
