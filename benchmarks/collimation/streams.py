"""Fills at 1 Hz: false warnings, a primary that drifts, a secondary that jumps, and how long an hour takes."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np

from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.geometry import IP_M
from accelerator.collimation.monitors import Monitor as Chamber
from accelerator.collimation.monitors import monitors
from accelerator.collimation.observing import stream_observation
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.simulate.fill import FillPlan, Wrong, phases
from accelerator.collimation.simulate.stream import PIECE_S, Piece, simulate_fill
from accelerator.collimation.stream import Stream, tidied
from benchmarks.collimation import ours
from benchmarks.collimation.figures import Row
from benchmarks.collimation.scenes import HELD_OUT, Plan
from core.observation import Observation
from core.verdict import Verdict

MODEL_ERROR = 0.5
"""Scale of the difference between each simulated machine and the emulator, and so the model."""
EVERY = 12
"""Of chambers that are neither at collimators nor near IR7 one in so many is simulated: nothing that is judged in
collisions looks at them (`watching.of_halo`), and a fill of 12 hours takes minutes less."""
NEAR_IR7_M = 700.0
DRIFT_PER_H, MARGIN_SIGMA = 0.1, 1.5
DRIFT_BEGINS_S = 1800.0
DRIFTERS = ("tcp.c6l7.b1", "tcp.d6l7.b1", "tcp.c6r7.b2", "tcp.d6r7.b2")
JUMPERS = ("tcspm.b4l7.b1", "tcsg.d4l7.b1", "tcspm.b4r7.b2", "tcsg.d4r7.b2", "tcspm.6r7.b1", "tcspm.6l7.b2")
JUMP_SIGMA = -2.0
LONGEST_DELAY_S = 40
APART = 3
"""Warnings with fewer good pieces between them are one."""


class Said(NamedTuple):
    """What is said of a piece: at which second of the fill it ends, quality, first setting named, since when."""

    ends_s: float
    quality: str
    element: str | None
    reason: str | None
    since_s: float | None = None


def as_observation(stream: Stream, name: str) -> Observation:
    """Return a piece as the reader of Parquet gives it."""
    tidy, told = tidied(stream, name)
    return stream_observation(tidy, told, name, sha256(name.encode()).hexdigest())


@contextmanager
def fewer_chambers() -> Iterator[None]:
    """Simulate all chambers at collimators and around IR7, and some of the others."""
    kept = [
        one
        for number, one in enumerate(monitors(ionisation=True))
        if one.kind == "coll" or abs(one.s_m - IP_M[7]) < NEAR_IR7_M or number % EVERY == 0
    ]

    def chosen(*, ionisation: bool = False) -> tuple[Chamber, ...]:
        return tuple(kept) if ionisation else monitors()

    with (
        patch("accelerator.collimation.simulate.blm.monitors", chosen),
        patch("accelerator.collimation.simulate.disturbances.monitors", chosen),
    ):
        yield


def judge_fill(
    plan: FillPlan, seed: int, home: Path, until: Callable[[Said], bool] = lambda _: False
) -> tuple[list[Said], float]:
    """Judge a fill piece by piece until something is said; return what was said and CPU seconds of judging."""
    detector, said, spent = ours.load(home), list[Said](), 0.0
    begin_s = plan.begins_at.timestamp()
    with ours.without_pictures(), fewer_chambers():
        for number, piece in enumerate(simulate_fill(plan, seed)):
            made = as_observation(piece.stream, f"fill{seed}-{number}")
            began = time.process_time()
            verdict = detector.judge(made)
            spent += time.process_time() - began
            said.append(_said(verdict, float(piece.stream.time_unix_s[-1]) - begin_s, begin_s))
            if until(said[-1]):
                break
    return said, spent


def _said(verdict: Verdict, ends_s: float, begin_s: float) -> Said:
    where = verdict.regions[0].where if verdict.regions else {}
    since = where.get("since")
    since_s = datetime.fromisoformat(str(since)).timestamp() - begin_s if since else None
    return Said(ends_s, verdict.quality.value, str(where["element"]) if where else None, verdict.reason, since_s)


def warnings(said: list[Said], qualities: tuple[str, ...] = ("MEDIUM", "BAD")) -> list[Said]:
    """Return the first piece of every warning that names something."""
    found, quiet = list[Said](), APART
    for one in said:
        if one.quality in qualities and one.element is not None:
            if quiet >= APART:
                found.append(one)
            quiet = 0
        else:
            quiet += 1
    return found


def nominal_fills(plan: Plan, home: Path, say: Callable[[str], None]) -> Row:
    """Return the false warnings of nominal fills."""
    fills = []
    for number in range(plan.fills):
        whole = FillPlan(
            phases=phases(plan.fill_h), machine_seed=HELD_OUT + number, model_error=MODEL_ERROR, fill=20_000 + number
        )
        said, spent = judge_fill(whole, HELD_OUT + 100 + number, home / f"n{number}")
        false = warnings(said)
        fills.append({
            "hours": plan.fill_h, "warnings": len(false), "bad": len(warnings(said, ("BAD",))),
            "first": [[one.ends_s, one.quality, one.element, one.reason] for one in false[:5]],
            "pieces_warning": sum(one.quality in {"MEDIUM", "BAD"} and one.element is not None for one in said),
            "pieces_cannot_tell": sum(one.quality == "MEDIUM" and one.element is None for one in said),
            "pieces_null": sum(one.quality == "NULL" for one in said), "pieces": len(said), "cpu_s": spent,
        })  # fmt: skip
        say(f"nominal fill {number}: {len(false)} false warnings, {false[:1]}")
    total_h = sum(one["hours"] for one in fills)
    return {
        "fills": fills,
        "warnings_per_10_fills_of_12_h": 120 * sum(one["warnings"] for one in fills) / total_h if total_h else None,
        "bad_per_10_fills_of_12_h": 120 * sum(one["bad"] for one in fills) / total_h if total_h else None,
    }


def drifts(plan: Plan, home: Path, say: Callable[[str], None]) -> list[Row]:
    """Return when a primary that drifts by 0.1 sigma per hour from half an hour on is warned about."""
    found = []
    for number in range(plan.drifts):
        element = DRIFTERS[number % len(DRIFTERS)]
        drift = Wrong(Setting(element, Quantity.GAP, MARGIN_SIGMA), DRIFT_BEGINS_S, DRIFT_PER_H)
        fill = FillPlan(
            phases=phases(max(plan.fill_h, 6.0), whole=False),
            wrong=(drift,), machine_seed=HELD_OUT + 30 + number, model_error=MODEL_ERROR, fill=21_000 + number,
        )  # fmt: skip
        said, _ = judge_fill(
            fill, HELD_OUT + 200 + number, home / f"d{number}", lambda one, e=element: one.element == e
        )
        told = said[-1] if said[-1].element == element else None
        lost = None if told is None else DRIFT_PER_H * (told.ends_s - DRIFT_BEGINS_S) / 3600
        found.append({
            "element": element, "warned_after_h": None if told is None else (told.ends_s - DRIFT_BEGINS_S) / 3600,
            "before_gone_h": None if lost is None else (MARGIN_SIGMA - lost) / DRIFT_PER_H,
            "lost_sigma": lost, "quality": told and told.quality, "says": told and told.reason,
            "others_before": [[one.ends_s, one.element] for one in warnings(said) if one.element != element],
        })  # fmt: skip
        say(f"drift of {element}: {found[-1]}")
    return found


def sudden(plan: Plan, home: Path, say: Callable[[str], None]) -> list[Row]:
    """Return after how many seconds of data a secondary that jumps inside the primary is BAD.

    A piece ends so many seconds after the jump: the smallest number with which it is BAD, each judged from the memory
    that the pieces before left on disk. What delivery and the length of pieces add in operation is not in it.
    """
    found = []
    for number in range(plan.sudden):
        element = JUMPERS[number % len(JUMPERS)]
        jump_s = 900 + int(np.random.default_rng(HELD_OUT + 300 + number).integers(10, 50))
        fill = FillPlan(
            phases=phases(0.3, whole=False), wrong=(Wrong(Setting(element, Quantity.GAP, JUMP_SIGMA), jump_s),),
            machine_seed=HELD_OUT + 60 + number, model_error=MODEL_ERROR, fill=22_000 + number,
        )  # fmt: skip
        with ours.without_pictures(), fewer_chambers():
            pieces = list(simulate_fill(fill, HELD_OUT + 300 + number))
        told = _jump(pieces, jump_s, home / f"s{number}")
        found.append({"element": element, "plane_shares": "as drawn", **told})
        say(f"jump of {element}: {told}")
    return found


def _jump(pieces: list[Piece], jump_s: int, home: Path) -> Row:
    before = [piece for number, piece in enumerate(pieces) if (number + 1) * PIECE_S <= jump_s - PIECE_S]
    with ours.without_pictures():
        detector = ours.load(home)
        for number, piece in enumerate(before):
            detector.judge(as_observation(piece.stream, f"{home}-{number}"))
        rest = _joined(pieces[len(before) :])
        offset = jump_s - len(before) * PIECE_S
        for delay in range(1, LONGEST_DELAY_S + 1):
            copy = home.with_name(f"{home.name}-{delay}")
            shutil.copytree(home, copy)
            first = max(0, offset + delay - PIECE_S)
            cut = _cut(rest, first, offset + delay)
            verdict = ours.load(copy).judge(as_observation(cut, f"{copy}"))
            shutil.rmtree(copy)
            if verdict.quality.value == ours.BAD:
                where = verdict.regions[0].where if verdict.regions else {}
                return {"delay_s": delay, "first": where.get("element"), "cause": verdict.cause and verdict.cause.name}
    return {"delay_s": None, "first": None, "cause": None}


def _joined(pieces: list[Piece]) -> Stream:
    streams = [piece.stream for piece in pieces]
    return replace(
        streams[0],
        time_unix_s=np.concatenate([one.time_unix_s for one in streams]),
        signal_gy_per_s=np.concatenate([one.signal_gy_per_s for one in streams]),
        context={name: np.concatenate([one.context[name] for one in streams]) for name in streams[0].context},
    )


def _cut(stream: Stream, first: int, last: int) -> Stream:
    rows = slice(first, last)
    return replace(
        stream,
        time_unix_s=stream.time_unix_s[rows],
        signal_gy_per_s=stream.signal_gy_per_s[rows],
        context={name: column[rows] for name, column in stream.context.items()},
    )


def hour(home: Path, minutes: int = 60) -> Row:
    """Return the seconds that an hour of all chambers takes on one core, pictures and memory included."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        detector = ours.load(home)
        plan = FillPlan(phases=phases(minutes / 60, whole=False), machine_seed=HELD_OUT, model_error=MODEL_ERROR)
        wall = cpu = 0.0
        seconds = monitors_judged = 0
        for number, piece in enumerate(simulate_fill(plan, HELD_OUT + 400)):
            clock, spent = time.perf_counter(), time.process_time()
            detector.judge(as_observation(piece.stream, f"hour-{number}"))
            wall, cpu = wall + time.perf_counter() - clock, cpu + time.process_time() - spent
            seconds, monitors_judged = seconds + len(piece.stream.time_unix_s), len(piece.stream.monitors)
    finally:
        os.sched_setaffinity(0, allowed)
    scale = 3600 / max(seconds, 1)
    return {"monitors": monitors_judged, "seconds": seconds, "wall_s_per_h": wall * scale, "cpu_s_per_h": cpu * scale}


def measured(plan: Plan, say: Callable[[str], None]) -> Row:
    """Return everything about streams."""
    with tempfile.TemporaryDirectory(prefix="shiftwatch-bench-") as folder:
        home = Path(folder)
        return {
            "hour": hour(home / "hour"),
            "sudden": sudden(plan, home, say),
            "drifts": drifts(plan, home, say),
            "nominal": nominal_fills(plan, home, say),
        }
