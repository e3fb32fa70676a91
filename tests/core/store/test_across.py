"""What is compared across systems, out of both databases."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from core.alarms.severity import Severity
from core.coincidence.followed import Followed, Modes, Part
from core.coincidence.history import STEP_S
from core.contracts import AlarmRule, Arrival, Incident, Settled
from core.observation import Observation
from core.store import Store, across
from core.verdict import Measurement, Quality, Verdict, unreadable
from tests.core.store.conftest import NOW, RULE

FIRST = int(NOW.timestamp() // STEP_S)
MARGIN = Followed("smallest margin", "Smallest margin", "sigma", element="LHC")
PROTONS = Followed("intensity_b1", "Protons", "", Part.CONDITIONS)
MODES = Modes("beam_mode", frozenset({"STABLE"}))


def piece(
    seconds: float,
    margin: float | None = None,
    quality: Quality = Quality.GOOD,
    incident: str = "",
    element: str = "LHC",
    **conditions: str | float | None,
) -> Settled:
    at = NOW + timedelta(seconds=seconds)
    seen = Observation("collimation", element, f"{element} {seconds}", at, "a file", "ab" * 32, conditions)
    told = {} if margin is None else {"smallest margin": Measurement(margin, 0.1, "sigma")}
    verdict = unreadable("cut short") if quality is Quality.NULL else Verdict(quality, 1.0, measurements=told)
    found = (Incident("beam 1", frozenset({incident}), incident, quality, at, "TCP", "a note"),) if incident else ()
    return Settled(Arrival(f"{element} {seconds}", "a file"), seen, verdict, at + timedelta(seconds=90), found)


def steps(store: Store, count: int) -> across.Steps:
    return across.steps(store.database, "collimation", (MARGIN, PROTONS), MODES, FIRST, FIRST + count)


def test_steps_have_means_counts_and_modes(store: Store) -> None:
    batch = [
        piece(10, 1.0, beam_mode="STABLE", intensity_b1=2e14),
        piece(20, 2.0, Quality.BAD, beam_mode="STABLE", intensity_b1=4e14),
        piece(30, 7.0, element="B1H", beam_mode="STABLE", intensity_b1=None),
        piece(STEP_S + 5, None, Quality.NULL, beam_mode="ADJUST"),
        piece(STEP_S + 9, 1.5, Quality.MEDIUM, beam_mode="STABLE", intensity_b1="many"),
        piece(3 * STEP_S, 1.0, beam_mode="STABLE"),
        piece(-1, 9.0, beam_mode="STABLE"),
    ]
    store.record("collimation", "folder", batch, RULE)
    found = steps(store, 3)
    assert found.values[0] == pytest.approx([1.5, 1.5, np.nan], nan_ok=True)
    assert found.values[1] == pytest.approx([3e14, np.nan, np.nan], nan_ok=True)
    assert list(found.modes) == ["STABLE", "", ""]
    by_quality = dict(zip(Quality, found.counts.T.tolist(), strict=True))
    assert by_quality == {
        Quality.GOOD: [2, 0, 0], Quality.MEDIUM: [0, 1, 0], Quality.BAD: [1, 0, 0], Quality.NULL: [0, 1, 0],
    }  # fmt: skip


def test_nothing_stored_is_empty_steps(store: Store) -> None:
    found = steps(store, 4)
    assert not found.counts.any()
    assert np.isnan(found.values).all()
    assert steps(store, 0).counts.shape == (0, 4)
    assert across.steps(store.database, "flex", (), None, FIRST, FIRST + 2).values.shape == (0, 2)


def test_alarms_begin_when_the_data_say_and_again_when_they_come_back(store: Store) -> None:
    rule = AlarmRule()
    for one in (
        piece(0, quality=Quality.BAD, incident="tcp.c6l7.b1"),
        piece(600),
        piece(1200, quality=Quality.BAD, incident="tcp.c6l7.b1"),
    ):
        store.record("collimation", "folder", [one], rule)
    store.condition("its", "qcdb", Severity.INVALID, NOW + timedelta(seconds=300), "silent")
    found = across.onsets(store.database, NOW, NOW + timedelta(hours=1))
    assert [(one.at_s - NOW.timestamp(), one.system, one.kind) for one in found] == [
        (0, "collimation", "beam 1"),
        (300, "its", across.OF_THE_WATCH),
        (1200, "collimation", "beam 1"),
    ]
    assert found[0].alarm_id == found[2].alarm_id
    assert across.onsets(store.database, NOW + timedelta(hours=1), NOW + timedelta(hours=2)) == []
    views = across.alarms(store.database, [found[0].alarm_id, 10_000])
    assert list(views) == [found[0].alarm_id]


def test_alarms_open_in_a_span_are_those_that_were_not_closed_before(store: Store) -> None:
    def when(minutes: float) -> datetime:
        return NOW + timedelta(minutes=minutes)

    rule = AlarmRule(latch=False)
    for element, began, over in (
        ("old", 0.0, 10.0),
        ("long", 1.0, 300.0),
        ("open", 200.0, None),
        ("late", 900.0, None),
    ):
        store.condition("its", element, Severity.MAJOR, when(began), "note", rule)
        if over is not None:
            store.condition("its", element, Severity.OK, when(over), "", rule)
    found = across.alarms_open_in(store.database, when(60), when(500), 10)
    assert [one.element for one in found] == ["long", "open"]
    assert [one.element for one in across.alarms_open_in(store.database, when(60), when(500), 1)] == ["open"]
