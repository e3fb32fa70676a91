"""A watch with everything at hand."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.clock import ManualClock
from core.contracts import System
from core.errors import StoreError
from core.settings import Settings
from core.store import Store
from core.verdict import Quality
from flows.watching import Summary, pipeline
from flows.windows import Window
from tests.flows.fakes import FAKE, NAME, FolderSource, Oracle


class Bench:
    """A watch with everything at hand."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, poll_s=2.0, batch=4)
        self.store = Store.open(self.settings.url, self.settings.artefacts)
        self.store.upgrade()
        self.clock = ManualClock()
        self.inbox = home / "inbox"
        self.inbox.mkdir()
        self.source, self.oracle = FolderSource(self.inbox), Oracle()
        self.steps: list[int] = []

    def system(self, **changes: Any) -> System:
        return replace(FAKE, **({"source": lambda _: self.source, "detector": lambda _: self.oracle} | changes))

    def watch(self, seconds: float = 10.0, **changes: Any) -> Summary:
        window = Window.lasting(self.clock, seconds)
        return pipeline(self.system(**changes), self.store, self.settings, self.clock, window.over, step=self.step)

    def step(self, work: Callable[[], int]) -> int:
        self.steps.append(work())
        return self.steps[-1]

    def qualities(self) -> dict[str, Quality]:
        return {view.element: view.quality for view in self.store.observations(NAME, limit=200)}

    @property
    def beat(self) -> Any:
        (state,) = [s for s in self.store.overview(self.clock.now()) if s.system == NAME]
        return state.heartbeats[0]


class Moody:
    """A store that refuses at will."""

    def __init__(self, store: Store, refuses: Callable[[str, Any], bool]) -> None:
        self._store, self._refuses, self.records = store, refuses, 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if not callable(method):
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            self.records += name == "record"
            if self._refuses(name, args):
                raise StoreError(f"{name} refused")
            return method(*args, **kwargs)

        return call


def moody(bench: Bench, refuses: Callable[[str, Any], bool]) -> Moody:
    bench.store = Moody(bench.store, refuses)  # type: ignore[assignment]
    return bench.store  # type: ignore[return-value]
