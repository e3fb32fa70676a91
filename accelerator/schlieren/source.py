"""The watched folder: complete event files and pictures become observations, each state of each file once."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from accelerator.schlieren.observing import SUFFIXES, observe
from accelerator.schlieren.pictures import SUFFIXES as PICTURES
from accelerator.schlieren.sidecar import sidecar_of
from core.clock import Clock, SystemClock
from core.contracts import Arrival
from core.inbox import Inbox
from core.observation import Observation
from core.settings import Settings

_REMEMBERED = 20_000


class FolderSource:
    """All events and pictures below the watched folder, oldest first: see `core.inbox.Inbox`."""

    name = "inbox"

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._inbox = Inbox(
            settings.schlieren_inbox,
            self._clock,
            settle_s=settings.schlieren.settle_s,
            wanted=lambda name: Path(name).suffix in SUFFIXES,
            sidecar=lambda path: sidecar_of(path) if path.suffix.lower() in PICTURES else None,
            is_made=settings.schlieren.inbox is None,
        )
        self._numbers: OrderedDict[tuple[object, object], str] = OrderedDict()

    def arrivals(self, settled: Callable[[Sequence[str]], set[str]]) -> Iterator[Arrival]:
        """Yield complete files that are not settled, oldest first.

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
        """Read one file.

        Raises
        ------
        OSError
            If it cannot be opened now (permission, network, vanished): worth another try later.
        core.errors.IncompleteInputError
            If it changed while it was read.
        core.errors.InputError
            If it can never be used.
        """
        return self._unlike_before(observe(self._inbox.path(arrival), self._settings, self._clock))

    def _unlike_before(self, observation: Observation) -> Observation:
        """Say so if another shot had the same numbers."""
        conditions = observation.conditions
        if conditions.get("run") is None or conditions.get("event") is None:
            return observation
        numbers = (conditions["run"], conditions["event"])
        before = self._numbers.setdefault(numbers, observation.sha256)
        while len(self._numbers) > _REMEMBERED:
            self._numbers.popitem(last=False)
        if before == observation.sha256:
            return observation
        text = f"run {numbers[0]} event {numbers[1]} was seen before with other contents"
        notes = "; ".join(filter(None, (str(conditions.get("notes") or ""), text)))
        return replace(observation, conditions={**conditions, "repeated_number": True, "notes": notes})
