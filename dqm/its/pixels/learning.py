"""Learning a reference from runs: ``python -m dqm.its.pixels.learning PACKAGE RUN.npz...``.

Scores are calibrated on whole runs that the chips were not learnt from (five parts in turn). A chip map that shows a
defect beyond doubt - a burst of a quarter double column, a pixel of which one map in ten thousand would show the like,
a long cluster - is no nominal one for that check: it is set aside and named.
"""

import argparse
import hashlib
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from core.errors import CalibrationError, ShiftwatchError
from core.inference.package import ModelPackage
from core.inference.writing import write_package
from core.thresholds import TailThreshold
from dqm.its.pixels.causes import PixelCause
from dqm.its.pixels.checking import BEYOND_DOUBT, Cuts, Findings, run_checks
from dqm.its.pixels.chip import Floats
from dqm.its.pixels.files import read_run
from dqm.its.pixels.hits import Hits
from dqm.its.pixels.profiles import UNLEARNT, block_sums, excess, learn_chips, shares_of
from dqm.its.pixels.reference import Chip, Reference, Spread
from dqm.its.pixels.spots import Check
from dqm.its.pixels.survey import Survey, survey

FOLDS = 5
MIN_RUNS = 10
NAME = "its-pixels"
_PRIOR_PAIRS = 10.0


def learn(runs: Sequence[Hits], folds: int = FOLDS) -> Reference:
    """Learn from runs.

    Raises
    ------
    core.errors.CalibrationError
        If there are fewer than ten runs, or no chip shows a particle.
    """
    if len(runs) < MIN_RUNS:
        raise CalibrationError(f"{len(runs)} runs are too few to learn pixel maps from: at least {MIN_RUNS} are needed")
    surveys = [survey(hits) for hits in runs]
    chips = learn_chips(surveys)
    if not chips:
        raise CalibrationError(f"no chip has a particle in any of {len(runs)} runs")
    planes = np.array(sorted(chips), dtype=np.int64)
    highest: dict[Check, list[Floats]] = {check: [] for check in Check}
    every: list[tuple[Survey, Reference, Findings]] = []
    for part in range(folds):
        others = learn_chips([found for i, found in enumerate(surveys) if i % folds != part])
        reference = _with_spread(others, [found for i, found in enumerate(surveys) if i % folds != part])
        for found in surveys[part::folds]:
            findings = run_checks(found, reference, Cuts())
            every.append((found, reference, findings))
            for check, seen in findings.spots.items():
                highest[check].append(seen.highest(planes))
    return replace(
        _with_spread(chips, surveys),
        runs=len(runs),
        maps=len(runs) * planes.size,
        tails=_tails(highest),
        fault_shares=_fault_shares(every, len(runs) * planes.size),
        set_aside=tuple(text for found, _, findings in every for text in _set_aside(found, findings)),
    )


def write_reference(path: Path, reference: Reference, runs: Sequence[Hits], *, replace: bool = False) -> ModelPackage:
    """Write a reference as a model package; raises ModelError as `core.inference.writing.write_package`."""
    digest = hashlib.sha256()
    for hits in runs:
        for array in (hits.event, hits.plane, hits.column, hits.row):
            digest.update(array.tobytes())
    return write_package(
        path,
        name=NAME,
        system="its",
        created_at=datetime.now(UTC),
        seed=0,
        training_data=f"{len(runs)} runs, sha256 {digest.hexdigest()}",
        details={"reference": reference.to_json()},
        replace=replace,
    )


def _with_spread(chips: dict[int, Chip], surveys: Sequence[Survey]) -> Reference:
    """Return a reference with these chips that says how much counts of these runs spread about what it expects."""
    reference = Reference(0, 0, chips, UNLEARNT, {}, {})
    cells, expected_cells, totals, expected, pairs, expected_pairs = [], [], [], [], 0.0, 0.0
    for found in surveys:
        findings = run_checks(found, reference, Cuts())
        counted = findings.crossings
        mean = counted.expected[:, None, None] * shares_of(chips, counted.planes)
        cells.append(block_sums(counted.cells))
        expected_cells.append(block_sums(mean))
        totals.append(counted.total)
        expected.append(counted.expected)
        new = findings.spots[Check.PIXEL]
        usual = new.of(new.score < Cuts().pixel)
        pairs += float((usual.count * (usual.count - 1)).sum())
        expected_pairs += float((usual.count * usual.expected).sum())
    spread = Spread(
        pixel=max((pairs + _PRIOR_PAIRS) / (expected_pairs + _PRIOR_PAIRS) - 1, 0.0),
        region=excess(np.concatenate(cells).astype(np.float64), np.concatenate(expected_cells)),
        rate=excess(np.concatenate(totals).astype(np.float64), np.concatenate(expected)),
    )
    return replace(reference, spread=spread)


def _tails(highest: Mapping[Check, list[Floats]]) -> dict[str, TailThreshold]:
    """Return the calibrations; a check that no nominal map shows anything of has none, and flags only beyond doubt."""
    tails: dict[str, TailThreshold] = {}
    for check, parts in highest.items():
        scores = np.concatenate(parts)
        with suppress(CalibrationError):
            tails[check] = TailThreshold.fit(_untied(scores[scores < BEYOND_DOUBT.get(check, np.inf)]))
    return tails


def _untied(scores: Floats) -> Floats:
    """Spread equal scores evenly up to the next higher one: counts come in steps, which a smooth tail cannot follow."""
    values, start, count = np.unique(np.sort(scores), return_index=True, return_counts=True)
    steps = np.diff(values, append=values[-1:])
    within = np.arange(scores.size) - np.repeat(start, count)
    return np.asarray(np.repeat(values, count) + np.repeat(steps / count, count) * within)


def _fault_shares(every: Sequence[tuple[Survey, Reference, Findings]], maps: int) -> dict[str, float]:
    """Return how often a cause was there beyond doubt; half a map more, so that none is impossible."""
    shown = dict.fromkeys(PixelCause, 0)
    for _, _, findings in every:
        for cause, check in (
            (PixelCause.STUCK_DOUBLE_COLUMN, Check.BURST),
            (PixelCause.HOT_PIXEL, Check.PIXEL),
            (PixelCause.LONG_CLUSTER, Check.LONG),
        ):
            seen = findings.spots[check]
            shown[cause] += np.unique(seen.plane[seen.score >= BEYOND_DOUBT[check]]).size
        shown[PixelCause.HOT_PIXEL] += np.unique(findings.known.plane).size
    return {str(cause): (count + 0.5) / (maps + 1) for cause, count in shown.items()}


def _set_aside(found: Survey, findings: Findings) -> list[str]:
    texts = []
    for check, limit in BEYOND_DOUBT.items():
        seen = findings.spots[check]
        for spot in np.flatnonzero(seen.score >= limit):
            plane, column, row, count = (int(a[spot]) for a in (seen.plane, seen.column, seen.row, seen.count))
            texts.append(f"run {found.hits.run} plane {plane}: {check}, column {column} row {row}, {count} hits")
    return texts


def main(arguments: list[str]) -> int:
    """Learn from files and write a model package; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dqm.its.pixels.learning", description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--replace", action="store_true", help="put it in the place of the package that is there")
    chosen = parser.parse_args(arguments)
    try:
        runs = [read_run(path) for path in chosen.runs]
        reference = learn(runs)
        package = write_reference(chosen.package, reference, runs, replace=chosen.replace)
    except ShiftwatchError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{package.model.name} {package.model.version}: {reference.runs} runs, {reference.maps} chip maps")
    for chip in reference.chips.values():
        for hot in chip.hot:
            print(f"plane {chip.plane}: hot pixel ({hot.column}, {hot.row}), {hot.visits} visits in {hot.runs} runs")
        for column, number in chip.stuck.items():
            print(f"plane {chip.plane}: double column {column} stuck in {number} runs")
        for column in chip.dead:
            print(f"plane {chip.plane}: double column {column} dead")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
