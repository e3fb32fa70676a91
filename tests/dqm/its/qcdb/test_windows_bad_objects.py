"""Counts since the start of a run, where an object of one cycle cannot be used."""

from collections.abc import Callable

import numpy as np
import pytest

from dqm.its.histogram import Histogram, encode
from dqm.its.objects import OBJECTS
from dqm.its.qcdb.faults import FaultKind, changed_binning, wrong_type
from tests.dqm.its.qcdb.tape import cycle, desk, edited, expect, missing


def test_counts_that_fall_in_one_object_only_are_missing() -> None:
    with desk(window="run") as made:
        made.publish(1, 2)
        made.change("long_clusters_L0", 2, edited(lambda values: np.maximum(values - 1, 0) * 0))
        found = made.read(made.source())["560123/2"]
    expect(found, 2, but=["long_clusters_L0"])
    assert missing(found) == {"long_clusters_L0"}
    assert "bins fell while others of its task grew" in str(found.conditions["why_missing"])


def test_an_object_that_is_stored_again_unchanged_has_nothing_new() -> None:
    with desk(window="run", ratios=False) as made:
        made.publish(1)
        before = made.server.versions.browse(OBJECTS["angular"].path(), {}, 0, 2**63)[0].body
        made.publish(2)
        made.change("angular", 2, lambda _: before)
        made.change("vertex_z", 2, lambda _: encode(_first("vertex_z")))
        found = made.read(made.source())["560123/2"]
    assert "angular: has not changed since the version before it" in str(found.conditions["why_missing"])
    assert found.payload["vertex_z"].sum() == 0


def _first(payload: str) -> Histogram:
    return cycle(1).histograms[payload]


SPOILT = pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (changed_binning, "x axis has 107 bins"),
        (wrong_type, "is a TH1D with 1 axes"),
        (edited(lambda values: values * np.nan), "no finite numbers"),
        (edited(lambda values: values - 1e6), "are negative"),
        (lambda body: body[: len(body) // 2], ""),
        (lambda _: b"<html>", "not a ROOT file"),
    ],
    ids=["changed binning", "wrong type", "NaN", "negative", "half", "no ROOT file"],
)


@SPOILT
def test_an_object_that_cannot_be_used_is_missing_with_the_reason(spoil: Callable[[bytes], bytes], reason: str) -> None:
    with desk(window="run") as made:
        made.publish(1, 2)
        made.change("hits_when_long_L0", 2, spoil)
        source = made.source()
        second = made.read(source)["560123/2"]
        made.publish(3)
        third = made.read(source)["560123/3"]
    expect(second, 2, but=["hits_when_long_L0"])
    assert missing(second) == {"hits_when_long_L0"}
    assert reason in str(second.conditions["why_missing"])
    expect(third, 3, but=["hits_when_long_L0"])
    assert third.conditions["remarks"] == "hits_when_long_L0: counted since 06:03:00"


@SPOILT
def test_a_version_before_that_cannot_be_used_makes_the_object_longer(
    spoil: Callable[[bytes], bytes], reason: str
) -> None:
    with desk(window="run") as made:
        made.publish(1, 2, 3)
        made.change("hits_when_long_L0", 2, spoil)
        found = made.read(made.source())["560123/3"]
    expect(found, 3, but=["hits_when_long_L0"])
    wanted = sum(cycle(n).histograms["hits_when_long_L0"].values for n in (2, 3))
    np.testing.assert_allclose(found.payload["hits_when_long_L0"], wanted)
    assert found.conditions["remarks"] == "hits_when_long_L0: counted since 06:03:00"


def test_a_first_version_before_that_cannot_be_used_is_said() -> None:
    with desk(window="run") as made:
        made.publish(1, 2)
        made.change("vertex_z", 1, changed_binning)
        found = made.read(made.source())["560123/2"]
    expect(found, 2, but=["vertex_z", "angular", "track_clusters"])
    np.testing.assert_allclose(found.payload["vertex_z"], sum(cycle(n).histograms["vertex_z"].values for n in (1, 2)))
    assert "vertex_z: no version before it can be used (x axis has 2999 bins" in str(found.conditions["remarks"])


@pytest.mark.parametrize("kind", [FaultKind.NOT_FOUND, FaultKind.HALF_BODY, FaultKind.WRONG_SUM, FaultKind.WRONG_TYPE])
def test_an_object_that_fails_now_is_missing_and_the_next_one_spans_the_gap(kind: FaultKind) -> None:
    with desk(window="run") as made:
        source = made.source()
        made.publish(1)
        made.read(source)
        made.server.faults.add(kind, pattern=OBJECTS["bc_clusters"].path())
        made.publish(2)
        second = made.read(source)["560123/2"]
        made.server.faults.clear()
        made.publish(3)
        third = made.read(source)["560123/3"]
    assert missing(second) == {"bc_clusters"}
    expect(second, 2, but=["bc_clusters"])
    expect(third, 3)  # what failed then can be had now


def test_a_server_that_fails_is_asked_again_and_given_up_object_by_object() -> None:
    with desk(window="run") as made:
        source = made.source(patience_s=60)
        made.publish(1, 2)
        assert list(source.arrivals(lambda _: set())) == []
        made.clock.sleep(60)
        made.server.faults.add(FaultKind.ERROR, pattern=OBJECTS["angular"].path())
        offered = {arrival.detail["cycle"]: arrival for arrival in source.arrivals(lambda _: set())}
        with pytest.raises(OSError, match="status 500"):
            source.read(offered[2])
        made.clock.sleep(60)
        found = source.read(offered[2])
    assert missing(found) == {"angular"}
    expect(found, 2, but=["angular"])
