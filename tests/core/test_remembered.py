"""A remembered file is replaced whole, and every state of it is told from the one before."""

import os
from pathlib import Path

import pytest

from core.remembered import keep, replace_file, version


def test_each_state_is_told_from_the_one_before_though_its_time_and_size_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "memory.json"
    assert version(path) is None
    seen = set()
    for content in (b"first", b"other"):
        kept = path.with_name("kept")
        if path.exists():
            os.link(path, kept)
        replace_file(path, lambda file, content=content: file.write(content))  # type: ignore[misc]
        os.utime(path, ns=(10**18, 10**18))
        assert path.read_bytes() == content
        seen.add(version(path))
    assert len(seen) == 2


def test_what_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    path.write_bytes(b"old")

    def fail(_file: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        replace_file(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_loses_what_a_detector_remembers_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "memory.json"
    before = keep(path, lambda: path.write_bytes(b"old"))
    assert before == version(path)

    def fail() -> None:
        raise OSError(28, "No space left on device")

    assert keep(path, fail) == before
    assert "memory.json: what the detector remembers is not saved (No space left on device)" in caplog.text
