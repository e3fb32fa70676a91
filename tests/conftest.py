"""Fixtures for all tests."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_flex() -> Path:
    """The folder of real circuit images, which may not be redistributed; skips where it is absent."""
    folder = SHARED / "data" / "flex"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: real images are not part of the repository")
    return folder


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Put the main module back: pages run without a browser leave their script there, and spawned processes run it."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture
def heard_interrupts() -> Iterator[None]:
    """Let children hear SIGINT: a shell starts its background jobs, and so these tests, deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
