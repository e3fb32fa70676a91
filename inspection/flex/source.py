"""The watched scanner folder: complete image files become observations, each state of each file once."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from core.clock import Clock, SystemClock
from core.contracts import Arrival
from core.inbox import Inbox, opening, printable
from core.observation import Condition, Observation
from core.settings import Settings
from inspection.flex.exif import taken_at
from inspection.flex.images import SUFFIXES, decode, read_bytes
from inspection.flex.labels import read_label, sidecar_of


class FolderSource:
    """All images below the watched folder, oldest first: see `core.inbox.Inbox`."""

    name = "inbox"

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._inbox = Inbox(
            settings.flex_inbox,
            self._clock,
            settle_s=settings.flex.settle_s,
            wanted=lambda name: Path(name).suffix in SUFFIXES,
            sidecar=sidecar_of,
            is_made=settings.flex.inbox is None,
        )

    def arrivals(self, settled: Callable[[Sequence[str]], set[str]]) -> Iterator[Arrival]:
        """Yield complete images that are not settled, oldest first.

        Raises
        ------
        core.errors.InputError
            If the watched folder is not there.
        """
        return self._inbox.arrivals(settled)

    def has_news(self) -> bool:
        """Whether something in the folder changed."""
        return self._inbox.has_news()

    def read(self, arrival: Arrival) -> Observation:
        """Read one image.

        Raises
        ------
        OSError
            If it cannot be opened now (permission, network, vanished): worth another try later.
        core.errors.IncompleteInputError
            If it changed while it was read.
        core.errors.InputError
            If it is no usable picture or its sidecar is wrong.
        """
        return _observe(self._inbox.path(arrival), self._settings, self._clock)


def read_file(path: Path, settings: Settings, clock: Clock | None = None) -> Observation:
    """Read one image of any folder.

    Raises
    ------
    core.errors.InputError
        If it cannot be read or used; the text names file and reason.
    """
    with opening(path):
        return _observe(path, settings, clock or SystemClock())


def _observe(path: Path, settings: Settings, clock: Clock) -> Observation:
    name = printable(path)
    label = read_label(path, settings.flex.name_pattern)
    content = read_bytes(path, settings.flex.max_megapixels)
    modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    pixels = decode(content, name, settings.flex.max_megapixels)
    digest = hashlib.sha256(content).hexdigest()
    observed_at, told = _observed_at(content, modified, clock.now())
    conditions: dict[str, Condition] = {
        **label.conditions,
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "file": printable(Path(path.name)),
        **told,
    }
    return Observation(
        system="flex",
        element=label.serial or printable(Path(path.stem)),
        key=digest[:16],
        observed_at=observed_at,
        origin=name,
        sha256=digest,
        conditions=conditions,
        payload={"image": np.ascontiguousarray(pixels)},
        axes={"image": ("row", "column", "channel")},
    )


def _observed_at(content: bytes, modified: datetime, now: datetime) -> tuple[datetime, dict[str, Condition]]:
    """When the picture was taken, by EXIF or else by the file; never in the future."""
    taken = taken_at(content)
    told: dict[str, Condition] = {"time_from": "exif" if taken else "file"}
    at = taken or modified
    if at > now:
        told["time_note"] = f"{told['time_from']} says {at.isoformat()}, which is in the future: taken as now"
        at = now
    return at, told
