"""The table of QC objects agrees with itself, with the geometry and with the QC sources."""

import numpy as np
import pytest

from dqm.its.geometry import LAYERS
from dqm.its.names import Place
from dqm.its.objects import OBJECTS, payload_of
from dqm.its.readout import general_bin


def test_every_object_is_found_by_its_path() -> None:
    assert len(OBJECTS) == 38
    assert len({found.path() for found in OBJECTS.values()}) == 38
    for payload, found in OBJECTS.items():
        assert payload_of(found.path()) == payload == payload_of(f"/{found.task}/{found.name}")
        assert found.class_name.startswith(f"TH{len(found.axes)}")


@pytest.mark.parametrize(
    ("path", "payload"),
    [
        ("qc/ITS/MO/ITSClusterTask/Layer3/ClusterOccupation", "cluster_occupation_L3"),
        ("qc_async/ITS/MO/ITSClusters/Layer3/ClusterOccupation", "cluster_occupation_L3"),
        ("qc_mc/ITS/MO/ITSTracks/NClusters", "track_clusters"),
        ("qc/ITS/MO/FHRTask/Occupancy/Layer6/Layer6ChipStave", "hit_occupancy_L6"),
        ("qc/ITS/MO/ITSClusterTask/Layer7/ClusterOccupation", None),
        ("qc/TPC/MO/ITSClusterTask/Layer3/ClusterOccupation", None),
        ("qc/ITS/MO", None),
        ("", None),
    ],
)
def test_payload_of_a_path(path: str, payload: str | None) -> None:
    assert payload_of(path) == payload


def test_maps_are_cells_by_staves() -> None:
    for layer in LAYERS:
        for name in ("cluster_occupation", "cluster_size", "hit_occupancy"):
            found = OBJECTS[f"{name}_L{layer.number}"]
            assert found.shape == (layer.cells, layer.staves)
            assert found.axes[0].labels is not None
            assert len(found.axes[0].labels) == layer.cells


def test_axes_of_the_anomalies() -> None:
    long = OBJECTS["long_clusters_L1"]
    assert long.shape == (144, 41)
    assert (long.axes[0].edges[0], long.axes[0].edges[-1]) == (108, 252)
    assert OBJECTS["long_clusters_L5"].shape == (42, 41)
    assert OBJECTS["hits_when_long_L2"].shape == (180, 250)
    assert "hits_when_long_L3" not in OBJECTS


def test_the_general_plot_names_the_half_layer_of_each_stave() -> None:
    labels = OBJECTS["general_occupancy"].axes[1].labels
    assert labels is not None
    assert (labels[0], labels[13]) == ("L6B(S24#rightarrow47)", "L6T(S00#rightarrow23)")
    for layer in LAYERS:
        for stave in range(layer.staves):
            label = labels[general_bin(layer.number, stave)[1]]
            first, last = (int(part.strip("S)")) for part in label[4:].split("#rightarrow"))
            assert label.startswith(f"L{layer.number}")
            assert first <= Place(layer.number, stave).stave <= last


def test_a_histogram_has_the_axes_of_its_object() -> None:
    found = OBJECTS["vertex_z"].histogram(np.ones(3000), entries=3000)
    assert found.edges[0] == pytest.approx(np.linspace(-15, 15, 3001))
    assert (found.name, found.entries, found.axis_titles) == ("VertexZ", 3000, ("Z coordinate (cm)",))
    with pytest.raises(ValueError, match="shape"):
        OBJECTS["vertex_z"].histogram(np.ones(2999))
