"""Removing what is older, or more, than a site wants to keep. ``python -m flows.retaining`` does one round.

Rows go in small transactions with a pause after each, so that watches never wait for it. What was removed is told in
the trail. A backup that goes on, a source that does not answer and a replay are waited for until the next round.
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core import logs
from core.clock import Clock, SystemClock
from core.errors import ShiftwatchError, StoreError
from core.housekeeping import alone
from core.keeping import KeepSettings
from core.settings import Settings, load_settings
from core.signs import CONSOLE, RETENTION
from core.store import Store, audit, retention
from core.store.artefacts import Artefacts
from core.store.audit import Deed
from flows.committing import nap
from flows.leaving import stop_by_signals
from flows.oldfiles import Offered, inputs, offered, quarantined
from flows.removing import GB, Removed
from flows.systems import SYSTEMS, load_system, missing_setting

MACHINE, MACHINE_ROLE, MACHINE_WAY, DEED = "shiftwatch", "system", "retention", "retain"
ORPHAN_S = 24 * 3600.0
BACKUP_S = 600.0
"""So long a round waits for a backup to end."""
REST_SHARE = 1.0
"""After a transaction it rests for as long as that took."""
Stop = Callable[[], bool]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Round:
    """One round over what a store and a home hold; with ``dry_run`` nothing is removed, only counted.

    ``wait_s``: so long a backup that goes on is waited for.
    """

    store: Store
    settings: Settings
    clock: Clock
    dry_run: bool = False
    stop: Stop = lambda: False
    wait_s: float = 0.0

    def rest(self, began: datetime) -> None:
        """Let others have the database for as long as the last step had it."""
        nap(self.clock, self.stop, REST_SHARE * max((self.clock.now() - began).total_seconds(), 0.0))


def retain(one: Round, systems: Sequence[str]) -> list[Removed]:
    """Do one round over the systems called ``systems``, and return what was removed of each.

    Raises
    ------
    StoreError
        A backup or another round goes on, or the store refuses; what was removed until then is told in the trail.
    """
    found: list[Removed] = []
    with alone(one.settings.home, "retention", one.wait_s):
        for name in systems:
            if one.stop():
                break
            found.append(_system(one, name))
        if not one.dry_run and systems:
            _orphans(one, found)
            one.store.heartbeat(CONSOLE, RETENTION, one.clock.now(), ok=True, detail=told(found))
    return found


def told(found: Sequence[Removed]) -> str:
    """Return what was removed in a line."""
    return "; ".join(f"{one.system}: {one.words()}" for one in found if not one.is_nothing) or "nothing to remove"


def _system(one: Round, name: str) -> Removed:
    system = load_system(name)
    keep, removed = one.settings.retention.of(system.name), Removed(system.name)
    try:
        replayed = retention.is_replayed(one.store.database, system.name)
        seen = offered(system, one.settings)
        quarantined(one, keep, removed)
        if replayed:
            removed.wait("a replay reads its past")
        else:
            inputs(one, keep, seen, removed)
            _verdicts(one, keep, seen, removed)
        _pictures(one, keep, removed)
        _bound(one, keep, removed)
    finally:
        _tell(one, removed)
    return removed


def _verdicts(one: Round, keep: KeepSettings, seen: Offered, removed: Removed) -> None:
    """Remove old verdicts, but not what the source still offers: it would be judged anew."""
    if keep.verdicts_days is None:
        return
    before = one.clock.now() - timedelta(days=keep.verdicts_days)
    for piece in retention.aged_verdicts(one.store.database, removed.system, before):
        if one.stop():
            return
        if seen.why is not None or (not seen.tickets and not keep.source_may_be_empty):
            removed.wait(seen.why or "its source offers nothing at all; is it mounted?")
            return
        free = [aged.id for aged in piece if not aged.tickets & seen.digests]
        removed.still_offered += len(piece) - len(free)
        if one.dry_run:
            removed.verdicts += len(free)
        elif free:
            began = one.clock.now()
            removed.add(retention.remove_verdicts(one.store.database, one.store.artefacts, removed.system, free))
            one.rest(began)


def _pictures(one: Round, keep: KeepSettings, removed: Removed) -> None:
    for days, good in ((keep.good_images_days, True), (keep.images_days, False)):
        if days is not None:
            _pictures_before(one, one.clock.now() - timedelta(days=days), good, removed, limit=None)


def _bound(one: Round, keep: KeepSettings, removed: Removed) -> None:
    """Remove the oldest pictures until what is left is within the bound.

    Those of GOOD verdicts go first, and last those that belong to an open alarm without being named by it.
    """
    if keep.images_gb is None:
        return
    left = retention.pictures_bytes(one.store.database, removed.system)
    over = left - (removed.bytes if one.dry_run else 0) - int(keep.images_gb * GB)
    for good in (True, False, None):
        if over > 0:
            over -= _pictures_before(one, None, good, removed, limit=over)
    if over > 0 and not one.dry_run:
        removed.wait(f"{over / GB:.2f} GB of pictures more than wanted are needed by people, drills or open alarms")


def _pictures_before(
    one: Round, before: datetime | None, good: bool | None, removed: Removed, limit: int | None
) -> int:
    """Remove pictures until ``limit`` bytes are gone (None: all that are old enough); return how many bytes went."""
    gone = 0
    for piece in retention.aged_pictures(one.store.database, removed.system, before, good=good):
        if one.stop() or (limit is not None and gone >= limit):
            break
        chosen = piece if limit is None else _enough(piece, limit - gone)
        if one.dry_run:
            removed.pictured += len(chosen)
            removed.bytes += sum(size for _, size in chosen)
            gone += sum(size for _, size in chosen)
            continue
        began = one.clock.now()
        numbers = [number for number, _ in chosen]
        done = retention.remove_pictures(
            one.store.database, one.store.artefacts, removed.system, numbers, named_only=good is None
        )
        removed.add(done)
        gone += done.bytes
        one.rest(began)
    return gone


def _enough(piece: Sequence[tuple[int, int]], wanted: int) -> list[tuple[int, int]]:
    chosen: list[tuple[int, int]] = []
    total = 0
    for number, size in piece:
        if total >= wanted:
            break
        chosen.append((number, size))
        total += size
    return chosen


def _orphans(one: Round, found: Sequence[Removed]) -> None:
    """Remove files that a killed writer left without a row; they are nobody's, so the first system tells of them."""
    artefacts = one.store.artefacts
    if not isinstance(artefacts, Artefacts):  # listing a bucket of millions is for its own rules of expiry
        return
    artefacts.sweep()
    gone = retention.Gone()
    for digests in artefacts.older_than(ORPHAN_S):
        if one.stop():
            break
        lost = retention.without_row(one.store.database, digests)
        if lost:
            gone.add(retention.remove_orphans(one.store.database, artefacts, found[0].system, lost))
    if gone.files:
        log.info("%d files that no row knew were removed", gone.files)


def _tell(one: Round, removed: Removed) -> None:
    if one.dry_run or removed.is_nothing:
        return
    log.info("%s: removed %s", removed.system, removed.words())
    deed = Deed(
        one.clock.now(), MACHINE, MACHINE_ROLE, MACHINE_WAY, DEED, removed.system, removed.words(), removed.system
    )
    with one.store.database.writing("audit") as session:
        audit.write(session, deed)


def is_due(store: Store, settings: Settings, now: datetime) -> bool:
    """Whether the last round that succeeded began its rest long enough ago."""
    for beat in store.heartbeats():
        if (beat.system, beat.flow) == (CONSOLE, RETENTION) and beat.last_success_at is not None:
            return now - beat.last_success_at >= timedelta(hours=settings.retention.every_h)
    return True


def watched(settings: Settings) -> list[str]:
    """Return the systems that this site is connected to."""
    return [name for name in SYSTEMS if missing_setting(name, settings) is None]


def run(
    settings: Settings,
    systems: Sequence[str],
    stop: Stop = lambda: False,
    *,
    if_due: bool = False,
    wait_s: float = BACKUP_S,
) -> str:
    """Do one round, or none if it is not due, and return what came of it."""
    clock = SystemClock()
    with Store.open(settings.url, settings.artefacts) as store:
        if if_due and not is_due(store, settings, clock.now()):
            return "not due"
        try:
            return told(retain(Round(store, settings, clock, stop=stop, wait_s=wait_s), systems))
        except StoreError as error:
            store.heartbeat(CONSOLE, RETENTION, clock.now(), ok=False, detail=str(error)[:500])
            raise


def main(arguments: list[str] | None = None) -> int:
    """Do one round at low priority; SIGTERM ends it after the transaction that goes on."""
    parser = argparse.ArgumentParser(prog="python -m flows.retaining", description=__doc__)
    parser.add_argument("--system", action="append", metavar="NAME", help="only this one (repeatable)")
    parser.add_argument("--if-due", action="store_true", help="do nothing if the last round is not old enough")
    options = parser.parse_args(arguments)
    logs.configure(RETENTION)
    os.nice(10)
    stop = stop_by_signals()
    try:
        settings = load_settings()
        said = run(settings, options.system or watched(settings), stop, if_due=options.if_due)
    except ShiftwatchError as error:
        log.error("%s", error)
        return 1
    log.info("%s", said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
