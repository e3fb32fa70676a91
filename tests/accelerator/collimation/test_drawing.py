"""Pictures of loss maps: what is on them, that colour is for trouble only, and how long they take."""

import io
import itertools
import time
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from accelerator.collimation import drawing_marks as marks
from accelerator.collimation.channels import channels
from accelerator.collimation.diagnosis import Channel, Diagnosis
from accelerator.collimation.drawing import PICTURES, draw, zoom_window
from accelerator.collimation.drawing_colours import COLD, FEWER, MORE, WARM
from accelerator.collimation.drawing_layout import CASCADE, LEFT, MAP_WIDTH, WIDTH, Scale, lowest, sections
from accelerator.collimation.drawing_losses import losses
from accelerator.collimation.geometry import find
from accelerator.collimation.monitors import monitors
from core.observation import Observation
from tests.app import collimation_maps as maps

AT = datetime(2026, 5, 1, 20, 18, tzinfo=UTC)
LIMIT_MS = 8.0


def pixels(case: maps.Case, name: str) -> np.ndarray:
    drawn = draw(maps.observation(case, AT, "x"), case.diagnosis)
    return np.asarray(Image.open(io.BytesIO(drawn[name].content)))


def monitored(case: maps.Case, seconds: int = 60) -> tuple[Observation, Diagnosis]:
    """Return a piece of a stream of all ionisation chambers with the same shares at the collimators."""
    known = {one.name: one for one in case.diagnosis.channels}
    stations = monitors(ionisation=True)
    own = {find(name).blm: one.observed for name, one in known.items() if "." in name}
    rng = np.random.default_rng(1)
    mean = np.array([1e-2 * own.get(one.name, 1e-6) for one in stations])
    payload = {
        "monitor": np.array([one.name for one in stations]),
        "signal_gy_per_s": mean * rng.normal(1, 0.01, (seconds, mean.size)) + 2.5e-7,
        "background_gy_per_s": np.full(mean.size, 2.5e-7),
    }
    seen = maps.observation(case, AT, "x")
    conditions = {**seen.conditions, "kind": "stream", "domain": "blm"}
    return replace(seen, element="LHC", conditions=conditions, payload=payload), case.diagnosis


def every_channel(case: maps.Case, beam: int = 1) -> Diagnosis:
    """Return a diagnosis with every channel of a beam."""
    found = [
        Channel(one.name, str(one.family or ""), beam, one.s_m, 1e-3, 1e-3, 9e-4, 1.1e-3, 0.0) for one in channels(beam)
    ]
    return replace(case.diagnosis, beam=beam, channels=tuple(found))


def test_a_map_has_four_pictures_and_a_thumbnail_with_palettes() -> None:
    case = maps.tcp_retracted()
    drawn = draw(maps.observation(case, AT, "x"), case.diagnosis)
    assert set(drawn) == {*PICTURES, "thumbnail"}
    for one in drawn.values():
        image = Image.open(io.BytesIO(one.content))
        assert image.mode == "P"
        assert image.info["transparency"]
        assert len(one.content) < 40_000


@pytest.mark.parametrize("case", [maps.nominal(), maps.cannot_tell(), maps.off_momentum()], ids=lambda c: c.quality)
def test_without_trouble_there_is_no_colour(case: maps.Case) -> None:
    for name in (*PICTURES, "thumbnail"):
        assert not np.isin(pixels(case, name), (MORE, FEWER)).any()


@pytest.mark.parametrize("name", [*PICTURES[:3], "thumbnail"])
def test_too_many_and_too_few_losses_are_coloured(name: str) -> None:
    drawn = pixels(maps.tcp_retracted(), name)
    assert (drawn == MORE).any()
    assert (drawn == FEWER).any()


def test_the_colour_is_where_the_collimator_is() -> None:
    case = maps.tct_exposed()
    drawn = pixels(case, "cascade")
    slot = next(
        slot
        for section in sections(case.diagnosis.channels)
        for slot in section.slots
        if case.diagnosis.channels[slot.index].name == "tctph.4l1.b1"
    )
    columns = np.flatnonzero((drawn == MORE).any(axis=0))
    assert slot.left <= columns.min()
    assert columns.min() <= slot.middle


def test_cold_losses_are_where_they_were_counted() -> None:
    drawn = pixels(maps.nominal(), "ir7")
    at = {zoom_window("ir7").x(s_m) for s_m, _ in maps.DS_BINS}
    columns = set((np.flatnonzero((drawn == COLD).any(axis=0)) - LEFT).tolist())
    assert at <= columns
    assert not (drawn == WARM).any()


def test_monitors_are_drawn_on_the_scale_of_the_collimators() -> None:
    seen, found = monitored(maps.nominal())
    outside = losses(seen, found)
    assert outside.cold.any()
    assert (~outside.cold).any()
    assert np.median(outside.share) == pytest.approx(1e-6, rel=0.05)
    assert outside.share.max() < 1e-5


@pytest.mark.parametrize("beam", [1, 2])
def test_every_channel_of_a_beam_finds_room(beam: int) -> None:
    found = every_channel(maps.nominal(), beam)
    known = sections(found.channels)
    slots = [slot for section in known for slot in section.slots]
    assert len({slot.index for slot in slots}) == len(slots) >= 55
    edges = [(slot.left, slot.left + slot.width) for slot in slots]
    assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(edges))
    assert edges[-1][1] <= LEFT + MAP_WIDTH
    assert all(a.left + a.width <= b.left for a, b in itertools.pairwise(known))
    assert set(draw(maps.observation(maps.nominal(), AT, "x"), found)) == {*PICTURES, "thumbnail"}


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30))
@settings(max_examples=60, deadline=None)
def test_any_figures_can_be_drawn(values: list[float]) -> None:
    case = maps.tcp_retracted()
    odd = tuple(
        replace(one, observed=value, low=value, high=-value, pull=value, corrected=value)
        for one, value in zip(case.diagnosis.channels, values, strict=False)
    )
    found = replace(case.diagnosis, channels=odd)
    drawn = draw(maps.observation(case, AT, "x"), found)
    assert set(drawn) == ({*PICTURES, "thumbnail"} if odd else set())


@given(st.floats(1e-12, 10), st.integers(-8, -4))
def test_the_scale_stays_inside_and_keeps_the_order(value: float, low: int) -> None:
    scale = Scale(low, CASCADE)
    assert CASCADE.top <= scale.y(value) <= CASCADE.floor_y
    assert scale.y(value * 2) <= scale.y(value)
    assert lowest([value, 0.0, float("nan")]) in range(-8, -3)


def test_names_never_cover_each_other_or_leave_the_picture() -> None:
    case = maps.tcp_retracted()
    crowd = tuple(replace(one, pull=9.0 - n * 0.01) for n, one in enumerate(case.diagnosis.channels))
    found = replace(case.diagnosis, channels=crowd)
    assert len(marks.named(found)) == 3
    assert draw(maps.observation(case, AT, "x"), found)["cascade"].content
    assert (
        np.asarray(Image.open(io.BytesIO(draw(maps.observation(case, AT, "x"), found)["ring"].content))).shape[1]
        == WIDTH
    )


@pytest.mark.parametrize("stream", [False, True], ids=["map", "stream"])
def test_pictures_take_a_few_milliseconds(stream: bool) -> None:
    case = maps.tcp_retracted()
    seen, found = monitored(case) if stream else (maps.observation(case, AT, "x"), case.diagnosis)
    found = replace(found, channels=(*found.channels, *every_channel(case).channels[:40]))
    taken = []
    for _ in range(12):
        began = time.process_time()
        draw(seen, found)
        taken.append(1000 * (time.process_time() - began))
    assert sorted(taken)[len(taken) // 2] < LIMIT_MS * len(PICTURES)
    print(f"{sorted(taken)[len(taken) // 2]:.1f} ms")
