"""Fills of the past judged one by one, last first, are what a watch says that takes them in as they come."""

import json
import os
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from accelerator.collimation.simulate.fill import TOP_GEV, BlowUp, FillPlan, Phase
from accelerator.collimation.simulate.stream import simulate_fill, write_piece
from accelerator.collimation.states import State
from accelerator.collimation.system import COLLIMATION
from core.clock import SystemClock
from core.settings import load_settings
from core.shifts import Span
from core.store import Store
from flows.catching_up import backfill
from flows.past import Errand
from flows.watching import pipeline

BEGAN = datetime(2026, 6, 1, 8, tzinfo=UTC)
QUIET = Phase("NOBEAM", 60, State.FLAT_TOP, TOP_GEV, TOP_GEV, 11.0, has_beam=False)
TOP = Phase("FLATTOP", 240, State.FLAT_TOP, TOP_GEV, TOP_GEV, 11.0)
ROWS = """SELECT o.element, o.key, v.quality, v.score, v.p_value, v.cause, v.regions, v.measurements
          FROM observation o JOIN verdict v ON v.observation_id = o.id ORDER BY o.observed_at, o.element, o.key"""


def rows(url: str) -> list[tuple[object, ...]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(ROWS))]
    engine.dispose()
    return found


@pytest.mark.slow
def test_fills_last_first_are_what_a_watch_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(2):
        begins = BEGAN + timedelta(hours=number)
        blowups = (BlowUp(150.0, 1, "H"),)
        plan = FillPlan(9001 + number, begins, (QUIET, TOP), blowups=blowups, ufos_per_hour=0.0)
        for piece in simulate_fill(plan, 3 + number):
            path = write_piece(folder, piece)
            at = float(piece.stream.time_unix_s[-1])
            os.utime(path, (at, at))
    monkeypatch.chdir(tmp_path)
    found = {}
    for how in ("past", "watch"):
        monkeypatch.setenv("SHIFTWATCH_HOME", str(tmp_path / how))
        monkeypatch.setenv("SHIFTWATCH_COLLIMATION__INBOX", str(folder))
        site = load_settings()
        with Store.open(site.url, site.artefacts) as store:
            store.upgrade()
            if how == "past":
                errand = Errand("collimation", Span(BEGAN, BEGAN + timedelta(hours=3)))
                backfill(errand, site, store, SystemClock(), _last_first, lambda _: None)
            else:
                wanted = len(found["past"])
                pipeline(COLLIMATION, store, site, SystemClock(), partial(_are_there, site.url, wanted))
        found[how] = rows(site.url)
    assert len(found["past"]) == 12  # five pieces and a loss map of each fill
    assert [row[:2] for row in found["past"]] == [row[:2] for row in found["watch"]]
    for past, watch in zip(found["past"], found["watch"], strict=True):
        assert past[:-2] == watch[:-2]
        assert [json.loads(str(one)) for one in past[-2:]] == [json.loads(str(one)) for one in watch[-2:]]


def _are_there(url: str, wanted: int) -> bool:
    return len(rows(url)) >= wanted


def _last_first(work, parts):  # type: ignore[no-untyped-def]
    for number in reversed(range(len(parts))):
        yield number, work(parts[number])
