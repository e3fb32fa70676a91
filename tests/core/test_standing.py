"""How a model stands: told only where something is clearly wrong; what was judged bad is not held against it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from core.alarms.events import AlarmAction
from core.contracts import AlarmRule, Arrival, Settled
from core.observation import Observation
from core.settings import Settings
from core.standing import FEWEST, standing
from core.store import Store
from core.store.views import Alias, Judgement
from core.verdict import Model, Quality, Verdict
from tests.core.store.conftest import NOW

RULE = AlarmRule()


class Site:
    """A store with the model ``m`` of the ITS, and verdicts of it."""

    def __init__(self, store: Store, home: Path) -> None:
        self.store, self.settings, self.rng, self.number = store, Settings(home=home), np.random.default_rng(4), 0
        for version in "12":
            card = {"created_at": (NOW - timedelta(days=20)).isoformat()}
            store.register_model("its", "m", version, version * 64, "/m", card, NOW)
        store.set_alias("its", "m", Alias.CHAMPION, "1", "eva", "first", NOW)

    def judges(self, count: int, minutes: float, *, p_low: float = 0.0, shift: float = 0.0, bad: float = 0.0) -> None:
        """Store verdicts from so many minutes after NOW on, one a second."""
        batch = []
        for p, score, chance in self.rng.uniform(0.0, 1.0, (count, 3)):
            quality = Quality.BAD if chance < bad else Quality.GOOD
            batch.append(
                self._one(
                    minutes,
                    quality,
                    0.0001 if quality is Quality.BAD else max(p_low + (1 - p_low) * p, 0.0),
                    float(score) + shift,
                )
            )
        self.store.record("its", "qcdb", batch, RULE)

    def _one(self, minutes: float, quality: Quality, p: float, score: float) -> Settled:
        self.number += 1
        at = NOW + timedelta(minutes=minutes, seconds=self.number)
        name = f"{self.number}"
        observation = Observation("its", "ITS", name, at, name, "ab" * 32, {})
        verdict = Verdict(quality, score, 9.0, p, model=Model("m", "1"))
        return Settled(Arrival(name, name), observation, verdict, at)

    def says(self, days: float = 1.0) -> str:
        return " ".join(standing(self.store, self.settings, "its", NOW + timedelta(days=days)))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Store.open(f"sqlite:///{tmp_path / 'shiftwatch.db'}", tmp_path / "artefacts") as store:
        store.upgrade()
        yield Site(store, tmp_path)


def test_nothing_is_said_of_a_model_that_keeps_its_promise_though_much_was_bad(site: Site) -> None:
    assert site.says() == ""
    site.judges(FEWEST, 0)
    site.judges(FEWEST, 60, bad=0.6)
    assert site.says() == ""


def test_a_promise_that_is_broken_clearly_is_told(site: Site) -> None:
    site.judges(FEWEST - 1, 0, p_low=-4.0)
    assert site.says() == ""
    site.judges(10, 60, p_low=-4.0)
    assert "does not keep what it promised: 8" in site.says()
    assert "promised were 10%" in site.says()


def test_a_model_that_judges_though_another_was_promoted_is_retired(site: Site) -> None:
    site.store.set_alias("its", "m", Alias.CHAMPION, "2", "eva", "better", NOW + timedelta(minutes=30))
    site.judges(1, 31)
    assert site.says() == ""
    site.judges(1, 33)
    assert "version 2 was put in charge at 2026-05-04 12:30 UTC, but 1 still judges" in site.says()


def test_a_model_older_than_the_site_wants_is_stale(site: Site) -> None:
    site.judges(5, 0)
    assert site.says(days=344) == ""
    assert "made 366 days ago; no more than 365 are wanted" in site.says(days=346)


def test_scores_that_moved_for_good_are_told(site: Site) -> None:
    site.judges(1000, 0)
    site.judges(1000, 600)
    assert site.says() == ""
    site.judges(1000, 1200, shift=0.5)
    assert "scores have moved" in site.says()


def test_false_alarms_beyond_the_promise_are_told(site: Site) -> None:
    site.settings = Settings(home=site.settings.home, its={"false_alarms_per_shift": 0.001})
    for number in range(3):
        site.judges(1, 20 * number, bad=1.1)
        site.judges(1, 20 * number + 5)
        [alarm] = site.store.alarms(system="its")
        assert alarm.observation_id is not None
        assert site.says() == "" or number
        site.store.add_feedback(alarm.observation_id, "ana", NOW, Judgement.FALSE_ALARM, alarm_id=alarm.id)
        site.store.act(alarm.id, AlarmAction.ACKNOWLEDGE, "ana", "", NOW + timedelta(minutes=20 * number + 6))
    assert "People called 3 of its alarms false" in site.says()
