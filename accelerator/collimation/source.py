"""The watched folder: complete loss maps and pieces of a stream become observations, each state of each file once."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from accelerator.collimation.files import changed_at
from accelerator.collimation.lookback import Lookback
from accelerator.collimation.lossmap_json import META, meta_beside
from accelerator.collimation.observing import STREAM
from accelerator.collimation.reading import NAMES_FILE, SUFFIXES, observe
from core.clock import Clock, SystemClock
from core.contracts import Arrival
from core.errors import IncompleteInputError
from core.inbox import Inbox, printable
from core.observation import Condition, Observation
from core.settings import Settings

_GROWING = timedelta(seconds=60)
"""A text file without an end of line that changed so lately is still being written."""
_AFTER_GAP_S = 1.5


class FolderSource:
    """All loss maps and pieces of streams below the watched folder, oldest first (`core.inbox.Inbox`).

    The end of the stream is remembered while the source lives: a piece that overlaps or precedes its newest second is
    read and says so, and the loss maps of excitations that pieces show are offered once they are over.
    """

    name = "inbox"

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._inbox = Inbox(
            settings.collimation_inbox,
            self._clock,
            settle_s=settings.collimation.settle_s,
            wanted=_is_wanted,
            sidecar=meta_beside,
            is_made=settings.collimation.inbox is None,
        )
        self._newest_s: float | None = None
        self._lookback = Lookback()
        self._maps: dict[str, Observation] = {}

    def arrivals(self, settled: Callable[[Sequence[str]], set[str]]) -> Iterator[Arrival]:
        """Yield loss maps cut out of the pieces read so far, then complete files that are not settled, oldest first.

        Raises
        ------
        core.errors.InputError
            If the watched folder is not there.
        """
        for ticket in settled(list(self._maps)):
            self._maps.pop(ticket, None)
        yield from self.cut_out()
        yield from self._inbox.arrivals(settled)

    def cut_out(self) -> list[Arrival]:
        """Return the loss maps that were cut out of the pieces read so far and are not settled."""
        return [Arrival(ticket, cut.origin, {"excitation": cut.element}) for ticket, cut in self._maps.items()]

    def has_news(self) -> bool:
        """Whether something in the folder changed."""
        return self._inbox.has_news()

    def read(self, arrival: Arrival) -> Observation:
        """Read one file, or return a loss map that was cut out.

        Raises
        ------
        OSError
            If it cannot be opened now: worth another try later.
        core.errors.IncompleteInputError
            If it is still being written.
        core.errors.InputError
            If it can never be used.
        """
        if arrival.ticket in self._maps:
            return self._maps[arrival.ticket]
        if "excitation" in arrival.detail:
            raise IncompleteInputError(arrival.origin, "its piece of the stream was not read here")
        path = self._inbox.path(arrival)
        self._refuse_growing(path)
        return self._in_turn(observe(path, self._settings, self._clock))

    def _in_turn(self, observation: Observation) -> Observation:
        """A piece with what there is to say about its place among the pieces before it."""
        if observation.conditions.get("kind") != STREAM:
            return observation
        begins, ends = (float(observation.conditions[name] or 0) for name in ("begins_unix_s", "ends_unix_s"))
        before, self._newest_s = self._newest_s, max(self._newest_s or ends, ends)
        told = {} if before is None else _place(begins, ends, before)
        for cut in self._lookback.taken(observation):
            self._maps[f"{cut.element}-{cut.key}"] = cut
        return replace(observation, conditions={**observation.conditions, **told})

    def _refuse_growing(self, path: Path) -> None:
        if path.suffix.lower() != ".csv" or self._clock.now() - changed_at(path) >= _GROWING:
            return
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read(1) not in {b"\n", b"\r"}:
                    raise IncompleteInputError(printable(path), "ends within a line: still being written")


def _place(begins: float, ends: float, before: float) -> dict[str, Condition]:
    """Where a piece stands by the newest second before it."""
    if ends <= before:
        return {"late_s": round(before - ends, 3)}
    if begins <= before:
        return {"overlaps_s": round(before - begins, 3)}
    return {"after_gap_s": round(begins - before, 3)} if begins - before > _AFTER_GAP_S else {}


def _is_wanted(name: str) -> bool:
    return Path(name).suffix in SUFFIXES and not name.endswith((META, NAMES_FILE))
