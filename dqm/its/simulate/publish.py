"""From what was counted to the arrays that the QC publishes, by the names of `dqm.its.objects`."""

import numpy as np

from dqm.its.geometry import LAYERS, STAVES
from dqm.its.objects import OBJECTS
from dqm.its.readout import general_bin
from dqm.its.simulate.anomalies import Anomalies
from dqm.its.simulate.cells import INNER, PIXELS_PER_CHIP, Floats, as_map, chips_per_cell, readout_places, staves
from dqm.its.simulate.counts import Tally


def maps(seen: Tally, frames: int, hits: Tally, hit_frames: int) -> dict[str, Floats]:
    """Return occupation, size and hit occupancy of every layer, and the general occupancy; 0 where nothing is."""
    chips = chips_per_cell()
    occupation = seen.clusters / max(frames, 1) / chips
    size = np.divide(seen.pixels, seen.clusters, out=np.zeros_like(seen.pixels), where=seen.clusters > 0)
    occupancy = hits.pixels / max(hit_frames, 1) / (chips * PIXELS_PER_CHIP)
    found: dict[str, Floats] = {}
    for layer in LAYERS:
        found[f"cluster_occupation_L{layer.number}"] = as_map(occupation, layer.number)
        found[f"cluster_size_L{layer.number}"] = as_map(size, layer.number)
        found[f"hit_occupancy_L{layer.number}"] = as_map(occupancy, layer.number)
    return {**found, "general_occupancy": _general(occupation)}


def anomaly_plots(found: Anomalies) -> dict[str, Floats]:
    """Return the plots of long clusters of every layer."""
    plots: dict[str, Floats] = {}
    for layer in LAYERS:
        first = layer.first_chip if layer.inner else INNER + layer.first_stave - LAYERS[3].first_stave
        rows = slice(first, first + (layer.chips if layer.inner else layer.staves))
        plots[f"long_clusters_L{layer.number}"] = found.long[rows].copy()
        if layer.inner:
            plots[f"hits_when_long_L{layer.number}"] = found.hits[rows].copy()
    return plots


def lane_faults(count: Floats) -> Floats:
    """Return the FAULT counts of every cell's lane, shape (432, 28)."""
    found = np.zeros(OBJECTS["lane_fault"].shape)
    found[readout_places()] = count
    return found


def _general(occupation: Floats) -> Floats:
    largest = np.zeros(STAVES)
    np.maximum.at(largest, staves(), occupation)
    found = np.zeros(OBJECTS["general_occupancy"].shape)
    for layer in LAYERS:
        for stave in range(layer.staves):
            found[general_bin(layer.number, stave)] = largest[layer.first_stave + stave]
    return found
