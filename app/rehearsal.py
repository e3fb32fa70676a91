"""``demo --once``: files of every system through the real, scheduled watches, and a check of what came of each."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from accelerator.schlieren.simulate.shift import PERIOD_S
from app import awake, machine
from app.experiment import CYCLE_S, EVENTS, PAST_S
from app.scanner import rehearsal
from app.supervision import Crew
from core.errors import ShiftwatchError
from core.settings import Settings
from core.store import Store
from core.store.views import AlarmView, ObservationView
from core.verdict import Quality
from dqm.its.layout import name
from dqm.its.simulate.faults import BACKGROUNDS, Fault

CYCLES = int(PAST_S / CYCLE_S)
"""So many cycles are in the QCDB when the demo starts."""

PIECES = len(machine.MAPS) + int((machine.PAST_S - machine.CAMPAIGN_S) / machine.PIECE_S) - 1
"""So many loss maps and pieces of the stream are in the watched folder when the demo starts."""

SHOTS = int(awake.PAST_S / PERIOD_S)
"""So many event files are in the watched folder when the demo starts."""

SYSTEMS = ("flex", "its", "collimation", "schlieren")

CYCLES_TO_SEE = 3
"""What began in the last cycles may not be seen yet."""

Report = Callable[[str], None]


class RehearsalError(ShiftwatchError):
    """The demo did not come to its end as it should."""


@dataclass
class Rehearsal:
    """Waits until so many observations of each system were judged, and tells of each."""

    members: Crew
    store: Store
    newest: dict[str, int]
    deadline: float
    report: Report

    def wait(self, system: str, wanted: int, what: str) -> list[ObservationView]:
        """Return what was judged, newest first.

        Raises
        ------
        RehearsalError
            It was too little within the time that there is.
        """
        told: set[int] = set()
        while True:
            seen = [view for view in self.store.observations(system, 200) if view.id > self.newest[system]]
            for view in reversed(seen):
                if view.id not in told:
                    told.add(view.id)
                    self.report(f"judged: {_told(view)}")
            if len(seen) >= wanted:
                return seen
            self.members.check_all()
            if time.monotonic() > self.deadline:
                raise RehearsalError(
                    f"only {len(seen)} of {wanted} {what} were judged in time{self.members.tail('flows')}"
                )
            time.sleep(0.5)


def rehearse(members: Crew, settings: Settings, timeout_s: float, report: Report) -> str:
    """Drop the boards, wait until each and the shift so far are judged, check verdicts and alarms; return the summary.

    Raises
    ------
    RehearsalError
        Not all was judged in time, or what came of it is wrong; the text says which.
    """
    deadline = time.monotonic() + timeout_s
    deliveries = rehearsal()
    with Store.open(settings.url, settings.artefacts) as store:
        newest = {name: max((view.id for view in store.observations(name, 1)), default=0) for name in SYSTEMS}
        for delivery in deliveries:
            path = delivery.write(settings.flex_inbox)
            report(f"scanner: {path.name} ({delivery.story})")
        waiting = Rehearsal(members, store, newest, deadline, report)
        boards = _check_boards(waiting.wait("flex", len(deliveries), "boards"), store.alarms(system="flex"))
        cycles = _check_cycles(waiting.wait("its", CYCLES, "cycles of ALICE ITS"), store)
        losses = _check_losses(waiting.wait("collimation", PIECES, "loss maps and pieces"), store)
        shots = _check_shots(waiting.wait("schlieren", SHOTS, "shots of AWAKE"), store)
        return f"done: {boards}; {cycles}; {losses}; {shots}"


def _check_boards(seen: list[ObservationView], alarms: list[AlarmView]) -> str:
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
    return f"{len(seen)} boards judged by the scheduled watch ({_words(counts)}); {len(raised)} alarms raised"


def _check_cycles(seen: list[ObservationView], store: Store) -> str:
    """Each thing that happened so far must be one alarm that began in the right cycle."""
    began_at = min(view.observed_at for view in seen) - timedelta(seconds=CYCLE_S)
    alarms = [alarm for alarm in store.alarms(open_only=False, system="its") if alarm.bad_since >= began_at]
    for happened in EVENTS:
        if happened.began_s > PAST_S - CYCLES_TO_SEE * CYCLE_S:
            continue
        what, found = happened.cause.value, [alarm for alarm in alarms if _is_of(alarm, happened)]
        if len(found) != 1:
            raise RehearsalError(f"{what} in the simulated shift raised {len(found)} alarms instead of one")
        late_s = (found[0].bad_since - began_at).total_seconds() - happened.began_s
        if abs(late_s) > 2 * CYCLE_S:
            raise RehearsalError(f"the alarm of {what} says that it began {late_s:.0f} s beside the truth")
    counts = Counter(view.quality for view in seen)
    return f"{len(seen)} cycles of ALICE ITS ({_words(counts)}); {len(alarms)} alarms raised"


def _check_losses(seen: list[ObservationView], store: Store) -> str:
    """The loss maps must be judged, and what goes wrong so far must be an alarm of its collimator."""
    maps = [view for view in seen if view.conditions.get("kind") == "lossmap"]
    if len(maps) < len(machine.MAPS):
        raise RehearsalError(f"only {len(maps)} of {len(machine.MAPS)} loss maps were judged")
    if wrong := [view.element for view in maps if view.quality in {Quality.BAD, Quality.NULL}]:
        raise RehearsalError(f"good loss maps were judged bad or not at all: {', '.join(wrong)}")
    alarms = store.alarms(open_only=False, system="collimation")
    for event in machine.EVENTS:
        if not any(alarm.element.lower() == event.element for alarm in alarms):
            found = ", ".join(alarm.element for alarm in alarms) or "none"
            raise RehearsalError(f"{event.element} in the simulated fill raised no alarm; there is: {found}")
    counts = Counter(view.quality for view in seen)
    pieces = len(seen) - len(maps)
    return f"{len(maps)} loss maps and {pieces} pieces of LHC losses ({_words(counts)}); {len(alarms)} alarms raised"


def _check_shots(seen: list[ObservationView], store: Store) -> str:
    """What went wrong in the run so far must be one alarm each, since it began; all other shots must be measured."""
    began_at = min(view.observed_at for view in seen)
    alarms = store.alarms(open_only=False, system="schlieren")
    for episode in (awake.NO_LASER, awake.STALE):
        begins = began_at + timedelta(seconds=episode.first * PERIOD_S)
        found = [one for one in alarms if abs((one.bad_since - begins).total_seconds()) < PERIOD_S]
        if len(found) != 1:
            what = episode.anomaly.cause.value
            raise RehearsalError(f"{what} in the simulated run raised {len(found)} alarms instead of one")
    if not any(one.kind == "density_drift" for one in alarms):
        raise RehearsalError("the drifting density in the simulated run raised no alarm")
    wrong = {index for one in awake.EPISODES for index in range(one.first, one.after)}
    spoilt = [
        view
        for view in seen
        if view.quality in {Quality.BAD, Quality.NULL} and int(str(view.conditions["event"])) - 1 not in wrong
    ]
    if spoilt:
        raise RehearsalError(f"good shots were judged bad: {', '.join(_told(view) for view in spoilt)}")
    return f"{len(seen)} shots of AWAKE ({_words(Counter(view.quality for view in seen))}); {len(alarms)} alarms raised"


def _is_of(alarm: AlarmView, happened: Fault) -> bool:
    if happened.cause in BACKGROUNDS:
        return alarm.kind == "background" and alarm.element.endswith(happened.cause.value[-1])
    places = {name(cell).replace(" ", "_") for cell in happened.cells}
    return alarm.kind == "place" and not places.isdisjoint(alarm.places)


def _words(counts: Counter[Quality]) -> str:
    return ", ".join(f"{count} {quality}" for quality, count in sorted(counts.items()))


def _told(view: ObservationView) -> str:
    name = view.element if view.system == "flex" else f"{view.element} {view.key}"
    because = f" ({view.reason})" if view.reason else ""
    return f"{name}: {view.quality}, {view.region_count} places{because}"
