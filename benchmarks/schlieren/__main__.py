"""Measure our Schlieren detector beside the least-squares fit: Markdown to the screen, JSON to results/.

Examples:
    python -m benchmarks.schlieren --quick                            (some minutes: few shots of everything)
    python -m benchmarks.schlieren                                    (everything; some hours on one core)
    python -m benchmarks.schlieren --part accuracy --only second      (or nominal, wider, knife, stop)
    python -m benchmarks.schlieren --part anomalies                   (or architectures, speed, robustness)
    python -m benchmarks.schlieren --development --part accuracy      (seeds for whoever mends the detector)
"""

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks import running
from benchmarks.schlieren import accuracy, anomalies, architectures, report, robustness, speed
from benchmarks.schlieren.scenes import DEVELOPMENT, QUICK, Plan

PARTS = ("accuracy", "anomalies", "architectures", "speed", "robustness")


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for."""
    asked = _parser().parse_args(arguments)
    plan = QUICK if asked.quick else Plan()
    plan = replace(plan, seed=DEVELOPMENT) if asked.development else plan
    chosen = {
        "points": asked.shots,
        "streams": asked.streams,
        "wider": asked.shots,
        "nominal": asked.shots,
        "second": asked.shots,
        "fitted": asked.fitted,
    }
    few = {name: min(most, getattr(plan, name)) for name, most in chosen.items() if most is not None}
    plan = replace(plan, **few)
    prefix = ("development-" if asked.development else "") + ("quick-" if asked.quick else "")
    for part in asked.part or PARTS:
        suffix = f"-{asked.only.replace(' ', '-')}" if asked.only else ""
        path = asked.out / f"{prefix}{part}{suffix}.json"
        if asked.kept:
            _show(part, json.loads(path.read_text(encoding="utf-8"))[part])
            continue
        found = _measured(part, plan, asked.only, asked.networks)
        report.write(path, {"stamp": running.stamp(), "plan": asdict(plan), part: found})
        _show(part, found)
        if part == "robustness":
            robustness.draw(found, asked.out)
    return 0


def _measured(part: str, plan: Plan, only: str, kept: Path | None) -> Any:
    if part == "accuracy":
        return accuracy.measured(plan, only, say)
    if part == "anomalies":
        return anomalies.measured(plan, only, say)
    if part == "architectures":
        return architectures.measured(plan, only, kept, say)
    if part == "speed":
        return speed.measured(plan.timed)
    return robustness.measured(plan, only, say)


def _show(part: str, found: Any) -> None:
    if part == "accuracy":
        lost = report.losses(found, accuracy.SAME, accuracy.CLASSICAL)
        _say("How well the channel is measured", report.accuracy_table(found))
        _say("Radius at half of the peak", report.half_radius_table(found))
        _say("Aims that are missed", "\n".join(report.aims(found, accuracy.OURS)) or "none")
        _say("Where ours loses against least squares", "\n".join(lost) or "nowhere")
    elif part == "anomalies":
        _say("What is wrong with a shot", anomalies.text(found))
    elif part == "architectures":
        _say("Networks alone, and what they begin for", report.plain_table(found))
    elif part == "speed":
        _say("Time on one core", report.plain_table([found]))
    else:
        _say("One setting at a time beyond its range", robustness.table(found))


def say(line: str) -> None:
    """Tell how far it is."""
    print(f"... {line}", file=sys.stderr, flush=True)


def _say(title: str, text: str) -> None:
    print(f"\n## {title}\n\n{text}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "benchmarks.schlieren", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few shots of everything")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part (may be repeated)")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="only ensembles, causes or settings with this in their name"
    )
    parser.add_argument("--shots", type=int, help="shots of an ensemble at most")
    parser.add_argument("--fitted", type=int, help="of them fitted by least squares, at most")
    parser.add_argument("--streams", type=int, help="runs with each anomaly at most")
    parser.add_argument("--networks", type=Path, help="folder that keeps the networks taught for `architectures`")
    parser.add_argument("--kept", action="store_true", help="only the tables of what was measured before")
    parser.add_argument("--development", action="store_true", help="seeds that are not held out")
    parser.add_argument("--out", type=Path, default=report.RESULTS, help="folder for JSON files and plots")
    return parser


if __name__ == "__main__":
    sys.exit(main())
