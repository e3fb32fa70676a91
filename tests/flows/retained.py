"""A store and a home out of which rounds of retention take what is too old."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.alarms.events import AlarmAction
from core.clock import ManualClock
from core.contracts import Arrival, Settled
from core.keeping import KeepSettings, RetentionSettings
from core.settings import Settings, load_settings
from core.store import Store
from core.store.models import ArtefactRow, EvidenceRow, ObservationRow
from core.verdict import Evidence, Quality
from flows.removing import Removed
from flows.retaining import Round, retain
from inspection.flex.source import FolderSource
from tests.core.store.conftest import NOW, RULE, Server, a_verdict, an_arrival, postgres_url, server

__all__ = ["postgres_url", "server"]
DAY = timedelta(days=1)
DEFAULTS = KeepSettings(source_may_be_empty=True)
_keys = itertools.count()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    (home / "inbox" / "flex").mkdir(parents=True)
    return keeping(load_settings(home=home), DEFAULTS)


@pytest.fixture
def store(server: Server, settings: Settings) -> Iterator[Store]:
    url = server.make(settings.home, tables=True)
    with Store.open(url, settings.artefacts) as opened:
        yield opened
    server.drop(url)


def keeping(settings: Settings, keep: KeepSettings) -> Settings:
    return settings.model_copy(update={"retention": RetentionSettings(default=keep)})


def round_of(store: Store, settings: Settings, at: datetime = NOW, *, dry_run: bool = False) -> Removed:
    (removed,) = retain(Round(store, settings, ManualClock(at), dry_run), ["flex"])
    return removed


def seen(days_ago: float, quality: Quality = Quality.GOOD, size: int = 1000, **changes: Any) -> Settled:
    """An observation of so many days ago with a picture of its own."""
    number = next(_keys)
    picture = Evidence(f"{number:08}".encode() * (size // 8), "image/png")
    verdict = a_verdict(quality)
    if quality is not Quality.NULL:
        verdict = replace(verdict, evidence={"thumbnail": picture})
    return an_arrival(quality, f"board {number}", f"k{number}", at=NOW - days_ago * DAY, verdict=verdict, **changes)


def record(store: Store, *settled: Settled) -> list[int]:
    for one in settled:
        store.record("flex", "inbox", [one], RULE)
    numbers = [store.find("flex", one.observation.element, one.observation.key) for one in settled if one.observation]
    return [number for number in numbers if number is not None]


def close_alarms(store: Store) -> None:
    for alarm in store.alarms(limit=1000):
        store.act(alarm.id, AlarmAction.CLEAR, "ana", "over", NOW)
        store.act(alarm.id, AlarmAction.ACKNOWLEDGE, "ana", "seen", NOW)


def pictured(store: Store) -> set[int]:
    with store.database.reading() as session:
        return set(session.scalars(select(EvidenceRow.observation_id)))


def there(store: Store) -> set[int]:
    with store.database.reading() as session:
        return set(session.scalars(select(ObservationRow.id)))


def sound(store: Store) -> None:
    """Every row points to a file that is there and whole, and no file is without a row."""
    with store.database.reading() as session:
        digests = set(session.scalars(select(ArtefactRow.digest)))
    for digest in digests:
        store.artefacts.get(digest)
    assert {path.stem for path in store.artefacts.folder.rglob("*.*") if path.is_file()} == digests


def offer(settings: Settings, name: str, *, beside: bool = False, days_ago: float = 100) -> Arrival:
    """Put a file into the watched folder, and return it as its source offers it."""
    path = settings.flex_inbox / name
    path.write_bytes(name.encode() * 10)
    paths = [path]
    if beside:
        path.with_suffix(".json").write_text("{}")
        paths.append(path.with_suffix(".json"))
    at = (NOW - days_ago * DAY).timestamp()
    for one in paths:
        os.utime(one, (at, at))
    offered = FolderSource(settings, ManualClock(NOW)).arrivals(lambda _: set())
    return next(one for one in offered if one.origin == str(path))


def judged(store: Store, arrival: Arrival, days_ago: float = 100, quality: Quality = Quality.GOOD) -> int:
    one = replace(seen(days_ago, quality), arrival=arrival)
    return record(store, one)[0]


def names(settings: Settings) -> set[str]:
    return {path.name for path in settings.flex_inbox.iterdir()}
