"""What a source still offers is not forgotten; judged inputs and the quarantine go only as the site wants it."""

import os
from pathlib import Path

from core.contracts import Arrival, Settled
from core.keeping import KeepSettings
from core.settings import Settings
from core.store import Store
from core.store.views import Judgement
from core.verdict import Quality
from flows import quarantine
from tests.core.store.conftest import NOW, RULE, a_verdict
from tests.flows.retained import (
    DAY,
    DEFAULTS,
    close_alarms,
    judged,
    keeping,
    names,
    offer,
    postgres_url,
    record,
    round_of,
    seen,
    server,
    settings,
    store,
    there,
)

__all__ = ["postgres_url", "server", "settings", "store"]


def test_what_its_source_still_offers_is_not_forgotten(store: Store, settings: Settings) -> None:
    arrival = offer(settings, "a.jpg", days_ago=3000)
    number = judged(store, arrival, 3000)
    record(store, seen(3000))
    removed = round_of(store, settings)
    assert there(store) == {number}
    assert "1 old verdicts stay" in removed.words()
    assert store.settled("flex", "inbox", [arrival.ticket]) == {arrival.ticket}  # so it is not judged again
    Path(arrival.origin).unlink()
    round_of(store, settings)
    assert there(store) == set()


def test_an_empty_source_may_be_one_that_is_not_mounted(store: Store, settings: Settings) -> None:
    record(store, seen(3000))
    careful = keeping(settings, KeepSettings())
    removed = round_of(store, careful)
    assert removed.verdicts == 0
    assert "is it mounted?" in removed.words()
    away = careful.model_copy(update={"flex": settings.flex.model_copy(update={"inbox": settings.home / "gone"})})
    assert "its source cannot be asked" in round_of(store, away).words()
    assert len(there(store)) == 1


def test_judged_inputs_go_only_if_the_site_wants_that(store: Store, settings: Settings) -> None:
    old = [
        offer(settings, name, beside=name == "a.jpg") for name in ("a.jpg", "b.jpg", "said.jpg", "bad.jpg", "new.jpg")
    ]
    numbers = [judged(store, one, quality=Quality.BAD if "bad" in one.origin else Quality.GOOD) for one in old[:4]]
    store.add_feedback(numbers[2], "ana", NOW, Judgement.RIGHT)
    offer(settings, "never judged.jpg")
    changed = offer(settings, "b.jpg")
    Path(changed.origin).write_bytes(b"another board")
    everything = names(settings)
    assert round_of(store, settings).inputs == 0
    assert names(settings) == everything
    removed = round_of(store, keeping(settings, DEFAULTS.model_copy(update={"inputs_days": 30.0})))
    assert everything - names(settings) == {"a.jpg", "a.json"}
    assert removed.inputs == 1


def test_inputs_beyond_a_bound_go_oldest_first(store: Store, settings: Settings) -> None:
    for days in (9, 5, 1):
        judged(store, offer(settings, f"{days}.jpg", days_ago=days), days)
    bounded = keeping(settings, DEFAULTS.model_copy(update={"inputs_gb": 1e-7}))  # 100 bytes: two of 50
    round_of(store, bounded)
    assert names(settings) == {"5.jpg", "1.jpg"}


def test_quarantine_is_emptied_by_age_and_by_size(store: Store, settings: Settings, tmp_path: Path) -> None:
    folder = settings.quarantine / "flex"
    for number, days in enumerate((300, 200, 100, 1)):
        original = tmp_path / f"broken {number}.png"
        original.write_bytes(b"x" * 1000)
        arrival = Arrival(f"ticket {number}", str(original))
        kept = quarantine.keep(folder, arrival, "inbox", "no image", NOW - days * DAY)
        at = (NOW - days * DAY).timestamp()
        for path in folder.glob(f"*{number}.png*"):
            os.utime(path, (at, at))
        assert kept.is_file()
        store.record("flex", "inbox", [Settled(arrival, None, a_verdict(Quality.NULL), NOW - days * DAY)], RULE)
    close_alarms(store)
    assert round_of(store, settings).quarantined == 2
    assert len(list(folder.iterdir())) == 4
    bounded = keeping(settings, DEFAULTS.model_copy(update={"quarantine_gb": 1.5e-6}))
    assert round_of(store, bounded).quarantined == 1
    assert {path.name[13:] for path in folder.iterdir()} == {"broken 3.png", "broken 3.png.reason.json"}
