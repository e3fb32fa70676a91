"""Freed memory is used again: no page of it is asked for anew."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
from core.memory import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory():
    sys.exit(3)
def fill():
    np.ones(8_000_000).sum()
fill()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    fill()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=False)
    if done.returncode == 3:
        pytest.skip("not glibc")
    return int(done.stdout)


def test_freed_memory_is_used_again() -> None:
    assert faults("keep") < 200


def test_what_is_used_again_would_be_asked_for_anew() -> None:
    assert faults("leave") > 1000  # 5 times 64 MB, in pages of 4 KiB or in huge ones
