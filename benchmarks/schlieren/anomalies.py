"""What is wrong with a shot: recall and right names for each cause, in runs, and for kinds that no training knows."""

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.detector import SchlierenDetector
from accelerator.schlieren.monitor import RunMonitor
from accelerator.schlieren.simulate.anomalies import draw_anomaly
from accelerator.schlieren.simulate.apparatus import Mask
from accelerator.schlieren.simulate.publishing import readings
from accelerator.schlieren.simulate.shift import Episode, Event, ShiftSettings, simulate_shift
from benchmarks.schlieren.figures import Row, interval
from benchmarks.schlieren.report import number, percent, plain_table
from benchmarks.schlieren.scenes import Plan, observed, settings_for
from benchmarks.schlieren.unseen import KINDS, draw_unseen
from core.observation import Observation
from core.verdict import Verdict

BEFORE, SPOILT = 12, 4
"""Nominal shots of a run, and those after them in which something is wrong."""
FALSE = 0.01
_NOMINAL = "nominal"


@dataclass(frozen=True, slots=True)
class Said:
    """A shot of a kind (`nominal`, a cause, or one that no training knows), and what was said of it."""

    kind: str
    mask: str
    seed: int
    quality: str
    cause: str | None
    score: float
    reason: str | None


def measured(plan: Plan, only: str, say: Callable[[str], None]) -> Row:
    """Return all figures."""
    detectors = {mask: SchlierenDetector.load(settings_for(mask)) for mask in Mask}
    said: list[Said] = []
    with tempfile.TemporaryDirectory(prefix="shiftwatch-bench-") as folder:
        for cause in (one for one in Cause if only in one.value):
            for number_, mask in ((n, mask) for n in range(plan.streams) for mask in Mask):
                said += _run(plan.seed + number_, cause, mask, detectors[mask], Path(folder))
            say(f"{cause}: {len(said)} shots")
        for kind in (one for one in KINDS if only in one):
            said += _unseen(plan, kind, detectors, Path(folder))
            say(f"{kind}: {len(said)} shots")
    return figures(said)


def _run(seed: int, cause: Cause, mask: Mask, detector: SchlierenDetector, folder: Path) -> list[Said]:
    """Some nominal shots, then the anomaly, by a detector that remembers the run."""
    rng = np.random.default_rng([seed, list(Cause).index(cause), list(Mask).index(mask)])
    episode = Episode(draw_anomaly(rng, cause), BEFORE, BEFORE + SPOILT)
    shift = ShiftSettings(run=1, shots=BEFORE + SPOILT, mask=mask, episodes=(episode,))
    monitor = RunMonitor(detector)
    found = []
    for event in simulate_shift(shift, seed * 100 + list(Cause).index(cause)):
        verdict = monitor.judge(_observation(event, mask, folder))
        found.append(_said(cause.value if event.number > BEFORE else _NOMINAL, mask, seed, verdict))
    return found


def _observation(event: Event, mask: Mask, folder: Path) -> Observation:
    shot = event.shot
    return observed(
        shot.frame, readings(shot.measured), shot.measured.camera_delay_s, mask, folder, event.number, event.at
    )


def _unseen(plan: Plan, kind: str, detectors: Mapping[Mask, SchlierenDetector], folder: Path) -> list[Said]:
    found = []
    for number_ in range(plan.unseen):
        mask = list(Mask)[number_ % 2]
        rng = np.random.default_rng([plan.seed + number_, list(KINDS).index(kind), 0x0DD])
        shot = draw_unseen(rng, kind, mask)
        seen = observed(shot.frame, readings(shot.measured), shot.measured.camera_delay_s, mask, folder)
        found.append(_said(kind, mask, plan.seed + number_, detectors[mask].judge(seen)))
    return found


def _said(kind: str, mask: Mask, seed: int, verdict: Verdict) -> Said:
    """Where nothing was scored because the shot is plainly bad, the score is infinite."""
    quality = verdict.quality.value
    score = verdict.score if verdict.score is not None else math.inf if quality in {"BAD", "NULL"} else -math.inf
    if quality == "BAD" and verdict.threshold is not None and score < verdict.threshold:
        score = math.inf  # told by instruments
    cause = verdict.cause.name if verdict.cause else None
    return Said(kind, mask.value, seed, quality, cause, score, verdict.reason)


def figures(said: Sequence[Said]) -> Row:
    """Return recall at the thresholds that ship and at an oracle's 1 % of false alarms, and what is named rightly."""
    good = [one for one in said if one.kind == _NOMINAL]
    level = float(np.sort([one.score for one in good])[min(math.ceil((1 - FALSE) * len(good)), len(good) - 1)])
    kinds = dict.fromkeys(one.kind for one in said if one.kind != _NOMINAL)
    rows = [_of_kind(kind, [one for one in said if one.kind == kind], level) for kind in kinds]
    named, unseen = ([row for row in rows if (row["kind"] in KINDS) is is_unseen] for is_unseen in (False, True))
    return {
        "nominal_shots": len(good),
        "nominal_bad": float(np.mean([one.quality == "BAD" for one in good])),
        "nominal_medium": float(np.mean([one.quality == "MEDIUM" for one in good])),
        "nominal_bad_90": interval(sum(one.quality == "BAD" for one in good), len(good)),
        "level": level,
        "recall_named": _mean(named, "bad"),
        "recall_named_at_1_percent": _mean(named, "at 1 % false"),
        "recall_unseen": _mean(unseen, "bad"),
        "recall_unseen_at_1_percent": _mean(unseen, "at 1 % false"),
        "rows": rows,
        "missed": [_line(one) for one in said if one.kind != _NOMINAL and one.quality in {"GOOD", "MEDIUM"}][:60],
        "false": [_line(one) for one in good if one.quality == "BAD"][:40],
    }


def _of_kind(kind: str, found: Sequence[Said], level: float) -> dict[str, Any]:
    bad = [one for one in found if one.quality == "BAD"]
    return {
        "kind": kind,
        "shots": len(found),
        "bad": len(bad) / len(found),
        "at 1 % false": float(np.mean([one.score > level or one.score == math.inf for one in found])),
        "bad or medium": float(np.mean([one.quality != "GOOD" for one in found])),
        "right name (of bad)": float(np.mean([one.cause == kind for one in bad])) if bad else float("nan"),
        "called unknown": float(np.mean([one.cause == "unknown" for one in bad])) if bad else float("nan"),
    }


def _mean(rows: Sequence[Mapping[str, Any]], key: str) -> float:
    return float(np.mean([row[key] for row in rows])) if rows else float("nan")


def _line(one: Said) -> str:
    return f"{one.kind}, {one.mask}, seed {one.seed}: {one.quality} {one.cause} {one.score:.3g} {one.reason or ''}"[
        :160
    ]


def text(found: Row) -> str:
    """Return what is found as Markdown."""
    keys = ("recall_named", "recall_named_at_1_percent", "recall_unseen", "recall_unseen_at_1_percent")
    bad, medium = percent(found["nominal_bad"]), percent(found["nominal_medium"])
    lines = [
        f"- {found['nominal_shots']} nominal shots: BAD {bad}, MEDIUM {medium}",
        *(f"- {key.replace('_', ' ')}: {number(found[key])}" for key in keys),
    ]
    return "\n".join(lines) + "\n\n" + plain_table(found["rows"])
