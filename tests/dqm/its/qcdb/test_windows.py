"""Objects that hold everything since the start of the run give the same observations as those of one cycle each."""

import re
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest

from core.observation import Observation
from dqm.its.histogram import decode, encode
from dqm.its.objects import CLUSTERS, HITS, OBJECTS, READOUT, TRACKS
from dqm.its.qcdb.publishing import TaskCycles
from dqm.its.simulate.publishing import to_cycle
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import RunSettings
from tests.dqm.its.qcdb.tape import BEGAN, FEW, Desk, cycle, desk, edited, expect, only, together

OWN_NUMBERS = {
    CLUSTERS: TaskCycles(first=0),
    TRACKS: TaskCycles(first=2),
    HITS: TaskCycles(first=40),
    READOUT: TaskCycles(first=7),
}


def unlabelled(body: bytes) -> bytes:
    found = decode(body, "test")
    return encode(replace(found, labels=(None,) * found.values.ndim))


def read_each(made: Desk, *numbers: int, **its: Any) -> dict[str, Observation]:
    """Publish and read cycle by cycle, as a watch does."""
    source, seen = made.source(**its), dict[str, Observation]()
    for number in numbers:
        made.publish(number)
        seen |= made.read(source)
    return seen


def test_a_simulated_run_reads_the_same_in_both_windows() -> None:
    settings = RunSettings(duration_s=540, cycle_s=180)
    given = [to_cycle(settings, simulated) for simulated in simulate_run(settings, 5)]
    seen: dict[str, list[Observation]] = {}
    for window in ("cycle", "run"):
        with desk(window=window, tasks=OWN_NUMBERS) as made:
            source = made.source()
            for each in given:
                made.clock.at = each.ended_at
                made.publisher.publish(each)
                seen[window] = [*seen.get(window, []), *made.read(source).values()]
    assert [o.key for o in seen["run"]] == [o.key for o in seen["cycle"]] == [f"550000/{n}" for n in range(len(given))]
    for run, one, each in zip(seen["run"], seen["cycle"], given, strict=True):
        assert run.payload.keys() == one.payload.keys() == OBJECTS.keys()
        for payload in OBJECTS:
            np.testing.assert_allclose(run.payload[payload], one.payload[payload], rtol=1e-9, atol=1e-15)
            np.testing.assert_allclose(one.payload[payload], each.histograms[payload].values, rtol=1e-9, atol=1e-15)
        times = only(run.conditions, "cycle_s", "track_s", "hit_s", "readout_s", "run_age_s")
        assert times == only(one.conditions, *times)
        assert times["cycle_s"] == pytest.approx((each.ended_at - each.began_at).total_seconds(), abs=0.002)
    assert [o.conditions["window"] for o in seen["run"]] == ["first", "run", "run", "run"]
    assert [o.conditions["window"] for o in seen["cycle"]] == ["first", "cycle", "cycle", "cycle"]


@pytest.mark.parametrize("ratios", [True, False], ids=["ratio classes", "plain averages"])
@pytest.mark.parametrize("dated", [True, False], ids=["validity of the data", "validity from publication on"])
def test_what_came_since_the_cycle_before_is_exact(*, ratios: bool, dated: bool) -> None:
    with desk(tuple(OBJECTS), window="run", tasks=OWN_NUMBERS, ratios=ratios, dated=dated) as made:
        seen = read_each(made, 1, 2, 3)
    for number in (2, 3):
        found = seen[f"560123/{number - 1}"]
        expect(found, number, payloads=tuple(OBJECTS))
        assert only(found.conditions, "window", "subtracted", "missing") == {
            "window": "run",
            "subtracted": str(number - 2),
            "missing": "",
        }
        assert found.conditions["cycle_s"] == found.conditions["track_s"] == found.conditions["hit_s"] == 180.0
    assert ("ROFs in bc_clusters" in str(seen["560123/2"].conditions["approximate"])) is not ratios
    assert seen["560123/0"].conditions["cycle_s"] == (180.0 if dated else 0.0)  # nothing tells when it began


def test_cycles_whose_validity_does_not_tell_when_they_began_are_told_by_their_contents() -> None:
    with desk(window="cycle", tasks=OWN_NUMBERS, dated=False) as made:
        seen = read_each(made, 1, 2, 3)
    for number in (1, 2, 3):
        expect(seen[f"560123/{number - 1}"], number)
    assert [each.conditions["window"] for each in seen.values()] == ["first", "cycle", "cycle"]
    assert [each.conditions["cycle_s"] for each in seen.values()] == [0.0, 180.0, 180.0]


def test_a_validity_that_contents_contradict_is_not_believed() -> None:
    with desk(window="run", tasks=OWN_NUMBERS, mistaken=True) as made:
        seen = read_each(made, 1, 2, 3)
    for number in (2, 3):
        found = seen[f"560123/{number - 1}"]
        expect(found, number)
        assert only(found.conditions, "window", "cycle_s", "remarks") == {
            "window": "run",
            "cycle_s": 180.0,
            "remarks": "the validity is of one cycle, but counts only grow: taken for everything since the start",
        }


def test_the_setting_wins() -> None:
    with desk(window="run", tasks=OWN_NUMBERS) as made:
        made.publish(1, 2)
        as_they_are = made.read(made.source(window="cycle"))["560123/1"]
        made.done.clear()
        subtracted = made.read(made.source(window="run"))["560123/1"]
    expect(as_they_are, 1, 2)
    expect(subtracted, 2)
    assert (as_they_are.conditions["window"], subtracted.conditions["window"]) == ("cycle", "run")


def test_a_cycle_thinned_away_makes_the_next_longer() -> None:
    with desk(window="run") as made:
        source = made.source()
        made.publish(1)
        made.read(source)
        made.publish(2)
        made.forget(".*", 2)
        made.publish(3)
        found = made.read(source)["560123/3"]
    expect(found, 2, 3)
    assert only(found.conditions, "subtracted", "cycle_s", "track_s") == {
        "subtracted": "1",
        "cycle_s": 360.0,
        "track_s": 360.0,
    }


def test_a_cycle_thinned_away_after_it_was_listed_makes_the_next_longer() -> None:
    with desk(window="run") as made:
        source = made.source()
        made.publish(1, 2, 3)
        offered = {arrival.detail["cycle"]: arrival for arrival in source.arrivals(lambda _: set())}
        made.forget(".*", 2)
        found = source.read(offered[3])
    expect(found, 2, 3)
    assert only(found.conditions, "subtracted", "cycle_s") == {"subtracted": "1", "cycle_s": 360.0}


def test_a_single_object_thinned_away_covers_more_than_the_rest_and_says_so() -> None:
    with desk(window="run") as made:
        source = made.source()
        made.publish(1, 2)
        made.forget(OBJECTS["long_clusters_L0"].path(), 2)
        made.publish(3)
        found = made.read(source)["560123/3"]
    expect(found, 3, but=["long_clusters_L0"])
    np.testing.assert_allclose(
        found.payload["long_clusters_L0"],
        cycle(2).histograms["long_clusters_L0"].values + cycle(3).histograms["long_clusters_L0"].values,
    )
    assert found.conditions["cycle_s"] == 180.0
    assert found.conditions["remarks"] == "long_clusters_L0: counted since 06:03:00"


def test_a_watch_that_starts_in_the_middle_of_a_run_is_right_from_its_second_cycle_on() -> None:
    with desk(window="run", tasks={task: TaskCycles(first=30) for task in OWN_NUMBERS}) as made:
        made.publish(1, 2, 3)
        made.forget(".*", 30)
        made.forget(".*", 31)
        source = made.source()
        first = made.read(source)["560123/32"]
        made.publish(4)
        second = made.read(source)["560123/33"]
    expect(first, 1, 2, 3)
    assert only(first.conditions, "window", "cycle_s") == {"window": "unknown", "cycle_s": 540.0}
    assert "ITSClusterTask: no earlier version to subtract, counted since 06:00:00" in str(first.conditions["remarks"])
    expect(second, 4)
    assert only(second.conditions, "cycle_s", "run_age_s", "remarks") == {
        "cycle_s": 180.0,
        "run_age_s": 720.0,
        "remarks": "",
    }


def test_a_watch_that_starts_subtracts_what_is_still_listed() -> None:
    with desk(window="run") as made:
        made.publish(1, 2, 3)
        found = made.read(made.source())
    for number in (1, 2, 3):
        expect(found[f"560123/{number}"], number)


def test_a_restart_of_the_watch_changes_nothing() -> None:
    with desk(window="run", tasks=OWN_NUMBERS) as made:
        seen = read_each(made, 1, 2, 3)
        made.done.clear()
        again = made.read(made.source())
    assert again.keys() == seen.keys()
    for key, one in seen.items():
        assert (again[key].sha256, again[key].conditions) == (one.sha256, one.conditions)
        for payload, values in one.payload.items():
            np.testing.assert_array_equal(again[key].payload[payload], values)


@pytest.mark.parametrize("dated", [True, False], ids=["validity begins anew", "validity tells nothing"])
def test_a_task_that_starts_anew_is_not_subtracted(*, dated: bool) -> None:
    with desk(window="run", dated=dated) as made:
        source = made.source(window="run")
        made.publish(1, 2)
        made.read(source)
        made.publisher.restart(CLUSTERS, cycle(2))
        made.publish(3)
        anew = made.read(source)["560123/3"]
        made.publish(4)
        after = made.read(source)["560123/4"]
    expect(anew, 3)
    expect(after, 4)
    assert anew.conditions["cycle_s"] == after.conditions["cycle_s"] == 180.0
    said = "ITSClusterTask: counts fell since 06:06:00, so it started anew and nothing is subtracted"
    assert anew.conditions["remarks"] == ("" if dated else said)
    assert all((values >= 0).all() for values in anew.payload.values())


def test_two_versions_for_one_time_are_one_and_the_newest_counts() -> None:
    with desk(window="run") as made:
        made.publish(1, 2)
        twice = edited(lambda values: values * 2)
        (held,) = made.server.versions.browse(OBJECTS["lane_fault"].path(), {"CycleNumber": "2"}, 0, 2**63)
        made.clock.sleep(5)
        made.server.versions.put(held.path, held.valid_from_ms, held.valid_until_ms, twice(held.body), held.metadata)
        found = made.read(made.source())
    first, second = (cycle(number).histograms["lane_fault"].values for number in (1, 2))
    np.testing.assert_allclose(found["560123/2"].payload["lane_fault"], first + 2 * second)
    assert len(found) == 2


def test_a_run_number_that_goes_back_is_a_run_of_its_own() -> None:
    with desk(window="run") as made:
        source = made.source()
        made.publish(1, 2)
        high = made.read(source)
        made.publish(1, 2, run=560100)
        low = made.read(source)
    assert [*high, *low] == ["560123/1", "560123/2", "560100/1", "560100/2"]
    expect(low["560100/2"], 2, run=560100)


def test_an_unknown_layer_in_the_list_is_said() -> None:
    with desk(window="run") as made:
        made.publish(1)
        (held,) = made.server.versions.browse(OBJECTS["cluster_size_L3"].path(), {}, 0, 2**63)
        strange = held.path.replace("Layer3", "Layer7")
        made.server.versions.put(strange, held.valid_from_ms, held.valid_until_ms, held.body, held.metadata)
        found = made.read(made.source())["560123/1"]
    assert found.conditions["remarks"] == f"{strange}: no such layer"
    expect(found, 1)


def test_a_masked_stave_stays_empty_and_is_told() -> None:
    def off(values: Any) -> Any:
        values[:, 7] = 0
        return values

    with desk(window="run") as made:
        made.publish(1, 2)
        for number in (1, 2):
            for payload in ("cluster_occupation_L3", "cluster_size_L3"):
                made.change(payload, number, edited(off))
        found = made.read(made.source(masked=("L3_07",)))["560123/2"]
    assert found.conditions["masked"] == "L3_07"
    assert not found.payload["cluster_occupation_L3"][:, 7].any()
    expect(found, 2, but=["cluster_occupation_L3", "cluster_size_L3"])


@pytest.mark.parametrize("jump_s", [-7200, 7200])
def test_a_clock_of_the_server_that_jumps_does_not_matter(jump_s: float) -> None:
    with desk(window="run") as made:
        source = made.source()
        made.publish(1)
        seen = made.read(source)
        made.server.faults.clock_offset_s = jump_s
        made.publish(2)
        seen |= made.read(source)
        made.publish(3)
        seen |= made.read(source)
        made.server.faults.clock_offset_s = 0
        made.publish(4)
        seen |= made.read(source)
        made.publish(5)
        seen |= made.read(source)
    assert sorted(seen) == [f"560123/{number}" for number in (1, 2, 3, 4, 5)]
    for number in (1, 2, 3, 4, 5):
        expect(seen[f"560123/{number}"], number)
        assert seen[f"560123/{number}"].conditions["cycle_s"] == 180.0


def test_labels_that_are_missing_do_not_matter() -> None:
    with desk(window="run", ratios=False) as made:
        made.publish(1, 2)
        made.change("cluster_occupation_L0", 2, unlabelled)
        found = made.read(made.source())["560123/2"]
    expect(found, 2)


@pytest.mark.parametrize("ratios", [True, False], ids=["ratio classes", "plain averages"])
@pytest.mark.parametrize("window", ["cycle", "run"])
def test_short_cycles_of_other_tasks_make_one_of_the_cluster_task(
    window: Literal["cycle", "run"], *, ratios: bool
) -> None:
    tasks = {CLUSTERS: TaskCycles(every=3, first=0), TRACKS: TaskCycles(first=0), HITS: TaskCycles(first=11)}
    with desk(window=window, tasks=tasks, ratios=ratios) as made:
        seen = read_each(made, *range(1, 7))
    assert list(seen) == ["560123/0", "560123/1"]
    for key, numbers in (("560123/0", (1, 2, 3)), ("560123/1", (4, 5, 6))):
        expect(seen[key], *numbers)
        times = only(seen[key].conditions, "cycle_s", "track_s", "hit_s", "readout_s")
        assert set(times.values()) == {540.0}


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_thinned_away_everything_is_what_it_says(seed: int) -> None:
    """A quarter of all objects goes at random before it is read, and the watch is started anew now and then."""
    rng = np.random.default_rng(seed)
    with desk(window="run", tasks=OWN_NUMBERS) as made:
        source, seen = made.source(), dict[str, Observation]()
        for number in range(1, 7):
            made.publish(number)
            for held in made.server.versions.browse(".*", {}, 0, 2**63):
                if rng.random() < 0.25 and held.created_ms >= made.clock.now().timestamp() * 1000 - 90_000:
                    made.server.versions.remove(held.uuid)
            source = made.source() if rng.random() < 0.3 else source
            seen |= made.read(source)
    assert len(seen) == 6
    held_cycles = list[int]()
    for key, found in seen.items():
        last = int(key.split("/")[1]) + 1
        for payload in FEW:
            if payload in found.payload:
                cycles = covered(found, payload, last)
                assert cycles == told(found, payload), (key, payload)
                held_cycles.append(cycles)
            else:
                assert payload in str(found.conditions["missing"]).split(", ")
    assert held_cycles.count(1) > 20
    assert held_cycles.count(2) > 3
    assert len(held_cycles) < 6 * len(FEW)


def covered(found: Observation, payload: str, last: int) -> int:
    """How many cycles up to the last one an object holds, by its contents."""
    for cycles in range(1, last + 1):
        wanted = together(payload, *(cycle(number) for number in range(last - cycles + 1, last + 1)))
        if np.allclose(found.payload[payload], wanted, rtol=1e-9, atol=1e-12):
            return cycles
    return 0


def told(found: Observation, payload: str) -> int:
    """How many cycles an object holds, by what the observation says."""
    names = {CLUSTERS: "cycle_s", TRACKS: "track_s", HITS: "hit_s", READOUT: "readout_s"}
    seconds: Any = found.conditions[names[OBJECTS[payload].task]]
    alone = re.search(rf"{payload}: counted since (\d+):(\d+):", str(found.conditions["remarks"]))
    if alone:
        since = BEGAN.replace(hour=int(alone[1]), minute=int(alone[2]))
        seconds = (found.observed_at - since).total_seconds()
    return round(seconds / 180)


def test_other_tasks_have_their_own_periods() -> None:
    """Cluster cycles of nine minutes here; readout and hits every three, tracks every nine but not at the same time."""
    tasks = {
        CLUSTERS: TaskCycles(every=3, first=0),
        TRACKS: TaskCycles(every=3, phase=1, first=9),
        READOUT: TaskCycles(first=100),
    }
    with desk(window="run", tasks=tasks) as made:
        source, seen = made.source(patience_s=200), dict[str, Observation]()
        for number in range(1, 9):
            made.publish(number)
            seen |= made.read(source)
    assert list(seen) == ["560123/0", "560123/1"]
    found = seen["560123/1"]
    np.testing.assert_allclose(
        found.payload["lane_fault"], sum(cycle(number).histograms["lane_fault"].values for number in (4, 5, 6))
    )
    assert only(found.conditions, "cycle_s", "readout_lag_s", "track_s", "track_lag_s") == {
        "cycle_s": 540.0,
        "readout_lag_s": 0.0,
        "track_s": 540.0,
        "track_lag_s": 180.0,
    }
