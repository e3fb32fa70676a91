"""What is remembered of a fill from piece to piece: its own reference, background, margins so far; kept on disk.

The state before the last piece is kept too, so that judging this piece again gives the same. A file that cannot be read
counts as no memory.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.remembered import replace_file

FORMAT = 3
Series = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class BeamState:
    """What is known of one beam in one fill and state.

    ``reference`` is the mean logarithm of observed over nominal by channel over ``reference_s`` seconds; ``learnt`` the
    signals of the first minutes, ``recent`` of the last ones, up to ``minute_s`` (unix time); ``points`` are
    unix time, then change of the gap, its error and the evidence for each primary; ``since`` when what is wrong now
    began, and ``shrinking_since`` when a margin was first seen to shrink; ``last`` the signals of the last minute;
    ``explained_by`` the collimator of the other beam whose showers were seen here.
    """

    fill: str = ""
    state: str = ""
    reference: tuple[float, ...] = ()
    reference_s: float = 0.0
    points: Series = ()
    since: float | None = None
    suspect: str = ""
    last: tuple[float, ...] = ()
    learnt: Series = ()
    recent: Series = ()
    minute_s: float = 0.0
    shrinking_since: float | None = None
    explained_by: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """What is known after some piece: its ``key`` and the time of its last second.

    ``background`` holds for each beam the signals of its channels without beam, as they were last seen.
    """

    beams: Mapping[str, BeamState] = field(default_factory=dict)
    background: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    key: str | None = None
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """The states before and after the last piece."""

    before: State = field(default_factory=State)
    after: State = field(default_factory=State)

    def state_for(self, key: str) -> State:
        """Return the state with which to judge a piece: for the last one again, that before it."""
        return self.before if key == self.after.key else self.after

    def is_new(self, ended_at: float) -> bool:
        """Whether a piece comes after all that are remembered, so that judging it is to be remembered."""
        return self.after.ended_at is None or ended_at > self.after.ended_at

    def then(self, state: State, key: str, ended_at: float) -> "Memory":
        """Return the memory after a new piece that led to this state."""
        return Memory(self.after, replace(state, key=key, ended_at=ended_at))


def load(path: Path) -> Memory:
    """Read a memory; an empty one if there is none or it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            return Memory()
        return Memory(_state(content["before"]), _state(content["after"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Memory()


def save(memory: Memory, path: Path) -> None:
    """Write a memory beside ``path`` and rename it.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    content = {"format": FORMAT, "before": _to_json(memory.before), "after": _to_json(memory.after)}
    replace_file(path, lambda file: file.write(json.dumps(content).encode()))


def _to_json(state: State) -> dict[str, Any]:
    beams = {
        name: {
            "fill": one.fill,
            "state": one.state,
            "reference": list(one.reference),
            "reference_s": one.reference_s,
            "points": [list(point) for point in one.points],
            "since": one.since,
            "suspect": one.suspect,
            "last": list(one.last),
            "learnt": [list(row) for row in one.learnt],
            "recent": [list(row) for row in one.recent],
            "minute_s": one.minute_s,
            "shrinking_since": one.shrinking_since,
            "explained_by": one.explained_by,
        }
        for name, one in state.beams.items()
    }
    background = {name: list(one) for name, one in state.background.items()}
    return {"beams": beams, "background": background, "key": state.key, "ended_at": state.ended_at}


def _state(content: Mapping[str, Any]) -> State:
    beams = {
        str(name): BeamState(
            fill=str(one["fill"]),
            state=str(one["state"]),
            reference=tuple(map(float, one["reference"])),
            reference_s=float(one["reference_s"]),
            points=tuple(tuple(map(float, point)) for point in one["points"]),
            since=_instant(one["since"]),
            suspect=str(one["suspect"]),
            last=tuple(map(float, one["last"])),
            learnt=tuple(tuple(map(float, row)) for row in one["learnt"]),
            recent=tuple(tuple(map(float, row)) for row in one["recent"]),
            minute_s=float(one["minute_s"]),
            shrinking_since=_instant(one.get("shrinking_since")),
            explained_by=str(one.get("explained_by", "")),
        )
        for name, one in content["beams"].items()
    }
    ended = content["ended_at"]
    background = {str(name): tuple(map(float, one)) for name, one in content["background"].items()}
    return State(beams, background, content["key"], _instant(ended))


def _instant(told: Any) -> float | None:
    return None if told is None else float(told)
