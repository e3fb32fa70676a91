"""Sightings of one thing are one incident, with the time when it began; the memory gives the same after a restart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from dqm.its.features import CLASSES
from dqm.its.incidents import FADED, MISSED, SUPPORT_KEPT, Check, Incident, Kind, Sighting, follow

T0 = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def at(cycle: int) -> datetime:
    return T0 + timedelta(seconds=180 * cycle)


def sighting(cells: list[int], check: Check = Check.PLACE, score: float = 10.0, kind: Kind = Kind.PLACE) -> Sighting:
    return Sighting(kind, np.array(cells), cells[0], {check: score}, np.log(np.full(CLASSES, 1 / CLASSES)), 0.5)


def test_the_same_place_again_is_the_same_incident() -> None:
    one = follow((), [sighting([5, 6])], at(0)).open
    two = follow(one, [sighting([6, 7], score=30.0)], at(1)).open
    (incident,) = two
    assert incident.since == at(0)
    assert incident.cycles == 2
    assert incident.scores == {Check.PLACE: 30.0}
    assert incident.cells.tolist() == [6, 7]


def test_lost_seconds_add_up_and_strength_does_not() -> None:
    found: tuple[Incident, ...] = ()
    for cycle in range(3):
        found = follow(found, [sighting([9], Check.RESTART, 8.0)], at(cycle)).open
    assert found[0].scores == {Check.RESTART: 24.0}


def test_a_gap_is_bridged_and_a_longer_one_ends_it() -> None:
    found = follow((), [sighting([5])], at(0)).open
    for cycle in range(1, 1 + MISSED):
        found = follow(found, [], at(cycle)).open
        assert found[0].now is None
    back = follow(found, [sighting([5])], at(9)).open
    assert back[0].since == at(0)
    assert back[0].cycles == MISSED + 2
    assert follow(found, [], at(3)).open == ()


def test_background_is_one_incident_though_its_place_moves() -> None:
    found = follow((), [sighting([1, 2], Check.BACKGROUND, 9.0, Kind.BACKGROUND)], at(0)).open
    found = follow(found, [sighting([300], Check.BACKGROUND, 9.0, Kind.BACKGROUND), sighting([1])], at(1)).open
    assert [incident.kind for incident in found] == [Kind.BACKGROUND, Kind.PLACE]
    assert [incident.since for incident in found] == [at(0), at(1)]


def test_what_flares_up_begins_then_and_not_with_a_fluctuation_before() -> None:
    found = follow((), [sighting([5], score=4.5)], at(0)).open
    (flared,) = follow(found, [sighting([5], score=4.5 / FADED + 1)], at(1)).open
    assert flared.since == at(1)
    (grown,) = follow(found, [sighting([5], score=4.5 / FADED - 1)], at(1)).open
    assert grown.since == at(0)


def test_two_that_grow_together_are_the_older_one() -> None:
    found = follow((), [sighting([5])], at(0)).open
    found = follow(found, [sighting([5]), sighting([7])], at(1)).open
    (incident,) = follow(found, [sighting([5, 6, 7])], at(2)).open
    assert incident.since == at(0)


def test_incidents_go_to_json_and_back() -> None:
    (incident,) = follow((), [sighting([5, 6])], at(0)).open
    again = Incident.from_json(incident.to_json())
    assert again.to_json() == incident.to_json()
    with pytest.raises(ValueError, match="causes"):
        Incident.from_json({**incident.to_json(), "evidence": [0.0]})


def test_what_was_forgiven_before_counts_from_its_beginning() -> None:
    seen = replace(sighting([9], Check.RESTART, 60.0), earlier_s=50.0)
    (incident,) = follow((), [seen], at(3)).open
    assert incident.since == at(3) - timedelta(seconds=50)


def test_support_wanes_unless_it_is_seen_again() -> None:
    found = follow((), [sighting([5], score=10.0)], at(0)).open
    for cycle, expected in ((1, 8.0), (2, 6.4), (3, 5.12)):
        found = follow(found, [sighting([5], score=5.0)], at(cycle)).open
        assert found[0].support[Check.PLACE] == pytest.approx(expected)
        assert found[0].scores[Check.PLACE] == 10.0
    found = follow(found, [], at(4)).open
    assert found[0].support[Check.PLACE] == pytest.approx(5.12 * SUPPORT_KEPT)
    found = follow(found, [sighting([5], score=9.0)], at(5)).open
    assert found[0].support[Check.PLACE] == 9.0
    assert found[0].sightings == 5


def test_lost_seconds_do_not_wane() -> None:
    found = follow((), [sighting([9], Check.RESTART, 8.0)], at(0)).open
    found = follow(found, [sighting([9], Check.RESTART, 8.0)], at(1)).open
    assert found[0].support == {Check.RESTART: 16.0}


def test_support_survives_json_and_an_older_memory_has_what_it_scored() -> None:
    found = follow((), [sighting([5], score=10.0)], at(0)).open
    (incident,) = follow(found, [sighting([5], score=6.0)], at(1)).open
    content = incident.to_json()
    back = Incident.from_json(content)
    assert (dict(back.support), back.sightings) == (dict(incident.support), 2)
    older = {name: value for name, value in content.items() if name not in ("support", "sightings")}
    assert Incident.from_json(older).support == {Check.PLACE: 10.0}
