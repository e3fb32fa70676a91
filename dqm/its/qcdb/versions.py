"""What the fake QCDB holds: versions of objects with validity, the newest created one winning, in memory."""

import hashlib
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from threading import RLock

KEEP_ALL_S, KEEP_EVERY_S = 1800.0, 600.0


@dataclass(frozen=True, slots=True)
class Held:
    """One version of an object, valid from (inclusive) to (exclusive) its times in ms since 1970."""

    path: str
    uuid: str
    valid_from_ms: int
    valid_until_ms: int
    created_ms: int
    body: bytes
    metadata: Mapping[str, str]
    file_name: str = "object.root"

    @property
    def md5(self) -> str:
        """Checksum, hexadecimal as the QCDB tells it."""
        return hashlib.md5(self.body, usedforsecurity=False).hexdigest()

    def fits(self, conditions: Mapping[str, str]) -> bool:
        """Whether its metadata are as asked for."""
        return all(self.metadata.get(key) == value for key, value in conditions.items())


class Versions:
    """All versions; ``now_ms`` is the clock of the server. Safe for several threads."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.now_ms = now_ms
        self._held: dict[str, Held] = {}
        self._lock = RLock()

    def put(self, path: str, valid_from_ms: int, valid_until_ms: int, body: bytes, metadata: Mapping[str, str]) -> Held:
        """Hold a version; one before it with ``adjustableEOV`` is valid no longer than to its beginning.

        Raises
        ------
        ValueError
            If it is valid at no time.
        """
        if valid_from_ms >= valid_until_ms:
            raise ValueError("a version that is valid at no time")
        with self._lock:
            created, taken = self.now_ms(), {held.created_ms for held in self._of(path)}
            while created in taken:
                created += 1
            name = f"{path.rsplit('/', 1)[-1]}_{valid_from_ms}.root"
            made = Held(path, str(uuid.uuid4()), valid_from_ms, valid_until_ms, created, body, dict(metadata), name)
            for held in list(self._of(path)):
                if held.metadata.get("adjustableEOV") and held.valid_from_ms < valid_from_ms < held.valid_until_ms:
                    self._held[held.uuid] = replace(held, valid_until_ms=valid_from_ms)
            self._held[made.uuid] = made
            return made

    def by_uuid(self, name: str) -> Held | None:
        """Return the version with this identifier."""
        with self._lock:
            return self._held.get(name)

    def valid_at(
        self, path: str, at_ms: int, conditions: Mapping[str, str], since_ms: int = 0, until_ms: int = 2**63
    ) -> Held | None:
        """Return the newest created version valid at a time, with these metadata and created in a time."""
        with self._lock:
            fit = [h for h in self._of(path) if h.valid_from_ms <= at_ms < h.valid_until_ms and h.fits(conditions)]
        within = (held for held in fit if since_ms <= held.created_ms <= until_ms)
        return max(within, key=lambda held: held.created_ms, default=None)

    def browse(self, pattern: str, conditions: Mapping[str, str], since_ms: int, until_ms: int) -> list[Held]:
        """Return all versions whose path fits a regular expression, created in a time; newest first.

        Raises
        ------
        re.error
            If it is no regular expression.
        """
        fits = re.compile(pattern).fullmatch
        with self._lock:
            found = [h for h in self._held.values() if since_ms <= h.created_ms <= until_ms and h.fits(conditions)]
        return sorted((h for h in found if fits(h.path)), key=lambda held: held.created_ms, reverse=True)

    def latest(self, pattern: str, conditions: Mapping[str, str], since_ms: int, until_ms: int) -> list[Held]:
        """Return the newest of those, of each path."""
        newest: dict[str, Held] = {}
        for held in self.browse(pattern, conditions, since_ms, until_ms):
            newest.setdefault(held.path, held)
        return list(newest.values())

    def remove(self, name: str) -> bool:
        """Forget a version; return whether there was one."""
        with self._lock:
            return self._held.pop(name, None) is not None

    def truncate(self, pattern: str) -> int:
        """Forget all versions whose path fits; return how many."""
        return sum(self.remove(held.uuid) for held in self.browse(pattern, {}, 0, 2**63))

    def thin(self, keep_all_s: float = KEEP_ALL_S, keep_every_s: float = KEEP_EVERY_S) -> int:
        """Forget as the RepoCleaner's rule ``production`` does: all of 30 minutes, then one in 10 minutes a path.

        Returns
        -------
        int
            How many versions went.
        """
        old, last = self.now_ms() - keep_all_s * 1000, dict[str, float]()
        gone = list[str]()
        for held in reversed(self.browse(".*", {}, 0, int(old))):
            if held.created_ms - last.get(held.path, float("-inf")) < keep_every_s * 1000:
                gone.append(held.uuid)
            else:
                last[held.path] = held.created_ms
        return sum(self.remove(name) for name in gone)

    def _of(self, path: str) -> Iterator[Held]:
        return (held for held in self._held.values() if held.path == path)
