"""What a detector remembers from cycle to cycle: the standing of every cell and the incidents so far, kept on disk.

The state before the last cycle is kept too, so that judging this cycle again gives the same and changes nothing. A file
that cannot be read counts as no memory: the detector begins anew, as after its installation.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError
from core.observation import Observation
from core.remembered import replace_file
from dqm.its.incidents import Incident
from dqm.its.standing import Standing

FORMAT = 1
_BEFORE, _AFTER = "before_", "after_"


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What is known after some cycle: ``key`` and ``ended_at`` of this cycle, None before the first.

    ``cycles``: how many could be judged since nothing was known of this detector.
    """

    standing: Standing | None = None
    incidents: tuple[Incident, ...] = ()
    key: str | None = None
    ended_at: datetime | None = None
    cycles: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """The states before and after the last cycle."""

    before: State = field(default_factory=State)
    after: State = field(default_factory=State)

    def state_for(self, observation: Observation) -> State:
        """Return the state with which to judge this cycle: for the last one again, that before it."""
        return self.before if observation.key == self.after.key else self.after

    def is_new(self, observation: Observation) -> bool:
        """Whether this cycle comes after all that are remembered, so that judging it is to be remembered."""
        return self.after.ended_at is None or observation.observed_at > self.after.ended_at

    def then(self, state: State, observation: Observation) -> "Memory":
        """Return the memory after a new cycle that led to this state."""
        return Memory(self.after, replace(state, key=observation.key, ended_at=observation.observed_at))


def load(path: Path) -> Memory:
    """Read a memory; an empty one if there is none or it cannot be read."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        content = json.loads(str(arrays.pop("memory")))
        if content["format"] != FORMAT:
            return Memory()
        return Memory(*(_state(content[name], arrays, prefix) for name, prefix in _PARTS))
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, ModelError):
        return Memory()


def save(memory: Memory, path: Path) -> None:
    """Write a memory beside ``path`` and rename it.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {}
    content: dict[str, Any] = {"format": FORMAT}
    for state, (name, prefix) in zip((memory.before, memory.after), _PARTS, strict=True):
        content[name] = _to_json(state)
        if state.standing is not None:
            arrays |= {prefix + key: array for key, array in state.standing.to_arrays().items()}
    arrays["memory"] = np.array(json.dumps(content))
    replace_file(path, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]


_MANY = 1000
"""Cycles behind a memory that was written before they were counted."""
_PARTS = (("before", _BEFORE), ("after", _AFTER))


def _to_json(state: State) -> dict[str, Any]:
    return {
        "key": state.key,
        "cycles": state.cycles,
        "ended_at": None if state.ended_at is None else state.ended_at.isoformat(),
        "incidents": [incident.to_json() for incident in state.incidents],
    }


def _state(content: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], prefix: str) -> State:
    own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    ended_at = content["ended_at"]
    return State(
        standing=Standing.from_arrays(own) if own else None,
        incidents=tuple(Incident.from_json(one) for one in content["incidents"]),
        key=content["key"],
        ended_at=None if ended_at is None else datetime.fromisoformat(ended_at),
        cycles=int(content.get("cycles", _MANY)),
    )
