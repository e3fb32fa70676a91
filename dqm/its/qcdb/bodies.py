"""Objects fetched and decoded, each body once: what is new in one cycle is subtracted in the next."""

import hashlib
from dataclasses import dataclass, replace

from core.errors import InputError, SourceError
from dqm.its.checks import check
from dqm.its.histogram import Histogram, decode
from dqm.its.objects import OBJECTS
from dqm.its.qcdb.client import QcdbClient
from dqm.its.qcdb.listing import Version
from dqm.its.qcdb.transfer import CutOffError

LOST_IN_A_ROW = 3
BODIES_KEPT = 160


@dataclass(frozen=True, slots=True)
class Body:
    """A usable object with the digest of the bytes it came in."""

    found: Histogram
    digest: bytes


class Bodies:
    """Fetches objects of one QCDB, and keeps the last ones."""

    def __init__(self, client: QcdbClient) -> None:
        self._client = client
        self._kept: dict[tuple[str, str], Body] = {}
        self._give_up = False
        self._lost = 0

    def giving_up(self, *, wanted: bool) -> "Bodies":
        """Say whether an object that the QCDB fails to deliver is given up (unless three in a row fail)."""
        self._give_up, self._lost = wanted, 0
        return self

    def get(self, payload: str, version: Version) -> Body:
        """Return one version.

        Raises
        ------
        core.errors.SourceError
            If the QCDB does not answer, or cuts three objects in a row short: worth another try.
        core.errors.InputError
            If it cannot be used, is there no more, or is given up.
        """
        key = (version.path, version.etag)
        kept = self._kept.pop(key, None) or self._fetched(payload, version)
        self._kept[key] = kept
        while len(self._kept) > BODIES_KEPT:
            del self._kept[next(iter(self._kept))]
        return kept

    def _fetched(self, payload: str, version: Version) -> Body:
        try:
            stored = self._client.version(version)
        except CutOffError as error:
            self._lost += 1
            if self._lost >= LOST_IN_A_ROW:  # it is not the objects but the server
                raise SourceError(str(error)) from None
            raise
        except SourceError as error:
            self._lost += 1
            if not self._give_up or self._lost >= LOST_IN_A_ROW:
                raise
            raise InputError(version.path, str(error)) from None
        self._lost = 0
        found = decode(stored.body, stored.url)
        good = check(OBJECTS[payload], found, stored.url)
        if good.values.shape == found.values.shape:
            good = replace(good, numerator=found.numerator, denominator=found.denominator)
        return Body(good, hashlib.sha256(stored.body).digest())
