"""A system that is fast and says in its files what shall happen: importable by a watch in another process."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from core.contracts import AlarmRule, Arrival, System
from core.errors import IncompleteInputError, InputError, ModelError, RegistrationError
from core.observation import Observation
from core.settings import Settings
from core.verdict import Evidence, Model, Quality, Verdict

NAME = "fake"


@dataclass
class FolderSource:
    """Files ``*.json`` of a folder, by name. A file says what reading it leads to."""

    folder: Path
    name: str = "folder"
    reads: list[str] = field(default_factory=list)
    broken: Exception | None = None

    def arrivals(self, settled: Callable[[Sequence[str]], set[str]]) -> Iterator[Arrival]:
        if self.broken is not None:
            raise self.broken
        offered = []
        for path in sorted(self.folder.glob("*.json")):
            facts = path.stat()
            offered.append(Arrival(f"{path.name}:{facts.st_size}:{facts.st_mtime_ns}", str(path)))
        done = settled([arrival.ticket for arrival in offered])
        yield from (arrival for arrival in offered if arrival.ticket not in done)

    def read(self, arrival: Arrival) -> Observation:
        path = Path(arrival.origin)
        self.reads.append(path.name)
        content = path.read_bytes()
        said: dict[str, Any] = json.loads(content)
        errors: dict[str, Exception] = {
            "incomplete": IncompleteInputError(path, "still growing"),
            "unusable": InputError(path, "no image at all"),
            "bug": ZeroDivisionError("in the reader"),
            "denied": PermissionError(13, "Permission denied"),
        }
        if said.get("read") in errors:
            raise errors[said["read"]]
        digest = hashlib.sha256(content).hexdigest()
        return Observation(
            system=NAME,
            element=said["element"],
            key=digest[:16],
            observed_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
            origin=arrival.origin,
            sha256=digest,
            conditions={"judge": said.get("judge", "good")},
            payload={"image": np.zeros((4, 4))},
            axes={"image": ("row", "column")},
        )


@dataclass
class Oracle:
    """Judges as the file said."""

    delay_s: float = 0.0
    judged: list[str] = field(default_factory=list)

    def judge(self, observation: Observation) -> Verdict:
        assert "image" in observation.payload
        self.judged.append(observation.element)
        time.sleep(self.delay_s)
        word = observation.conditions["judge"]
        if word == "bug":
            raise ZeroDivisionError("in the detector")
        if word == "nowhere":
            raise RegistrationError(observation.origin, "no board in the image")
        if word == "model":
            raise ModelError("package: damaged")
        return Verdict(
            quality=Quality.BAD if word == "bad" else Quality.GOOD,
            score=1.0,
            threshold=0.5,
            model=Model("oracle", "1"),
            evidence={"board": Evidence(observation.sha256.encode() * 50, "image/jpeg"),
                      "thumbnail": Evidence(b"the same for all", "image/png")},
        )  # fmt: skip


def inbox(settings: Settings) -> Path:
    """Return the watched folder."""
    return settings.home / "inbox"


def silent_after_s(settings: Settings) -> float | None:
    text = os.environ.get("FAKE_SILENT_AFTER_S")
    return float(text) if text else None


FAKE = System(
    name=NAME,
    title="A fake",
    source=lambda settings: FolderSource(inbox(settings)),
    detector=lambda settings: Oracle(float(os.environ.get("FAKE_DELAY_S", "0"))),
    read_file=lambda path, settings: FolderSource(path.parent).read(Arrival(path.name, str(path))),
    rule=AlarmRule(),
    guidance=lambda cause: "",
    silent_after_s=silent_after_s,
)


def drop(folder: Path, name: str, **content: Any) -> Path:
    """Put a file into the watched folder as a scanner should: under its name only when it is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{name}"
    part.write_text(json.dumps(content))
    return part.replace(folder / f"{name}.json")


def give(**said: Any) -> dict[str, Any]:
    """Return what a training function was given (for flows that call it in another process)."""
    return said


def refuse(**said: Any) -> None:
    """Fail as a training function may."""
    raise ModelError(f"too few golden boards in {said['golden_dir']}")
