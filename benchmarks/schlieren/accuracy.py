"""How well the channel is measured: our detector beside least squares, both against the floor of each shot."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from accelerator.schlieren.simulate.apparatus import Mask
from benchmarks.schlieren import methods
from benchmarks.schlieren.figures import Row, Seen, figures
from benchmarks.schlieren.scenes import Plan, cases, ensembles, floor_of

OURS, SAME, CLASSICAL = "ours", "ours, shots of least squares", "least squares"


def measured(plan: Plan, only: str, say: Callable[[str], None]) -> dict[str, dict[str, Row]]:
    """Return the figures of both methods on every ensemble with ``only`` in its name."""
    detectors = methods.detectors()
    return {name: _ensemble(plan, name, detectors, say) for name in ensembles(plan, only)}


def _ensemble(plan: Plan, name: str, detectors: dict[Mask, object], say: Callable[[str], None]) -> dict[str, Row]:
    seen: dict[str, list[Seen]] = {OURS: [], SAME: [], CLASSICAL: []}
    with tempfile.TemporaryDirectory(prefix="shiftwatch-bench-") as folder:
        for number, case in enumerate(cases(plan, name, Path(folder))):
            least = floor_of(case)
            detector = detectors[case.true.apparatus.mask]
            seen[OURS].append(Seen(case, least, methods.ours(detector, case)))  # type: ignore[arg-type]
            if number < plan.fitted:
                seen[SAME].append(seen[OURS][-1])
                seen[CLASSICAL].append(Seen(case, least, methods.least_squares(case)))
            if number % 100 == 99:
                say(f"{name}: {number + 1} shots")
    return {method: figures(found) for method, found in seen.items() if found}
