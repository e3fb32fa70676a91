"""``demo --once``: a few boards through the real, scheduled watch, and a check of what came of each."""

import time
from collections import Counter
from collections.abc import Callable

from app.scanner import rehearsal
from app.supervision import Crew
from core.errors import ShiftwatchError
from core.settings import Settings
from core.store import Store
from core.store.views import AlarmView, ObservationView
from core.verdict import Quality


class RehearsalError(ShiftwatchError):
    """The demo did not come to its end as it should."""


def rehearse(members: Crew, settings: Settings, timeout_s: float, report: Callable[[str], None]) -> str:
    """Drop the boards, wait until each is judged, check verdicts and alarm; return the summary.

    Raises
    ------
    RehearsalError
        Not all boards were judged in time, or what came of them is wrong; the text says which.
    """
    deadline = time.monotonic() + timeout_s
    deliveries = rehearsal()
    with Store.open(settings.url, settings.artefacts) as store:
        known = {view.id for view in store.observations("flex", 1)}
        newest = max(known, default=0)
        for delivery in deliveries:
            path = delivery.write(settings.flex_inbox)
            report(f"scanner: {path.name} ({delivery.story})")
        seen = _wait(members, store, newest, len(deliveries), deadline=deadline, report=report)
        return _check(seen, store.alarms(system="flex"))


def _wait(
    members: Crew, store: Store, newest: int, wanted: int, *, deadline: float, report: Callable[[str], None]
) -> list[ObservationView]:
    told: set[int] = set()
    while True:
        seen = [view for view in store.observations("flex", 50) if view.id > newest]
        for view in reversed(seen):
            if view.id not in told:
                told.add(view.id)
                report(f"judged: {view.element}: {view.quality}, {view.region_count} places{_because(view)}")
        if len(seen) >= wanted:
            return seen
        members.check_all()
        if time.monotonic() > deadline:
            raise RehearsalError(f"only {len(seen)} of {wanted} boards were judged in time{members.tail('flows')}")
        time.sleep(0.5)


def _check(seen: list[ObservationView], alarms: list[AlarmView]) -> str:
    counts = Counter(view.quality for view in seen)
    if counts[Quality.NULL] != 1:
        reasons = "; ".join(f"{view.element}: {view.reason}" for view in seen if view.quality is Quality.NULL)
        raise RehearsalError(f"one file was cut short, but {counts[Quality.NULL]} could not be judged: {reasons}")
    if not counts[Quality.BAD]:
        raise RehearsalError(f"two boards have gross defects, but none was judged BAD: {dict(counts)}")
    bad = {view.element for view in seen if view.quality is Quality.BAD}
    raised = [alarm for alarm in alarms if alarm.element in bad]
    if not raised:
        raise RehearsalError("a board was judged BAD, but no alarm was raised")
    words = ", ".join(f"{count} {quality}" for quality, count in sorted(counts.items()))
    return f"done: {len(seen)} boards judged by the scheduled watch ({words}); {len(raised)} alarms raised"


def _because(view: ObservationView) -> str:
    return f" ({view.reason})" if view.reason else ""
