"""Figures out of answers: bias, resolution and coverage over the floor, what is refused, and what is badly wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.schlieren.channel import PARAMETERS
from benchmarks.schlieren.methods import Answer
from benchmarks.schlieren.scenes import Case

Floats: TypeAlias = NDArray[np.float64]
Row: TypeAlias = dict[str, Any]
BADLY = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A shot, its floor, and what one method says of it."""

    case: Case
    floor: Mapping[str, float]
    answer: Answer


def figures(found: Sequence[Seen]) -> Row:
    """Return all figures of one method on one ensemble."""
    kept = [one for one in found if one.answer.accepted]
    pulls = {name: np.array([_error(one, name) / one.answer.sigma[name] for one in kept]) for name in PARAMETERS}
    badly = [one for index, one in enumerate(kept) if max(abs(pulls[name][index]) for name in PARAMETERS) > BADLY]
    return {
        "shots": len(found),
        "accepted": len(kept),
        "refused": 1 - len(kept) / max(len(found), 1),
        "refused_90": interval(len(found) - len(kept), len(found)),
        "badly_wrong": len(badly) / max(len(kept), 1),
        "badly_wrong_shots": len(badly),
        "badly_wrong_90": interval(len(badly), len(kept)),
        "ms": float(np.median([one.answer.ms for one in found])) if found else float("nan"),
        "ms_99": float(np.quantile([one.answer.ms for one in found], 0.99)) if found else float("nan"),
        "half_radius": _half_radius(kept),
        "parameters": {name: of_parameter(kept, name, pulls[name]) for name in PARAMETERS},
        "reasons": _counted(one.answer.reason or one.answer.cause or "" for one in found if not one.answer.accepted),
        "worst": [_line(one) for one in sorted(badly, key=lambda one: one.case.seed)[:10]],
    }


def of_parameter(kept: Sequence[Seen], name: str, pulls: Floats) -> Row:
    """Return the figures of one parameter: errors are over the floor of their own shot."""
    errors = np.array([_error(one, name) / one.floor[name] for one in kept])
    own = np.array([one.answer.sigma[name] / one.floor[name] for one in kept])
    if errors.size < 3:
        return dict.fromkeys(("bias", "bias_error", "bias_over_resolution", "rms", "robust", "own", "within_68"))
    low, high = np.quantile(errors, (0.1587, 0.8413))
    robust = float(high - low) / 2
    return {
        "bias": float(errors.mean()),
        "bias_error": float(errors.std() / np.sqrt(errors.size)),
        "bias_over_resolution": float(abs(np.median(errors)) / max(robust, 1e-9)),
        "rms": float(np.sqrt(np.mean(errors**2))),
        "robust": robust,
        "own": float(np.median(own)),
        "within_68": float(np.mean(np.abs(pulls) <= 1)),
        "within_95": float(np.mean(np.abs(pulls) <= 2)),
        "worst_sigma": float(np.abs(pulls).max()),
        "floor": float(np.median([one.floor[name] for one in kept])),
    }


def interval(hits: int, of: int) -> tuple[float, float]:
    """Return the 90 % interval of a share (Clopper and Pearson)."""
    from scipy.stats import beta

    low = float(beta.ppf(0.05, hits, of - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.95, hits + 1, of - hits)) if hits < of else 1.0
    return low, high


def _error(one: Seen, name: str) -> float:
    return float(one.answer.values[name] - getattr(one.case.truth, name))


def _half_radius(kept: Sequence[Seen]) -> Row:
    """Errors in um of the radius at half of the peak, which means the same for every profile."""
    off = [
        one.answer.values["core_radius_um"]
        + one.answer.values["transition_width_um"] * np.sqrt(np.log(2))
        - one.case.half_radius_um
        for one in kept
    ]
    return {"bias_um": float(np.mean(off)), "rms_um": float(np.sqrt(np.mean(np.square(off))))} if off else {}


def _counted(reasons: Any) -> dict[str, int]:
    """Reasons without their numbers, the most frequent first."""
    found: dict[str, int] = {}
    for reason in reasons:
        words = " ".join(word for word in str(reason).split(":", maxsplit=1)[0].split() if not word[:1].isdigit())
        found[words] = found.get(words, 0) + 1
    return dict(sorted(found.items(), key=lambda pair: -pair[1])[:8])


def _line(one: Seen) -> str:
    pulls = {name: _error(one, name) / one.answer.sigma[name] for name in PARAMETERS}
    told = ", ".join(f"{name} {value:+.1f}" for name, value in pulls.items() if abs(value) > BADLY)
    return f"{one.case.ensemble}, seed {one.case.seed}: {told}"
