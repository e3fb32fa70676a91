"""Taking batches in: once, whole, in one transaction."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from core.alarms.events import ChangeKind
from core.alarms.severity import Severity
from core.contracts import AlarmRule
from core.errors import StoreError
from core.store import Store
from core.store.views import Outcome
from core.verdict import Cause, Evidence, Measurement, Model, Quality, Region

from .conftest import NOW, RULE, a_broken_arrival, a_verdict, an_arrival


def test_everything_of_an_observation_comes_back(store: Store) -> None:
    store.record("flex", "inbox", [an_arrival(Quality.BAD)], RULE)
    number = store.find("flex", "20UPGFC0000001", "k1")
    assert number is not None
    detail = store.observation(number)
    assert detail is not None
    view = detail.view
    assert (view.system, view.element, view.key, view.quality) == ("flex", "20UPGFC0000001", "k1", Quality.BAD)
    assert view.observed_at == NOW - timedelta(seconds=3)
    assert view.observed_at.utcoffset() == timedelta(0)
    assert view.processed_at == NOW
    assert view.conditions == {"serial": "20UPGFC0000001", "stage": "RECEPTION", "width": 100}
    assert (view.score, view.threshold, view.p_value) == (7.5, 6.0, 0.001)
    assert view.cause == Cause("scratch", 0.8)
    assert view.model == Model("synthetic", "1")
    assert view.region_count == 2
    assert [region["score"] for region in detail.regions] == [7.5, 5.5]
    assert detail.regions[0]["x"] == 10
    assert detail.regions[0]["cause"] == "scratch"
    assert detail.measurements == {"registration_residual": Measurement(0.4, None, "px")}
    assert store.artefacts.get(detail.evidence["thumbnail"]) == b"thumbnail BAD"
    assert view.thumbnail == detail.evidence["thumbnail"]
    assert detail.alarm_id == view.alarm_id == store.alarms()[0].id
    assert view.disposition is None


def test_the_same_batch_again_changes_nothing(store: Store) -> None:
    batch = [an_arrival(Quality.BAD), an_arrival(Quality.GOOD, "other", "k2")]
    assert store.record("flex", "inbox", batch, RULE)
    before = store.observations("flex"), store.alarm(store.alarms()[0].id), store.overview(NOW)
    assert store.record("flex", "inbox", batch, RULE) == []
    assert (store.observations("flex"), store.alarm(store.alarms()[0].id), store.overview(NOW)) == before


def test_a_second_arrival_of_the_same_observation_is_a_duplicate(store: Store) -> None:
    store.record("flex", "inbox", [an_arrival(Quality.BAD, ticket="first")], RULE)
    changes = store.record("flex", "inbox", [an_arrival(Quality.BAD, ticket="copy")], RULE)
    assert changes == []
    assert len(store.observations("flex")) == 1
    assert store.alarms()[0].count == 1
    first, copy = store.ticket("flex", "inbox", "first"), store.ticket("flex", "inbox", "copy")
    assert first is not None
    assert copy is not None
    assert (first.outcome, copy.outcome) == (Outcome.JUDGED, Outcome.DUPLICATE)
    assert first.observation_id == copy.observation_id


def test_duplicates_within_one_batch(store: Store) -> None:
    batch = [an_arrival(Quality.BAD, ticket="a"), an_arrival(Quality.BAD, ticket="b"), an_arrival(ticket="a")]
    store.record("flex", "inbox", batch, RULE)
    assert [view.quality for view in store.observations("flex")] == [Quality.BAD]
    outcomes = {name: store.ticket("flex", "inbox", name) for name in "ab"}
    assert [ticket.outcome for ticket in outcomes.values() if ticket] == [Outcome.JUDGED, Outcome.DUPLICATE]


def test_settled_tells_only_what_was_dealt_with(store: Store) -> None:
    batch = [an_arrival(key=str(i), ticket=f"t{i}") for i in range(3)]
    store.record("flex", "inbox", batch, RULE)
    asked = [f"t{i}" for i in range(2000)]
    assert store.settled("flex", "inbox", asked) == {"t0", "t1", "t2"}
    assert store.settled("flex", "elsewhere", asked) == set()
    assert store.settled("its", "inbox", asked) == set()
    assert store.settled("flex", "inbox", []) == set()


def test_an_unreadable_arrival_is_a_null_verdict_with_its_reason(store: Store) -> None:
    changes = store.record("flex", "inbox", [a_broken_arrival()], RULE)
    ticket = store.ticket("flex", "inbox", "broken.png|0|1")
    assert ticket is not None
    assert (ticket.outcome, ticket.reason) == (Outcome.QUARANTINED, "no image at all")
    [view] = store.observations("flex", qualities=[Quality.NULL])
    assert (view.element, view.reason, view.origin) == ("unreadable", "no image at all", "/inbox/broken.png")
    assert store.overview(NOW)[0].counts[Quality.NULL] == 1
    assert [(change.kind, change.severity) for change in changes] == [(ChangeKind.RAISED, Severity.INVALID)]
    assert "no image at all" in store.alarms()[0].message


def test_the_watermark_is_committed_with_the_batch(store: Store) -> None:
    assert store.watermark("flex", "inbox") is None
    store.record("flex", "inbox", [an_arrival()], RULE, watermark={"upto": 7})
    assert store.watermark("flex", "inbox") == {"upto": 7}
    store.set_watermark("flex", "inbox", {"upto": 9})
    assert store.watermark("flex", "inbox") == {"upto": 9}


def test_a_failing_batch_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("killed here")

    monkeypatch.setattr("core.store.operations.set_watermark", fail)
    with pytest.raises(RuntimeError, match="killed here"):
        store.record("flex", "inbox", [an_arrival(Quality.BAD)], RULE, watermark={"upto": 7})
    assert store.observations("flex") == []
    assert store.alarms(open_only=False) == []
    assert store.settled("flex", "inbox", ["20UPGFC0000001|k1"]) == set()


def test_hostile_values_are_kept_as_plain_ones(store: Store) -> None:
    element = "Prüf ling\x00\udcff " + "x" * 5000
    arrival = an_arrival(element=element, key="k", ticket="/in/" + "long/" * 2000)
    assert arrival.observation is not None
    observation = replace(
        arrival.observation,
        conditions={"nan": float("nan"), "count": np.int64(3), "odd": "a\x00b\udcff"},  # type: ignore[dict-item]
        origin="/in/\udcff\x00.jpg",
    )
    region = Region({"x": np.int32(4), "y": 1, "width": 2, "height": 3}, np.float32(2.5), float("inf"))  # type: ignore[dict-item, arg-type]
    verdict = a_verdict(Quality.BAD, score=np.float32(1.5), p_value=float("nan"), regions=(region,), cause=None)
    store.record("flex", "inbox", [replace(arrival, observation=observation, verdict=verdict)], RULE)
    number = store.find("flex", element, "k")
    assert number is not None
    detail = store.observation(number)
    assert detail is not None
    assert detail.view.conditions == {"nan": None, "count": 3, "odd": "a\\x00b\\udcff"}
    assert (detail.view.score, detail.view.p_value) == (1.5, None)
    assert (detail.regions[0]["x"], detail.regions[0]["p_value"]) == (4, None)
    assert store.settled("flex", "inbox", [arrival.arrival.ticket]) == {arrival.arrival.ticket}
    assert store.find("flex", element + "y", "k") is None, "long names stay distinct"


def test_what_is_no_json_is_refused_with_a_clear_error(store: Store) -> None:
    arrival = an_arrival()
    assert arrival.observation is not None
    odd = replace(arrival, observation=replace(arrival.observation, conditions={"bytes": b"x"}))  # type: ignore[dict-item]
    with pytest.raises(StoreError, match="bytes is no JSON"):
        store.record("flex", "inbox", [odd], RULE)
    assert store.observations("flex") == []


def test_an_observation_of_another_system_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match=r"20UPGFC0000001\.jpg: an observation of flex is none of its"):
        store.record("its", "inbox", [an_arrival()], RULE)


def test_an_unwritable_artefact_leaves_no_row(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StoreError("/artefacts/ab: cannot be written: No space left on device")

    monkeypatch.setattr(store.artefacts, "put", full)
    with pytest.raises(StoreError, match="No space left"):
        store.record("flex", "inbox", [an_arrival()], RULE)
    assert store.observations("flex") == []
    assert store.settled("flex", "inbox", ["20UPGFC0000001|k1"]) == set()


def test_the_same_picture_is_kept_once_for_many_observations(store: Store) -> None:
    same = {"thumbnail": Evidence(b"same", "image/png")}
    batch = [an_arrival(key=str(i), verdict=a_verdict(evidence=same)) for i in range(5)]
    store.record("flex", "inbox", batch, RULE)
    store.record("flex", "inbox", [an_arrival(key="later", verdict=a_verdict(evidence=same))], RULE)
    assert len({view.thumbnail for view in store.observations("flex")}) == 1
    assert len(list(store.artefacts.folder.glob("*/*"))) == 1


def test_a_large_batch_is_taken_in_at_once(store: Store) -> None:
    batch = [an_arrival(element=f"e{i}", verdict=a_verdict(evidence={})) for i in range(1200)]
    store.record("flex", "inbox", batch, RULE)
    assert store.overview(NOW)[0].counts[Quality.GOOD] == 1200
    assert store.record("flex", "inbox", batch, RULE) == []


def test_verdicts_of_a_spell_that_came_to_nothing_belong_to_no_alarm(store: Store) -> None:
    rule = AlarmRule(count=3)
    qualities = [Quality.BAD, Quality.BAD, Quality.GOOD, Quality.BAD]
    batch = [an_arrival(quality, key=f"k{i}") for i, quality in enumerate(qualities)]
    assert store.record("flex", "inbox", batch, rule) == []
    assert store.alarms(open_only=False) == []
    changes = store.record(
        "flex", "inbox", [an_arrival(Quality.BAD, key="k4"), an_arrival(Quality.BAD, key="k5")], rule
    )
    assert [change.kind for change in changes] == [ChangeKind.RAISED]
    [alarm] = store.alarms()
    assert alarm.count == 3
    assert [view.alarm_id for view in store.observations("flex")] == [alarm.id] * 3 + [None] * 3
