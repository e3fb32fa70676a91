"""Odd events through the real watch with the real detector: each is stated and stored, and the watch goes on."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import h5py
import numpy as np
import pytest

from accelerator.schlieren.events.layout import DATA, HEIGHT, PIXELS, parse_camera
from accelerator.schlieren.events.writing import EventToWrite, write_event
from accelerator.schlieren.simulate.publishing import readings
from accelerator.schlieren.simulate.shift import Event, ShiftSettings, simulate_shift
from accelerator.schlieren.system import SCHLIEREN
from core.clock import SystemClock
from core.settings import SchlierenSettings, Settings
from core.store import Store
from core.store.views import ObservationView
from core.verdict import Quality
from flows.watching import Summary, pipeline

RUN = 7
PATIENCE = timedelta(minutes=8)
SECTION = SchlierenSettings(settle_s=0.0, camera_rows_columns=(256, 256))
Spoil = Callable[[Path, EventToWrite], EventToWrite | Path]


def _cut(folder: Path, event: EventToWrite) -> Path:
    path = write_event(folder, event, SECTION)
    path.write_bytes(path.read_bytes()[:40_000])
    return path


def _without_camera(folder: Path, event: EventToWrite) -> Path:
    other = SECTION.model_copy(update={"camera": "BOVWA.03TT41.CAM3/ExtractionImage"})
    return write_event(folder, event, other)


def _wrong_shape(folder: Path, event: EventToWrite) -> Path:
    path = write_event(folder, event, SECTION)
    with h5py.File(path, "r+") as file:
        file[f"{DATA}/{'/'.join(parse_camera(SECTION.camera))}/{HEIGHT}"][...] = 255
    return path


def _no_pixels(folder: Path, event: EventToWrite) -> Path:
    path = write_event(folder, event, SECTION)
    with h5py.File(path, "r+") as file:
        del file[f"{DATA}/{'/'.join(parse_camera(SECTION.camera))}/{PIXELS}"]
    return path


def _reading(**values: float) -> Spoil:
    return lambda _, event: replace(event, values={**event.values, **values})


def _filled(value: int, shape: tuple[int, int] = (256, 256)) -> Spoil:
    return lambda _, event: replace(event, pixels=np.full(shape, value, np.int16))


def _overflow(_: Path, event: EventToWrite) -> EventToWrite:
    pixels = event.pixels.copy()
    pixels[100:140] = -30_000
    return replace(event, pixels=pixels)


def _other_camera(_: Path, event: EventToWrite) -> EventToWrite:
    return replace(event, pixels=np.repeat(event.pixels, 2, axis=1))


def _ahead(_: Path, event: EventToWrite) -> EventToWrite:
    return replace(event, stamp_ns=event.stamp_ns + 3 * 86_400 * 10**9)


def _same_number(_: Path, event: EventToWrite) -> EventToWrite:
    return replace(event, event=1)


KINDS: dict[str, tuple[Spoil, Quality | None, str]] = {
    "truncated HDF5": (_cut, Quality.NULL, "HDF5"),
    "missing device": (_without_camera, Quality.NULL, "BOVWA.03TT41.CAM3"),
    "missing pixels": (_no_pixels, Quality.NULL, "imageRawData"),
    "wrong shape": (_wrong_shape, Quality.NULL, "255"),
    "20 megapixels": (_filled(100, (5000, 4000)), Quality.NULL, "megapixels"),
    "int16 overflow": (_overflow, Quality.BAD, "overflow int16"),
    "all zero": (_filled(0), Quality.BAD, ""),
    "all saturated": (_filled(4095), Quality.BAD, "saturat"),
    "NaN in density": (_reading(density_down=float("nan")), None, "density_down_cm3 is nan"),
    "detuning zero": (_reading(detuning=0.0), Quality.MEDIUM, "detuning_ghz is 0"),
    "wrong camera": (_other_camera, Quality.BAD, "another camera or binning"),
    "clock from the future": (_ahead, None, "in the future"),
    "two with one number": (_same_number, None, "was seen before"),
}
"""What is wrong with a file, the quality that is told of it (None: whichever), and words that say why."""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Return the store after a watch: a good shot, every bad one, and a good one at last."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, poll_s=0.05, batch=4, schlieren=SECTION)
    settings.schlieren_inbox.mkdir(parents=True)
    events = list(simulate_shift(ShiftSettings(run=RUN, began_at=_began(), shots=len(KINDS) + 2), 5))
    spoils = [("good", None), *((name, spoil) for name, (spoil, _, _) in KINDS.items()), ("good at last", None)]
    for number, (event, (name, spoil)) in enumerate(zip(events, spoils, strict=True)):
        _drop(settings.schlieren_inbox, event, name, spoil, number)
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
        assert _watch(store, settings, len(spoils)).settled == len(spoils)
        yield store


def _began() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=20)


def _drop(folder: Path, event: Event, name: str, spoil: Spoil | None, number: int) -> None:
    """Write one event, under a name of its own and in the order of time."""
    whole = EventToWrite(
        run=event.run,
        event=event.number,
        stamp_ns=int(event.at.timestamp()) * 10**9,
        pixels=event.shot.frame,
        values=readings(event.shot.measured),
    )
    made = whole if spoil is None else spoil(folder, whole)
    path = made if isinstance(made, Path) else write_event(folder, made, SECTION)
    final = path.rename(folder / f"{number:02d} {name}.h5")
    at = datetime.now(UTC).timestamp() - 60 + number
    os.utime(final, (at, at))


def _watch(store: Store, settings: Settings, wanted: int) -> Summary:
    clock = SystemClock()
    ends = clock.now() + PATIENCE

    def stop() -> bool:
        return len(store.observations("schlieren", limit=100)) >= wanted or clock.now() > ends

    return pipeline(SCHLIEREN, store, settings, clock, stop)


def _of(store: Store, name: str) -> ObservationView:
    return next(one for one in store.observations("schlieren", limit=100) if one.origin.endswith(f"{name}.h5"))


@pytest.mark.parametrize("name", KINDS)
def test_it_is_stated_and_stored(shelf: Store, name: str) -> None:
    _, quality, words = KINDS[name]
    view = _of(shelf, name)
    said = f"{view.reason} {view.conditions.get('notes')}"
    assert words in said
    assert quality is None or view.quality is quality
    if view.quality is not Quality.GOOD:
        assert view.reason
    if view.quality is Quality.BAD:
        assert view.cause is not None
    detail = shelf.observation(view.id)
    assert detail is not None
    assert bool(detail.measurements) == (view.quality is Quality.GOOD)


def test_the_watch_goes_on_and_judges_what_comes_after(shelf: Store) -> None:
    for name in ("good", "good at last"):
        detail = shelf.observation(_of(shelf, f" {name}").id)
        assert detail is not None
        assert (detail.view.quality, len(detail.measurements)) == (Quality.GOOD, 5)
    state = next(one for one in shelf.overview(datetime.now(UTC)) if one.system == "schlieren")
    assert state.heartbeat is not None
    assert state.heartbeat.ok


def test_two_shots_with_one_number_are_two_observations(shelf: Store) -> None:
    numbered = [one for one in shelf.observations("schlieren", limit=100) if one.conditions.get("event") == 1]
    assert len(numbered) == 2
    assert sum(bool(one.conditions.get("repeated_number")) for one in numbered) == 1


def test_a_clock_from_the_future_does_not_make_shots_of_the_future(shelf: Store) -> None:
    assert all(one.observed_at <= datetime.now(UTC) for one in shelf.observations("schlieren", limit=100))
