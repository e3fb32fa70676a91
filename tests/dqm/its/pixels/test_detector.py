"""Verdicts on runs with and without defects."""

from dataclasses import replace
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from core.verdict import Quality, Region, Verdict
from dqm.its.pixels.causes import PixelCause
from dqm.its.pixels.detector import DEAD_SHARE, PixelDetector
from dqm.its.pixels.hits import Hits, checked, to_observation
from dqm.its.pixels.simulate import (
    cosmic_run,
    with_burst,
    with_flash,
    with_hits,
    with_hot_pixel,
    with_long_cluster,
    with_noise,
    without_box,
    without_events,
)
from tests.dqm.its.pixels.telescopes import HOT, PLANES, STUCK, telescope

CHIP = 2


def judge(detector: PixelDetector, hits: Hits) -> Verdict:
    return detector.judge(to_observation(hits, datetime(2026, 5, 1, tzinfo=UTC), "test", "0" * 64))


def new(verdict: Verdict) -> list[Region]:
    return [region for region in verdict.regions if region.where["known"] == "no"]


def test_known_defects_are_named_and_alarm_nobody(detector: PixelDetector, nominal: Hits):
    verdict = judge(detector, nominal)
    assert verdict.quality is Quality.MEDIUM
    assert verdict.reason is None
    assert verdict.score < verdict.threshold
    found = {region.where["element"]: region for region in verdict.regions}
    burst = found[f"plane {STUCK[0]}/double column {STUCK[1]}"]
    assert burst.cause.name == PixelCause.STUCK_DOUBLE_COLUMN
    where = {
        name: burst.where[name] for name in ("column", "columns", "row", "rows", "count", "first_event", "last_event")
    }
    assert list(where.values()) == [92, 2, 0, 256, 512, 3, 3]
    assert found[f"plane {HOT[0]}/column {HOT[1]}/row {HOT[2]}"].cause.name == PixelCause.HOT_PIXEL


def test_false_flags_keep_to_the_budget(detector: PixelDetector):
    flags = [region for run in range(200, 260) for region in new(judge(detector, telescope(run)))]
    maps = 60 * PLANES
    assert len(flags) <= 2 * detector.false_flags * maps + 3


@pytest.mark.parametrize("hot", [4, 10, 300])
def test_new_hot_pixel(detector: PixelDetector, nominal: Hits, hot: int):
    verdict = judge(detector, with_hot_pixel(nominal, np.random.default_rng(1), CHIP, 1000, 20, hot))
    assert verdict.quality is Quality.BAD
    (region,) = new(verdict)
    assert (region.where["element"], region.cause.name) == (f"plane {CHIP}/column 1000/row 20", PixelCause.HOT_PIXEL)
    assert region.where["count"] == hot
    assert region.cause.probability > 0.9
    assert verdict.regions[0] is region
    assert verdict.cause == region.cause


def test_echoes_of_particles_are_no_hot_pixels(detector: PixelDetector, nominal: Hits):
    again = nominal
    for step in (1,):
        kept = (nominal.event > 10) & (nominal.plane == CHIP)
        again = with_hits(again, nominal.event[kept] + step, CHIP, nominal.column[kept], nominal.row[kept])
    assert new(judge(detector, again)) == []


@pytest.mark.parametrize("rows", [512, 128, 48])
def test_burst_of_a_double_column(detector: PixelDetector, nominal: Hits, rows: int):
    verdict = judge(detector, with_burst(with_burst(nominal, 777, CHIP, 300, rows), 999, CHIP, 300, rows))
    (region,) = new(verdict)
    assert region.where["element"] == f"plane {CHIP}/double column 300"
    assert region.cause.name == PixelCause.STUCK_DOUBLE_COLUMN
    assert (region.where["first_event"], region.where["last_event"]) == (777, 999)
    assert region.where["count"] == 4 * rows


def test_double_column_that_fires_now_and_then(detector: PixelDetector, nominal: Hits):
    verdict = judge(detector, with_noise(nominal, np.random.default_rng(2), CHIP, (64, 0, 2, 512), 20))
    (region,) = new(verdict)
    assert region.where["element"] == f"plane {CHIP}/double column 32"
    assert region.cause.name == PixelCause.STUCK_DOUBLE_COLUMN


def test_several_hot_pixels_of_a_double_column_are_one_defect(detector: PixelDetector, nominal: Hits):
    rng, hits = np.random.default_rng(2), nominal
    for row in range(100, 150, 10):
        hits = with_hot_pixel(hits, rng, CHIP, 64 + row // 10 % 2, row, 30)
    (region,) = new(judge(detector, hits))
    assert region.cause.name == PixelCause.STUCK_DOUBLE_COLUMN
    assert (region.where["row"], region.where["rows"]) == (100, 41)


def test_noisy_region(detector: PixelDetector, nominal: Hits):
    verdict = judge(detector, with_noise(nominal, np.random.default_rng(3), CHIP, (700, 100, 64, 64), 40))
    region = new(verdict)[0]
    assert region.cause.name == PixelCause.NOISY_REGION
    assert region.where["plane"] == CHIP
    assert region.where["column"] < 732 < region.where["column"] + region.where["columns"]
    assert region.where["row"] < 132 < region.where["row"] + region.where["rows"]


def test_noise_all_over_a_chip(detector: PixelDetector, nominal: Hits):
    verdict = judge(detector, with_noise(nominal, np.random.default_rng(3), CHIP, (0, 0, 1024, 512), 200))
    (region,) = new(verdict)
    assert (region.where["element"], region.cause.name) == (f"plane {CHIP}", PixelCause.NOISY_CHIP)


def test_hundreds_of_hot_pixels_are_a_noisy_chip(detector: PixelDetector, nominal: Hits):
    rng = np.random.default_rng(3)
    column, row = rng.integers(1024, size=150), rng.integers(512, size=150)
    event = np.arange(150 * 20) * 3 + 1000
    hits = with_hits(nominal, event, CHIP, np.tile(column, 20), np.tile(row, 20))
    (region,) = new(judge(detector, hits))
    assert (region.where["element"], region.cause.name) == (f"plane {CHIP}", PixelCause.NOISY_CHIP)


@pytest.mark.parametrize("box", [(0, 0, 512, 512), (256, 0, 512, 512), (0, 256, 1024, 256)])
def test_dead_half_of_a_chip(detector: PixelDetector, nominal: Hits, box: tuple[int, int, int, int]):
    verdict = judge(detector, without_box(nominal, CHIP, box))
    found = new(verdict)
    assert {region.cause.name for region in found} == {PixelCause.DEAD_REGION}
    area = sum(region.where["columns"] * region.where["rows"] for region in found)
    assert area == pytest.approx(512 * 512, rel=0.3)
    assert all(region.where["plane"] == CHIP for region in found)


def test_dead_chip(detector: PixelDetector, nominal: Hits):
    verdict = judge(detector, without_box(nominal, CHIP, (0, 0, 1024, 512)))
    (region,) = new(verdict)
    assert (region.where["element"], region.cause.name) == (f"plane {CHIP}", PixelCause.DEAD_CHIP)


def test_lost_events_are_no_dead_region(detector: PixelDetector, nominal: Hits):
    verdict = judge(detector, without_events(nominal, np.random.default_rng(5), CHIP, 0.6))
    (region,) = new(verdict)
    assert (region.where["element"], region.cause.name) == (f"plane {CHIP}", PixelCause.READOUT_LOSS)


@pytest.mark.parametrize("columns", [128, 300])
def test_long_cluster(detector: PixelDetector, nominal: Hits, columns: int):
    verdict = judge(detector, with_long_cluster(nominal, 4242, CHIP, 200, 100, columns))
    (region,) = new(verdict)
    assert region.cause.name == PixelCause.LONG_CLUSTER
    assert (region.where["column"], region.where["columns"], region.where["first_event"]) == (200, columns, 4242)


def test_flash_is_located_in_time_but_not_explained(detector: PixelDetector, nominal: Hits):
    verdict = judge(detector, with_flash(nominal, np.random.default_rng(6), 31337, CHIP, 100))
    (region,) = new(verdict)
    assert (region.cause.name, region.where["first_event"]) == (PixelCause.UNKNOWN, 31337)


def test_measurements_say_what_could_be_seen(detector: PixelDetector, nominal: Hits):
    measured = judge(detector, nominal).measurements
    assert measured["crossings per chip"].value == pytest.approx(110, rel=0.2)
    assert 0.04 < measured[DEAD_SHARE].value < 0.4
    longer = judge(detector, telescope(101, crossings=600.0)).measurements
    assert longer[DEAD_SHARE].value < 0.3 * measured[DEAD_SHARE].value


def test_short_run_is_not_called_good(detector: PixelDetector):
    hits = cosmic_run(np.random.default_rng(8), 5, 3.0, PLANES)
    verdict = judge(detector, hits)
    assert verdict.quality is Quality.NULL
    assert "too few particles" in verdict.reason
    worse = judge(detector, with_burst(hits, 20, CHIP, 10, 256))
    assert worse.quality is Quality.BAD


def test_empty_and_unknown_are_stated(detector: PixelDetector, nominal: Hits):
    none = np.zeros(0, dtype=np.int64)
    assert "no hit in 9 events" in judge(detector, Hits(1, 9, none, none, none, none)).reason
    strange = replace(nominal, plane=nominal.plane + 50)
    assert "none of its planes" in judge(detector, strange).reason
    mixed = with_burst(nominal, 9, 77, 10, 256)
    verdict = judge(detector, mixed)
    assert "plane 77" in verdict.reason
    assert new(verdict)[0].where["element"] == "plane 77/double column 10"


def test_an_observation_of_something_else_is_not_judged(detector: PixelDetector, nominal: Hits):
    observation = to_observation(nominal, datetime(2026, 5, 1, tzinfo=UTC), "test", "0" * 64)
    for changed in (
        replace(observation, conditions={}),
        replace(observation, payload={"row": np.zeros(3)}),
        replace(observation, payload={**observation.payload, "row": np.full(observation.payload["row"].shape, np.nan)}),
    ):
        verdict = detector.judge(changed)
        assert verdict.quality is Quality.NULL
        assert verdict.reason.startswith("test: ")


def test_evidence_is_a_picture_with_the_new_defect_outlined(detector: PixelDetector, nominal: Hits):
    hits = with_burst(nominal, 777, 1, 300, 512)
    content = judge(detector, hits).evidence["occupancy"].content
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    red = (image[..., 2] == 235) & (image[..., 0] == 60)
    rows, columns = np.nonzero(red)
    assert columns.min() == pytest.approx(6 + 256 + 6 + 600 / 4 - 2, abs=1)  # second chip of the first row
    assert rows.max() - rows.min() == pytest.approx(128 + 3, abs=2)
    assert "occupancy" not in judge(replace(detector, draw=False), hits).evidence


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["anywhere", "one event", "one chip full", "one pixel"])
def test_a_million_hits_are_judged_in_seconds(detector: PixelDetector, kind: str):
    rng, size = np.random.default_rng(9), 10**6
    table = {"event": rng.integers(10**6, size=size), "plane": rng.integers(PLANES, size=size),
             "column": rng.integers(1024, size=size), "row": rng.integers(512, size=size)}  # fmt: skip
    if kind in ("one event", "one chip full"):
        table["event"][:] = 5
    if kind == "one chip full":
        table["plane"][:] = 1
    if kind == "one pixel":
        table |= {"plane": np.ones(size, int), "column": np.ones(size, int), "row": np.ones(size, int)}
    verdict = judge(detector, checked(1, 10**6, table, "huge"))
    assert verdict.quality is Quality.BAD
    assert len(verdict.regions) < 20
