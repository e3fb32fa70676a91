"""Files of runs: written, read back, and hostile ones."""

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InputError
from dqm.its.pixels.convert import main, shared_runs
from dqm.its.pixels.files import is_run, read_observation, read_run, write_run
from dqm.its.pixels.hits import Hits, checked

BEGAN = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def few() -> Hits:
    """A run of three hits."""
    arrays = {"event": [2, 3, 3], "plane": [0, 0, 6], "column": [1, 2, 3], "row": [4, 5, 6]}
    return checked(380, 5, {name: np.array(values) for name, values in arrays.items()}, "few")


def same(one: Hits, other: Hits) -> bool:
    arrays = ("event", "plane", "column", "row")
    return (one.run, one.events) == (other.run, other.events) and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays
    )


def test_run_is_read_as_it_was_written(tmp_path: Path, few: Hits):
    path = tmp_path / "run.npz"
    write_run(path, few, began_at=BEGAN, detector="stave L0_03")
    assert same(read_run(path), few)
    assert is_run(path)
    observation = read_observation(path)
    assert observation.observed_at == BEGAN
    assert observation.identity == ("its", "stave L0_03", "run 380")
    body = path.read_bytes()
    write_run(path, few, began_at=BEGAN, detector="stave L0_03")
    assert path.read_bytes() == body
    assert list(tmp_path.iterdir()) == [path]


def test_without_a_time_the_file_tells_it(tmp_path: Path, few: Hits):
    path = tmp_path / "run.npz"
    write_run(path, few)
    assert read_observation(path).observed_at == datetime.fromtimestamp(path.stat().st_mtime, UTC)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"run": np.array([1, 2])}, "no single integer called run"),
        ({"events": np.array(5.0)}, "no single integer called events"),
        ({"row": np.array([None, 1, 2])}, "row cannot be read"),
        ({"row": np.array([1, 2, 700])}, "to 700"),
        ({"began_at": np.array("yesterday")}, "is no time"),
        ({"began_at": np.array("2026-05-01T12:00:00")}, "no time zone"),
        ({"began_at": np.array(b"2026")}, "no text"),
        ({"detector": np.array("../../etc")}, "no name"),
        ({"detector": np.array("")}, None),
        ({"column": np.zeros(2**21 + 1, dtype=np.uint64)}, "unpacks to"),
    ],
)
def test_unusable_contents_are_named(tmp_path: Path, few: Hits, changed: dict, reason: str | None):
    arrays = {name: getattr(few, name) for name in ("event", "plane", "column", "row")}
    path = tmp_path / "bad.npz"
    np.savez_compressed(path, **{"run": 380, "events": 5, **arrays, **changed})
    if reason is None:
        assert read_observation(path).element == "telescope"
        return
    with pytest.raises(InputError) as raised:
        read_observation(path)
    assert reason in raised.value.reason
    assert raised.value.origin.startswith(str(path))


@pytest.mark.parametrize("body", [b"", b"PK", b"root", b"\x00" * 100])
def test_other_files_are_refused(tmp_path: Path, body: bytes):
    path = tmp_path / "other.npz"
    path.write_bytes(body)
    assert not is_run(path)
    with pytest.raises(InputError):
        read_run(path)


def test_missing_file_and_folder_are_refused(tmp_path: Path):
    for path in (tmp_path / "none.npz", tmp_path):
        assert not is_run(path)
        with pytest.raises(InputError, match="cannot be read"):
            read_run(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_read_or_refused(tmp_path: Path, few: Hits, data: st.DataObject):
    path = tmp_path / "run.npz"
    write_run(path, few)
    body = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(body[: data.draw(st.integers(0, len(body)))])
    is_run(path)
    with contextlib.suppress(InputError):
        assert read_observation(path).payload["row"].max(initial=0) < 512


def test_converting_cuts_the_shared_file_into_runs(tmp_path: Path):
    source = tmp_path / "alpide_cosmics_runs_le_600.npz"
    np.savez(
        source, run=np.array([381, 380, 381]), event=np.array([9, 5, 2]), plane=np.array([1, 0, 1]),
        col=np.array([3, 2, 1]), row=np.array([3, 2, 1]), run_table=np.array([[381, 20], [380, 10], [382, 7]]),
    )  # fmt: skip
    assert main([str(tmp_path), str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"run_0{n}.npz" for n in (380, 381, 382)]
    run = read_run(tmp_path / "out/run_0381.npz")
    assert (run.run, run.events, run.event.tolist(), run.column.tolist()) == (381, 20, [2, 9], [1, 3])
    assert [hits.run for hits in shared_runs(source, 381, 381)] == [381]


def test_converting_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(tmp_path / "none"), str(tmp_path / "out")]) == 2
    assert "holds no runs of hits" in capsys.readouterr().err
