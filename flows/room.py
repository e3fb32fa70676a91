"""The guard's look at the disk: an alarm while there is still room to write it, and one again when there is none."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.alarms.severity import Severity
from core.contracts import AlarmRule
from core.settings import Settings
from core.signs import BEAT_S, CONSOLE, DISK
from core.space import Level, Room, look
from core.store import Store

RULE = AlarmRule()
SEVERITY = {Level.ENOUGH: Severity.OK, Level.LOW: Severity.MINOR, Level.FULL: Severity.MAJOR}
log = logging.getLogger(__name__)


@dataclass
class Disk:
    """What was last told of the disk; what the store refuses (it may be full) is told again the next time."""

    store: Store
    settings: Settings
    told: Level | None = None
    signed_at: datetime | None = None

    def look(self, now: datetime) -> Room | None:
        """Look at the disk, sign, and step its alarm; StoreError if the store refuses."""
        room = look(self.settings, self.told or Level.ENOUGH)
        if room is None:
            return None
        if self.told is not room.level:
            if room.level is not Level.ENOUGH:
                log.warning("disk: %s", room.words())
            self.store.condition(CONSOLE, DISK, SEVERITY[room.level], now, room.words(), RULE)
            self.told, self.signed_at = room.level, None
        if self.signed_at is None or now - self.signed_at >= timedelta(seconds=BEAT_S):
            self.store.heartbeat(CONSOLE, DISK, now, room.level is Level.ENOUGH, room.words())
            self.signed_at = now
        return room
