"""A store of two weeks of four systems: measured numbers, and of the last day incidents and alarms.

The last fill's margin shrinks while beam background rises in the ITS, if asked for; everything else is independent but
follows the fills. The numbers are drawn, not measured by the detectors: what is tried is what comes after them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import func, insert, select

from benchmarks.across.machine import HOUR, Weeks, wandering, weeks
from core.coincidence.history import STEP_S, Floats
from core.contracts import AlarmRule, Arrival, Circumstance, Incident, Settled
from core.observation import Condition, Observation
from core.store import Store, rows
from core.store.engine import WRITE
from core.store.models import ObservationRow, VerdictRow
from core.verdict import Cause as Named
from core.verdict import Measurement, Model, Quality, Verdict
from dqm.its.causes import Cause

DAYS = 14
BATCH = 200
STEPPED = timedelta(hours=20)
"""Before that no alarms are stepped, which would take most of the time."""
CALL_BACKGROUND, CALL_MARGIN = 0.002, 1.3
MODEL = Model("simulated", "1")


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """What the systems measure in each step of the weeks, and when boards and boxes of the cavern misbehave."""

    machine: Weeks
    margin: Floats
    background: Floats
    radius: Floats
    dead: "np.typing.NDArray[np.bool_]"
    shots: "np.typing.NDArray[np.bool_]"


def story(
    rng: np.random.Generator, days: float = DAYS, *, connected: bool = True, lost: float = 0.7, share: float = 0.006
) -> Story:
    """Return two weeks; if ``connected``, over the last three hours the margin shrinks and background follows.

    ``lost`` of the margin in sigma, ``share`` of the clusters of a side by which background rises.
    """
    steps = int(days * 24 * HOUR)
    machine = weeks(rng, steps, last_h=6.5)
    ramp = np.zeros(steps)
    if connected:
        ramp[-3 * HOUR :] = np.linspace(0, 1, 3 * HOUR)
    late = np.concatenate([np.zeros(2), ramp[:-2]])
    learnt = machine.steady & (np.nan_to_num(machine.since_h) > 1)
    margin = np.where(learnt, 1.8 + 0.04 * wandering(rng, steps, 0.85) - lost * ramp, np.nan)
    usual = 2e-4 * np.exp(0.4 * wandering(rng, steps, 0.95)) + 8e-5 * rng.normal(size=steps)
    background = np.where(machine.steady, usual + share * late**1.5, np.nan)
    radius = 1000 + 12 * wandering(rng, steps, 0.9)
    hour = np.arange(steps) / HOUR % 24
    dead = np.zeros(steps, bool)
    for at in rng.choice(steps - 4 * HOUR, 12, replace=False):
        dead[at : at + int(rng.integers(4, 20))] = True
    return Story(machine, margin, background, radius, dead, (hour > 7) & (hour < 21))


def fill(store: Store, until: datetime, seed: int = 31, days: float = DAYS, *, connected: bool = True) -> Story:
    """Record the story up to an instant."""
    rng = np.random.default_rng(seed)
    told = story(rng, days, connected=connected)
    steps = len(told.margin)
    begins = until - timedelta(seconds=steps * STEP_S)
    rules = {name: AlarmRule(clear_count=3) for name in ("collimation", "its", "schlieren", "flex")}
    makers = {"collimation": _piece, "its": _cycle, "schlieren": _shot, "flex": _board}
    for system, make in makers.items():
        arrived = [
            one
            for number in range(steps)
            if (one := make(told, number, begins + timedelta(seconds=(number + 0.9) * STEP_S), rng)) is not None
        ]
        lately = [one for one in arrived if one.processed_at >= until - STEPPED]
        _insert(store, system, arrived[: len(arrived) - len(lately)])
        for begin in range(0, len(lately), BATCH):
            store.record(system, "simulated", lately[begin : begin + BATCH], rules[system])
        store.heartbeat(system, "watch", until, ok=True)
    store.tick(until, rules)
    return told


def make_home(home: Path, until: datetime, *, days: float = DAYS, connected: bool = True) -> None:
    """Make a store in a folder, as the dashboard looks for it."""
    home.mkdir(parents=True, exist_ok=True)
    with Store.open(f"sqlite:///{home / 'shiftwatch.db'}", home / "artefacts") as store:
        store.upgrade()
        fill(store, until, days=days, connected=connected)


def _insert(store: Store, system: str, arrived: Sequence[Settled]) -> None:
    """Insert observations and verdicts as they are, without alarms."""
    with store.database.engine.execution_options(**WRITE).begin() as connection:
        first = 1 + (connection.scalar(select(func.max(ObservationRow.id))) or 0)
        seen, said = [], []
        for number, item in enumerate(arrived, start=first):
            assert item.observation is not None
            name = rows.identity(item.observation.element, item.observation.key)
            seen.append({"id": number, **rows.observation_values(system, item, name)})
            said.append(rows.verdict_values(system, item, number, None))
        if seen:
            connection.execute(insert(ObservationRow), seen)
            connection.execute(insert(VerdictRow), said)


def _piece(told: Story, number: int, at: datetime, rng: np.random.Generator) -> Settled:
    machine, margin = told.machine, float(told.margin[number])
    conditions: dict[str, Condition] = {
        "kind": "stream",
        "beam_mode": str(machine.modes[number]),
        "fill": str(machine.fill[number]),
        "energy_gev": float(machine.energy_gev[number]),
        "intensity_b1": float(machine.protons[number]),
        "intensity_b2": float(machine.protons[number] * (0.99 + 0.002 * rng.normal())),
        "state": "collisions" if machine.modes[number] == "STABLE" else None,
    }
    if not machine.steady[number]:
        return _settled("collimation", "LHC", at, conditions, Quality.GOOD, {}, ())
    known = {} if np.isnan(margin) else {"smallest margin": Measurement(margin, 0.04, "sigma")}
    bad = margin < CALL_MARGIN
    found = _incident(
        "beam 1", "tcp.c6l7.b1", at, "margin shrinking", f"TCP.C6L7.B1: {1.8 - margin:.2f} sigma of its margin are lost"
    )
    return _settled("collimation", "LHC", at, conditions, _quality(bad), known, (found,) if bad else ())


def _cycle(told: Story, number: int, at: datetime, _rng: np.random.Generator) -> Settled:
    machine, share = told.machine, float(told.background[number])
    beams = "pp" if machine.steady[number] else "cosmics"
    conditions: dict[str, Condition] = {
        "run": 560_000 + int(machine.fill[number]) - 10_000, "fill": int(machine.fill[number]), "beam_type": beams,
        "cycle": number, "cycle_s": 60.0,
    }  # fmt: skip
    known = {}
    if machine.steady[number]:
        light = float(machine.luminosity[number])
        known = {
            "interactions per frame": Measurement(light, None, ""),
            "background added": Measurement(share, 8e-5, "of the clusters of a side"),
        }
    found = []
    if machine.steady[number] and share > CALL_BACKGROUND:
        what = f"beam background from side A: {100 * share:.1f} % of the clusters of a side"
        found.append(_incident("background", "inner barrel A", at, Cause.BEAM_BACKGROUND_A.value, what))
    if told.dead[number]:
        found.append(_incident("place", "L4_12/lane 7", at, Cause.DEAD_LANE.value, "dead lane at L4_12/lane 7"))
    return _settled("its", "ITS", at, conditions, _quality(bool(found)), known, tuple(found), key=f"k{number}")


def _shot(told: Story, number: int, at: datetime, rng: np.random.Generator) -> Settled | None:
    if not told.shots[number]:
        return None
    lost = rng.random() < 0.002
    known = {} if lost else {"core_radius_um": Measurement(float(told.radius[number]), 8.0, "um")}
    camera = "BOVWA.11TCC4.CAM11"
    found = _incident("no_ionisation", camera, at, "no_ionisation", "no ionisation")
    conditions: dict[str, Condition] = {"run": 1001, "event": number, "density_cm3": 7e14}
    return _settled("schlieren", camera, at, conditions, _quality(lost), known, (found,) if lost else ())


def _board(told: Story, number: int, at: datetime, rng: np.random.Generator) -> Settled | None:
    if not told.shots[number] or rng.random() > 0.3:
        return None
    serial = f"20UPGPQ{2_600_000 + number:07d}"
    quality = _quality(bool(rng.random() < 0.01))
    return _settled("flex", serial, at, {"serial": serial}, quality, {}, None)


def _quality(bad: bool) -> Quality:
    return Quality.BAD if bad else Quality.GOOD


def _incident(kind: str, element: str, at: datetime, cause: str, message: str) -> Incident:
    return Incident(kind, frozenset({element}), element, Quality.BAD, at, cause, message)


def _settled(
    system: str,
    element: str,
    at: datetime,
    conditions: dict[str, Condition],
    quality: Quality,
    measured: dict[str, Measurement],
    incidents: tuple[Incident, ...] | None,
    key: str | None = None,
) -> Settled:
    seen = Observation(system, element, key or f"{at:%Y%m%d%H%M%S}", at, "simulated", "00" * 32, conditions)
    cause = Named(str(incidents[0].cause), 0.95) if incidents else None
    verdict = Verdict(quality, 1.0, 2.0, 0.5, cause=cause, measurements=measured, model=MODEL)
    holds: tuple[Circumstance, ...] | None = () if incidents is not None else None
    return Settled(Arrival(f"{element} {at:%Y%m%d%H%M%S}", "simulated"), seen, verdict, at, incidents, holds)
