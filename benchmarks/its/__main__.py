"""Measure our ITS detector beside its peers on held-out simulated runs: Markdown to the screen, JSON to results/.

Examples:
    python -m benchmarks.its --quick                      (two minutes or so: few runs, nominal generator only)
    python -m benchmarks.its --jobs 2                     (everything; simulates 32,000 cycles the first time)
    python -m benchmarks.its --only ours                  (one method; the others' rows are not shown)
    SHIFTWATCH_BENCH_CACHE=/data/bench python -m benchmarks.its --simulate     (only fill the cache)
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from benchmarks import running
from benchmarks.its import report, tables
from benchmarks.its.cycles import path_of
from benchmarks.its.measure import Judged, judged, scenes_of
from benchmarks.its.methods import methods_named
from benchmarks.its.scenes import QUICK, Plan
from benchmarks.its.seen import Method
from benchmarks.its.sharing import judge_one, make_one, parts, runs, share


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for; 1 if our detector could not be loaded."""
    asked = _parser().parse_args(arguments)
    plan = QUICK if asked.quick else Plan()
    plan = replace(plan, shifts=min(asked.shifts, plan.shifts), cycle_s=asked.cycle_s)
    scenes = scenes_of(plan)
    if asked.kept:
        scenes = [scene for scene in scenes if path_of(scene).exists()]
    else:
        share(partial(make_one, plan), len(runs(plan)), asked.jobs)
        if asked.simulate:
            return 0
        share(partial(judge_one, plan, asked.only), len(parts(plan)), asked.jobs)
    methods, missing = methods_named(plan, asked.only)
    results = measured(plan, [judged(scene, methods) for scene in scenes], methods, asked.draws)
    name = ("quick" if asked.quick else "simulated") + (
        "" if asked.cycle_s == Plan().cycle_s else f"-{asked.cycle_s:g}s"
    )
    report.write(asked.out / f"{name}.json", {"stamp": running.stamp(), "plan": asdict(plan), "rows": results})
    _show(plan, results)
    if missing:
        print(f"ours is missing: {missing}", file=sys.stderr)
    return int(bool(missing))


def measured(plan: Plan, found: Sequence[Judged], methods: Sequence[Method], draws: int) -> report.Results:
    """Return all figures: by row, then by setting."""
    results: dict[str, dict[str, report.Row]] = {}
    for method in methods:
        for row, cut in method.rows.items():
            time_taken = tables.milliseconds(found, method.name)
            of_row = tables.cases(plan, found, row, cut)
            results[row] = {setting: {**tables.figures(case, draws), **time_taken} for setting, case in of_row.items()}
    return results


def _show(plan: Plan, results: report.Results) -> None:
    say = partial(print, flush=True)
    say("\n## Nominal generator, one false alarm per shift\n\n" + report.main_table(results))
    say("\n## Recall per cycle by fraction of background\n\n" + report.curve_table(results))
    say("\n## Incidents found within 5 cycles, by cause\n\n" + report.cause_table(results))
    say("\n## Places\n\n" + report.place_table(results))
    say("\n## Own thresholds, without an oracle: asked for one alarm per shift\n\n" + report.own_table(results))
    if len(plan.settings) > 1:
        for key in ("false_alarms", "recall_5", "recall_5_own", "smallest_50", "smallest_50_own", "hardware_found"):
            say(f"\n## {key} by setting\n\n" + report.against_table(results, key))
    if "ours" in results:
        say("\n## Ours by setting\n\n" + report.shifted_table(results, "ours"))
        say("\n## Right cause, by cause\n\n" + report.cause_table(results, "cause_by_cause"))
        say("\n## Where ours loses\n\n" + "\n".join(report.losses(results, "ours")))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "benchmarks.its", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few runs of the nominal generator")
    parser.add_argument("--simulate", action="store_true", help="only simulate what the measurement needs")
    parser.add_argument(
        "--kept", action="store_true", help="only the tables of what was judged before, as far as it went"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only methods with this in their name")
    parser.add_argument("--shifts", type=int, default=Plan().shifts, help="nominal shifts at most, nominal generator")
    parser.add_argument("--cycle-s", type=float, default=Plan().cycle_s, help="length of a cycle in seconds")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time (time per cycle suffers)")
    parser.add_argument("--draws", type=int, default=tables.DRAWS, help="resamplings for the intervals; 0: none")
    parser.add_argument("--out", type=Path, default=report.RESULTS, help="folder for the JSON files")
    return parser


if __name__ == "__main__":
    sys.exit(main())
