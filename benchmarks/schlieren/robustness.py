"""One setting at a time, beyond the range that was trained on: what is refused, and how wrong is what is not.

A setting stands at so many half widths of its nominal range from its middle; all others are drawn nominally.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from accelerator.schlieren.channel import PARAMETERS
from accelerator.schlieren.detector import SchlierenDetector
from accelerator.schlieren.simulate.apparatus import NOMINAL, Mask, Range
from accelerator.schlieren.simulate.plan import CHANNELS, DENSITY_ERROR, DETUNING_ERROR, draw_plan
from accelerator.schlieren.simulate.plan import Plan as ShotPlan
from accelerator.schlieren.simulate.shot import take
from benchmarks.schlieren import methods
from benchmarks.schlieren.figures import Row
from benchmarks.schlieren.report import number, percent
from benchmarks.schlieren.scenes import Case, Plan, of_shot

HALF_WIDTHS = (-6.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 6.0)
ERRORS = MappingProxyType({"density error": DENSITY_ERROR, "detuning error": DETUNING_ERROR})
"""What is measured of the vapour is wrong by so many of its errors."""
_ONLY: Mapping[str, Mask] = MappingProxyType(
    {"knife_um": Mask.KNIFE, "knife_width_um": Mask.KNIFE, "stop_um": Mask.STOP, "stop_y_um": Mask.STOP}
)
_LEAST: Mapping[str, float] = MappingProxyType(
    {"knife_width_um": 1.0, "electrons": 50.0, "probe_radius_mm": 1.0, "stop_um": 40.0, "transition_width_um": 20.0}
)
_MOST: Mapping[str, float] = MappingProxyType({"peak_ionisation": 1.0})


def ranges() -> dict[str, Range]:
    """Return what is varied, with its nominal range."""
    errors = {name: (-sigma, sigma) for name, sigma in ERRORS.items()}
    return {**NOMINAL, **CHANNELS, **errors}


def values_of(name: str) -> list[float]:
    """Return the values that a setting takes; those that nothing can have are left out."""
    low, high = ranges()[name]
    least = _LEAST.get(name, 0.0 if low >= 0 else -np.inf)
    values = [(low + high) / 2 + steps * (high - low) / 2 for steps in HALF_WIDTHS]
    return [value for value in values if least <= value <= _MOST.get(name, np.inf)]


def measured(plan: Plan, only: str, say: Callable[[str], None]) -> list[Row]:
    """Return a row for each setting, value and mask."""
    detectors = methods.detectors()
    rows = []
    with tempfile.TemporaryDirectory(prefix="shiftwatch-bench-") as folder:
        for name in (one for one in ranges() if only in one):
            for mask in (one for one in Mask if _ONLY.get(name, one) is one):
                rows += [_point(plan, name, value, mask, detectors[mask], Path(folder)) for value in values_of(name)]
            say(f"{name}: {len(rows)} points")
    return rows


def _point(plan: Plan, name: str, value: float, mask: Mask, detector: SchlierenDetector, folder: Path) -> Row:
    found = []
    for index in range(plan.points):
        rng = np.random.default_rng([plan.seed + index, list(ranges()).index(name), list(Mask).index(mask), 0x20B])
        case = of_shot(name, plan.seed + index, take(changed(draw_plan(rng, mask), name, value), None, rng), folder)
        found.append((case, methods.ours(detector, case)))
    low, high = ranges()[name]
    row: Row = {"setting": name, "mask": mask.value, "value": value}
    row["half widths"] = (value - (low + high) / 2) / ((high - low) / 2)
    return row | _figures([(case, answer) for case, answer in found if answer.accepted], len(found))


def changed(plan: ShotPlan, name: str, value: float) -> ShotPlan:
    """Return a shot with another setting; an error is one of what was measured, not of what is true."""
    if name in ERRORS:
        told = plan.measured
        if name == "density error":
            return replace(plan, measured=replace(told, density_down_cm3=plan.scene.vapour.density_cm3 * (1 + value)))
        return replace(plan, measured=replace(told, detuning_ghz=plan.scene.vapour.detuning_ghz * (1 + value)))
    scene = plan.scene
    if name in PARAMETERS:
        return replace(plan, scene=replace(scene, channel=replace(scene.channel, **{name: value})))
    return replace(plan, scene=replace(scene, apparatus=replace(scene.apparatus, **{name: value})))  # type: ignore[arg-type]


def _figures(kept: Sequence[tuple[Case, methods.Answer]], shots: int) -> Row:
    row: Row = {"shots": shots, "refused": 1 - len(kept) / shots}
    for name in PARAMETERS:
        off = np.array([answer.values[name] - getattr(case.truth, name) for case, answer in kept])
        floors = np.array([answer.floor[name] for _, answer in kept])
        pulls = off / np.array([answer.sigma[name] for _, answer in kept])
        enough = len(kept) >= 3
        row[f"{name}: bias over floor"] = float(np.mean(off / floors)) if enough else None
        row[f"{name}: rms over floor"] = float(np.sqrt(np.mean((off / floors) ** 2))) if enough else None
        row[f"{name}: within 1 sigma"] = float(np.mean(np.abs(pulls) <= 1)) if enough else None
        row[f"{name}: worst sigma"] = float(np.abs(pulls).max()) if enough else None
    return row


def table(rows: Sequence[Row]) -> str:
    """Return a line per setting and mask: refused; worst rms over floor of the geometry; worst coverage."""
    lines = [f"| setting | mask | {' | '.join(f'{at:+g}' for at in HALF_WIDTHS)} |", "|" + " --- |" * 13]
    for name, mask in dict.fromkeys((row["setting"], row["mask"]) for row in rows):
        own = {round(row["half widths"], 3): row for row in rows if (row["setting"], row["mask"]) == (name, mask)}
        cells = [_cell(own.get(at)) for at in HALF_WIDTHS]
        lines.append(f"| {name} | {mask} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: Row | None) -> str:
    """What is refused; worst rms over floor; worst coverage."""
    if row is None:
        return ""
    if row["position_um: rms over floor"] is None:
        return percent(row["refused"])
    geometry = [name for name in PARAMETERS if name != "peak_ionisation"]
    rms = max(row[f"{name}: rms over floor"] for name in geometry)
    inside = min(row[f"{name}: within 1 sigma"] for name in PARAMETERS)
    return f"{percent(row['refused'])}; {number(rms)}; {100 * inside:.0f} %"


def draw(rows: Sequence[Row], folder: Path) -> None:
    """Write a plot for each mask: refusals and resolutions against the setting."""
    from benchmarks.schlieren.plots import curves

    for mask in Mask:
        own: list[dict[str, Any]] = [row for row in rows if row["mask"] == mask.value]
        if own:
            curves(own, folder / f"robustness-{mask}.png", f"{mask}: one setting at a time, others nominal")
