"""Shots are judged through their files, as in operation: good ones measured, bad ones named, none raises."""

from datetime import UTC, datetime

import numpy as np
import pytest

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.channel import PARAMETERS
from accelerator.schlieren.detector import SchlierenDetector
from accelerator.schlieren.observing import read_file
from accelerator.schlieren.result import EVIDENCE
from accelerator.schlieren.simulate.apparatus import Mask
from accelerator.schlieren.simulate.publishing import publish
from accelerator.schlieren.simulate.shift import Event
from accelerator.schlieren.simulate.shot import draw_shot
from core.settings import SchlierenSettings, Settings
from core.verdict import Quality

AT = datetime(2026, 6, 1, 6, 0, tzinfo=UTC)


def shot_file(folder, settings, seed, cause=None, mask=Mask.KNIFE):
    shot = draw_shot(np.random.default_rng(seed), cause, mask=mask)
    return shot, publish(Event(7, seed + 1, AT, shot), folder, settings.schlieren)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """What the detector says of a shot of a cause and mask."""
    folder = tmp_path_factory.mktemp("shots")
    made = {}
    for mask in Mask:
        settings = Settings(home=folder, schlieren=SchlierenSettings(mask=mask.value))
        made[mask] = (settings, SchlierenDetector.load(settings))

    def judge(seed, cause=None, mask=Mask.KNIFE):
        settings, detector = made[mask]
        shot, path = shot_file(folder, settings, seed, cause, mask)
        return shot, detector.judge(read_file(path, settings))

    return judge


@pytest.mark.parametrize("mask", list(Mask))
def test_a_good_shot_is_measured(judged, mask):
    shot, verdict = judged(3, mask=mask)
    assert verdict.quality is Quality.GOOD
    assert tuple(verdict.measurements) == tuple(PARAMETERS)
    for (name, unit), truth in zip(PARAMETERS.items(), shot.truth.scene.channel.values(), strict=True):
        found = verdict.measurements[name]
        assert found.unit == unit
        assert 0 < found.floor <= found.sigma < 3 * found.floor
        assert abs(found.value - truth) < 5 * found.sigma
    assert EVIDENCE in verdict.evidence


@pytest.mark.parametrize(
    "cause", [Cause.STALE, Cause.SATURATION, Cause.WRONG_GAIN, Cause.WRONG_BINNING, Cause.DUST, Cause.DARK]
)
def test_a_spoilt_shot_gives_no_parameters(judged, cause):
    _, verdict = judged(5, cause)
    assert verdict.quality is Quality.BAD
    assert not verdict.measurements
    assert verdict.reason
    assert verdict.cause is not None


@pytest.mark.parametrize("cause", [Cause.DENSITY_DRIFT, Cause.DETUNING_DRIFT])
def test_a_drift_of_what_is_measured_leaves_the_channel_measured(judged, cause):
    shot, verdict = judged(8, cause)
    assert verdict.quality is Quality.BAD
    assert verdict.cause.name == cause
    radius = verdict.measurements["core_radius_um"]
    assert abs(radius.value - shot.truth.scene.channel.core_radius_um) < 5 * radius.sigma
