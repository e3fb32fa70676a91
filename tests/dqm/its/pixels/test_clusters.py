"""Clusters against a plain labelling of each map, echoes, and fragments of one particle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from dqm.its.pixels.clusters import find_clusters
from dqm.its.pixels.hits import Hits, checked
from dqm.its.pixels.simulate import cosmic_run, with_long_cluster
from dqm.its.pixels.survey import survey


def hits_of(table: list[tuple[int, int, int, int]]) -> Hits:
    columns = np.array(table, dtype=np.int64).reshape(-1, 4).T
    arrays = dict(zip(("event", "plane", "column", "row"), columns, strict=True))
    return checked(1, 10**6, arrays, "test")


def by_labelling(hits: Hits) -> list[tuple[int, ...]]:
    found = []
    for plane, event in sorted(set(zip(hits.plane.tolist(), hits.event.tolist(), strict=True))):
        own = (hits.plane == plane) & (hits.event == event)
        image = np.zeros((512, 1024), dtype=bool)
        image[hits.row[own], hits.column[own]] = True
        labels, _ = ndimage.label(image, np.ones((3, 3)))
        for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
            pixels = int((labels == number).sum())
            size = (columns.stop - columns.start, rows.stop - rows.start)
            found.append((plane, event, columns.start, rows.start, *size, pixels))
    return sorted(found)


def by_us(hits: Hits) -> list[tuple[int, ...]]:
    found = find_clusters(hits)
    names = ("plane", "event", "column", "row", "columns", "rows", "pixels")
    return sorted(zip(*(getattr(found, name).tolist() for name in names), strict=True))


corner = st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(1018, 1023), st.integers(506, 511))
origin = st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 5), st.integers(0, 5))


@settings(max_examples=40, deadline=None)
@given(table=st.lists(st.one_of(corner, origin), max_size=60))
def test_clusters_are_those_of_a_plain_labelling(table: list[tuple[int, int, int, int]]):
    hits = hits_of(table)
    assert by_us(hits) == by_labelling(hits)


def test_each_hit_knows_its_cluster():
    hits = cosmic_run(np.random.default_rng(3), 1, 20.0, 2)
    found = find_clusters(hits)
    assert np.array_equal(np.bincount(found.of_hit), found.pixels)
    assert np.array_equal(found.event[found.of_hit], hits.event)


def test_long_clusters_are_those_of_the_quality_control():
    empty = hits_of([])
    long = find_clusters(with_long_cluster(empty, 1, 0, 100, 7, 128))
    short = find_clusters(with_long_cluster(empty, 1, 0, 100, 7, 127))
    assert (long.columns.tolist(), long.long.tolist(), short.long.tolist()) == ([128], [True], [False])
    tall = find_clusters(hits_of([(0, 0, 100 + i, i // 5) for i in range(200)]))
    assert tall.columns[0] == 200
    assert not tall.long.any()


@pytest.mark.parametrize(
    ("events", "fresh"), [([4, 6, 9], [1, 1, 1]), ([4, 5, 9], [1, 0, 1]), ([4, 5, 6, 7], [1, 0, 1, 0]), ([4], [1])]
)
def test_of_two_consecutive_events_a_hit_counts_once(events: list[int], fresh: list[int]):
    found = survey(hits_of([(event, 2, 10, 10) for event in events] + [(5, 2, 30, 10), (6, 3, 30, 10)]))
    at_pixel = (found.hits.column == 10) & (found.hits.plane == 2)
    assert found.fresh[at_pixel].tolist() == [bool(value) for value in fresh]
    assert found.fresh[~at_pixel].all()


def test_fragments_are_one_particle_and_echoes_are_none():
    pieces = [(5, 0, 10, 10), (5, 0, 10, 11), (5, 0, 15, 14), (5, 0, 21, 15)]
    far = [(5, 0, 400, 10), (5, 1, 15, 14), (6, 0, 10, 11)]
    found = survey(hits_of(pieces + far))
    clusters = found.clusters
    counted = sorted(zip(clusters.event[found.crossings], clusters.column[found.crossings], strict=True))
    assert counted == [(5, 10), (5, 15), (5, 400)]
    assert clusters.plane[found.crossings & (clusters.column == 15)].tolist() == [1]
    aside = found.without(found.hits.column == 400)
    assert aside.crossings.sum() == 2
