"""What a tile says of what the store knows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.dashboard.states import Tile, Tone, most_urgent, tile
from app.dashboard.wording import began
from core.alarms.severity import Severity
from core.alarms.state import Phase
from core.store.views import AlarmView, Heartbeat, SystemState

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
BEAT = Heartbeat("flex", "watch", NOW - timedelta(seconds=5), True, "", NOW, None)
WELL = SystemState("flex", NOW - timedelta(minutes=1), NOW, heartbeats=(BEAT,))


def alarm(severity: Severity) -> AlarmView:
    return AlarmView(
        id=1, system="flex", element="b", severity=severity, current=severity, phase=Phase.UNACKNOWLEDGED, message="",
        count=1, bad_since=NOW, raised_at=NOW - timedelta(minutes=3), recovered_at=None, closed_at=None,
        acknowledged_by=None, acknowledged_at=None, shelved_by=None, shelved_until=None, shelved_reason=None,
        observation_id=1,
    )  # fmt: skip


def shown(state: SystemState, *severities: Severity, silent_after_s: float | None = None) -> Tile:
    counted = replace(state, open_alarms={s: severities.count(s) for s in severities})
    alarms = [alarm(s) for s in severities]
    return tile("FLEX", counted, alarms, NOW, silent_after_s=silent_after_s, next_step="Drop a photo")


def test_well_is_calm() -> None:
    assert (shown(WELL).tone, shown(WELL).word) == (Tone.CALM, "All well")


def test_nothing_ever_seen_is_not_well_and_says_what_to_do() -> None:
    empty = shown(SystemState("flex", None, None))
    assert (empty.tone, empty.word, empty.todo) == (Tone.EMPTY, "No data yet", "Drop a photo")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"heartbeats": ()}, "Watch not running"),
        ({"heartbeats": (replace(BEAT, at=NOW - timedelta(minutes=10)),)}, "Watch not running"),
        ({"heartbeats": (replace(BEAT, ok=False, detail="disk full"),)}, "Watch failed"),
    ],
)
def test_a_watch_that_is_dead_or_fails_is_never_well(change: dict[str, object], word: str) -> None:
    blind = shown(replace(WELL, **change))  # type: ignore[arg-type]
    assert (blind.tone, blind.word) == (Tone.BLIND, word)
    assert blind.todo


def test_a_silent_source_has_its_own_state() -> None:
    quiet = replace(WELL, last_observed_at=NOW - timedelta(hours=2))
    assert shown(quiet).tone is Tone.CALM
    silent = shown(quiet, silent_after_s=3600)
    assert (silent.tone, silent.word) == (Tone.BLIND, "Source silent")
    assert "2 h" in silent.todo


def test_a_bad_board_comes_before_not_knowing_and_that_before_the_rest() -> None:
    dead = replace(WELL, heartbeats=())
    assert shown(dead, Severity.MAJOR).tone is Tone.ALARM
    assert shown(dead, Severity.INVALID).tone is Tone.BLIND
    assert shown(WELL, Severity.INVALID).tone is Tone.NOTICE
    assert shown(WELL, Severity.MAJOR, Severity.INVALID).word == "2 alarms"
    assert shown(WELL, Severity.MAJOR).since == NOW - timedelta(minutes=3)


def test_the_most_urgent_of_several() -> None:
    calm, bad, blind = shown(WELL), shown(WELL, Severity.MAJOR), shown(replace(WELL, heartbeats=()))
    assert most_urgent([calm, blind, bad]) is bad
    assert most_urgent([calm, blind]) is blind
    assert most_urgent([calm, calm]) is None
    assert most_urgent([]) is None


def test_a_silent_source_says_what_this_system_needs() -> None:
    quiet = replace(WELL, last_observed_at=NOW - timedelta(hours=2))
    shown = tile("ITS", quiet, [], NOW, silent_after_s=60, next_step="", when_silent="Check the QCDB.")
    assert shown.todo == "Nothing came for 2 h. Check the QCDB."


def test_a_system_that_nobody_uses_is_not_the_most_urgent() -> None:
    empty = shown(SystemState("its", None, None))
    assert most_urgent([empty, shown(WELL)]) is None
    assert most_urgent([empty, shown(WELL, Severity.MAJOR)]) == shown(WELL, Severity.MAJOR)
    assert most_urgent([empty]) == empty


def test_an_incident_began_when_its_data_show_it_and_other_alarms_when_they_were_raised() -> None:
    one = replace(alarm(Severity.MAJOR), bad_since=NOW - timedelta(hours=1))
    assert began(one) == one.raised_at
    assert began(replace(one, kind="place")) == one.bad_since
