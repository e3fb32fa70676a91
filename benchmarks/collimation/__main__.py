"""Measure our collimation detector beside its peers: Markdown to the screen, JSON to results/.

Examples:
    python -m benchmarks.collimation --quick            (some minutes: few maps, short fills)
    python -m benchmarks.collimation                    (everything; half an hour on one core)
    python -m benchmarks.collimation --part maps        (or others, streams)
    python -m benchmarks.collimation --part maps --only monitors
    SHIFTWATCH_BENCH_CACHE=/data/bench python -m benchmarks.collimation    (where followed protons are kept)
"""

import argparse
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.collimation import measure, others, report, streams
from benchmarks.collimation.scenes import QUICK, Plan

PARTS = ("maps", "others", "streams")


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for."""
    asked = _parser().parse_args(arguments)
    plan = QUICK if asked.quick else Plan()
    few = {"fills": asked.fills, "drifts": asked.drifts, "sudden": asked.jumps}
    plan = replace(plan, **{name: min(most, getattr(plan, name)) for name, most in few.items() if most is not None})
    prefix = "quick-" if asked.quick else ""
    for part in asked.part or PARTS:
        content = {"stamp": report.stamp(), "plan": asdict(plan), part: _measured(part, plan, asked.only)}
        suffix = f"-{asked.only.replace(' ', '-')}" if asked.only and part == "maps" else ""
        report.write(asked.out / f"{prefix}{part}{suffix}.json", content)
    return 0


def _measured(part: str, plan: Plan, only: str) -> object:
    if part == "maps":
        found = measure.ensembles(plan, only, measure.say)
        _show_maps({name: {key: row for key, row in rows.items() if key != "raw"} for name, rows in found.items()})
        return found
    if part == "others":
        with tempfile.TemporaryDirectory(prefix="shiftwatch-bench-") as home:
            rows = others.measured(Path(home))
        _say("## Maps of others: what ours says beside truth", report.others_table(rows) if rows else "not there")
        return rows
    told = streams.measured(plan, measure.say)
    _say("## Streams", report.streams_text(told))
    return told


def _show_maps(found: dict[str, dict[str, measure.Row]]) -> None:
    for name, rows in found.items():
        _say(f"## {name}", report.main_table(rows))
        _say(f"### {name}: smallest error seen in half of the maps, no false alarm", report.smallest_table(rows))
    _say("## Ours at the thresholds that ship", report.own_table(found))
    _say("## Where ours loses", "\n".join(report.losses(found, (measure.OURS, measure.SITE))) or "nowhere")


def _say(title: str, text: str) -> None:
    print(f"\n{title}\n\n{text}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "benchmarks.collimation", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few maps, short fills")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part (may be repeated)")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="of the maps, only ensembles with this in their name"
    )
    parser.add_argument("--fills", type=int, help="nominal fills at most")
    parser.add_argument("--drifts", type=int, help="fills with a drifting primary at most")
    parser.add_argument("--jumps", type=int, help="jumps of a secondary at most")
    parser.add_argument("--out", type=Path, default=report.RESULTS, help="folder for the JSON files")
    return parser


if __name__ == "__main__":
    sys.exit(main())
