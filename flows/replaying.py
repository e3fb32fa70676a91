"""A stretch of the past judged again by another model, to see what it would have said before it is promoted.

``python -m flows.replaying 7`` works off replay 7 of the store. Inputs are read again from where they came; the
model remembers nothing but what this stretch shows it; nothing of it alarms.
"""

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from core import logs
from core.clock import Clock, SystemClock
from core.contracts import Detector, System
from core.errors import InputError, ModelError, ShiftwatchError, SourceError
from core.observation import Observation
from core.settings import Settings, load_settings
from core.store import Store, replays, shadows
from core.store.replays import ReplayState, ReplayView, Seen
from core.store.shadows import Shadowed
from core.verdict import Model
from flows.leaving import stop_by_signals
from flows.systems import load_system

BATCH = 5
Stop = Callable[[], bool]
log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Course:
    """How far a replay has come, and the last thing that was lost."""

    total: int = 0
    done: int = 0
    lost: int = 0
    last: str = ""

    def words(self) -> str:
        """Return what is to be told of what was lost."""
        return f"{self.lost} could not be judged again, the last: {self.last}" if self.lost else ""


def replay(number: int, store: Store, settings: Settings, clock: Clock, stop: Stop = lambda: False) -> ReplayView:
    """Work off one replay and return how it ended; a failure is noted in it and raised.

    Raises
    ------
    ShiftwatchError
        There is no such replay, or its model cannot judge.
    """
    view = _of(store, number)
    course = _Course()
    try:
        system = load_system(view.system)
        with tempfile.TemporaryDirectory(prefix="shiftwatch-replay-") as home:
            detector = system.detector(_settings(store, settings, view, Path(home)))
            _run(view, system, detector, (store, settings, clock), course, stop)
    except Exception as error:
        _note(store, clock, view, course, ReplayState.FAILED, f"{error}" or type(error).__name__)
        raise
    ended = ReplayState.FAILED if stop() else ReplayState.DONE
    _note(store, clock, view, course, ended, "stopped" if stop() else course.words())
    return _of(store, number)


def _run(
    view: ReplayView,
    system: System,
    detector: Detector,
    around: tuple[Store, Settings, Clock],
    course: _Course,
    stop: Stop,
) -> None:
    store, settings, clock = around
    seen = replays.observations(store.database, view.system, view.span)
    course.total = len(seen)
    _note(store, clock, view, course, ReplayState.RUNNING)
    for first in range(0, len(seen), BATCH):
        if stop():
            return
        found = [_judged(one, system, detector, settings, clock, course) for one in seen[first : first + BATCH]]
        shadows.record(store.database, view.system, view.model, [one for one in found if one is not None], view.id)
        course.done = min(first + BATCH, course.total)
        _note(store, clock, view, course, ReplayState.RUNNING, course.words())


def _judged(
    one: Seen, system: System, detector: Detector, settings: Settings, clock: Clock, course: _Course
) -> Shadowed | None:
    """Judge one observation again; None if its input is not there any more, or is another one by now."""
    try:
        observation = _read(one, system, settings)
    except (InputError, SourceError, OSError) as error:
        course.lost, course.last = course.lost + 1, str(error)
        return None
    began = perf_counter()
    verdict = detector.judge(observation)
    return Shadowed(one.element, one.key, verdict, clock.now(), perf_counter() - began)


def _read(one: Seen, system: System, settings: Settings) -> Observation:
    observation = system.read_file(Path(one.origin), settings)
    if observation.sha256 != one.sha256:
        raise InputError(one.origin, "holds something else by now")
    return observation


def _settings(store: Store, settings: Settings, view: ReplayView, home: Path) -> Settings:
    """The settings with the model of the replay, and a home in which nothing is remembered."""
    model = version(store, view.system, view.model)
    update = {"home": home, "models": settings.site_models, "pinned": {**settings.pinned, view.system: model}}
    return settings.model_copy(update=update)


def version(store: Store, system: str, model: Model) -> Path:
    """Return where a registered version is kept; ModelError if there is none."""
    for known in store.models(system):
        if (known.name, known.version) == (model.name, model.version):
            return Path(known.path)
    raise ModelError(f"{system} has no model {model.name} {model.version}")


def _note(store: Store, clock: Clock, view: ReplayView, course: _Course, state: ReplayState, detail: str = "") -> None:
    replays.progress(
        store.database,
        view.id,
        clock.now(),
        state=state,
        total=course.total,
        done=course.done,
        lost=course.lost,
        detail=detail,
    )


def _of(store: Store, number: int) -> ReplayView:
    view = replays.replay(store.database, number)
    if view is None:
        raise ShiftwatchError(f"there is no replay {number}")
    return view


def main(arguments: list[str] | None = None) -> int:
    """Work off the replay that is named, at low priority; SIGTERM ends it with what it has."""
    parser = argparse.ArgumentParser(prog="python -m flows.replaying", description=__doc__)
    parser.add_argument("number", type=int, help="number of the replay, as the Models page or the command says")
    options = parser.parse_args(arguments)
    logs.configure("replay")
    os.nice(10)
    stop = stop_by_signals()
    settings = load_settings()
    try:
        with Store.open(settings.url, settings.artefacts) as store:
            ended = replay(options.number, store, settings, SystemClock(), stop)
    except ShiftwatchError as error:
        log.error("%s", error)
        return 1
    log.info("replay %d: %d of %d judged again", ended.id, ended.done - ended.lost, ended.total)
    return 0 if ended.state is ReplayState.DONE else 1


if __name__ == "__main__":
    sys.exit(main())
