"""Real ALPIDE runs: learn on some, find the known defects in others. Needs ../shared."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from core.verdict import Model
from dqm.its.pixels.clusters import find_clusters
from dqm.its.pixels.convert import shared_runs
from dqm.its.pixels.detector import PixelDetector
from dqm.its.pixels.hits import to_observation
from dqm.its.pixels.learning import learn

pytestmark = pytest.mark.shared
KNOWN = {(557, 180), (395, 299), (413, 240), (106, 178)}


@pytest.fixture(scope="module")
def detector(shared_its: Path) -> PixelDetector:
    """Learnt from runs 380 to 440."""
    return PixelDetector(learn(list(shared_runs(shared_its, 380, 440))), Model("its-pixels", "test"), draw=False)


def test_clusters_are_those_of_the_shared_file(shared_its: Path):
    with np.load(shared_its / "alpide_cosmics_clusters_runs_le_600.npz", allow_pickle=False) as file:
        shared = {name: file[name] for name in file.files}
    for hits in shared_runs(shared_its, 380, 384):
        found, own = find_clusters(hits), shared["run"] == hits.run
        ours = (found.event, found.plane, found.column, found.row, found.pixels, found.columns, found.rows)
        theirs = (shared[name][own] for name in ("event", "plane", "col0", "row0", "npix", "colspan", "rowspan"))
        assert sorted(zip(*ours, strict=True)) == sorted(zip(*theirs, strict=True))


def test_permanent_defects_are_learnt(detector: PixelDetector):
    chips = detector.reference.chips
    assert set(chips) == set(range(7))
    assert {(hot.column, hot.row) for hot in chips[3].hot} >= KNOWN
    assert list(chips[0].stuck) == [46]
    assert all(not chips[plane].hot for plane in (0, 1, 2, 4, 5, 6))


def test_burst_is_found_and_named_and_little_else_is_flagged(detector: PixelDetector, shared_its: Path):
    flags = maps = 0
    for hits in shared_runs(shared_its, 441, 480):
        observation = to_observation(hits, datetime(2026, 5, 1, tzinfo=UTC), "test", "0" * 64)
        regions = detector.judge(observation).regions
        burst = ((hits.plane == 0) & (hits.event == 3) & (hits.column // 2 == 46)).sum() >= 500
        causes = {str(region.where["element"]): region.cause.name for region in regions if region.cause}
        assert (causes.get("plane 0/double column 46") == "stuck double column") == burst
        flags += sum(region.where["known"] == "no" for region in regions)
        maps += len(hits.planes)
    assert flags <= maps / 100
