"""What is remembered of a run from shot to shot: frames that were seen, and what is followed for drifts; kept on disk.

A shot is only ever compared with those before it, so that judging one again gives the same. A new run, another mask or
other set points begin a new memory; a file that cannot be read counts as none.
"""

import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from core.remembered import replace_file

FORMAT = 1
KEPT = 300
"""Shots: two and a half hours of a shot every half minute."""
REFERENCE = 10
"""Shots at the beginning of a run that later ones are compared with."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One shot: its observation's key, when it was (unix), the digest of its frame, and what is followed."""

    key: str
    at_s: float
    digest: str
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known of a run: its ``name`` (run, mask, set points), its first values by name, its shots by time."""

    name: str = ""
    reference: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    shots: tuple[Seen, ...] = ()

    def before(self, shot: Seen) -> tuple[Seen, ...]:
        """Return the shots before this one, oldest first."""
        return tuple(one for one in self.shots if one.at_s < shot.at_s and one.key != shot.key)

    def then(self, name: str, shot: Seen) -> "Memory":
        """Return the memory with one more shot; frames are remembered across runs, values are not."""
        if name != self.name:
            frames = tuple(replace(one, values={}) for one in self.shots)
            return Memory(name, {}, frames).then(name, shot)
        others = [one for one in self.shots if one.key != shot.key]
        is_new = len(others) == len(self.shots)
        others.insert(bisect_left([one.at_s for one in others], shot.at_s), shot)
        return Memory(name, self._reference(shot) if is_new else self.reference, tuple(others[-KEPT:]))

    def _reference(self, shot: Seen) -> Mapping[str, tuple[float, ...]]:
        added = {name: (*self.reference.get(name, ()), value)[:REFERENCE] for name, value in shot.values.items()}
        return {**self.reference, **added}


def load(path: Path) -> Memory:
    """Read a memory; an empty one if there is none or it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            return Memory()
        reference = {str(name): tuple(map(float, values)) for name, values in content["reference"].items()}
        return Memory(str(content["name"]), reference, tuple(_seen(one) for one in content["shots"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Memory()


def save(memory: Memory, path: Path) -> None:
    """Write a memory beside ``path`` and rename it.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    content = json.dumps({"format": FORMAT, **asdict(memory)})
    replace_file(path, lambda file: file.write(content.encode()))


def _seen(content: Mapping[str, Any]) -> Seen:
    values = {str(name): float(value) for name, value in content["values"].items()}
    return Seen(str(content["key"]), float(content["at_s"]), str(content["digest"]), values)
