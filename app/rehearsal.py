"""``demo --once``: the whole shift through the real, scheduled watches, and a check of what came of each incident."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from accelerator.schlieren.simulate.shift import PERIOD_S
from app.experiment import CYCLE_S
from app.machine import PIECE_S
from app.story import script, truth
from app.story.checking import check, table
from app.story.playback import Playback, Show
from app.supervision import Crew
from core.errors import ShiftwatchError
from core.settings import Settings
from core.store import Store
from core.verdict import Quality

PERIODS_S = {"its": CYCLE_S, "collimation": float(PIECE_S), "schlieren": PERIOD_S}
"""How often something comes of each system, in seconds of the shift."""
TOLD_EVERY_S = 20.0

Report = Callable[[str], None]


class RehearsalError(ShiftwatchError):
    """The demo did not come to its end as it should."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Waits until the whole shift was judged."""

    members: Crew
    store: Store
    playback: Playback
    deadline: float
    report: Report
    length_s: float = script.LENGTH_S

    def wait(self) -> None:
        """Wait until the last of every system was judged.

        Raises
        ------
        RehearsalError
            It was not within the time that there is.
        """
        told_at = 0.0
        while waiting := self.waiting():
            self.members.check_all()
            now = time.monotonic()
            if now > self.deadline:
                raise RehearsalError(f"not judged in time: {', '.join(waiting)}{self.members.tail('flows')}")
            if now - told_at > TOLD_EVERY_S:
                told_at = now
                self.report(f"{self._clock():%H:%M} in the shift; still to come: {', '.join(waiting)}")
            time.sleep(1.0)

    def waiting(self) -> list[str]:
        """Return for which systems something is still to be judged, with what was seen last."""
        found = []
        ends = self.playback.at(self.length_s)
        for system, period_s in PERIODS_S.items():
            newest = self.newest(system)
            if newest is None or newest < ends - timedelta(seconds=1.5 * period_s):
                found.append(f"{system} ({'nothing yet' if newest is None else f'{newest:%H:%M}'})")
        expected = script.board_count(self.length_s)
        boards = sum(view.processed_at >= self.playback.started_at for view in self.store.observations("flex", 200))
        return found if boards >= expected else [*found, f"flex ({boards} of {expected} boards)"]

    def newest(self, system: str) -> datetime | None:
        """Return when the newest that was judged of this shift was observed."""
        times = [view.observed_at for view in self.store.observations(system, 20)]
        return max((at for at in times if at >= self.playback.began_at), default=None)

    def _clock(self) -> datetime:
        second = min(self.playback.second(datetime.now(tz=self.playback.began_at.tzinfo)), self.length_s)
        return self.playback.at(second)


def rehearse(members: Crew, settings: Settings, played: Show, length_s: float, timeout_s: float, report: Report) -> str:
    """Wait until so much of the shift is judged, compare its alarms with the script, report; return the summary.

    Raises
    ------
    RehearsalError
        Not all was judged in time, or an incident was missed or doubled, or there were too many alarms.
    """
    deadline, injected = time.monotonic() + timeout_s, truth.injected(played.seed, length_s)
    with Store.open(settings.url, settings.artefacts) as store:
        Rehearsal(members, store, played.playback, deadline, report, length_s).wait()
        checked = check(store, injected, played.playback, length_s)
        for line in table(checked, played.playback):
            report(line)
        judged = ", ".join(_judged(store, system) for system in ("flex", *PERIODS_S))
    if troubles := checked.troubles():
        raise RehearsalError("; ".join(troubles))
    return f"done: all {len(injected)} incidents found, one alarm each; judged by the scheduled watches: {judged}"


def _judged(store: Store, system: str) -> str:
    counts = Counter(view.quality for view in store.observations(system, 1000))
    return f"{system} {sum(counts.values())} ({', '.join(f'{counts[one]} {one}' for one in Quality if counts[one])})"
