"""What a detector is made of imports no training, scheduling or dashboard library.

That judging an image loads none of them either is tested in ``tests/inspection/flex/test_detector.py``.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "lightning", "torchvision", "prefect", "streamlit")

MODULES = (
    "core.inference",
    "core.thresholds",
    "inspection.flex.detector",
    "dqm.its.system",
    "dqm.its.detector",
    "dqm.its.pixels.detector",
    "accelerator.collimation.system",
    "accelerator.collimation.detector",
    "accelerator.collimation.monitor",
)


@pytest.mark.parametrize("module", MODULES)
def test_no_heavy_import(module):
    script = f"import sys, {module}; sys.exit(str(sorted(set({HEAVY!r}) & set(sys.modules)) or ''))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "", done.stderr
