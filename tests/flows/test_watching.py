"""The plain watch: whatever arrives ends in the store or waits; no error ends the watch."""

import errno
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from core.alarms.events import ChangeKind
from core.alarms.severity import Severity
from core.contracts import Arrival
from core.errors import InputError, ModelError
from core.settings import Settings
from core.verdict import Quality
from flows import quarantine
from flows.watching import Summary
from tests.flows.bench import Bench, moody
from tests.flows.fakes import NAME, FolderSource, Oracle, drop


def test_what_arrives_is_judged_and_stored_once(bench: Bench) -> None:
    for number in range(10):
        drop(bench.inbox, f"b{number}", element=f"E{number}", judge="bad" if number == 3 else "good")
    assert bench.watch() == Summary(10, ())
    assert bench.steps == [4, 4, 2]
    assert bench.qualities() == {f"E{n}": Quality.BAD if n == 3 else Quality.GOOD for n in range(10)}
    (alarm,) = bench.store.alarms()
    assert (alarm.element, alarm.severity) == ("E3", Severity.MAJOR)
    drop(bench.inbox, "c", element="E10")
    drop(bench.inbox, "copy", element="E3", judge="bad")
    assert bench.watch().settled == 2
    assert len(bench.qualities()) == 11
    assert bench.oracle.judged.count("E0") == 1
    assert bench.beat.ok
    assert "last arrival" in bench.beat.detail


def test_incomplete_input_is_left_for_later(bench: Bench) -> None:
    for number in range(6):
        drop(bench.inbox, f"a{number}", element="X", read="incomplete")
    drop(bench.inbox, "z", element="Z")
    assert bench.watch().settled == 1
    assert bench.steps == [1]
    drop(bench.inbox, "a0", element="X")
    assert bench.watch().settled == 1
    assert bench.qualities() == {"Z": Quality.GOOD, "X": Quality.GOOD}


@pytest.mark.parametrize(("how", "words"), [("unusable", "no image at all"), ("bug", "ZeroDivisionError")])
def test_unusable_input_goes_to_quarantine(bench: Bench, how: str, words: str) -> None:
    path = drop(bench.inbox, "bäd name", element="X", read=how)
    drop(bench.inbox, "good", element="G")
    assert bench.watch() == Summary(2, ())
    assert bench.qualities() == {"unreadable": Quality.NULL, "G": Quality.GOOD}
    folder = bench.settings.quarantine / NAME
    (note,) = folder.glob("*.reason.json")
    content = json.loads(note.read_text())
    assert words in content["reason"]
    assert content["origin"] == str(path)
    assert (folder / content["file"]).read_bytes() == path.read_bytes()
    assert len(list(folder.iterdir())) == 2
    (view,) = [v for v in bench.store.observations(NAME) if v.element == "unreadable"]
    detail = bench.store.observation(view.id)
    assert detail is not None
    assert words in str(detail)


def test_a_quarantine_that_cannot_be_written_loses_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(bench.inbox, "a", element="X", read="unusable")
    drop(bench.inbox, "b", element="G")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(quarantine, "keep", full)
        summary = bench.watch()
    assert summary.settled == 1
    assert "No space left" in summary.troubles[0]
    assert not bench.beat.ok
    assert str(bench.settings.quarantine) in bench.beat.detail
    assert len(bench.source.reads) < 8
    assert bench.watch() == Summary(1, ())
    assert bench.beat.ok
    assert bench.qualities()["unreadable"] is Quality.NULL


def test_a_file_in_the_place_of_the_quarantine(bench: Bench) -> None:
    bench.settings.quarantine.write_text("in the way")
    drop(bench.inbox, "a", element="X", read="unusable")
    drop(bench.inbox, "b", element="G")
    assert bench.watch().settled == 1
    assert "quarantine cannot be written" in bench.beat.detail


def test_an_input_that_may_become_readable_waits(bench: Bench) -> None:
    drop(bench.inbox, "a", element="X", read="denied")
    summary = bench.watch(30)
    assert summary.settled == 0
    assert "Permission denied" in summary.troubles[0]
    assert 3 <= len(bench.source.reads) <= 7
    (bench.inbox / "a.json").unlink()
    drop(bench.inbox, "b", element="G")
    assert bench.watch(30) == Summary(1, ())


@pytest.mark.parametrize(("how", "words"), [("bug", "ZeroDivisionError: in the detector"), ("nowhere", "no board")])
def test_a_detector_that_fails_gives_a_null_verdict(bench: Bench, how: str, words: str) -> None:
    drop(bench.inbox, "a", element="X", judge=how)
    drop(bench.inbox, "b", element="G")
    assert bench.watch() == Summary(2, ())
    assert bench.qualities() == {"X": Quality.NULL, "G": Quality.GOOD}
    detail = bench.store.observation(bench.store.observations(NAME)[-1].id)
    assert words in str(detail)


def test_a_model_that_fails_is_loaded_anew_before_a_verdict_is_given_up(bench: Bench) -> None:
    drop(bench.inbox, "a", element="G")
    drop(bench.inbox, "b", element="X", judge="model")
    built = []
    assert bench.watch(30, detector=lambda _: built.append(1) or bench.oracle).settled == 2
    assert bench.qualities() == {"G": Quality.GOOD, "X": Quality.NULL}
    assert bench.oracle.judged == ["G", "X", "X", "X"]
    assert len(built) >= 3


def test_a_missing_model_is_waited_for(bench: Bench) -> None:
    drop(bench.inbox, "a", element="G")

    def not_before(seconds: float) -> Callable[[Settings], Oracle]:
        ready = bench.clock.now().timestamp() + seconds

        def build(_: Settings) -> Oracle:
            if bench.clock.now().timestamp() < ready:
                raise ModelError("no model of product X: train it first")
            return bench.oracle

        return build

    assert bench.watch(10, detector=not_before(100)) == Summary(0, ("no model of product X: train it first",))
    assert bench.beat.detail == "no model of product X: train it first"
    assert bench.watch(20, detector=not_before(10)) == Summary(1, ())


@pytest.mark.parametrize("error", [InputError("folder", "gone"), OSError("gone"), RuntimeError("a bug")])
def test_a_source_that_fails(bench: Bench, error: Exception) -> None:
    bench.source.broken = error
    summary = bench.watch()
    assert str(error) in summary.troubles[0]
    assert not bench.beat.ok
    bench.source.broken = None
    assert bench.watch().troubles == ()
    assert bench.beat.ok


def test_slow_judging_is_committed_in_small_batches(bench: Bench) -> None:
    class Slow(Oracle):
        def judge(self, observation: Any) -> Any:
            bench.clock.sleep(1.5)
            return super().judge(observation)

    for number in range(4):
        drop(bench.inbox, f"b{number}", element=f"E{number}")
    bench.watch(20, detector=lambda _: Slow())
    assert bench.steps == [2, 2]


def test_a_stop_in_the_middle_commits_what_was_judged(bench: Bench) -> None:
    bench.settings = bench.settings.model_copy(update={"batch": 100, "poll_s": 1000.0})

    class Slow(Oracle):
        def judge(self, observation: Any) -> Any:
            bench.clock.sleep(1.0)
            return super().judge(observation)

    for number in range(9):
        drop(bench.inbox, f"b{number}", element=f"E{number}")
    assert bench.watch(3.5, detector=lambda _: Slow()).settled == 4
    assert bench.watch(100).settled == 5


def test_a_silent_source_raises_its_own_alarm_until_something_comes(bench: Bench) -> None:
    patient = {"silent_after_s": lambda _: 60.0}
    drop(bench.inbox, "a", element="A")
    bench.watch(50, **patient)
    assert bench.store.alarms() == []
    for _ in range(3):
        bench.watch(50, **patient)
    (alarm,) = bench.store.alarms()
    assert (alarm.element, alarm.severity) == ("source folder", Severity.INVALID)
    drop(bench.inbox, "b", element="B")
    bench.watch(5, **patient)
    detail = bench.store.alarm(alarm.id)
    assert detail is not None
    assert [event.kind for event in detail.events] == [ChangeKind.RAISED, ChangeKind.RECOVERED]


def test_a_source_that_never_gave_anything_counts_from_the_first_watch(bench: Bench) -> None:
    for _ in range(4):
        bench.watch(20, silent_after_s=lambda _: 60.0)
    assert [alarm.element for alarm in bench.store.alarms()] == ["source folder"]


def test_time_passes_for_alarms_without_arrivals(bench: Bench) -> None:
    ticks: list[Any] = []
    moody(bench, lambda name, args: bool(name == "tick" and ticks.append(args[0])))
    bench.watch(60)
    assert len(ticks) >= 5


def test_a_system_may_be_looked_at_more_often_than_others(bench: Bench) -> None:
    looks: list[int] = []

    class Empty:
        name = "empty"

        def arrivals(self, settled: Callable[[Any], set[str]]) -> Iterator[Arrival]:
            looks.append(1)
            return iter(())

    bench.watch(10.0, source=lambda _: Empty())
    usual = len(looks)
    bench.watch(10.0, source=lambda _: Empty(), poll_s=lambda _: 0.5)
    assert len(looks) - usual == pytest.approx(4 * usual, abs=4)


def test_news_of_a_source_end_the_wait_for_the_next_look(bench: Bench) -> None:
    class Stirred(FolderSource):
        def has_news(self) -> bool:
            return any(self.folder.iterdir())

    bench.source, bench.settings = Stirred(bench.inbox), bench.settings.model_copy(update={"poll_s": 600.0})
    began, sleep = bench.clock.now(), bench.clock.sleep

    def pass_by(seconds: float) -> None:
        sleep(seconds)
        if bench.clock.now() - began >= timedelta(seconds=7) and not any(bench.inbox.iterdir()):
            drop(bench.inbox, "b", element="E")

    bench.clock.sleep = pass_by  # type: ignore[method-assign]
    assert bench.watch(10).settled == 1
