"""What judging costs in processor time: one map, and an hour of all monitors."""

import time
from dataclasses import replace

import numpy as np
import pytest

from accelerator.collimation.detector import CollimationDetector
from accelerator.collimation.simulate.fill import FillPlan, phases
from core.settings import Settings
from tests.accelerator.collimation.test_monitor import pieces


@pytest.mark.slow
def test_an_hour_of_all_monitors_is_judged_within_a_minute(tmp_path):
    detector = CollimationDetector.load(Settings(home=tmp_path))
    plan = FillPlan(phases=phases(0.25, whole=False), model_error=0.5)
    (short,) = pieces(plan, piece_s=900)
    payload = {
        name: np.concatenate([value] * 4) if name != "monitor" else value for name, value in short.payload.items()
    }
    payload["time_unix_s"] = short.payload["time_unix_s"][0] + np.arange(3600.0)
    hour = replace(short, payload=payload, key="an hour")
    begin = time.process_time()
    detector.judge(hour)
    assert time.process_time() - begin < 60
