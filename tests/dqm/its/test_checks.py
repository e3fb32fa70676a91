"""An object under the right name that is not what it should be is refused, with the reason."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.errors import InputError
from dqm.its.checks import check
from dqm.its.histogram import Histogram
from dqm.its.objects import OBJECTS

OCCUPATION = OBJECTS["cluster_occupation_L0"]
GOOD = OCCUPATION.histogram(np.arange(108.0).reshape(9, 12), entries=108)


def with_value(value: float) -> Histogram:
    values = GOOD.values.copy()
    values[4, 3] = value
    return replace(GOOD, values=values)


def test_a_good_object_passes_unchanged() -> None:
    found = check(OCCUPATION, GOOD, "here")
    np.testing.assert_array_equal(found.values, GOOD.values)
    assert found.entries == 108


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (with_value(np.nan), "1 of 108 bins are not finite"),
        (with_value(np.inf), "1 of 108 bins are not finite"),
        (with_value(-1e-9), "1 of 108 bins are negative"),
        (with_value(1e20), "1 of 108 bins are above 1e+15"),
        (replace(GOOD, class_name="TH1D"), "is a TH1D with 2 axes, not a TH2Ratio"),
        (replace(GOOD, class_name="TH2Poly"), "is a TH2Poly"),
        (replace(GOOD, class_name="TCanvas"), "is a TCanvas"),
        (replace(GOOD, values=GOOD.values[0]), "is a TH2Ratio with 1 axes"),
        (replace(GOOD, values=GOOD.values[:8]), "is a TH2Ratio with 2 axes"),
        (
            replace(GOOD, edges=(GOOD.edges[0] - 0.5, GOOD.edges[1])),
            "x axis has 9 bins from -0.5 to 8.5, not 9 bins from 0 to 9",
        ),
        (
            replace(GOOD, values=np.ones((9, 16)), edges=(GOOD.edges[0], np.arange(17.0))),
            "y axis has 16 bins from 0 to 16, not 12 bins from 0 to 12",
        ),
        (replace(GOOD, edges=(GOOD.edges[0] ** 2 / 9, GOOD.edges[1])), "x axis has"),
        (replace(GOOD, edges=(GOOD.edges[0] * np.nan, GOOD.edges[1])), "x axis has"),
        (
            replace(GOOD, labels=(tuple(sorted(GOOD.labels[0] or (), reverse=True)), None)),
            "x axis has its labels in an",
        ),
    ],
)
def test_what_is_wrong_is_named(changed: Histogram, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        check(OCCUPATION, changed, "run 5")
    assert caught.value.reason.startswith(reason)
    assert caught.value.origin == "run 5: qc/ITS/MO/ITSClusterTask/Layer0/ClusterOccupation"


@pytest.mark.parametrize("class_name", ["TH2D", "TH2F", "TH2I", "TH2Ratio", "TH2Ratio<TH2D>"])
def test_older_classes_of_the_same_kind_count(class_name: str) -> None:
    assert check(OCCUPATION, replace(GOOD, class_name=class_name), "here").class_name == "TH2Ratio"


@pytest.mark.parametrize("labels", [(None, None), (("a",) * 9, None), (("",) * 9, ("",) * 12)])
def test_labels_may_be_missing_or_others(labels: Any) -> None:
    np.testing.assert_array_equal(check(OCCUPATION, replace(GOOD, labels=labels), "here").values, GOOD.values)


def test_a_vertex_plot_of_smaller_range_is_filled_up() -> None:
    """O2DPG's qc-sync/its.json sets vertexXYsize to 0.1 cm."""
    small = np.linspace(-0.1, 0.1, 21)
    found = check(
        OBJECTS["vertex_xy"],
        Histogram("VertexCoordinates", "TH2D", np.ones((20, 20)), (small, small), (None, None), ("", "")),
        "here",
    )
    assert found.values.shape == (100, 100)
    assert found.values.sum() == 400
    assert found.values[40:60, 40:60].all()


@pytest.mark.parametrize(
    "edges",
    [np.linspace(-0.1, 0.1, 11), np.linspace(-1, 1, 201), np.linspace(-0.105, 0.095, 21), np.array([0.0, 9e99])],
)
def test_a_vertex_plot_of_other_bins_is_refused(edges: np.ndarray) -> None:
    bins = len(edges) - 1
    wrong = Histogram("VertexCoordinates", "TH2D", np.ones((bins, bins)), (edges, edges), (None, None), ("", ""))
    with pytest.raises(InputError, match="x axis has"):
        check(OBJECTS["vertex_xy"], wrong, "here")


@given(arrays(np.float64, st.sampled_from([(9, 12), (12, 9), (108,), (0, 0)])))
def test_any_contents_pass_whole_or_are_refused(values: np.ndarray) -> None:
    try:
        found = check(OCCUPATION, replace(GOOD, values=values), "here")
    except InputError:
        return
    assert found.values.shape == (9, 12)
    assert np.isfinite(found.values).all()
    assert (found.values >= 0).all()
