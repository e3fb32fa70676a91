"""The Models page: versions, figures beside their promise, a rival, and what a person may do with a reason."""

from datetime import UTC, datetime, timedelta

import pytest

from core.contracts import AlarmRule, Arrival, Settled
from core.observation import Observation
from core.store import Store, replays, shadows
from core.store.shadows import Shadowed
from core.store.views import Alias, Judgement
from core.verdict import Measurement, Model, Quality, Verdict
from tests.app.conftest import PageRun
from tests.app.test_pages import text

NOW = datetime.now(UTC)
OURS, OTHER = Model("simulated", "1"), Model("simulated", "2")


def cycle(number: int, quality: Quality, model: Model = OURS) -> Settled:
    at = NOW - timedelta(minutes=400 - number)
    seen = Observation("its", "ITS", f"c{number}", at, f"qcdb/{number}", "ab" * 32, {})
    moved = 5.0 if number >= 200 else 0.0
    values = {"noise <b>": Measurement(moved + number % 7, None, "")}
    verdict = Verdict(
        quality, score=float(number % 10), p_value=(number % 100 + 0.5) / 100, measurements=values, model=model
    )
    return Settled(Arrival(f"t{number}", seen.origin), seen, verdict, at)


@pytest.fixture
def models(shelf: Store) -> Store:
    """Two versions; the first judged 300 cycles, the second some of them in shadow."""
    for version in "12":
        card = {"metrics": {"recall": 0.91}, "training_data": "<script>x</script>"}
        shelf.register_model("its", "simulated", version, version * 64, "/m", card, NOW - timedelta(days=1))
    shelf.set_alias("its", "simulated", Alias.CHAMPION, "1", "shiftwatch", "first", NOW - timedelta(days=1))
    batch = [cycle(number, Quality.BAD if number == 250 else Quality.GOOD) for number in range(300)]
    shelf.record("its", "qcdb", batch, AlarmRule())
    alarm = shelf.alarms()[0]
    assert alarm.observation_id is not None
    shelf.add_feedback(alarm.observation_id, "Anna", NOW, Judgement.FALSE_ALARM, alarm_id=alarm.id)
    found = [Shadowed("ITS", f"c{n}", Verdict(Quality.GOOD, score=1.0), NOW, 0.02) for n in range(240, 260)]
    assert shadows.record(shelf.database, "its", OTHER, found) == 20
    return shelf


def test_without_models_it_says_where_they_come_from(run_page: PageRun) -> None:
    page = run_page("models")
    assert not page.exception
    assert page.header[0].value == "No model is known yet"


def test_the_champion_beside_what_it_promised(run_page: PageRun, models: Store) -> None:
    page = run_page("models", models_of="its")
    assert not page.exception
    shown = text(page)
    assert "p ≤ 0.01" in shown
    assert "false alarms per 8 hours of data" in shown
    assert "noise &lt;b&gt;" in shown
    assert "changed" in shown
    assert "&lt;script&gt;x" in shown
    assert "<script>x" not in shown
    assert '<td class="number short">1</td><td class="number short">0%</td>' in shown  # one answer, a false alarm


def choose(page, version: str):  # type: ignore[no-untyped-def]
    box = page.selectbox(key="model_version_its")
    return box.select_index(next(i for i, name in enumerate(box.options) if f" {version}" in name)).run()


def test_a_rival_is_compared_and_promoted_with_a_reason(run_page: PageRun, models: Store) -> None:
    page = choose(run_page("models", models_of="its"), "2")
    shown = text(page)
    assert "Bad by the champion alone" in shown
    assert "95.0%" in shown
    page.button(key="model_promote").click().run()
    assert "say why" in page.error[0].value
    page.text_input(key="model_reason").input("no false alarms").run()
    page.button(key="model_promote").click().run()
    assert not page.exception
    assert "judges from now on" in page.success[0].value
    known = models.model("its", "simulated")
    assert known is not None
    assert known.version == "2"
    assert models.alias_history("its")[-1].reason == "no false alarms"
    page.text_input(key="model_reason").input("worse").run()
    page.button(key="model_rollback").click().run()
    back = models.model("its", "simulated")
    assert back is not None
    assert back.version == "1"


def test_a_past_shift_is_replayed_by_a_process_of_its_own(
    run_page: PageRun, models: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []
    monkeypatch.setattr("app.dashboard.panels.model_versions.start", started.append)
    page = choose(run_page("models", models_of="its"), "2")
    page.button(key="model_replay").click().run()
    [asked] = replays.newest(models.database, "its")
    assert started == [asked.id]
    assert (asked.model, asked.author) == (OTHER, "Anna Keller")
    assert asked.span.ends <= datetime.now(UTC)
    assert "asked" in text(page)


def test_a_viewer_sees_and_changes_nothing(run_page: PageRun, models: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTWATCH_ACCESS__LOCAL", "viewer")
    page = choose(run_page("models", models_of="its"), "2")
    keys = ("model_promote", "model_challenge", "model_rollback", "model_replay")
    assert all(page.button(key=key).disabled for key in keys)
