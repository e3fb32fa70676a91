"""An observation as flat arrays and the few numbers that its conditions follow from; nothing is judged here."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from core.observation import Array, Observation
from dqm.its.cycle import UNKNOWN_BEAM
from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS, INNER, Bools, flatten, layer_slice, readout_places
from dqm.its.names import mask
from dqm.its.objects import OBJECTS

Floats = NDArray[np.float64]
LONG_PLACES = INNER + sum(of.staves for of in LAYERS[3:])
"""Rows of the plots of long clusters: 432 inner chips, then 144 outer staves."""
_ITERATIONS = 12


@dataclass(frozen=True, slots=True)
class Vertices:
    """Interactions that the track task found: how many, and their Gaussian along z (cut at the plot's ends), in cm."""

    count: float
    z_cm: float
    sigma_cm: float
    x_cm: float
    y_cm: float


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One cycle.

    Parameters
    ----------
    occupation, size, hits
        Clusters/ROF/chip, pixels, hits/pixel/event, shape (CELLS,), 0 where a map is missing.
    has_occupation, has_size, has_hits
        The layer's map is there and the cell is not masked, shape (CELLS,).
    off
        Masked cells, shape (CELLS,).
    long, has_long
        Frames with a long cluster per inner chip and outer stave, shape (LONG_PLACES,).
    faults
        Counts of FAULT of each cell's lane, shape (CELLS,), or None.
    frames_seen
        Entries of the plot of clusters by bunch crossing: readout frames, less those with too many clusters for it.
    vertices, tracks
        None where a plot is missing or empty; ``tracks`` counts all tracks.
    cycle_s, run_age_s
        Length of the cycle, that of the cluster task; age of the run at its end, or None.
    track_s, hit_s, readout_s
        Time that the objects of the other tasks hold: vertices and tracks, hits, FAULT. None: that of the cycle.
    """

    run: int
    beam_type: str
    ended_s: float
    cycle_s: float
    run_age_s: float | None
    occupation: Floats
    size: Floats
    hits: Floats
    has_occupation: Bools
    has_size: Bools
    has_hits: Bools
    off: Bools
    long: Floats
    has_long: Bools
    faults: Floats | None
    frames_seen: float | None
    vertices: Vertices | None
    tracks: float | None
    track_s: float | None = None
    hit_s: float | None = None
    readout_s: float | None = None

    def share_of(self, task: str) -> float:
        """Return the time that a task's objects hold (``track``, ``hit``, ``readout``) over that of the cycle."""
        held_s = {"track": self.track_s, "hit": self.hit_s, "readout": self.readout_s}[task]
        return held_s / self.cycle_s if held_s and self.cycle_s > 0 else 1.0


def read(observation: Observation) -> Reading:
    """Return the arrays and numbers of an observation of one cycle; whatever is missing is 0, False or None."""
    payload, conditions = observation.payload, observation.conditions
    masked = str(conditions.get("masked") or "")
    off = flatten(mask(masked.split(", ") if masked else ())) > 0
    maps = [_maps(payload, kind) for kind in ("cluster_occupation", "cluster_size", "hit_occupancy")]
    long, has_long = _long(payload)
    age = conditions.get("run_age_s")
    vertices = _vertices(payload)
    return Reading(
        run=int(conditions.get("run") or 0),
        beam_type=str(conditions.get("beam_type") or UNKNOWN_BEAM),
        ended_s=observation.observed_at.timestamp(),
        cycle_s=float(conditions.get("cycle_s") or 0.0),
        run_age_s=None if age is None else float(age),
        occupation=maps[0][0],
        size=maps[1][0],
        hits=maps[2][0],
        has_occupation=maps[0][1] & ~off,
        has_size=maps[1][1] & ~off & ~(maps[0][1] & (maps[0][0] == 0)),
        has_hits=maps[2][1] & ~off,
        off=off,
        long=long,
        has_long=has_long,
        faults=np.asarray(payload["lane_fault"], np.float64)[readout_places()] if "lane_fault" in payload else None,
        frames_seen=float(np.sum(payload["bc_clusters"])) if "bc_clusters" in payload else None,
        vertices=vertices,
        tracks=float(np.sum(payload["angular"])) * vertices.count if vertices and "angular" in payload else None,
        **{f"{task}_s": _seconds(conditions.get(f"{task}_s")) for task in ("track", "hit", "readout")},
    )


def _seconds(told: object) -> float | None:
    """What a condition says of a length, None where it says nothing that can be."""
    return float(told) if isinstance(told, int | float) and 0 < told < np.inf else None


def _maps(payload: Mapping[str, Array], kind: str) -> tuple[Floats, Bools]:
    """One kind of map of all layers as a row, and which cells have a map."""
    names = [f"{kind}_L{of.number}" for of in LAYERS]
    values = flatten([payload.get(name, np.zeros(OBJECTS[name].shape)) for name in names])
    has = np.zeros(CELLS, bool)
    for of in LAYERS:
        has[layer_slice(of.number)] = names[of.number] in payload
    return values, has


def _long(payload: Mapping[str, Array]) -> tuple[Floats, Bools]:
    """Frames with at least one long cluster by place, and which places have a plot."""
    counts, has = [], []
    for of in LAYERS:
        found = payload.get(f"long_clusters_L{of.number}")
        rows = of.chips if of.inner else of.staves
        counts.append(np.zeros(rows) if found is None else np.asarray(found, np.float64)[:, 1:].sum(axis=1))
        has.append(np.full(rows, found is not None))
    return np.concatenate(counts), np.concatenate(has)


def _vertices(payload: Mapping[str, Array]) -> Vertices | None:
    if "vertex_z" not in payload:
        return None
    found = np.asarray(payload["vertex_z"], np.float64)
    count = float(found.sum())
    if count < 2:
        return None
    edges = OBJECTS["vertex_z"].axes[0].edges
    filled = np.flatnonzero(found)
    z, sigma = _gaussian(found, edges, edges[filled[0]], edges[filled[-1] + 1])
    x = y = 0.0
    if "vertex_xy" in payload and (xy := np.asarray(payload["vertex_xy"], np.float64)).sum() > 0:
        middles = [(axis.edges[1:] + axis.edges[:-1]) / 2 for axis in OBJECTS["vertex_xy"].axes]
        x, y = (float(xy.sum(axis=1 - i) @ middles[i] / xy.sum()) for i in (0, 1))
    return Vertices(count, z, sigma, x, y)


def _gaussian(counts: Floats, edges: Floats, low: float, high: float) -> tuple[float, float]:
    """Mean and spread of a Gaussian of which only the part between two ends was counted, by its moments."""
    middles = (edges[1:] + edges[:-1]) / 2
    mean = float(counts @ middles / counts.sum())
    variance = max(float(counts @ (middles - mean) ** 2 / counts.sum()), 1e-4)
    z, sigma, reach = mean, float(np.sqrt(variance)), float(high - low)
    for _ in range(_ITERATIONS):
        a, b = (low - z) / sigma, (high - z) / sigma
        density = [float(np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi)) for t in (a, b)]
        inside = max(float(erf(b / np.sqrt(2)) - erf(a / np.sqrt(2))) / 2, 1e-3)
        moved = (density[0] - density[1]) / inside
        shrunk = 1 + (a * density[0] - b * density[1]) / inside - moved**2
        z = float(np.clip(mean - sigma * moved, low, high))
        sigma = float(np.clip(np.sqrt(variance / max(shrunk, 0.05)), 0.01, reach))
    return z, sigma
