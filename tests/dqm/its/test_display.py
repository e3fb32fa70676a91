"""Plain words for what the detector says of ITS."""

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest

from core.alarms.severity import Severity
from core.alarms.state import Phase
from core.settings import ItsSettings, Settings
from core.store.views import AlarmView, ObservationDetail, ObservationView
from core.verdict import Measurement, Quality
from dqm.its import display, display_notes, display_words
from dqm.its.causes import Cause
from dqm.its.guidance import guidance

NOW = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)


def detail(quality: Quality, *regions: dict[str, Any], element: str = "ITS") -> ObservationDetail:
    view = ObservationView(
        id=1, system="its", element=element, key="559123/7", observed_at=NOW, processed_at=NOW, origin="http://qcdb",
        sha256="0", conditions={"run": 559123, "beam_type": "pp", "fill": None, "cycle": 7}, quality=quality, score=2.0,
        threshold=0.0, p_value=None, cause=None, model=None, reason="http://qcdb: too short", region_count=0,
        thumbnail=None, alarm_id=None, disposition=None,
    )  # fmt: skip
    return ObservationDetail(view, regions, MappingProxyType({}), MappingProxyType({}), (), (), (), None)


def alarm(**changed: Any) -> AlarmView:
    usual: dict[str, Any] = {
        "id": 1, "system": "its", "element": "L4_12/lane 7", "severity": Severity.MAJOR, "current": Severity.MAJOR,
        "phase": Phase.UNACKNOWLEDGED, "message": "said by the watch", "count": 1, "bad_since": NOW, "raised_at": NOW,
        "recovered_at": None, "closed_at": None, "acknowledged_by": None, "acknowledged_at": None, "shelved_by": None,
        "shelved_until": None, "shelved_reason": None, "observation_id": 5, "kind": "place", "cause": "dead lane",
    }  # fmt: skip
    return AlarmView(**{**usual, **changed})


BACKGROUND = {
    "element": "inner barrel C", "cells": "L0_01/8 L0_02/8", "kind": "background", "since": "2026-05-01T07:57:00+00:00",
    "cycles": 3, "quality": "BAD", "ratio": 1.06, "score": 2.3, "cause": "beam background C", "probability": 0.96,
}  # fmt: skip
LANE = {"element": "L4_12/lane 7", "cells": "L4_12/lane_7", "quality": "MEDIUM", "cause": "dead lane", "score": -0.4}


def test_an_incident_has_its_words_cells_and_times() -> None:
    first, second = display.incidents(detail(Quality.BAD, BACKGROUND, LANE))
    assert (first.title, first.place) == ("Beam background from side C", "inner barrel, side C")
    assert first.since == datetime(2026, 5, 1, 7, 57, tzinfo=UTC)
    assert (first.cells, first.names) == ((17, 26), ("L0_01/8", "L0_02/8"))
    assert (second.quality, second.place, second.names) == (Quality.MEDIUM, "L4_12/lane 7", ("L4_12/lane 7",))
    assert second.since is None
    assert first.position == "side C, phi 61°, z -12 cm"
    assert second.position == "side C, phi 145°, z -32 cm, readout lane 3"


def test_incidents_of_chip_hit_maps_have_no_cells() -> None:
    pixel = {"element": "plane 0/double column 46", "cause": "stuck double column", "known": "yes", "score": 9.0}
    (one,) = display.incidents(detail(Quality.MEDIUM, pixel, element="telescope"))
    assert (one.cells, one.names, one.known) == ((), (), True)
    assert one.place == "plane 0/double column 46"


@pytest.mark.parametrize("region", [{}, {"element": None, "since": 5, "cells": 7, "cycles": "x", "ratio": "y"}])
def test_a_region_of_another_shape_is_no_error(region: dict[str, Any]) -> None:
    (one,) = display.incidents(detail(Quality.BAD, region))
    assert (one.cause, one.since, one.cycles, one.ratio) == ("unknown", None, None, None)


def test_every_cause_has_words_and_guidance_of_its_own_kind() -> None:
    for cause in Cause:
        assert display_words.cause_label(cause) != cause.value
        assert "log entry" in guidance(cause)
    assert guidance("unknown") != guidance(None)
    assert guidance("a new cause") == guidance("unknown")
    assert "technical run" in guidance(None)


def test_headlines() -> None:
    assert display.headline(detail(Quality.GOOD)) == "Nothing unusual"
    assert display.headline(detail(Quality.BAD, BACKGROUND, LANE)) == "Beam background from side C, and 1 worth a look"
    assert (
        display.headline(detail(Quality.BAD, BACKGROUND, BACKGROUND, LANE)) == "Beam background from side C, and 1 more"
    )
    assert display.headline(detail(Quality.MEDIUM, LANE)) == "Dead lane: L4_12/lane 7"
    assert "could not be judged" in display.headline(detail(Quality.NULL))
    assert display.why(detail(Quality.NULL).view) == "too short"


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (0.1, "about once a shift"),
        (2.0, "about once in 100 shifts"),
        (2.9, "about once in 800 shifts"),
        (4.0, "about once in 10 000 shifts"),
        (9.0, "less than once in a million shifts"),
        (-1.0, "about 10 times a shift"),
    ],
)
def test_how_strange_in_shifts(score: float, words: str) -> None:
    assert words in display_words.rarity(score)


def test_an_alarm_says_what_where_and_what_to_do() -> None:
    assert display.alarm_name(alarm()) == "L4_12/lane 7"
    assert display.alarm_words(alarm()) == "dead lane"
    assert display.summons(alarm()).startswith("Dead lane: L4_12/lane 7. Look at the lane status")
    background = alarm(element="inner barrel A", cause="beam background A")
    assert display.alarm_name(background) == "Inner barrel, side A"
    assert display.alarm_words(background) == "beam background from side A"
    assert display.summons(background).startswith("Beam background from side A. Tell the shift leader")


def test_alarms_about_the_watch_or_without_a_verdict_have_other_words() -> None:
    assert display.alarm_words(alarm(observation_id=None)) == "said by the watch"
    assert "QCDB" in display.guidance(alarm(observation_id=None))
    assert "could not be judged" in display.alarm_words(alarm(severity=Severity.INVALID, cause=None))
    assert display.guidance(alarm(severity=Severity.INVALID, cause=None)) == guidance(None)


def test_what_to_do_without_a_qcdb_and_with_one() -> None:
    assert "qcdb_url" in display.next_step(Settings())
    assert "http://q:8083" in display.next_step(Settings(its=ItsSettings(qcdb_url="http://q:8083")))


def test_missing_objects_are_told_by_kind_with_reason_and_consequence() -> None:
    names = ["long_clusters_L0", "long_clusters_L1", "long_clusters_L2", "vertex_z", "something_new"]
    why = "; ".join(f"{name}: thinned away" for name in names[:3]) + "; vertex_z: not there"
    found = display_notes.missing({"missing": ", ".join(names), "why_missing": why})
    assert found == [
        "Long clusters of layers 0 to 2: missing (thinned away); beam background is harder to see",
        "Vertex z: missing (not there); what is expected is less certain",
        "Something new: missing",
    ]
    assert not display_notes.missing({"missing": "", "why_missing": ""})


def test_masked_places_and_a_short_run_are_told() -> None:
    assert display_notes.masked({"masked": "L3_07"}) == "1 place is masked, so not judged: L3_07"
    many = ", ".join(f"L3_{n:02d}" for n in range(9))
    assert display_notes.masked({"masked": many}).endswith("L3_05 and 3 more")
    assert "just started (40 s)" in display_notes.short_run({"run_age_s": 40.0})
    assert display_notes.short_run({"run_age_s": 400.0}) == display_notes.short_run({"run_age_s": None}) == ""


@pytest.mark.parametrize(
    ("measurement", "text"),
    [
        (Measurement(62_000, 120, "Hz"), "62.0 ± 0.1 kHz"),
        (Measurement(1_234_567, None, "Hz"), "1.23 MHz"),
        (Measurement(-0.1234, 0.0051, "cm"), "-0.123 ± 0.005 cm"),
        (Measurement(0.04, None, "of its clusters"), "4.0 % of its clusters"),
        (Measurement(0.051, 0.004, "of its clusters"), "5.1 ± 0.4 % of its clusters"),
        (Measurement(3_600_000, None, ""), "3 600 000"),
        (Measurement(0.59425, 0.00001, "per frame"), "0.594 per frame"),
        (Measurement(0.0, None, ""), "0"),
        (Measurement(float("nan"), None, "cm"), "not known"),
    ],
)
def test_measured_values_in_the_digits_they_are_worth(measurement: Measurement, text: str) -> None:
    assert display_notes.value_of(measurement) == text


def test_counts_and_what_others_say_better_are_left_out() -> None:
    seen = {
        "tracks": Measurement(3e6, None, "Hz"),
        "clusters": Measurement(1e9, None, ""),
        "vertex z": Measurement(0.1, None, "cm"),
    }
    assert display_notes.measured(seen) == [("Tracks", "3 MHz"), ("Vertex z", "0.100 cm")]
    seen["vertices"] = Measurement(126_224, 26, "Hz")
    assert display_notes.measured(seen) == [("Vertex z", "0.100 cm"), ("Vertices", "126 kHz")]
