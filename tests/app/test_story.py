"""The demo's shift: its clock, its fill, its script, and the check that must notice what went wrong."""

import argparse
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.story import fill, playback, script, truth
from app.story.checking import check, table
from app.story.playback import Playback
from core.contracts import AlarmRule, Arrival, Incident, Settled
from core.errors import SettingsError
from core.observation import Observation
from core.store import Store
from core.verdict import Quality, Verdict
from dqm.its.causes import Cause

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_a_fast_shift_lies_in_the_past_and_has_caught_up_at_its_end() -> None:
    play = Playback.fast(NOW, 20.0, 9000.0)
    assert play.due(play.began_at) == NOW
    assert play.due(play.at(4500)) == NOW + timedelta(seconds=225)
    end = play.at(9000)
    assert abs((play.due(end) - end).total_seconds()) < 1
    assert play.due(play.at(9600)) == play.at(9600), "then it goes on in true time"
    assert all(play.due(play.at(second)) >= play.at(second) for second in range(0, 12_000, 100)), "never before it was"
    assert play.second(NOW + timedelta(seconds=100)) == 2000


def test_what_is_past_of_a_late_shift_is_there_at_once_and_the_rest_in_true_time() -> None:
    play = Playback.late(NOW, 600)
    assert play.due(play.at(5)) == NOW
    assert play.due(play.at(700)) == play.at(700) == NOW + timedelta(seconds=100)


def test_the_background_of_alice_follows_the_drift_with_the_lag_that_the_losses_have() -> None:
    grown = script.background()
    assert {one.cause for one in grown.faults} == {Cause.BEAM_BACKGROUND_A}, "beam 1 comes in from side A"
    by_minute = {round(one.began_s / 60): one.intensity for one in grown.faults}
    half_s = 3600 * 0.7 / script.DRIFT.per_hour  # type: ignore[operator]
    early = max(value for minute, value in by_minute.items() if minute * 60 < script.DRIFT.begins_s + half_s)
    assert early < script.FAINTEST < by_minute[max(by_minute)] / 5, (
        "half of the margin gone shows nothing, the rest does"
    )
    assert grown.begins_s > script.DRIFT.begins_s + 30 * 60
    assert not fill.following(script.DRIFT._replace(per_hour=0.01), script.LENGTH_S, 1e-4).faults


def test_once_a_primary_stands_behind_the_secondaries_the_tertiaries_are_hit() -> None:
    def lost(retracted_sigma: float) -> float:
        return fill.losses(replace(script.DRIFT.setting, change=retracted_sigma))

    assert lost(0.6) < 1.3 * lost(0.0)
    assert lost(1.9) > 5 * lost(1.2)


def test_losses_of_the_other_beam_change_nothing_in_front_of_side_a() -> None:
    from accelerator.collimation.diagnosis import Quantity
    from accelerator.collimation.simulate.faults import Setting

    jaw = Setting("tcspm.b4r7.b2", Quantity.GAP, -2.0)
    assert fill.losses(jaw) == pytest.approx(fill.losses(None))


def test_every_incident_of_the_script_is_in_the_truth_and_no_two_are_the_same_alarm() -> None:
    told = truth.injected(seed=1)
    assert [one.begins_s for one in told] == sorted(one.begins_s for one in told)
    assert {one.system for one in told} == {"flex", "its", "collimation", "schlieren"}
    assert len(told) == len(script.WRONG) + len(script.FAULTS) + 2 + 5 + len(script.BOARDS) + 1
    assert all(0 < one.begins_s <= one.ends_s <= script.LENGTH_S for one in told)
    assert len({(one.system, one.elements, one.kinds, one.places) for one in told}) == len(told)
    assert len(told) <= 2 * script.LENGTH_S / 600, "ISA-18.2: at most two alarms in ten minutes"


def test_the_beginning_of_a_shift_has_what_begins_in_it() -> None:
    whole, beginning = truth.injected(seed=1), truth.injected(seed=1, length_s=22 * script.MINUTE)
    assert beginning == whole[: len(beginning)]
    assert [one.system for one in beginning] == ["schlieren", "its", "flex"]


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    playback.add_options(parser)
    return parser.parse_args(arguments)


def test_the_truth_is_written_beside_the_watched_folders_with_its_times(tmp_path: Path) -> None:
    play = Playback.fast(NOW, 20.0, script.LENGTH_S)
    path = truth.write(tmp_path / truth.FILE, play, seed=3)
    content = json.loads(path.read_text())
    assert "inbox" not in path.parts
    assert playback.read(path) == playback.Show(play, 3)
    for told in (["--show", str(path)], [*play.arguments(), "--seed", "3"]):
        assert playback.awaited(options(*told), threading.Event()) == playback.Show(play, 3)
    stopped = threading.Event()
    stopped.set()
    assert playback.awaited(options("--show", str(tmp_path / "nothing")), stopped) is None
    with pytest.raises(SettingsError, match="needs --show"):
        playback.awaited(options(), stopped)
    assert content["injected"][0]["begins_at"] == play.at(content["injected"][0]["begins_s"]).isoformat()


# -- the check

PLAY = Playback.fast(NOW, 20.0, script.LENGTH_S)
LASER = next(one for one in truth.injected(1) if one.kinds == ("no_ionisation",))
DENSITY = next(one for one in truth.injected(1) if one.kinds == ("density_drift",))


def shot(store: Store, second: float, *kinds: str) -> None:
    """Record a shot of AWAKE at a second of the shift that shows these incidents."""
    at = PLAY.at(second)
    observation = Observation("schlieren", "camera", f"{second}", at, "shot", "0" * 64)
    told = tuple(Incident(kind, frozenset({kind}), "camera", Quality.BAD, at, kind, kind) for kind in kinds)
    verdict = Verdict(Quality.BAD if kinds else Quality.GOOD)
    settled = Settled(Arrival(f"{second}", "shot"), observation, verdict, PLAY.due(at) + timedelta(seconds=4), told)
    store.record("schlieren", "folder", [settled], AlarmRule())


@pytest.fixture
def store(shelf: Store) -> Store:
    return shelf


def test_an_incident_with_its_alarm_is_found_and_its_delay_is_by_the_clock_of_the_shift(store: Store) -> None:
    shot(store, LASER.begins_s + 30, "no_ionisation")
    checked = check(store, [LASER], PLAY)
    assert checked.troubles() == ()
    (found,) = checked.outcomes
    assert (found.word, found.data_s, found.work_s) == ("found", 30.0, 4.0)
    assert checked.health.annunciations == 1
    assert any("found" in line and LASER.name in line for line in table(checked, PLAY))


def test_what_raised_no_alarm_is_missed(store: Store) -> None:
    shot(store, LASER.begins_s + 30, "no_ionisation")
    checked = check(store, [LASER, DENSITY], PLAY)
    assert [one.word for one in checked.outcomes] == ["found", "MISSED"]
    assert checked.troubles() == (f"{DENSITY.name} (schlieren) raised 0 alarms instead of one",)


def test_two_alarms_of_one_incident_are_one_too_many(store: Store) -> None:
    shot(store, LASER.begins_s + 30, "no_ionisation", "stale")
    both = replace(LASER, kinds=("no_ionisation", "stale"))
    (trouble,) = check(store, [both], PLAY).troubles()
    assert "raised 2 alarms" in trouble


def test_one_alarm_that_nothing_explains_is_within_the_budget_two_are_not(store: Store) -> None:
    shot(store, LASER.begins_s + 30, "no_ionisation", "dust")
    checked = check(store, [LASER], PLAY)
    assert [view.kind for view in checked.false] == ["dust"]
    assert not checked.troubles()
    shot(store, LASER.begins_s + 3600, "no_ionisation", "dust", "dark")
    (trouble,) = check(store, [LASER], PLAY).troubles()
    assert trouble == "schlieren: 2 false alarms, accepted are 1"


def test_a_flood_is_told_by_the_standard_in_the_time_of_the_shift(store: Store) -> None:
    kinds = tuple(f"kind {number}" for number in range(60))
    shot(store, LASER.begins_s + 30, "no_ionisation", *kinds)
    troubles = check(store, [replace(LASER, kinds=())], PLAY).troubles()
    assert any("ISA-18.2" in one for one in troubles)
