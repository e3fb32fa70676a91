import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as checks
from hypothesis import strategies as st

from accelerator.collimation.observing import stream_observation
from accelerator.collimation.stream import SATURATED_GY_PER_S, Stream, tidied
from core.errors import InputError
from tests.accelerator.collimation.made_files import T0, chambers, stream

COUNT = 12


def changed(made, **parts):
    fields = {name: getattr(made, name) for name in ("time_unix_s", "monitors", "signal_gy_per_s", "context", "notes")}
    return Stream(**(fields | parts))


def test_a_clean_stream_is_as_it_was():
    made = stream(count=None)
    tidy, told = tidied(made, "x")
    assert told == {"monitors": 3666, "seconds": 60}
    assert tidy.signal_gy_per_s is made.signal_gy_per_s


def test_order_duplicates_and_gaps_are_put_right_and_stated():
    made = stream(seconds=10, count=COUNT)
    rows = [5, 0, 1, 1, 2, 3, 4, 8]
    signal = made.signal_gy_per_s[rows].copy()
    signal[3] = 1.0
    tidy, told = tidied(changed(made, time_unix_s=made.time_unix_s[rows], signal_gy_per_s=signal), "x")
    assert tidy.time_unix_s.tolist() == (T0 + np.array([0, 1, 2, 3, 4, 5, 8])).tolist()
    assert np.array_equal(tidy.signal_gy_per_s, made.signal_gy_per_s[[0, 1, 2, 3, 4, 5, 8]]), "the first is kept"
    assert (told["duplicated_seconds"], told["duplicated_seconds_differing"]) == (1, 1)
    assert (told["times_running_back"], told["largest_step_back_s"]) == (1, 5.0)
    assert (told["gaps"], told["missing_seconds"], told["longest_gap_s"]) == (1, 2, 3.0)
    assert told["seconds"] == 7


def test_context_follows_its_seconds():
    made = stream(seconds=3, count=COUNT)
    mixed = changed(
        made, time_unix_s=made.time_unix_s[::-1], context={"fill": np.array(["3", "2", "1"]), "energy_gev": np.ones(3)}
    )
    tidy, _ = tidied(mixed, "x")
    assert tidy.context["fill"].tolist() == ["1", "2", "3"]
    told = stream_observation(tidy, {}, "x", "0" * 64).conditions
    assert told["fill"] == "3"
    assert told["fill_changes"] == "1 > 2 > 3"
    assert told["energy_gev"] == 1.0


def test_unknown_renamed_and_repeated_monitors_are_stated():
    made = stream(seconds=3, count=COUNT)
    names = list(made.monitors)
    names[1], names[2], names[3] = "BLMTI.NEW", f"{names[0]}:LOSS_RS09", names[3].lower()
    tidy, told = tidied(changed(made, monitors=tuple(names)), "x")
    assert tidy.signal_gy_per_s.shape == (3, COUNT - 2)
    assert tidy.monitors[1] == made.monitors[3], "in the writing of the list"
    assert (told["unknown_monitors"], told["unknown_monitors_some"]) == (1, "BLMTI.NEW")
    assert told["repeated_monitors"] == 1
    assert told["missing_monitors"] == 3666 - (COUNT - 2)


def test_impossible_readings_are_counted():
    made = stream(seconds=4, count=COUNT)
    signal = made.signal_gy_per_s.copy()
    signal[:, 0] = np.nan
    signal[1, 1] = -1e-6
    signal[2, 2] = SATURATED_GY_PER_S
    signal[3, 3] = np.inf
    tidy, told = tidied(changed(made, signal_gy_per_s=signal), "x")
    assert told["nan_readings"] == 4
    assert (told["dead_monitors"], told["dead_monitors_some"]) == (1, made.monitors[0])
    assert told["negative_readings"] == 1
    assert told["impossible_readings"] == 1
    assert told["saturated_monitors"] == 2
    assert np.isnan(tidy.signal_gy_per_s[3, 3])
    assert tidy.signal_gy_per_s[2, 2] == SATURATED_GY_PER_S


def test_times_that_are_none_are_left_out():
    made = stream(seconds=4, count=COUNT)
    times = made.time_unix_s.copy()
    times[1], times[2] = np.nan, 12.0
    tidy, told = tidied(changed(made, time_unix_s=times), "x")
    assert tidy.time_unix_s.tolist() == [T0, T0 + 3]
    assert told["unreadable_times"] == 2


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"time_unix_s": np.zeros(4)}, "no time stamp"),
        ({"time_unix_s": np.zeros(3)}, "shape"),
        ({"monitors": ("a", "b")}, "shape"),
        ({"monitors": tuple("abcdefghijkl")}, "no beam-loss monitor that is known"),
        ({"signal_gy_per_s": np.zeros((4, COUNT), dtype=int)}, "instead of numbers"),
        ({"context": {"fill": np.array(["1"])}}, "values of fill"),
    ],
)
def test_what_does_not_fit_together_is_refused(parts, reason):
    with pytest.raises(InputError, match=reason):
        tidied(changed(stream(seconds=4, count=COUNT), **parts), "x")


def test_an_empty_stream_is_refused():
    empty = Stream(np.zeros(0), chambers(3), np.zeros((0, 3), dtype=np.float32))
    with pytest.raises(InputError, match="no time at all"):
        tidied(empty, "x")


@checks(deadline=None)
@given(st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=6))
def test_order_and_repeats_do_not_matter(order, repeats):
    made = stream(seconds=12, count=3)
    rows = [*order, *repeats]
    tidy, told = tidied(
        changed(made, time_unix_s=made.time_unix_s[rows], signal_gy_per_s=made.signal_gy_per_s[rows]), "x"
    )
    assert np.array_equal(tidy.signal_gy_per_s, made.signal_gy_per_s)
    assert told.get("duplicated_seconds", 0) == len(repeats)
    assert "duplicated_seconds_differing" not in told
