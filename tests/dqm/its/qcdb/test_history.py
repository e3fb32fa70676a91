"""Which versions of other tasks belong to a cycle of the cluster task, in time alone."""

import pytest

from dqm.its.objects import OBJECTS
from dqm.its.qcdb.history import (
    RUNS_KEPT,
    VERSIONS_KEPT,
    Anchor,
    History,
    RunHistory,
    Span,
    anchor_of,
    earlier,
    is_settled,
    nearest,
    row,
    span_of,
)
from dqm.its.qcdb.listing import Version

T0 = 1_780_000_000_000
YEAR_MS = 365 * 86_400_000


def version(end_s: float, *, begin_s: float = 0, number: int = 1, stored_s: float | None = None) -> Version:
    """An object with data between two times, seconds after the start of a run."""
    stored = end_s + 1 if stored_s is None else stored_s
    begin, end, created = (T0 + int(1000 * at) for at in (begin_s, end_s, stored))
    return Version("x", f"{end_s}/{number}/{stored}", begin, end, created, None, {"CycleNumber": str(number)})


ANCHOR = Anchor("7", T0 + 1_260_000, T0 + 1_080_000, T0 + 1_080_000, 180_000)


def ends(versions: list[Version]) -> list[float]:
    return [(span_of(one).end_ms - T0) / 1000 for one in versions]


@pytest.mark.parametrize(
    ("made", "span"),
    [
        (version(180), Span(T0, T0 + 180_000)),
        (version(180, stored_s=7380), Span(T0, T0 + 180_000)),
        (version(180, stored_s=-7020), Span(T0, T0 + 180_000)),
        (Version("x", "e", T0, T0 + 10 * YEAR_MS, T0 + 100), Span(None, T0 + 100)),
        (Version("x", "e", T0, T0 + 180_000, T0 + 100), Span(None, T0 + 100)),
        (Version("x", "e", T0, T0 + 10 * YEAR_MS, T0 + 200_000), Span(T0, T0 + 200_000)),
    ],
    ids=["of the data", "clock ahead", "clock behind", "ten years", "until replaced", "from the start on"],
)
def test_the_time_of_the_data(made: Version, span: Span) -> None:
    assert span_of(made) == span


def test_the_nearest_comes_first_and_what_is_far_not_at_all() -> None:
    of_others = [version(end) for end in (1080, 1124, 1130, 1240, 1270, 1400)]
    assert ends(nearest(of_others, ANCHOR)) == [1270, 1240, 1130]


def test_of_the_same_time_the_same_number_and_then_the_newest_come_first() -> None:
    same = [
        version(1260, number=3, stored_s=1400),
        version(1260, number=7, stored_s=1261),
        version(1260, number=7, stored_s=1300),
    ]
    assert nearest(same, ANCHOR) == [same[2], same[1], same[0]]


@pytest.mark.parametrize(
    ("of_other", "settled"),
    [
        ([], False),
        ([1260], True),
        ([1300], True),
        ([1250], False),
        ([1220, 1250], True),
        ([1200, 1230], False),
        ([1000, 1180], True),
        ([900, 1080], False),
    ],
)
def test_the_next_is_waited_for_where_it_may_be_nearer(of_other: list[float], *, settled: bool) -> None:
    assert is_settled([version(end) for end in of_other], ANCHOR) is settled


def test_what_is_added_up_is_without_gap_and_within_the_cycle() -> None:
    short = [version(end, begin_s=end - 30) for end in range(900, 1261, 30)]
    assert ends(row(short, short[-1], T0 + 1_080_000)) == [1230, 1200, 1170, 1140, 1110]
    assert ends(row(short, short[-1], T0 + 1_090_000)) == [1230, 1200, 1170, 1140, 1110]
    assert ends(row([one for one in short if one != short[-3]], short[-1], T0 + 1_080_000)) == [1230]
    assert row(short, Version("x", "e", T0 + 1_260_000, T0 + YEAR_MS, T0 + 1_260_000), T0) == []


def test_what_is_subtracted_ended_before() -> None:
    now = version(1260)
    assert ends(earlier([version(end) for end in (720, 900, 1090, 1258, 1260, 1440)], now, T0 + 1_080_000)) == [
        1090,
        900,
        720,
    ]


def test_a_cycle_knows_the_one_before_it_in_time_even_when_numbers_start_again() -> None:
    history = RunHistory()
    for end, number in ((180, 1), (360, 2), (540, 1)):
        history.add("bc_clusters", version(end, number=number))
        history.add("long_clusters_L0", version(end + 1, number=number))
    now = {"bc_clusters": version(720, number=2), "long_clusters_L0": version(721, number=2)}
    found = anchor_of(now, history)
    assert (found.end_ms, found.before_ms, found.length_ms) == (T0 + 720_000, T0 + 541_000, 179_000)
    assert found.tolerance_ms == int(0.75 * 179_000)


@pytest.mark.parametrize(("begin_s", "length_s"), [(0, 300), (1200, 60), (1250, 30)])
def test_a_cycle_alone_is_as_long_as_its_data_within_reason(begin_s: float, length_s: int) -> None:
    found = anchor_of({"bc_clusters": version(1260, begin_s=begin_s)}, RunHistory())
    assert (found.before_ms, found.length_ms) == (None, 1000 * length_s)


def test_only_so_much_is_remembered() -> None:
    history = History()
    for number in range(VERSIONS_KEPT + 10):
        history.run(5).add("angular", version(180 * number))
    kept = history.run(5).of("angular")
    assert len(kept) == VERSIONS_KEPT
    assert ends(kept)[0] == 1800
    for run in range(10, 10 + RUNS_KEPT):
        history.run(run)
    assert history.run(5).of("angular") == []


def test_what_is_listed_again_is_no_second_version() -> None:
    history = RunHistory()
    history.add("angular", version(180))
    history.add("angular", version(180))
    assert len(history.of("angular")) == 1
    assert history.of(next(iter(OBJECTS))) == []
