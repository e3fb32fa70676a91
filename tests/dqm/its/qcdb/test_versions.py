"""What the fake QCDB holds: validity, the newest created wins, thinning by retention."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqm.its.qcdb.versions import Versions

PATH = "qc/ITS/MO/T/a"


class Ticking:
    """A clock in ms, set by hand."""

    def __init__(self, now: int = 1_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def test_the_newest_created_of_those_valid_is_returned() -> None:
    held = Versions(Ticking())
    first = held.put(PATH, 100, 200, b"1", {"RunNumber": "1"})
    second = held.put(PATH, 150, 300, b"2", {"RunNumber": "2"})
    assert second.created_ms > first.created_ms
    assert held.valid_at(PATH, 99, {}) is None
    assert held.valid_at(PATH, 100, {}) == first
    assert held.valid_at(PATH, 150, {}) == second
    assert held.valid_at(PATH, 150, {"RunNumber": "1"}) == first
    assert held.valid_at(PATH, 300, {}) is None


def test_a_version_of_adjustable_end_ends_where_the_next_begins() -> None:
    held = Versions(Ticking())
    first = held.put(PATH, 100, 10_000, b"1", {"adjustableEOV": "1"})
    held.put(PATH, 150, 10_000, b"2", {})
    now = held.by_uuid(first.uuid)
    assert now is not None
    assert now.valid_until_ms == 150


def test_a_version_valid_at_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="no time"):
        Versions(Ticking()).put(PATH, 5, 5, b"", {})


def test_lists_are_newest_first_and_limited_by_path_time_and_metadata() -> None:
    clock = Ticking()
    held = Versions(clock)
    for second in range(5):
        clock.now = 1_000_000 + 1000 * second
        held.put(f"qc/ITS/MO/T/{'ab'[second % 2]}", second, 100, b"", {"CycleNumber": str(second)})
    everything = held.browse(".*", {}, 0, 2**62)
    assert [item.metadata["CycleNumber"] for item in everything] == ["4", "3", "2", "1", "0"]
    assert len(held.browse("qc/ITS/MO/T/a", {}, 0, 2**62)) == 3
    assert len(held.browse("qc/ITS/.*", {"CycleNumber": "3"}, 0, 2**62)) == 1
    assert len(held.browse(".*", {}, 1_001_000, 1_003_000)) == 3
    assert [item.metadata["CycleNumber"] for item in held.latest(".*", {}, 0, 2**62)] == ["4", "3"]
    with pytest.raises(re.error):
        held.browse("(", {}, 0, 1)


def test_removing_and_truncating() -> None:
    held = Versions(Ticking())
    made = held.put(PATH, 1, 2, b"", {})
    held.put("qc/TPC/x", 1, 2, b"", {})
    assert held.remove(made.uuid)
    assert not held.remove(made.uuid)
    assert held.truncate("qc/.*") == 1


@given(st.lists(st.integers(0, 7200), min_size=1, max_size=60))
def test_thinning_keeps_all_that_is_young_and_one_in_ten_minutes_of_the_rest(seconds: list[int]) -> None:
    clock = Ticking()
    held = Versions(clock)
    for second in sorted(seconds):
        clock.now = second * 1000
        held.put(PATH, second, second + 1, b"", {})
    clock.now = 7200_000
    before = {item.created_ms for item in held.browse(".*", {}, 0, 2**62)}
    held.thin()
    after = sorted(item.created_ms for item in held.browse(".*", {}, 0, 2**62))
    young = {at for at in before if at > 7200_000 - 1800_000}
    old = [at for at in after if at not in young]
    assert young <= set(after)
    assert all(later - earlier >= 600_000 for earlier, later in pairwise(old))
    assert min(before) in after
