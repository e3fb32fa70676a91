"""A site with something of everything that is measured, and the text that Prometheus gets of it."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from app.metrics.counting import Counts
from app.metrics.lookout import Lookout
from core.alarms.severity import Severity
from core.clock import ManualClock
from core.contracts import AlarmRule
from core.errors import NotifyError
from core.settings import ChannelSettings, NotifySettings, Settings
from core.signs import CONSOLE, GUARD, SCHEDULE, WATCH
from core.store import Store, outbox
from core.store.views import Alias
from core.verdict import Quality
from flows.notifying import notify
from tests.app.boards import broken, cheap_picture, judged

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SECRET = "s3cr3t-t0ken"
RUNS = {"completed": 90, "failed": 2, "crashed": 1, "cancelled": 0}


@dataclass
class MeasuredSite:
    """A store and a lookout over it at 12:00."""

    store: Store
    lookout: Lookout
    registry: CollectorRegistry
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    def text(self) -> str:
        """Look once more and return what a scrape gets."""
        self.lookout.look()
        return generate_latest(self.registry).decode()

    def later(self, **span: float) -> None:
        self.clock.at += timedelta(**span)

    def board(self, element: str, quality: Quality, minutes_ago: float = 0.0) -> None:
        """A board is judged."""
        at = self.clock.now() - timedelta(minutes=minutes_ago)
        self.store.record("flex", "folder", [judged(cheap_picture(1), element, quality, at)], AlarmRule())


def site(home: Path, url: str | None = None) -> MeasuredSite:
    """Return a site with open alarms, a model in charge, signs of life, a notification that waits, a bad file."""
    channel = ChannelSettings(url=f"json://me:{SECRET}@127.0.0.1:9/hook", severities=("MAJOR",))  # type: ignore[arg-type]
    settings = Settings(home=home, database_url=url, notify=NotifySettings(channels={"room": channel}))
    store = Store.open(settings.url, settings.artefacts)
    store.upgrade()
    outbox.begin(store.database, ["flex"])
    registry = CollectorRegistry()
    clock = ManualClock(NOW)
    made = Lookout(settings, ("flex", "its"), clock, Counts(registry), lambda _: RUNS, store)
    registry.register(made)
    made.look()  # what comes from now on is counted
    one = MeasuredSite(store, made, registry, clock)
    fill(one, settings)
    made.slowly_at = None
    return one


def fill(one: MeasuredSite, settings: Settings) -> None:
    store = one.store
    for number in range(6):
        one.board(f"20UPGPQ26001{number:02d}", Quality.GOOD, minutes_ago=30 - 5 * number)
    one.board("20UPGPQ2600190", Quality.BAD, minutes_ago=2)
    store.record("flex", "folder", [broken("x.jpg", "cut short", NOW - timedelta(minutes=3))], AlarmRule())
    at = NOW - timedelta(minutes=1)
    store.condition("flex", "source folder", Severity.INVALID, at, "nothing came", holds_back=True)
    store.register_model("flex", "synthetic", "1", "a" * 64, "x", {}, NOW)
    store.set_alias("flex", "synthetic", Alias.CHAMPION, "1", "eva", "better", NOW)
    store.heartbeat("flex", WATCH, NOW - timedelta(minutes=9), False, "no such folder")
    store.heartbeat("flex", WATCH, NOW - timedelta(seconds=9), True)
    store.heartbeat("flex", SCHEDULE, NOW - timedelta(seconds=3), True)
    store.heartbeat(CONSOLE, GUARD, NOW - timedelta(seconds=3), True)
    notify(store, settings.notify, one.clock, refuse)
    folder = settings.quarantine / "flex"
    folder.mkdir(parents=True)
    for name in ("x.jpg", "x.jpg.reason.json"):
        (folder / name).write_text("{}")


def refuse(url: str, title: str, body: str) -> None:
    """Deliver nothing."""
    raise NotifyError("the room does not answer")


def samples(text: str) -> dict[str, float]:
    """Return the values by name and labels, as they are written."""
    lines = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def names(text: str) -> dict[str, set[str]]:
    """Return the labels of every sample that is given, by its name."""
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, labels = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? \S+", line).groups()  # type: ignore[union-attr]
            found.setdefault(name, set()).update(re.findall(r'([a-z_]+)="', labels or ""))
    return found
