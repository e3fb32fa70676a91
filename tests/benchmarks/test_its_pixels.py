"""Baselines and bookkeeping of the benchmark of chip hit maps, on hits that are counted by hand."""

import numpy as np

from benchmarks.its.pixels import Flag, _explained, _found, _measured, occupancy_limits, poisson_columns, poisson_pixels
from dqm.its.pixels.hits import Hits, checked
from dqm.its.pixels.simulate import cosmic_run, with_burst, with_hot_pixel


def run(events: int = 500) -> Hits:
    hits = cosmic_run(np.random.default_rng(1), 7, 50.0, 7)
    return Hits(7, max(events, hits.events), hits.event, hits.plane, hits.column, hits.row)


def test_poisson_cuts_find_what_they_count():
    rng = np.random.default_rng(2)
    hot = with_hot_pixel(run(), rng, 3, 557, 180, 20)
    assert [flag for flag in poisson_pixels(hot) if flag.on(3, 557, 180)]
    assert not [flag for flag in poisson_pixels(run()) if flag.on(3, 557, 180)]
    columns = {(flag.plane, flag.column) for flag in poisson_columns(with_burst(run(), 3, 0, 46, 256))}
    assert (0, 92) in columns


def test_fixed_limits_flag_a_chip_but_cannot_say_where():
    table = {
        "event": np.arange(800) % 400,
        "plane": np.full(800, 5),
        "column": np.arange(800),
        "row": np.zeros(800, int),
    }
    (flag,) = occupancy_limits(checked(1, 500, table, "busy"))
    assert (flag.plane, flag.column) == (5, None)
    assert occupancy_limits(checked(1, 5_000_000, table, "long")) == []


def test_known_defects_explain_flags_of_their_own_place_only():
    known = {(3, 557, 180)}
    assert _explained(Flag(0, "", 92, 0, 2), known)
    assert _explained(Flag(3, "", 557, 180), known)
    assert not _explained(Flag(3, "", 557, 0, 2), known)
    assert not _explained(Flag(1, "", 92, 0, 2), known)


def test_figures_are_counted_per_run():
    hits = with_hot_pixel(with_burst(run(), 3, 0, 46, 256), np.random.default_rng(2), 3, 557, 180, 20)

    def method(_: Hits) -> list[Flag]:
        return [
            Flag(0, "stuck double column", 92, 0, 2),
            Flag(3, "hot pixel", 557, 180),
            Flag(5, "noisy region", 0, 0, 64),
        ]

    row, left = _measured(method, [hits, hits], {7}, {(3, 557, 180)})
    assert (row["burst found"], row["burst found and named"], row["hot pixel (557, 180)"]) == (2, 2, "2/2")
    assert [flag.plane for flag in left] == [5, 5]
    assert row["unexplained per 100 maps"] == round(100 * 2 / 14, 2)  # two flags on two runs of seven chips
    assert set(_found(method, [hits]).values()) == {"0.00 (0.00 named)"}  # nothing new is flagged
