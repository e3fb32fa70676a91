"""A shift with everything that the console can show: alarms of every view, a flood, answers, guidance, models.

What people and files can write is hostile, so that every page which shows it is a test of that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from core.alarms.events import AlarmAction
from core.alarms.severity import Severity
from core.contracts import AlarmRule, Arrival, Incident, Settled
from core.inference import load_package
from core.observation import Observation
from core.settings import Settings
from core.store import Store
from core.store.guidance_log import Guidance
from core.store.views import Alias, Judgement
from core.verdict import Model, Quality, Verdict, unreadable
from flows.systems import load_system
from tests.app.boards import cheap_picture, judged

HOSTILE = '<script>window.hacked=1</script><img src=x onerror="window.hacked=1"> **b** [l](javascript:hack) $x$ :red[r]'
TURNED = "\u202egnp.exe\u2069"
LONG = "very long " * 40
FILE = f'{TURNED} <img src=x onerror="window.hacked=1"> <script>window.hacked=1<|script> {LONG}.png'
SERIAL = "20UPG<script>window.hacked=1</script>"
RULE = AlarmRule(clear_count=1, flood=30)
CAUSE = "dead lane"


@dataclass
class Run:
    """Cycles of one run of the ITS going into a store."""

    store: Store
    now: datetime
    count: int = 0

    def cycle(self, minutes_ago: float, incidents: Sequence[Incident]) -> None:
        """Record one cycle with what is wrong in it."""
        self.count += 1
        at, key = self.now - timedelta(minutes=minutes_ago), f"c{self.count}"
        conditions = {"run": 559123, "beam_type": "pp", "cycle": self.count}
        seen = Observation("its", "ITS", key, at, f"qcdb://run/{key}", "ab" * 32, conditions)
        verdict = Verdict(Quality.BAD if incidents else Quality.GOOD, score=1.0, threshold=1.0, model=shipped("its"))
        arrival, judged_at = Arrival(key, seen.origin), at + timedelta(seconds=4)
        self.store.record("its", "qcdb", [Settled(arrival, seen, verdict, judged_at, tuple(incidents))], RULE)

    def at(self, place: str, minutes_ago: float, cause: str = CAUSE, kind: str = "place") -> Incident:
        """Return an incident that began some minutes ago."""
        since = self.now - timedelta(minutes=minutes_ago)
        return Incident(kind, frozenset([place]), place, Quality.BAD, since, cause, f"{cause} at {place}")


def shipped(system: str) -> Model:
    """Return the model of a system that ships with the program."""
    find = load_system(system).find_model
    assert find is not None
    card = load_package(find(Settings())).card
    return Model(card.name, card.version)


def fill(home: Path, now: datetime) -> None:
    """Make the store under ``home``."""
    with Store.open(f"sqlite:///{home / 'shiftwatch.db'}", home / "artefacts") as store:
        store.upgrade()
        _models(store, now)
        _boards(store, now)
        _alarms(Run(store, now))
        for system in ("its", "flex"):
            store.heartbeat(system, "watch", now, ok=True)


def _alarms(run: Run) -> None:
    """Alarms of the last days: four closed ones, open ones of every view, a flood at the end."""
    store, now = run.store, run.now
    for number in range(4):
        ago = 6000 - number * 1200
        run.cycle(ago, [run.at("L4_12/lane 7", ago)])
        run.cycle(ago - 35, [])
        alarm = store.alarms()[0]
        assert alarm.observation_id is not None
        seen_at = now - timedelta(minutes=ago - 40)
        store.act(alarm.id, AlarmAction.ACKNOWLEDGE, "Eva Novak", "power cycled by the expert", seen_at)
        judgement = Judgement.FALSE_ALARM if number == 2 else Judgement.RIGHT
        store.add_feedback(alarm.observation_id, "Eva Novak", seen_at, judgement, alarm_id=alarm.id)
    lane, background = run.at("L4_12/lane 7", 42), run.at("ITS side A", 30, "beam background A", "background")
    run.cycle(42, [lane])
    run.cycle(30, [lane, background, run.at("L0_03/chip 4", 30, "noisy chip")])
    known = {alarm.element: alarm.id for alarm in store.alarms()}
    store.act(known["L4_12/lane 7"], AlarmAction.COMMENT, HOSTILE, f"{HOSTILE} {TURNED} {LONG}", now)
    until = now + timedelta(hours=5)
    store.act(known["L0_03/chip 4"], AlarmAction.SHELVE, "Eva Novak", f"masked tomorrow {HOSTILE}", now, until)
    for topic in (CAUSE, "not judged"):
        store.write_guidance("its", topic, Guidance(f"Power cycle it once. {HOSTILE}", HOSTILE), HOSTILE, TURNED, now)
    notice = Guidance("Nothing to do: it is masked at the next noise calibration.", "", needs_action=False)
    store.write_guidance("its", "hot pixel", notice, "Eva Novak", "nobody ever did anything", now)
    flood = [run.at(f"L{layer}_{stave:02d}/chip {stave}", 3, "dead chip") for layer in (3, 4) for stave in range(7)]
    run.cycle(3, [lane, background, *flood])
    run.cycle(2, [lane, background, *flood, run.at("L2_05/chip 3", 2, "hot pixel")])


def _boards(store: Store, now: datetime) -> None:
    """A bad board of a hostile name, a file of one that cannot be read, and a scanner that fell silent after them."""
    bad = judged(cheap_picture(2), SERIAL, Quality.BAD, now - timedelta(minutes=6))
    assert bad.observation is not None
    conditions = {**bad.observation.conditions, "serial": SERIAL, "file": FILE}
    bad = replace(bad, observation=replace(bad.observation, conditions=conditions))
    cut = Settled(Arrival("t", f"/scans/{FILE}"), None, unreadable(f"{FILE}: no image"), now - timedelta(minutes=5))
    store.record("flex", "folder", [bad, cut], AlarmRule())
    reason = "nothing came since 06:20 (expected every 600 s)"
    at = now - timedelta(minutes=4)
    store.condition("flex", "source folder", Severity.INVALID, at, reason, holds_back=True)


def _models(store: Store, now: datetime) -> None:
    """The model of the ITS that ships judges, the same as another version is tried in shadow."""
    find = load_system("its").find_model
    assert find is not None
    folder = find(Settings())
    card, own, at = load_package(folder).card.model_dump(mode="json"), shipped("its"), now - timedelta(days=3)
    for version, digest in ((own.version, "1" * 64), ("rival<script>1", "2" * 64)):
        store.register_model("its", own.name, version, digest, str(folder), {**card, "training_data": HOSTILE}, at)
    store.set_alias("its", own.name, Alias.CHAMPION, own.version, "shiftwatch", "installed with the program", at)
    store.set_alias("its", own.name, Alias.CHALLENGER, "rival<script>1", HOSTILE, HOSTILE, at)
