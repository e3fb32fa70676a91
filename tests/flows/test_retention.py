"""What is too old, or too much, goes; what somebody needs stays; watches do not notice; the trail tells."""

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from core.clock import Clock
from core.errors import StoreError
from core.housekeeping import alone
from core.keeping import KeepSettings, RetentionSettings
from core.settings import Settings, load_settings
from core.shifts import Span
from core.signs import CONSOLE, RETENTION
from core.store import Store, drills, replays, rows
from core.store.audit import Deed, Sought
from core.store.contents import contents
from core.store.drill_models import DrillObservationRow
from core.store.models import ArtefactRow
from core.store.views import Judgement
from core.verdict import Model, Quality
from flows import retaining
from flows.deploying import retention_deployment
from flows.retaining import Round, is_due, retain, run
from flows.retention import retain as retention_flow
from flows.standing_in import StandIns
from tests.core.store.conftest import NOW, RULE, a_broken_arrival, an_arrival
from tests.flows.retained import (
    DAY,
    DEFAULTS,
    close_alarms,
    keeping,
    pictured,
    postgres_url,
    record,
    round_of,
    seen,
    server,
    settings,
    sound,
    store,
    there,
)

__all__ = ["postgres_url", "server", "settings", "store"]


def test_pictures_of_good_verdicts_go_first_then_the_others_and_verdicts_stay(store: Store, settings: Settings) -> None:
    fresh, old, bad, old_bad = record(store, seen(10), seen(40), seen(40, Quality.BAD), seen(400, Quality.BAD))
    close_alarms(store)
    removed = round_of(store, settings)
    assert pictured(store) == {fresh, bad}
    assert there(store) == {fresh, old, bad, old_bad}
    assert (removed.pictured, removed.verdicts, removed.bytes) == (2, 0, 2000)
    sound(store)


def test_old_verdicts_go_with_all_that_belongs_to_them(store: Store, settings: Settings) -> None:
    (young,) = record(store, seen(1800))
    record(store, seen(1826), seen(3000))
    store.record("flex", "inbox", [a_broken_arrival("old", NOW - 2000 * DAY)], RULE)
    close_alarms(store)
    removed = round_of(store, settings)
    assert removed.verdicts == 2  # an alarm rested on what could not be read: its history is kept for ever
    found = contents(store.database)
    assert (found["observation"].rows, found["verdict"].rows, found["ticket"].rows) == (2, 2, 2)
    assert young in there(store)
    sound(store)


def test_what_somebody_needs_stays(store: Store, settings: Settings) -> None:
    open_alarm, false, decided, drilled, free = record(
        store, seen(3000, Quality.BAD), seen(3000), seen(3000), seen(3000), seen(3000)
    )
    store.add_feedback(false, "ana", NOW, Judgement.FALSE_ALARM)
    store.decide(decided, "ana", NOW, [], {"passed": True})
    asked = drills.Asked("flex", "scratch", "A scratch", ("scratch",), 1, timedelta(minutes=5))
    deed = Deed(NOW, "eva", "expert", "page", "drill", "drill")
    number = drills.ask(store.database, asked, "eva", NOW, deed)
    with store.database.writing("flex") as session:
        session.add(DrillObservationRow(observation_id=drilled, drill_id=number, quality=Quality.GOOD, verdict={}))
    removed = round_of(store, settings)
    assert there(store) == {open_alarm, false, decided, drilled}
    assert pictured(store) == {open_alarm, false, decided, drilled}
    assert removed.verdicts == 1
    assert free not in there(store)
    bounded = keeping(settings, DEFAULTS.model_copy(update={"images_gb": 1e-9}))
    assert "more than wanted are needed" in round_of(store, bounded).words()
    assert pictured(store) == {open_alarm, false, decided, drilled}


def test_an_alarm_that_stays_open_keeps_what_it_names_not_all_that_goes_on_with_it(
    store: Store, settings: Settings
) -> None:
    seen_so_far = [replace(seen(9 - day, Quality.BAD), observation=None) for day in range(9)]
    for one in seen_so_far:
        at = one.processed_at
        again = an_arrival(Quality.BAD, "stuck", f"k{at}", at=at, verdict=one.verdict)
        store.record("flex", "inbox", [again], RULE)
    (alarm,) = store.alarms()
    assert alarm.observation_id == max(there(store))
    round_of(store, settings)
    assert len(pictured(store)) == 9
    bounded = keeping(settings, DEFAULTS.model_copy(update={"images_gb": 4e-6}))
    round_of(store, bounded)
    assert pictured(store) >= {min(there(store)), max(there(store))}  # that raised it, and the newest
    assert len(pictured(store)) == 4
    sound(store)


def test_a_replay_of_the_past_is_waited_for(store: Store, settings: Settings) -> None:
    record(store, seen(3000))
    span = Span(NOW - 4000 * DAY, NOW)
    number = replays.ask(store.database, "flex", Model("m", "1"), span, "eva", NOW, None)
    removed = round_of(store, settings)
    assert removed.verdicts == 0
    assert "a replay reads its past" in removed.words()
    replays.progress(store.database, number, NOW, state=replays.ReplayState.DONE)
    assert round_of(store, settings).verdicts == 1


def test_a_dry_run_says_the_same_and_removes_nothing(store: Store, settings: Settings) -> None:
    record(store, seen(3000), seen(3000), seen(40), seen(1))
    bounded = keeping(settings, DEFAULTS.model_copy(update={"images_gb": 5e-7}))
    before = contents(store.database)
    dry = round_of(store, bounded, dry_run=True)
    assert contents(store.database) == before
    assert len(pictured(store)) == 4
    wet = round_of(store, bounded)
    assert (wet.verdicts, len(pictured(store)), len(there(store))) == (dry.verdicts, 0, 2) == (2, 0, 2)
    assert dry.pictured >= wet.pictured


def test_what_was_removed_is_in_the_trail_which_nobody_changes(store: Store, settings: Settings) -> None:
    record(store, seen(3000), seen(40))
    round_of(store, settings)
    (deed,) = store.trail(sought=Sought(what="retain"))
    assert (deed.author, deed.role, deed.via, deed.system) == ("shiftwatch", "system", "retention", "flex")
    assert "1 verdict, 1 picture set" in deed.note
    round_of(store, settings)
    assert len(store.trail(sought=Sought(what="retain"))) == 1  # nothing removed, nothing told
    with pytest.raises(Exception, match="audit is append-only"), store.database.engine.connect() as connection:
        connection.execute(text("DELETE FROM audit"))


def test_the_size_is_bounded_however_long_it_runs(store: Store, settings: Settings) -> None:
    """Sixty days in some seconds: pictures by their bound, verdicts by their age, files by the rows that name them."""
    keep = DEFAULTS.model_copy(update={"images_gb": 4e-5, "verdicts_days": 31.0, "good_images_days": 365.0})
    bounded = keeping(settings, keep)
    sizes, counts = [], []
    for day in range(60):
        at = NOW + day * DAY
        batch = [replace(seen(-day, size=1000), processed_at=at) for _ in range(12)]
        store.record("flex", "inbox", batch, RULE)
        if day % 20 == 0:
            store.record("flex", "inbox", [replace(seen(-day, Quality.BAD), processed_at=at)], RULE)
        round_of(store, bounded, at)
        sizes.append(sum(path.stat().st_size for path in store.artefacts.folder.rglob("*.png")))
        counts.append(contents(store.database, ["verdict"])["verdict"].rows)
    assert max(sizes) <= 40_000
    assert sizes[-1] > 20_000
    assert max(counts[31:]) <= 12 * 32 + 3
    assert min(counts[40:]) >= 12 * 31
    assert {alarm.element for alarm in store.alarms()} <= {
        view.element for view in store.observations("flex", limit=999)
    }
    sound(store)


def test_watches_do_not_wait_for_it(store: Store, settings: Settings) -> None:
    for _ in range(5):
        store.record("flex", "inbox", [seen(3000, size=200) for _ in range(150)], RULE)
    took: list[float] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            one = seen(0, size=200)
            began = time.perf_counter()
            store.record("flex", "inbox", [one], RULE)
            took.append(time.perf_counter() - began)
            time.sleep(0.01)

    thread = threading.Thread(target=watch)
    thread.start()
    began = time.perf_counter()
    try:
        (removed,) = retain(Round(store, settings, SlowClock()), ["flex"])
    finally:
        lasted = time.perf_counter() - began
        stop.set()
        thread.join()
    assert removed.verdicts == 750
    assert len(took) >= 5
    assert max(took) < lasted / 2
    assert len(there(store)) == len(took)
    sound(store)


class SlowClock(Clock):
    """The instant of these tests, with real waits."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def now(self) -> datetime:
        return NOW + timedelta(seconds=time.monotonic() - self._began)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def test_an_equal_picture_that_is_written_meanwhile_is_not_lost(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watch finds the file there, retention removes it, then the watch commits its row."""
    old = seen(40)
    record(store, old)
    new = replace(seen(0), verdict=old.verdict)
    put = rows.put_evidence
    calls: list[int] = []

    def slow(artefacts: Any, verdict: Any) -> Any:
        stored = put(artefacts, verdict)
        if not calls:
            calls.append(1)
            assert round_of(store, settings).pictured == 1
            assert not store.artefacts.exists(stored[0].digest)
        return stored

    monkeypatch.setattr(rows, "put_evidence", slow)
    record(store, new)
    assert calls
    sound(store)
    with store.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ArtefactRow)) == 1


def test_files_that_a_killed_writer_left_go_after_a_day(store: Store, settings: Settings) -> None:
    record(store, seen(1))
    lost, young = (store.artefacts.put(word, "image/png") for word in (b"lost", b"just written"))
    yesterday = time.time() - 25 * 3600
    os.utime(store.artefacts.path(lost), (yesterday, yesterday))
    round_of(store, settings)
    assert not store.artefacts.exists(lost)
    assert store.artefacts.exists(young)
    assert len(pictured(store)) == 1


def test_systems_differ_in_what_is_kept() -> None:
    own = RetentionSettings.model_validate({"default": {"images_days": 100}, "systems": {"its": {"verdicts_days": 50}}})
    assert (own.of("its").images_days, own.of("its").verdicts_days) == (100, 50)
    assert (own.of("flex").images_days, own.of("flex").verdicts_days) == (100, 1825)
    with pytest.raises(ValueError, match="greater than or equal to 31"):
        KeepSettings(verdicts_days=30)


def test_a_backup_is_waited_for_and_a_round_only_done_when_due(store: Store, settings: Settings) -> None:
    os.environ["SHIFTWATCH_DATABASE_URL"] = store.database.engine.url.render_as_string(hide_password=False)
    try:
        own = load_settings(home=settings.home)
    finally:
        del os.environ["SHIFTWATCH_DATABASE_URL"]
    with alone(settings.home, "a backup"), pytest.raises(StoreError, match="a backup goes on"):
        run(own, ["flex"], wait_s=0.0)
    (sign,) = [beat for beat in store.heartbeats() if beat.system == CONSOLE]
    assert (sign.flow, sign.ok) == (RETENTION, False)
    assert run(own, ["flex"], if_due=True) == "nothing to remove"
    assert run(own, ["flex"], if_due=True) == "not due"
    (sign,) = [beat for beat in store.heartbeats() if beat.system == CONSOLE]
    assert sign.ok
    assert not is_due(store, own, sign.at + timedelta(hours=5.9))
    assert is_due(store, own, sign.at + timedelta(hours=6))


def test_the_flow_does_a_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTWATCH_HOME", str(tmp_path))
    monkeypatch.delenv("SHIFTWATCH_DATABASE_URL", raising=False)
    own = load_settings()
    with Store.open(own.url, own.artefacts) as opened:
        opened.upgrade()
        opened.record("flex", "inbox", [seen(0)], RULE)
    assert retention_flow.fn(["flex"]) == "flex: 1 picture set, 0.0 MB"  # the time of these tests is long ago


def test_it_is_scheduled_beside_the_watches() -> None:
    made = retention_deployment(["flex", "its"], 6.0)
    assert (made.flow_name, made.name) == ("retain", "retain")
    assert made.entrypoint == "flows.retention.retain"
    assert made.parameters == {"systems": ["flex", "its"]}
    assert [one.schedule.interval for one in made.schedules or []] == [timedelta(hours=6)]  # type: ignore[union-attr]


def test_it_is_done_without_prefect_too(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Sequence[str]] = []

    class Child:
        def __init__(self, command: Sequence[str], **_: object) -> None:
            started.append(command[2:])

        def poll(self) -> int | None:
            return None

    monkeypatch.setattr(subprocess, "Popen", Child)
    watches = StandIns(["flex", "its"])
    watches.keep_up()
    watches.keep_up()
    asked = [command for command in started if "flows.retaining" in command]
    assert asked == [["flows.retaining", "--if-due", "--system", "flex", "--system", "its"]]


def test_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTWATCH_HOME", str(tmp_path))
    monkeypatch.setattr(os, "nice", lambda _: 0)
    own = load_settings()
    with Store.open(own.url, own.artefacts) as opened:
        opened.upgrade()
    assert retaining.main(["--system", "flex"]) == 0
    assert retaining.main(["--system", "nonsense"]) == 1
