"""Which model judges: champions, followers, roll-back, a challenger in shadow, and replays of the past."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from core.clock import ManualClock
from core.contracts import Arrival, Detector, System
from core.errors import ModelError, ShiftwatchError
from core.inference import load_package, write_package
from core.observation import Observation
from core.settings import Settings
from core.shifts import Span
from core.store import Store, replays, shadows
from core.store.replays import ReplayState
from core.store.views import Alias
from core.verdict import Model, Quality, Verdict
from flows import replaying, systems
from flows.choosing import FOLLOWS, MACHINE, choose
from flows.replaying import replay
from flows.shadowing import Shadow
from flows.systems import Entry
from flows.watching import Summary, pipeline
from flows.windows import Window
from tests.flows.fakes import FAKE, NAME, FolderSource, drop

AT = datetime(2026, 1, 2, tzinfo=UTC)
MADE: list[tuple[str, Path]] = []


@dataclass
class ByCard:
    """Judges by a number in the card of its package: what is at or above it is bad."""

    model: Model
    limit: float
    home: Path
    judged: list[str] = field(default_factory=list)

    def judge(self, observation: Observation) -> Verdict:
        self.judged.append(observation.element)
        if self.limit < 0:
            raise ZeroDivisionError("this model is broken")
        score = float(observation.element.removeprefix("board"))
        quality = Quality.BAD if score >= self.limit else Quality.GOOD
        return Verdict(quality, score=score, threshold=self.limit, model=self.model)


def package(path: Path, limit: float) -> Path:
    write_package(
        path, name="m", system=NAME, created_at=AT, seed=1, training_data="ab" * 32,
        arrays={"a.npz": {"x": np.zeros(3)}}, calibration={"limit": limit}, replace=True,
    )  # fmt: skip
    return path


def version_of(path: Path) -> str:
    return load_package(path).card.version


@dataclass
class Site:
    """A home with an installed model, and a watch of it."""

    home: Path
    installed: Path
    settings: Settings
    store: Store
    clock: ManualClock

    def system(self, **changes: object) -> System:
        def find(settings: Settings) -> Path:
            return settings.pinned.get(NAME) or self.installed

        def detector(settings: Settings) -> Detector:
            found = load_package(find(settings))
            MADE.append((found.card.version, settings.home))
            return ByCard(found.model, float(found.card.calibration["limit"]), settings.home)  # type: ignore[arg-type]

        source = FolderSource(self.home / "inbox")
        own = {"source": lambda _: source, "detector": detector, "find_model": find}
        return replace(FAKE, **(own | changes))  # type: ignore[arg-type]

    def watch(self, seconds: float = 30.0) -> Summary:
        window = Window.lasting(self.clock, seconds)
        return pipeline(self.system(), self.store, self.settings, self.clock, window.over)

    def promote(self, path: Path, alias: Alias = Alias.CHAMPION) -> str:
        """Register a package as training does, and let a person point an alias to it."""
        known = load_package(path)
        self.store.register_model(NAME, "m", known.card.version, known.card.digest, str(path), {}, AT)
        self.store.set_alias(NAME, "m", alias, known.card.version, "Eva", "finds more", AT)
        return known.card.version

    def verdicts(self) -> dict[str, str | None]:
        views = self.store.observations(NAME, limit=100)
        return {view.element: view.model.version if view.model else None for view in views}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    MADE.clear()
    settings = Settings(home=tmp_path, poll_s=2.0, batch=4, shadow_share=1.0)
    (tmp_path / "inbox").mkdir()
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
        yield Site(tmp_path, package(tmp_path / "shipped" / "m", 5.0), settings, store, ManualClock())


def test_the_installed_model_is_enrolled_kept_and_champion(site: Site) -> None:
    choice = choose(site.system(), site.settings, site.store, AT)
    version = version_of(site.installed)
    [known] = site.store.models(NAME)
    assert (known.version, known.aliases, choice.model) == (version, (Alias.CHAMPION,), Model("m", version))
    assert load_package(known.path).path == site.home / "versions" / NAME / "m" / version
    assert choice.settings.pinned == {NAME: Path(known.path)}
    choose(site.system(), site.settings, site.store, AT)
    assert len(site.store.alias_history(NAME)) == 1


def test_a_newer_release_follows_until_a_person_chose(site: Site) -> None:
    choose(site.system(), site.settings, site.store, AT)
    package(site.installed, 6.0)
    second = version_of(site.installed)
    assert choose(site.system(), site.settings, site.store, AT).model == Model("m", second)
    own = site.promote(package(site.home / "own", 7.0))
    package(site.installed, 8.0)
    assert choose(site.system(), site.settings, site.store, AT).model == Model("m", own)
    machine = [one for one in site.store.alias_history(NAME) if (one.author, one.reason) == (MACHINE, FOLLOWS)]
    assert len(machine) == 2


def test_what_was_trained_at_the_site_waits_for_promotion(site: Site) -> None:
    choose(site.system(), site.settings, site.store, AT)
    first = version_of(site.installed)
    site.installed = package(site.settings.site_models / NAME / "m", 6.0)
    assert choose(site.system(), site.settings, site.store, AT).model == Model("m", first)
    assert len(site.store.models(NAME)) == 2


def test_a_champion_that_is_damaged_is_told_and_the_installed_judges(site: Site) -> None:
    path = package(site.home / "own", 7.0)
    site.promote(path)
    (path / "a.npz").write_bytes(b"nothing")
    drop(site.home / "inbox", "a", element="board1")
    summary = site.watch()
    assert site.verdicts() == {"board1": version_of(site.installed)}
    assert "cannot judge, the installed model does" in summary.troubles[0]


def test_promotion_and_roll_back_change_who_judges_within_seconds(site: Site) -> None:
    first, own = version_of(site.installed), package(site.home / "own", 7.0)
    promoted_at: list[float] = []

    def steps(work: object) -> int:
        return work()  # type: ignore[operator, no-any-return]

    def over() -> bool:
        elapsed = (site.clock.now() - begin).total_seconds()
        if elapsed >= 20 and not promoted_at:
            site.promote(own)
            promoted_at.append(elapsed)
            drop(site.home / "inbox", "b", element="board2")
        elif 40 <= elapsed < 42:
            site.store.set_alias(NAME, "m", Alias.CHAMPION, first, "Eva", "rolled back", AT)
        elif 56 <= elapsed < 58:
            drop(site.home / "inbox", "c", element="board3")
        return elapsed > 70

    begin = site.clock.now()
    drop(site.home / "inbox", "a", element="board1")
    pipeline(site.system(), site.store, site.settings, site.clock, over, step=steps)
    verdicts = site.verdicts()
    assert (verdicts["board1"], verdicts["board3"]) == (first, first)
    assert [version for version, _ in MADE] == [first, version_of(own), first]


def test_a_challenger_judges_in_shadow_and_never_alarms(site: Site) -> None:
    challenger = site.promote(package(site.home / "other", 2.0), Alias.CHALLENGER)
    for number in (1, 3, 6):
        drop(site.home / "inbox", f"f{number}", element=f"board{number}")
    site.watch()
    assert [alarm.element for alarm in site.store.alarms()] == ["board6"]
    found = shadows.pairs(site.store.database, NAME, Model("m", challenger), 10)
    assert {(one.element, one.quality, one.other_quality) for one in found} == {
        ("board1", Quality.GOOD, Quality.GOOD),
        ("board3", Quality.GOOD, Quality.BAD),
        ("board6", Quality.BAD, Quality.BAD),
    }
    assert {home for version, home in MADE if version == challenger} == {site.home / "shadow" / "m" / challenger}
    assert all(view.model is None or view.model.version != challenger for view in site.store.observations(NAME))


def test_a_challenger_that_breaks_does_not_disturb_the_watch(site: Site) -> None:
    site.promote(package(site.home / "other", -1.0), Alias.CHALLENGER)
    for number in (1, 2, 6):
        drop(site.home / "inbox", f"f{number}", element=f"board{number}")
    summary = site.watch()
    assert (summary.settled, summary.troubles) == (3, ())
    assert len(site.verdicts()) == 3


def test_the_cost_of_a_challenger_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("flows.shadowing.perf_counter", lambda: now[0])

    class Slow:
        def judge(self, observation: Observation) -> Verdict:
            now[0] += 10.0
            return Verdict(Quality.GOOD)

    shadow = Shadow(NAME, Model("m", "2"), Slow, site.store, site.clock, share=0.25, began_s=0.0)
    source = FolderSource(site.home / "inbox")
    path = drop(site.home / "inbox", "a", element="board1")
    seen = source.read(Arrival("t", str(path)))
    for _ in range(200):
        now[0] += 1.0  # a second of the champion's work
        shadow.offer(seen)
        shadow.work()
    assert 0.15 < shadow.spent_s / now[0] <= 0.3
    off = Shadow(NAME, Model("m", "2"), Slow, site.store, site.clock, share=0.0)
    off.offer(seen)
    assert off.work() == 0


# -- replays


@pytest.fixture
def past(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A past of six boards, judged by the installed model."""
    for number in range(1, 7):
        drop(site.home / "inbox", f"f{number}", element=f"board{number}")
    site.watch()
    monkeypatch.setattr(replaying, "load_system", lambda _: site.system())
    monkeypatch.setitem(systems.SYSTEMS, NAME, Entry("none"))  # type: ignore[index]
    return site


def ask(site: Site, version: str, at: datetime = AT) -> int:
    now = datetime.now(UTC)
    span = Span(now - timedelta(hours=1), now + timedelta(hours=1))
    return replays.ask(site.store.database, NAME, Model("m", version), span, "Eva", at, None)


def test_a_replay_judges_the_past_again(past: Site) -> None:
    version = past.promote(package(past.home / "other", 3.0), Alias.CHALLENGER)
    (past.home / "inbox" / "f2.json").unlink()
    (past.home / "inbox" / "f3.json").write_text('{"element": "board3", "more": 1}')
    number = ask(past, version)
    before = len(past.store.alarms())
    ended = replay(number, past.store, past.settings, past.clock)
    assert (ended.state, ended.total, ended.done, ended.lost) == (ReplayState.DONE, 6, 6, 2)
    assert "2 could not be judged again, the last:" in ended.detail
    found = shadows.pairs(past.store.database, NAME, Model("m", version), 10)
    assert {one.element: one.other_quality for one in found} == {
        "board1": Quality.GOOD, "board4": Quality.BAD, "board5": Quality.BAD, "board6": Quality.BAD,
    }  # fmt: skip
    assert len(past.store.alarms()) == before
    assert replay(ask(past, version), past.store, past.settings, past.clock).state is ReplayState.DONE
    assert len(shadows.pairs(past.store.database, NAME, Model("m", version), 10)) == 4


def test_one_replay_of_a_system_at_a_time(past: Site) -> None:
    version = past.promote(package(past.home / "other", 3.0), Alias.CHALLENGER)
    ask(past, version)
    with pytest.raises(ShiftwatchError, match="is under way"):
        ask(past, version)


def test_a_replay_that_fails_or_is_stopped_says_so(past: Site) -> None:
    with pytest.raises(ModelError):
        replay(ask(past, "unknown"), past.store, past.settings, past.clock)
    [view] = replays.newest(past.store.database, NAME)
    assert (view.state, view.detail) == (ReplayState.FAILED, "fake has no model m unknown")
    version = past.promote(package(past.home / "other", 3.0), Alias.CHALLENGER)
    stopped = replay(ask(past, version), past.store, past.settings, past.clock, lambda: True)
    assert (stopped.state, stopped.detail) == (ReplayState.FAILED, "stopped")
    with pytest.raises(ShiftwatchError, match="no replay 99"):
        replay(99, past.store, past.settings, past.clock)
