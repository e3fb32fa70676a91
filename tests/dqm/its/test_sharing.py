"""Work shared among processes gives the same answers; held-out shifts cannot be learned from."""

import os
from pathlib import Path

import pytest

from core.errors import SettingsError
from dqm.its.lessons import HELD_OUT, Wanted, keep, lessons
from dqm.its.sharing import Workers
from dqm.its.training import SEEDS, Curriculum, Effort


def squared(number: int) -> tuple[int, str | None]:
    return number**2, os.environ.get("OMP_NUM_THREADS")


def test_answers_come_in_order_whoever_gives_them() -> None:
    before = os.environ.get("OMP_NUM_THREADS")
    alone = [answer for answer, _ in Workers().map(squared, range(5))]
    shared = list(Workers(2).map(squared, range(5)))
    assert [answer for answer, _ in shared] == alone == [0, 1, 4, 9, 16]
    assert {threads for _, threads in shared} == {"1"}
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_a_shift_kept_by_another_is_the_same(tmp_path: Path) -> None:
    wanted = Wanted(4, cycle_s=7200.0)
    keep(tmp_path, wanted)
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / wanted.name).iterdir()}
    keep(tmp_path, wanted)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / wanted.name).iterdir()} == kept
    for one, other in zip(lessons(wanted, tmp_path), lessons(wanted), strict=True):
        assert one.observation.key == other.observation.key
        assert one.observation.payload["vertex_z"] == pytest.approx(other.observation.payload["vertex_z"])


def test_no_training_reaches_seeds_that_are_held_out() -> None:
    last = HELD_OUT // 10 // SEEDS - 1
    seeds = [wanted.seed for seed in range(last + 1) for wanted in Curriculum.of(Effort(), seed).all()]
    assert len(seeds) == len(set(seeds))
    assert max(seeds) * 10 + 9 < HELD_OUT
    for seed in (last + 1, 200, -1):
        with pytest.raises(SettingsError, match="held out"):
            Curriculum.of(Effort(), seed)
    with pytest.raises(SettingsError, match="held out"):
        Wanted(3, detector_seed=HELD_OUT)
