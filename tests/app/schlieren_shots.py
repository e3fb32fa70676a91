"""A simulated run of AWAKE and what a detector that knows the truth would say of it: for tests of pictures and page.

The run goes through the memory of `RunMonitor`, so frozen frames, drifts, incidents and pictures are the real ones.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.channel import PARAMETERS
from accelerator.schlieren.fit_parameters import nominal_sigma
from accelerator.schlieren.incidents import incidents
from accelerator.schlieren.monitor import RunMonitor
from accelerator.schlieren.result import (
    EVIDENCE,
    MEDIA_TYPE,
    NOMINAL,
    UNKNOWN,
    Bench,
    BestFit,
    Check,
    Parameter,
    ShotResult,
    withheld,
)
from accelerator.schlieren.simulate.anomalies import Anomaly
from accelerator.schlieren.simulate.shift import Episode, Event, ShiftSettings, simulate_shift
from accelerator.schlieren.system import SCHLIEREN
from core.contracts import Arrival, Settled
from core.observation import Observation
from core.store import Store
from core.verdict import Cause as Named
from core.verdict import Evidence, Model, Quality, Verdict, unreadable

SYSTEM, CAMERA, RUN = "schlieren", "BOVWA.11TCC4.AWAKECAM11", 1000
FLOORS = (0.4, 1.1, 0.011, 1.6, 0.25)
PERIOD = timedelta(seconds=30)
GOOD = 24
USUAL = {"knife_um": 0.0, "knife_width_um": 15.0, "defocus_mm": 0.0, "probe_y_mm": 0.0, "electrons": 1500.0}


def good() -> tuple[Episode, ...]:
    """Nothing wrong."""
    return ()


def no_ionisation() -> tuple[Episode, ...]:
    """The laser is absent in the last three shots."""
    return (Episode(Anomaly(Cause.NO_IONISATION, 0.003), GOOD - 3, GOOD),)


def drift() -> tuple[Episode, ...]:
    """The density grows by 0.3 % from shot to shot in the last fourteen."""
    return tuple(
        Episode(Anomaly(Cause.DENSITY_DRIFT, 0.003 * (n + 1)), GOOD - 14 + n, GOOD - 13 + n) for n in range(14)
    )


def frozen() -> tuple[Episode, ...]:
    """The camera hangs in the last two shots."""
    return (Episode(Anomaly(Cause.FROZEN, 0.0), GOOD - 2, GOOD),)


class Oracle:
    """Judges shots by their truth, with errors of a fifth more than the floor."""

    def __init__(self, events: dict[str, Event]) -> None:
        self._events = events

    def judge(self, observation: Observation) -> Verdict:
        """Return what the detector would say at best."""
        event = self._events[observation.key]
        truth, told = event.shot.truth, observation.conditions
        cause = truth.anomaly.cause if truth.anomaly else None
        spoilt = cause is not None and cause not in {Cause.DENSITY_DRIFT, Cause.FROZEN}
        rng = np.random.default_rng(event.number)
        values = zip(PARAMETERS.items(), truth.scene.channel.values(), FLOORS, strict=True)
        parameters = tuple(
            Parameter(name, unit, value + 1.2 * floor * rng.standard_normal(), 1.2 * floor, floor)
            for (name, unit), value, floor in values
        )
        fit = BestFit.of(replace(truth.scene, apparatus=truth.scene.apparatus))
        sigma = nominal_sigma()
        bench = tuple(
            Bench(name, getattr(fit.apparatus, name), 0.3, usual, sigma[name]) for name, usual in USUAL.items()
        )
        result = ShotResult(
            observed_at=observation.observed_at.isoformat(),
            parameters=withheld("there is no channel to measure") if spoilt else parameters,
            run=event.run,
            event=event.number,
            camera=CAMERA,
            causes={str(cause): 0.97, UNKNOWN: 0.03} if spoilt else {NOMINAL: 1.0},
            density_cm3=float(str(told["density_cm3"])),
            detuning_ghz=float(str(told["detuning_ghz"])),
            mask="knife",
            laser_energy_mj=event.shot.measured.laser_energy_mj,
            checks=(Check("misfit of the picture", 1.04, 2.2), Check("strangeness of the bench", 0.8, 4.0)),
            bench=bench,
            best_fit=fit,
        )
        kept = {EVIDENCE: Evidence(json.dumps(result.to_json()).encode(), MEDIA_TYPE)}
        return Verdict(
            Quality.BAD if spoilt else Quality.GOOD,
            cause=Named(str(cause), 0.97) if spoilt else None,
            measurements=result.measurements,
            model=Model(SYSTEM, "0123456789ab"),
            evidence=kept,
        )


def settle(episodes: Sequence[Episode], until: datetime, shots: int = GOOD) -> list[Settled]:
    """Return a run as the watch would settle it, its last shot at ``until``."""
    began = until - PERIOD * (shots - 1)
    settings = ShiftSettings(RUN, began, shots, PERIOD.total_seconds(), episodes=tuple(episodes))
    events = list(simulate_shift(settings, 3))
    seen = {_key(event): event for event in events}
    monitor = RunMonitor(Oracle(seen))
    found = []
    for event in events:
        observation = observe(event)
        verdict = monitor.judge(observation)
        found.append(_settled(observation, verdict))
    return found


def observe(event: Event) -> Observation:
    """Return a shot as the source would read it."""
    measured = event.shot.measured
    names = (
        "density_up_cm3",
        "density_down_cm3",
        "density_set_cm3",
        "detuning_ghz",
        "detuning_set_ghz",
        "laser_energy_mj",
        "camera_delay_s",
    )
    conditions = {name: getattr(measured, name) for name in names} | {
        "run": event.run, "event": event.number, "camera": CAMERA, "mask": "knife", "pixel_um": 31.25, "bits": 12,
        "density_cm3": measured.density_down_cm3, "stale": "", "missing": "", "notes": "", "focal_mm": 250.0,
    }  # fmt: skip
    return Observation(
        SYSTEM,
        CAMERA,
        _key(event),
        event.at,
        f"/events/{_key(event)}.h5",
        f"{event.number:064x}",
        conditions,
        {"image": event.shot.frame.astype(np.uint16)},
        {"image": ("row", "column")},
    )


def _key(event: Event) -> str:
    return f"{event.run}_{event.number}_{event.number:012x}"


def not_judged(reason: str, at: datetime) -> Settled:
    """Return a file that could not be read."""
    origin = f"/events/{int(at.timestamp())}000000000_{RUN}_99.h5"
    seen = Observation(SYSTEM, "unreadable", "cut", at, origin, "a" * 64)
    return Settled(Arrival("cut", origin), seen, unreadable(f"{origin}: {reason}"), at + timedelta(seconds=2), ())


def _settled(observation: Observation, verdict: Verdict) -> Settled:
    at = observation.observed_at + timedelta(seconds=2)
    told = tuple(incidents(observation, verdict))
    return Settled(Arrival(observation.key, observation.origin), observation, verdict, at, told)


def fill(shelf: Store, settled: Sequence[Settled]) -> None:
    """Store shots as the watch does."""
    shelf.record(SYSTEM, "inbox", list(settled), SCHLIEREN.rule)
    shelf.heartbeat(SYSTEM, "watch", datetime.now(UTC), ok=True)


def home(folder: Path, settled: Sequence[Settled]) -> Path:
    """Fill the store of a home folder, for a dashboard in a browser."""
    with Store.open(f"sqlite:///{folder / 'shiftwatch.db'}", folder / "artefacts") as store:
        store.upgrade()
        if settled:
            store.record(SYSTEM, "inbox", list(settled), SCHLIEREN.rule)
            store.heartbeat(SYSTEM, "watch", datetime.now(UTC) + timedelta(minutes=5), ok=True)
    return folder
