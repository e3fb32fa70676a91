"""Fixtures for all tests."""

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
