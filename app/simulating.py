"""``shiftwatch simulate``: files as a detector or scanner would deliver them, and beside them what is true."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from app.scanner import draw_boards
from app.scoring import TRUTH_FILE
from core.errors import SettingsError

CYCLE_S = 60.0
PROTONS = 1_000_000
"""Lost in a simulated loss map."""


def simulate(system: str, out: Path, *, count: int, defects: int, seed: int) -> Iterator[Path]:
    """Write ``count`` files into ``out``, with so many defects (on each board, during the run, in each loss map).

    Of a run of AWAKE's plasma they are shots that are spoilt.

    Raises
    ------
    SettingsError
        There is no simulation of this system.
    """
    if system == "its":
        return cycles(out, count=count, faults=defects, seed=seed)
    if system == "collimation":
        return maps(out, count=count, faults=defects, seed=seed)
    if system == "schlieren":
        return shots(out, count=count, spoilt=defects, seed=seed)
    return draw_boards(system, out, count=count, defects=defects, seed=seed)


def cycles(out: Path, *, count: int, faults: int, seed: int) -> Iterator[Path]:
    """Write the first cycles of one simulated run of the ITS, and ``truth.json`` with the faults in each file."""
    from dqm.its.causes import Cause
    from dqm.its.cycle_files import write_npz
    from dqm.its.simulate.faults import draw_fault
    from dqm.its.simulate.publishing import to_cycle
    from dqm.its.simulate.run import simulate_run
    from dqm.its.simulate.settings import RunSettings

    rng = np.random.default_rng([seed, 0x175])
    duration_s, causes = (count + 1) * CYCLE_S, tuple(Cause)
    drawn = tuple(
        draw_fault(rng, causes[int(rng.integers(len(causes)))], float(rng.uniform(0, 0.7 * duration_s)), duration_s)
        for _ in range(faults)
    )
    settings = RunSettings(run=600_000 + seed % 100_000, duration_s=duration_s, cycle_s=CYCLE_S, faults=drawn)
    truth: dict[str, list[dict[str, Any]]] = {}
    _make(out)
    for simulated in islice(simulate_run(settings, seed), count):
        path = out / f"{settings.run}_{simulated.number:04d}.npz"
        write_npz(path, to_cycle(settings, simulated))
        truth[path.name] = [asdict(fault) for fault in simulated.truth.faults]
        yield path
    (out / TRUTH_FILE).write_text(json.dumps(truth, indent=1), encoding="utf-8")


def maps(out: Path, *, count: int, faults: int, seed: int) -> Iterator[Path]:
    """Write loss maps of both beams and planes with the settings of collisions, and ``truth.json`` with the errors."""
    from accelerator.collimation.simulate.emulator import Emulator
    from accelerator.collimation.simulate.hypotheses import drawn
    from accelerator.collimation.states import State
    from app.lossmaps import Recipe, write

    rng, emulator = np.random.default_rng([seed, 0x1055]), Emulator.load()
    began_at = datetime.now(UTC) - timedelta(minutes=count)
    truth: dict[str, list[dict[str, Any]]] = {}
    _make(out)
    for number in range(count):
        beam, plane = ((1, "H"), (1, "V"), (2, "H"), (2, "V"))[number % 4]
        errors = tuple(drawn(beam, State.COLLISIONS, rng)[0] for _ in range(faults))
        path = out / f"lossmap_{number:04d}_B{beam}{plane}.json"
        at = began_at + timedelta(minutes=number)
        write(path, Recipe(beam, plane, State.COLLISIONS, PROTONS, errors), emulator, at, int(rng.integers(2**31)))
        truth[path.name] = [asdict(one) for one in errors]
        yield path
    (out / TRUTH_FILE).write_text(json.dumps(truth, indent=1), encoding="utf-8")


def shots(out: Path, *, count: int, spoilt: int, seed: int) -> Iterator[Path]:
    """Write the event files of a run of AWAKE's plasma, and ``truth.json`` with channel and anomaly of each.

    So many shots, none of the first, have one named anomaly each.
    """
    from accelerator.schlieren.causes import Cause
    from accelerator.schlieren.simulate.anomalies import draw_anomaly
    from accelerator.schlieren.simulate.publishing import publish
    from accelerator.schlieren.simulate.shift import PERIOD_S, Episode, ShiftSettings, simulate_shift
    from core.settings import load_settings

    rng, causes = np.random.default_rng([seed, 0x5C41]), tuple(Cause)
    chosen = 1 + rng.permutation(max(count - 1, 0))[:spoilt]
    episodes = tuple(
        Episode(draw_anomaly(rng, causes[int(rng.integers(len(causes)))]), int(at), int(at) + 1) for at in chosen
    )
    began_at = datetime.now(UTC) - timedelta(seconds=(count + 1) * PERIOD_S)
    plan = ShiftSettings(run=1000 + seed % 100_000, began_at=began_at, shots=count, episodes=episodes)
    truth: dict[str, dict[str, Any]] = {}
    _make(out)
    for event in simulate_shift(plan, seed):
        path = publish(event, out, load_settings().schlieren)
        said = event.shot.truth
        anomaly = None if said.anomaly is None else {**asdict(said.anomaly)}
        truth[path.name] = {"channel": asdict(said.scene.channel) if said.visible else None, "anomaly": anomaly}
        yield path
    (out / TRUTH_FILE).write_text(json.dumps(truth, indent=1), encoding="utf-8")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"--out {folder}: cannot be made ({error.strerror})") from None
