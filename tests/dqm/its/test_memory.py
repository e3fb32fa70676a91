"""The memory survives a restart, judges the last cycle again as before, and is harmless when it is damaged."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from core.observation import Observation
from dqm.its import memory
from dqm.its.features import CLASSES
from dqm.its.incidents import Check, Kind, Sighting, follow
from dqm.its.looking import WARM
from dqm.its.memory import Memory, State
from dqm.its.standing import Standing

T0 = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def observation(cycle: int) -> Observation:
    return Observation("its", "ITS", f"550000/{cycle}", T0 + timedelta(seconds=60 * cycle), "made", "0" * 64)


def state(score: float) -> State:
    sighting = Sighting(Kind.PLACE, np.array([3]), 3, {Check.PLACE: score}, np.zeros(CLASSES), 0.1)
    standing = Standing.cold("detector")
    standing.offset[0, 5] = score
    return State(standing, follow((), [sighting], T0).open)


def remembered() -> Memory:
    return Memory().then(state(7.0), observation(1)).then(state(9.0), observation(2))


def test_the_last_cycle_again_is_judged_with_what_was_known_before_it() -> None:
    found = remembered()
    assert found.state_for(observation(2)) is found.before
    assert not found.is_new(observation(2))
    assert found.state_for(observation(3)) is found.after
    assert found.is_new(observation(3))
    assert not found.is_new(observation(0))


def test_a_restart_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "its" / "memory.npz"
    memory.save(remembered(), path)
    again = memory.load(path)
    for one, other in ((again.before, remembered().before), (again.after, remembered().after)):
        assert (one.key, one.ended_at) == (other.key, other.ended_at)
        assert [i.to_json() for i in one.incidents] == [i.to_json() for i in other.incidents]
        assert one.standing is not None
        assert other.standing is not None
        np.testing.assert_array_equal(one.standing.offset, other.standing.offset)
    assert [entry.name for entry in path.parent.iterdir()] == ["memory.npz"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a file", b"no zip at all"])
def test_a_damaged_file_is_no_memory(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "memory.npz"
    path.write_bytes(content)
    assert memory.load(path).after.key is None
    assert memory.load(tmp_path / "none.npz").after.key is None


def test_a_memory_of_another_format_is_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "memory.npz"
    np.savez(path, memory=np.array('{"format": 99}'))
    assert memory.load(path).after.key is None
    memory.save(remembered(), path)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(path, **{**arrays, "after_offset": np.zeros(3)})
    assert memory.load(path).after.key is None


def test_saving_never_leaves_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "memory.npz"
    memory.save(remembered(), path)
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="disk full"):
        memory.save(replace(remembered()), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["memory.npz"]


def test_cycles_are_counted_and_older_memories_know_their_detector(tmp_path: Path) -> None:
    path = tmp_path / "memory.npz"
    memory.save(Memory().then(replace(state(7.0), cycles=3), observation(1)), path)
    assert memory.load(path).after.cycles == 3
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    content = json.loads(str(arrays["memory"]))
    for part in ("before", "after"):
        del content[part]["cycles"]
    np.savez(path, **{**arrays, "memory": np.array(json.dumps(content))})
    assert memory.load(path).after.cycles >= WARM
