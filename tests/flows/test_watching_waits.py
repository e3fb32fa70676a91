"""What cannot be done now waits, in its order, and what can never be done holds nobody up."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from core.contracts import Arrival
from core.errors import SourceError
from core.observation import Observation
from core.signs import BEAT_S
from core.verdict import Quality, Verdict
from flows.watching import ORDERLY_ATTEMPTS, Summary
from tests.flows.bench import Bench, moody
from tests.flows.fakes import FolderSource, drop


class Failing(FolderSource):
    """Does not answer for one file, so many times."""

    def __init__(self, folder: Path, name: str, times: int) -> None:
        super().__init__(folder)
        self.fails, self.times = name, times

    def read(self, arrival: Arrival) -> Observation:
        if Path(arrival.origin).name == self.fails and self.times > 0:
            self.times -= 1
            raise SourceError("server: no answer")
        return super().read(arrival)


def test_a_source_that_does_not_answer_for_a_while_is_still_taken_in_order(bench: Bench) -> None:
    for name in "abc":
        drop(bench.inbox, name, element=name.upper())
    bench.source = Failing(bench.inbox, "b.json", times=ORDERLY_ATTEMPTS - 1)
    assert bench.watch(1.0).troubles == ("server: no answer", f"{bench.inbox / 'b.json'}: server: no answer")
    assert bench.oracle.judged == ["A"]
    assert bench.watch(60).troubles == ()
    assert bench.oracle.judged == ["A", "B", "C"]


def test_one_that_a_source_never_answers_for_does_not_hold_up_the_others(bench: Bench) -> None:
    for name in "abc":
        drop(bench.inbox, name, element=name.upper())
    bench.source = Failing(bench.inbox, "b.json", times=10**6)
    assert bench.watch(120).settled == 2
    assert bench.oracle.judged == ["A", "C"]
    assert not bench.beat.ok
    assert "no answer" in bench.beat.detail


@pytest.mark.parametrize("down", [{"record"}, {"record", "heartbeat"}, {"settled"}, {"settled", "record", "heartbeat"}])
def test_a_store_that_is_down_for_a_while(bench: Bench, down: set[str]) -> None:
    until = bench.clock.now().timestamp() + 9
    moody(bench, lambda name, _: name in down and bench.clock.now().timestamp() < until)
    for number in range(6):
        drop(bench.inbox, f"b{number}", element=f"E{number}")
    assert bench.watch(60) == Summary(6, ())
    assert sorted(bench.oracle.judged) == [f"E{number}" for number in range(6)]  # judged once, kept until committed
    assert len(bench.qualities()) == 6


def test_a_store_that_stays_down_loses_nothing(bench: Bench) -> None:
    whole, store = bench.store, moody(bench, lambda name, _: True)
    drop(bench.inbox, "b", element="E")
    summary = bench.watch(60)
    assert summary.settled == 0
    assert "refused" in summary.troubles[0]
    assert store.records == 0
    bench.store = whole
    assert bench.watch() == Summary(1, ())


def test_a_watch_that_waits_for_long_gives_signs_of_life_meanwhile(bench: Bench) -> None:
    signs: list[Any] = []
    moody(bench, lambda name, args: bool(name == "heartbeat" and signs.append(args[2])))
    bench.source.broken = SourceError("no route")
    bench.watch(240)
    gaps = [(after - before).total_seconds() for before, after in pairwise(signs)]
    assert len(signs) > 20
    assert max(gaps) <= BEAT_S + 1


@pytest.mark.parametrize("away_s", [20.0, 65.0, 130.0])
def test_a_store_that_was_away_is_used_again_within_ten_seconds(bench: Bench, away_s: float) -> None:
    back = bench.clock.now() + timedelta(seconds=away_s)
    moody(bench, lambda *_: bench.clock.now() < back)
    drop(bench.inbox, "b", element="E")
    assert bench.watch(away_s + BEAT_S + 3) == Summary(1, ())
    assert bench.qualities() == {"E": Quality.GOOD}


def test_what_was_judged_while_the_store_went_away_is_written_within_ten_seconds(bench: Bench) -> None:
    back = bench.clock.now() + timedelta(seconds=65)
    moody(bench, lambda name, _: name in {"record", "heartbeat"} and bench.clock.now() < back)
    drop(bench.inbox, "b", element="E")
    assert bench.watch(65 + BEAT_S + 3) == Summary(1, ())
    assert bench.oracle.judged == ["E"]


def test_an_arrival_that_the_store_never_takes_does_not_hold_up_the_others(bench: Bench) -> None:
    def poisoned(name: str, args: Any) -> bool:
        return name == "record" and any(item.observation.element == "E2" for item in args[2])

    store = moody(bench, poisoned)
    for number in range(8):
        drop(bench.inbox, f"b{number}", element=f"E{number}")
    summary = bench.watch(120)
    assert summary.settled == 7
    assert "b2.json: record refused" in summary.troubles[0]
    assert "E2" not in bench.qualities()
    assert store.records < 60


def cannot_judge(bench: Bench, error: OSError, when: Callable[[Observation], bool]) -> None:
    """Let the detector fail for some observations, or for some time."""
    judge = bench.oracle.judge

    def judge_or_fail(observation: Observation) -> Verdict:
        if when(observation):
            raise error
        return judge(observation)

    bench.oracle.judge = judge_or_fail  # type: ignore[method-assign]


def test_a_disk_that_is_full_while_something_is_judged_gives_no_verdict_before_there_is_room(bench: Bench) -> None:
    full_until = bench.clock.now() + timedelta(seconds=20)
    cannot_judge(bench, OSError(28, "No space left on device"), lambda _: bench.clock.now() < full_until)
    for name in ("a", "b"):
        drop(bench.inbox, name, element=name.upper())
    stopped = bench.watch(10)
    assert stopped.settled == 0
    assert "a.json: cannot be judged now (No space left on device)" in stopped.troubles[0]
    assert bench.watch(60) == Summary(2, ())
    assert bench.qualities() == {"A": Quality.GOOD, "B": Quality.GOOD}
    assert bench.oracle.judged == ["A", "B"], "in their order"


def test_one_that_can_never_be_judged_for_such_a_reason_does_not_hold_up_the_others(bench: Bench) -> None:
    cannot_judge(bench, OSError(5, "Input/output error"), lambda observation: observation.element == "A")
    for name in ("a", "b"):
        drop(bench.inbox, name, element=name.upper())
    summary = bench.watch(120)
    assert bench.qualities() == {"B": Quality.GOOD}
    assert "Input/output error" in summary.troubles[0]
