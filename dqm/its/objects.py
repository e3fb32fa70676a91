"""The QC objects that are read and simulated: where they are, their axes, and what they are called in a payload.

Names, axes, titles and labels are those of AliceO2Group/QualityControl ``Modules/ITS``: ITSClusterTask.cxx as of 2025
(with ``ClusterCenterMapL``), ITSTrackTask.cxx with ``TH2DRatio``, ITSFhrTask.cxx @ 0152560, ITSFeeTask.cxx with
``mRDHDetField``. The ratio classes divide numerator by denominator when a cycle ends. Earlier versions wrote plain
``TH2D``, some ``TH2FRatio``: any histogram of the right number of axes counts. The range of the vertex plots is a
setting of the QC task; here it is the task's default, and a plot of smaller range with bins of the same width is
filled up with zeros. Unverified: the name of the task that writes the hit occupancies at the experiment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dqm.its.geometry import LAYERS, Layer
from dqm.its.histogram import Histogram
from dqm.its.readout import FEES, GENERAL_SHAPE, LANES, cell_label

CLUSTERS = "ITSClusterTask"
TRACKS = "ITSTrackTask"
HITS = "FHRTask"
READOUT = "ITSFEE"
SAME_TASK = {"ITSClusters": CLUSTERS, "ITSTracks": TRACKS}
"""Names of the same tasks in asynchronous processing."""
PROVENANCES = ("qc", "qc_async", "qc_mc")


@dataclass(frozen=True)
class Axis:
    """Even bins from ``low`` to ``high``; ``name`` is the axis of the payload, ``title`` and ``labels`` are QC's.

    ``fillable``: an object may cover only a part of it, in bins of the same width.
    """

    name: str
    bins: int
    low: float
    high: float
    title: str = ""
    labels: tuple[str, ...] | None = None
    fillable: bool = False

    @cached_property
    def edges(self) -> NDArray[np.float64]:
        """Edges of the bins, (bins + 1,)."""
        return np.linspace(self.low, self.high, self.bins + 1)


@dataclass(frozen=True, slots=True)
class QcObject:
    """One histogram of one QC task; ``values[x, y]`` of it are the payload called ``payload``, in ``unit``."""

    payload: str
    task: str
    name: str
    class_name: str
    title: str
    unit: str
    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(axis.bins for axis in self.axes)

    def path(self, provenance: str = "qc") -> str:
        """Return where the QCDB keeps it (``RepoPathUtils.h``)."""
        return f"{provenance}/ITS/MO/{self.task}/{self.name}"

    def histogram(self, values: ArrayLike, entries: float = 0.0) -> Histogram:
        """Return it with these contents.

        Raises
        ------
        ValueError
            If ``values`` have another shape.
        """
        array = np.asarray(values, np.float64)
        if array.shape != self.shape:
            raise ValueError(f"{self.payload} has shape {self.shape}, not {array.shape}")
        return Histogram(
            name=self.name,
            class_name=self.class_name,
            values=array,
            edges=tuple(axis.edges for axis in self.axes),
            labels=tuple(axis.labels for axis in self.axes),
            axis_titles=tuple(axis.title for axis in self.axes),
            entries=entries,
            title=self.title,
        )


def payload_of(path: str) -> str | None:
    """Return the payload that the object at ``path`` becomes, None if it is none of ours.

    ``path`` is that of the QCDB with or without ``<provenance>/ITS/MO/``; tasks of asynchronous processing count.
    """
    parts = path.strip("/").split("/")
    if len(parts) > 3 and parts[0] in PROVENANCES and parts[1:3] == ["ITS", "MO"]:
        parts = parts[3:]
    return _PAYLOADS.get((SAME_TASK.get(parts[0], parts[0]), "/".join(parts[1:])))


def _cells(layer: Layer, offset: float) -> Axis:
    name, title = ("chip", "Chip Number") if layer.inner else ("lane", "")
    labels = tuple(cell_label(layer.number, cell) for cell in range(layer.cells))
    return Axis(name, layer.cells, offset, layer.cells + offset, title, labels)


def _staves(layer: Layer, offset: float, *, labelled: bool = True) -> Axis:
    labels = tuple(f"Stave {stave}" for stave in range(layer.staves)) if labelled else None
    return Axis("stave", layer.staves, offset, layer.staves + offset, "Stave Number", labels)


def _maps(layer: Layer) -> tuple[QcObject, ...]:
    n = layer.number
    axes = (_cells(layer, 0), _staves(layer, 0))
    hit_axes = (_cells(layer, -0.5), _staves(layer, -0.5, labelled=not layer.inner))
    hits = f"Occupancy/Layer{n}/Layer{n}ChipStave"
    return (
        QcObject(
            f"cluster_occupation_L{n}",
            CLUSTERS,
            f"Layer{n}/ClusterOccupation",
            "TH2Ratio",
            f"Cluster Occupancy on Layer {n}",
            "clusters/ROF/chip",
            axes,
        ),
        QcObject(
            f"cluster_size_L{n}",
            CLUSTERS,
            f"Layer{n}/AverageClusterSize",
            "TH2Ratio",
            f"Average Cluster Size  on Layer {n}",
            "pixels",
            axes,
        ),
        QcObject(
            f"hit_occupancy_L{n}",
            HITS,
            hits,
            "TH2D",
            f"ITS Layer{n}, Occupancy vs Chip and Stave",
            "hits/pixel/event",
            hit_axes,
        ),
    )


def _anomalies(layer: Layer) -> tuple[QcObject, ...]:
    n = layer.number
    chips = Axis("chip", layer.chips, layer.first_chip, layer.first_chip + layer.chips, "Chip ID")
    staves = Axis("stave", layer.staves, 0, layer.staves, "Stave")
    long = Axis("long_clusters", 41, 0, 41, "number of long clusters")
    hits = Axis("hits", 250, 0, 40000, "Sum of clusters size (events w/ long clus)")
    name, many = f"Anomalies/Layer{n}/LongClusters", f"Anomalies/Layer{n}/HitsWhenLongClusters"
    along = chips if layer.inner else staves
    found = QcObject(f"long_clusters_L{n}", CLUSTERS, name, "TH2D", f"Layer{n}/LongClusters", "ROFs", (along, long))
    if not layer.inner:
        return (found,)
    title = f"Layer{n}/HitsWhenLongClusters"
    return found, QcObject(f"hits_when_long_L{n}", CLUSTERS, many, "TH2D", title, "ROFs", (chips, hits))


def _half_layers() -> tuple[str, ...]:
    bottom = (f"L{of.number}B(S{of.staves // 2:02d}#rightarrow{of.staves - 1:02d})" for of in reversed(LAYERS))
    top = (f"L{of.number}T(S00#rightarrow{of.staves // 2 - 1:02d})" for of in LAYERS)
    return *bottom, *top


def _general() -> tuple[QcObject, ...]:
    bunch_crossings = Axis("bunch_crossing", 103, 0, 4095, "Bunch Crossing ID")
    clusters = Axis("clusters", 150, 0, 3000, "Number of clusters with npix > 2 in ROF")
    general = (
        Axis("stave", GENERAL_SHAPE[0], -12, 12),
        Axis("half_layer", GENERAL_SHAPE[1], 0, 14, "", _half_layers()),
    )
    return (
        QcObject(
            "bc_clusters",
            CLUSTERS,
            "BunchCrossingIDvsClusters",
            "TH2D",
            "#clusters vs BC id for clusters with npix > 2",
            "ROFs",
            (bunch_crossings, clusters),
        ),
        QcObject(
            "general_occupancy",
            CLUSTERS,
            "General/General_Occupancy",
            "TH2Ratio",
            "General Cluster Occupancy (max n_clusters/event/chip)",
            "clusters/ROF/chip",
            general,
        ),
        QcObject(
            "lane_fault",
            READOUT,
            "LaneStatus/laneStatusFlagFAULT",
            "TH2I",
            "Lane Status Flag: FAULT",
            "counts",
            (Axis("fee", FEES, 0, FEES, "FEEID"), Axis("lane", LANES, 0, LANES, "Lane")),
        ),
    )


def _tracks() -> tuple[QcObject, ...]:
    angles = (Axis("eta", 40, -2, 2, "#eta"), Axis("phi", 60, 0, 2 * np.pi, "#phi"))
    counts = Axis("clusters", 15, -0.5, 14.5, "Number of clusters per Track")
    z = Axis("z_cm", 3000, -15, 15, "Z coordinate (cm)", fillable=True)
    xy = tuple(Axis(f"{a}_cm", 100, -0.5, 0.5, f"{a.upper()} coordinate (cm)", fillable=True) for a in "xy")
    titles = ("AngularDistribution", "hNClusters", "Z coordinate of vertex", "Coordinates of track vertex")
    return (
        QcObject("angular", TRACKS, "AngularDistribution", "TH2Ratio", titles[0], "tracks/vertex", angles),
        QcObject("track_clusters", TRACKS, "NClusters", "TH1Ratio", titles[1], "tracks/vertex", (counts,)),
        QcObject("vertex_z", TRACKS, "VertexZ", "TH1D", titles[2], "vertices", (z,)),
        QcObject("vertex_xy", TRACKS, "VertexCoordinates", "TH2D", titles[3], "vertices", xy),
    )


def _all() -> dict[str, QcObject]:
    per_layer = [found for layer in LAYERS for found in (*_maps(layer), *_anomalies(layer))]
    return {found.payload: found for found in (*per_layer, *_general(), *_tracks())}


OBJECTS: Mapping[str, QcObject] = MappingProxyType(_all())
_PAYLOADS = {(found.task, found.name): found.payload for found in OBJECTS.values()}
