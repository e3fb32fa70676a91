"""What a tile says of what the store knows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.dashboard.needs import Need, needs, standing
from app.dashboard.parts import Part, parts
from app.dashboard.states import Tile, Tone, tile
from core.alarms.severity import Severity
from core.alarms.state import Phase
from core.store.views import AlarmView, ChannelState, Heartbeat, SystemState

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
BEAT = Heartbeat("flex", "watch", NOW - timedelta(seconds=5), True, "", NOW, None)
WELL = SystemState("flex", NOW - timedelta(seconds=110), NOW - timedelta(seconds=100), heartbeats=(BEAT,))
THEN = NOW - timedelta(hours=2)
QUIET = replace(WELL, last_observed_at=THEN, last_processed_at=THEN)


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
    quiet = QUIET
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


def first(*tiles: Tile, alarms: Sequence[AlarmView] = (), own: Sequence[Part] = ()) -> Need | None:
    found = needs({f"{number}": replace(one, system=f"{number}") for number, one in enumerate(tiles)}, alarms, own)
    return found[0] if found else None


def test_the_most_urgent_of_several() -> None:
    calm, bad, blind = shown(WELL), shown(WELL, Severity.MAJOR), shown(replace(WELL, heartbeats=()))
    major = replace(alarm(Severity.MAJOR), system="2")
    worst = first(calm, blind, bad, alarms=[major])
    assert worst is not None
    assert (worst.system, worst.alarm, worst.word) == ("2", major, "1 alarm")
    worst = first(calm, blind)
    assert worst is not None
    assert (worst.system, worst.word, worst.is_pressing) == ("1", "Watch not running", True)
    assert first(calm, calm) is None
    assert first() is None


def test_an_alarm_that_somebody_takes_care_of_is_not_the_most_urgent() -> None:
    taken = replace(alarm(Severity.MAJOR), system="0", acknowledged_by="Ana", acknowledged_at=NOW)
    minor = replace(alarm(Severity.MINOR), system="1")
    bad, dead = shown(WELL, Severity.MAJOR), shown(replace(WELL, heartbeats=()))
    worst = first(bad, shown(WELL, Severity.MINOR), alarms=[taken, minor])
    assert worst is not None
    assert worst.alarm is minor
    assert getattr(first(bad, dead, alarms=[taken]), "word", "") == "Watch not running"
    alone = first(bad, alarms=[taken])
    assert alone is not None
    assert (alone.is_pressing, standing(taken, NOW)) == (False, "Ana takes care of it.")


def test_nobody_for_too_long_is_said() -> None:
    late = replace(alarm(Severity.MAJOR), asked_at=NOW - timedelta(minutes=20), overdue_at=NOW)
    assert standing(late, NOW) == "Nobody has answered for 20 min. That is too long."


def sign(flow: str, seconds_ago: float, *, ok: bool = True, detail: str = "", system: str = "flex") -> Heartbeat:
    at = NOW - timedelta(seconds=seconds_ago)
    return Heartbeat(system, flow, at, ok, detail, NOW - timedelta(minutes=5), None if ok else at)


@pytest.mark.parametrize(
    ("seconds", "scheduled", "word"),
    [(14, False, "All well"), (16, False, "Watch late"), (31, True, "All well"), (76, True, "Watch late")],
)
def test_a_watch_is_late_after_three_signs_and_later_where_runs_hand_over(
    seconds: float, scheduled: bool, word: str
) -> None:
    beats = (sign("watch", seconds), *([sign("schedule", 1)] if scheduled else []))
    assert shown(replace(WELL, heartbeats=beats)).word == word


def test_a_stale_model_has_its_own_state_below_alarms_and_above_calm() -> None:
    stale = replace(WELL, heartbeats=(BEAT, sign("model", 60, ok=False, detail="It is retired.")))
    assert (shown(stale).tone, shown(stale).word) == (Tone.STALE, "Model stale")
    assert "It is retired. The Models page" in shown(stale).todo
    noticed = shown(stale, Severity.MINOR)
    assert [one.word for one in noticed.troubles] == ["1 alarm", "Model stale"]
    worst = first(shown(stale))
    assert worst is not None
    assert not worst.is_pressing


def test_old_data_is_not_all_well_even_where_nobody_said_how_old_it_may_be() -> None:
    usual = replace(QUIET, last_observed_at=NOW - timedelta(minutes=11), usual_gap_s=30.0)
    assert (shown(usual).tone, shown(usual).word) == (Tone.QUIET, "No new data")
    assert shown(replace(usual, usual_gap_s=120.0)).tone is Tone.CALM
    assert shown(replace(usual, last_observed_at=NOW - timedelta(minutes=9))).tone is Tone.CALM
    assert first(shown(usual)) is None


def test_a_backlog_is_no_silent_source() -> None:
    behind = replace(QUIET, last_processed_at=NOW - timedelta(seconds=20), usual_gap_s=30.0)
    for silent_after_s in (None, 60.0):
        assert {(one.tone, one.word) for one in shown(behind, silent_after_s=silent_after_s).troubles} == {
            (Tone.QUIET, "Catching up")
        }


def test_the_first_batch_of_a_watch_comes_before_its_first_sign() -> None:
    begun = replace(WELL, heartbeats=(), last_processed_at=NOW - timedelta(seconds=5))
    assert shown(begun).tone is Tone.CALM
    assert shown(replace(begun, last_processed_at=NOW - timedelta(seconds=95))).word == "Watch not running"


def test_of_a_source_that_no_watch_listens_to_nothing_is_said() -> None:
    quiet = QUIET
    dead = replace(quiet, heartbeats=(replace(BEAT, at=NOW - timedelta(hours=1)),))
    assert [one.word for one in shown(dead, silent_after_s=60).troubles] == ["Watch not running"]
    failed = replace(quiet, heartbeats=(replace(BEAT, ok=False),))
    assert {one.word for one in shown(failed, silent_after_s=60).troubles} == {"Watch failed", "Source silent"}


def test_the_alarm_of_a_silent_source_is_its_state_without_any_setting() -> None:
    source = replace(alarm(Severity.INVALID), element="source qcdb", observation_id=None)
    state = replace(WELL, open_alarms={Severity.INVALID: 1}, last_observed_at=NOW - timedelta(minutes=40))
    silent = tile("ITS", state, [source], NOW, silent_after_s=None, next_step="", when_silent="Check the QCDB.")
    assert (silent.word, silent.todo) == ("Source silent", "Nothing came for 40 min. Check the QCDB.")
    over = replace(source, recovered_at=NOW)
    assert tile("ITS", state, [over], NOW, silent_after_s=None, next_step="").word == "1 alarm"


# -- parts of the console


def told(*beats: Heartbeat, channels: Sequence[ChannelState] = ()) -> dict[str, Part]:
    own = tuple(beat for beat in beats if beat.system == "flex")
    return {one.name: one for one in parts([replace(WELL, heartbeats=own)], beats, channels, NOW)}


def test_parts_that_live_are_grey() -> None:
    living = told(BEAT, sign("schedule", 3), sign("guard", 3, system="console"))
    assert {one.tone for one in living.values()} == {Tone.CALM}
    assert living["Watches"].word == "1 of 1"


@pytest.mark.parametrize(
    ("beat", "name", "word"),
    [
        (sign("schedule", 26), "Scheduler", "not running"),
        (sign("schedule", 3, ok=False, detail="does not answer"), "Scheduler", "Prefect does not answer"),
        (sign("guard", 46, system="console"), "Guard", "not running"),
        (sign("guard", 3, ok=False, system="console"), "Guard", "failed"),
    ],
)
def test_parts_that_do_not_live_are_the_most_urgent_but_for_major_alarms(beat: Heartbeat, name: str, word: str) -> None:
    found = told(BEAT, beat)
    assert (found[name].tone, found[name].word) == (Tone.BLIND, word)
    assert found[name].since == NOW - timedelta(minutes=5) or found[name].since == beat.at
    own = list(found.values())
    worst = first(shown(replace(WELL, heartbeats=())), own=own)
    assert worst is not None
    assert (worst.title, worst.word) == (name, word)
    major = replace(alarm(Severity.MAJOR), system="0")
    assert getattr(first(shown(WELL, Severity.MAJOR), alarms=[major], own=own), "alarm", None) is major


def test_a_site_without_prefect_or_guard_is_told_no_more_than_that() -> None:
    found = told(BEAT)
    assert "Scheduler" not in found
    assert (found["Guard"].word, found["Guard"].tone) == ("never ran", Tone.QUIET)
    assert first(shown(WELL), own=list(found.values())) is None


def test_messages_that_do_not_get_through_are_a_part_that_fails() -> None:
    failing = ChannelState("room", 3, None, NOW - timedelta(minutes=2), "refused")
    part = told(BEAT, channels=[failing])["Messages to room"]
    assert (part.tone, part.word, part.todo) == (Tone.BLIND, "not delivered", "3 waiting. refused")


def test_a_silent_source_says_what_this_system_needs() -> None:
    quiet = QUIET
    shown = tile("ITS", quiet, [], NOW, silent_after_s=60, next_step="", when_silent="Check the QCDB.")
    assert shown.todo == "Nothing came for 2 h. Check the QCDB."


def test_a_system_that_nobody_uses_needs_nobody() -> None:
    assert first(shown(SystemState("its", None, None)), shown(WELL)) is None


def test_an_incident_began_when_its_data_show_it_and_other_alarms_when_they_were_raised() -> None:
    one = replace(alarm(Severity.MAJOR), bad_since=NOW - timedelta(hours=1))
    assert one.began_at == one.raised_at
    assert replace(one, kind="place").began_at == one.bad_since
