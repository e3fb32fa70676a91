"""What four experiments deliver at their design rates, made beforehand so that delivering it costs next to nothing.

ITS: a cycle of the QC every 10 s, stored in a QCDB over HTTP; LHC: the 3600 beam-loss monitors at 1 Hz, in pieces of
5 s; AWAKE: an event file every 10 s; scanner: a board a minute. Something goes wrong all the time, so that alarms come.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.simulate.fill import TOP_GEV, FillPlan, Phase, Wrong
from accelerator.collimation.simulate.stream import simulate_fill, write_piece
from accelerator.collimation.states import State
from accelerator.schlieren.causes import Cause as PlasmaCause
from accelerator.schlieren.simulate.anomalies import Anomaly
from accelerator.schlieren.simulate.publishing import publish as publish_event
from accelerator.schlieren.simulate.shift import Episode, ShiftSettings, simulate_shift
from app.scanner import GROSS_DEFECTS, delivery
from benchmarks.running import stamp
from core.settings import Settings
from dqm.its.causes import Cause
from dqm.its.qcdb.client import QcdbClient
from dqm.its.qcdb.publishing import publish as publish_cycle
from dqm.its.simulate.cells import index
from dqm.its.simulate.faults import Fault
from dqm.its.simulate.publishing import to_cycle
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import RunSettings

Measured: TypeAlias = Callable[[str, float, Path], dict[str, Any]]
CYCLE_S, PIECE_S, SHOT_S, BOARD_S = 10.0, 5, 10.0, 60.0
FAULT_S = 60.0
"""So often another place of the ITS, another anomaly of AWAKE and another collimator goes wrong."""
RUN, SEED = 580_001, 20261127
_ANOMALIES = (
    Anomaly(PlasmaCause.NO_IONISATION, 0.003),
    Anomaly(PlasmaCause.STALE, -40.0),
    Anomaly(PlasmaCause.FROZEN, 0.0),
)
_COLLIMATORS = ("tcp.c6l7.b1", "tcp.c6r7.b2", "tcspm.b4l7.b1", "tcspm.b4r7.b2")


@dataclass(frozen=True, slots=True)
class Planned:
    """One observation to come: seconds after the start, its system, by what the store knows it, and how it is given."""

    due_s: float
    system: str
    known_by: str
    give: Callable[[], object]


def measure(module: str, about: str | None, minutes: float, measured: Measured) -> dict[str, Any]:
    """Be the command line of a benchmark: print its figures, and write them where it is asked to.

    Parameters
    ----------
    module, about
        What it is called and does.
    minutes
        Of observations, by default.
    measured
        Returns the figures for the URL of a database, seconds, and an empty folder.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    parser.add_argument("url", help="of an empty database: postgresql+psycopg://… or sqlite:///FILE")
    parser.add_argument("--minutes", type=float, default=minutes)
    parser.add_argument("--out", type=Path, help="JSON file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="shiftwatch-deployed-") as folder:
        found = stamp() | measured(options.url, options.minutes * 60, Path(folder))
    told = json.dumps(found, indent=1)
    print(told)
    if options.out is not None:
        options.out.write_text(told + "\n", encoding="utf-8")
    return found


def planned(began_at: datetime, seconds: float, spool: Path, settings: Settings, qcdb: QcdbClient) -> list[Planned]:
    """Return all that comes, in the order of time; files lie finished in ``spool``, to be moved into the inboxes."""
    for inbox in (settings.flex_inbox, settings.collimation_inbox, settings.schlieren_inbox):
        _made(inbox)
    parts = (
        _cycles(began_at, seconds, qcdb),
        _pieces(began_at, seconds, spool / "collimation", settings.collimation_inbox),
        _shots(began_at, seconds, spool / "schlieren", settings),
        _boards(began_at, seconds, spool / "flex", settings.flex_inbox),
    )
    return sorted((one for part in parts for one in part), key=lambda one: one.due_s)


def run_settings(began_at: datetime, seconds: float) -> RunSettings:
    """Return the run: every minute a chip becomes noisy at a new place, for three cycles."""
    faults = tuple(
        Fault(Cause.NOISY_CHIP, begin, begin + 3 * CYCLE_S, 3.0, (index(1, number % 16, number % 9),))
        for number, begin in enumerate(np.arange(2 * FAULT_S, seconds, FAULT_S).tolist())
    )
    return RunSettings(
        run=RUN, began_at=began_at, duration_s=seconds, cycle_s=CYCLE_S, recoveries_per_hour=0.0, faults=faults
    )


def _cycles(began_at: datetime, seconds: float, qcdb: QcdbClient) -> Iterator[Planned]:
    settings = run_settings(began_at, seconds)
    for simulated in simulate_run(settings, SEED):
        cycle = to_cycle(settings, simulated)
        due_s = (cycle.ended_at - began_at).total_seconds()
        yield Planned(due_s, "its", f"{cycle.run}/{cycle.number}", partial(publish_cycle, qcdb, cycle))


def _pieces(began_at: datetime, seconds: float, spool: Path, inbox: Path) -> Iterator[Planned]:
    wrong = tuple(
        Wrong(Setting(_COLLIMATORS[number % len(_COLLIMATORS)], Quantity.GAP, 2.0), begin)
        for number, begin in enumerate(np.arange(2 * FAULT_S, seconds, 2 * FAULT_S).tolist())
    )
    fill = FillPlan(
        fill=10_900,
        begins_at=began_at,
        phases=(Phase("STABLE", seconds, State.COLLISIONS, TOP_GEV, TOP_GEV, 0.3, collides=True),),
        wrong=wrong,
        machine_seed=2018,
    )
    for piece in simulate_fill(fill, SEED, PIECE_S):
        ends_s = float(piece.stream.time_unix_s[-1]) + 1 - began_at.timestamp()
        yield _moved("collimation", write_piece(_made(spool), piece), inbox, ends_s)


def _shots(began_at: datetime, seconds: float, spool: Path, settings: Settings) -> Iterator[Planned]:
    every = int(FAULT_S / SHOT_S)
    count = int(seconds / SHOT_S)
    episodes = tuple(
        Episode(_ANOMALIES[number % len(_ANOMALIES)], first, first + 2)
        for number, first in enumerate(range(2 * every, count - 1, every))
    )
    plan = ShiftSettings(run=1900, began_at=began_at, shots=count, period_s=SHOT_S, episodes=episodes)
    for event in simulate_shift(plan, SEED):
        path = publish_event(event, _made(spool), settings.schlieren)
        yield _moved("schlieren", path, settings.schlieren_inbox, (event.at - began_at).total_seconds() + 3.0)


def _boards(began_at: datetime, seconds: float, spool: Path, inbox: Path) -> Iterator[Planned]:
    rng = np.random.default_rng(SEED)
    for number, due_s in enumerate(np.arange(BOARD_S / 2, seconds, BOARD_S).tolist()):
        defects = (GROSS_DEFECTS[number % len(GROSS_DEFECTS)],) if number % 2 else ()
        board = delivery(50_000 + number, defects, rng)
        taken = datetime.fromtimestamp(began_at.timestamp() + due_s, began_at.tzinfo)
        yield _moved("flex", board.write(_made(spool), taken), inbox, due_s)


def _moved(system: str, path: Path, inbox: Path, due_s: float) -> Planned:
    return Planned(due_s, system, path.name, partial(os.replace, path, inbox / path.name))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
