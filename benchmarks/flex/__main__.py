"""Measure FLEX inspection beside its peers, on the same boards, in one run: Markdown to the screen, JSON to results/.

Examples:
    python -m benchmarks.flex --quick                     (four boards, minutes)
    python -m benchmarks.flex --peers                     (all rows; first: python -m benchmarks.flex.peers ENV CACHE)
    python -m benchmarks.flex --part deeppcb --part speed
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import running
from benchmarks.flex import deeppcb, flex98, report, speed
from benchmarks.flex.methods import ENTRIES

PARTS = ("flex98", "deeppcb", "speed")
DATA = Path(__file__).parents[3] / "shared" / "data" / "flex"


def main(arguments: list[str] | None = None) -> int:
    """Run the chosen parts; 1 if a row failed."""
    asked = _parser().parse_args(arguments)
    mark, failed = running.stamp(), False
    for part in asked.part or ["flex98"]:
        rows = [row | mark for row in _measure(part, asked)]
        failed |= any("error" in row for row in rows)
        name = (
            part
            + ("-unseen-places" if asked.unseen_places else "")
            + ("-dev" if asked.dev else "")
            + ("-quick" if asked.quick else "")
            + (f"-{asked.draws}-draws" if asked.draws > 1 else "")
        )
        order = [entry.name for entry in ENTRIES] if part == "flex98" else [row["name"] for row in rows]
        shown = report.merge_rows(asked.out / f"{name}.json", rows, order)
        print(f"\n## {name}\n\n{report.table(shown, _columns(part), mark['run'])}", flush=True)
        if part == "flex98":
            print(f"\n{report.recall_table(shown, 'kind')}", flush=True)
            print(f"\n{report.recall_table(shown, 'visibility')}", flush=True)
        for row in rows:
            if "error" in row:
                print(f"{row['name']} failed: {row['error']}", file=sys.stderr)
    return int(failed)


def _measure(part: str, asked: argparse.Namespace) -> list[report.Row]:
    if part == "deeppcb":
        return deeppcb.run(asked.data, asked.package, asked.quick, _say)
    if part == "speed":
        return speed.run(asked.data, asked.peers, _say)
    choice = flex98.Choice(
        asked.quick, asked.peers, asked.ablation, asked.dev, asked.only, asked.jobs, asked.unseen_places, asked.draws
    )
    return flex98.run(asked.data, choice, _say)


def _columns(part: str) -> tuple[tuple[str, str], ...]:
    return {
        "flex98": report.FLEX98_COLUMNS,
        "deeppcb": report.DEEPPCB_COLUMNS,
        "speed": report.SPEED_COLUMNS,
    }[part]


def _say(line: str) -> None:
    print(f"... {line}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "benchmarks.flex", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--part", action="append", choices=PARTS, help="what to measure (default: flex98)")
    parser.add_argument("--quick", action="store_true", help="few boards, few methods")
    parser.add_argument("--peers", action="store_true", help="the field's tools too")
    parser.add_argument("--ablation", action="store_true", help="the named variants of ours too")
    parser.add_argument("--dev", action="store_true", help="split the learning boards only: for choosing settings")
    parser.add_argument(
        "--unseen-places", action="store_true", help="test boards of panel places that no learnt one shows"
    )
    parser.add_argument("--draws", type=int, default=1, metavar="N", help="sets of defects drawn on the same boards")
    parser.add_argument("--only", default="", metavar="TEXT", help="only methods with this in their name")
    parser.add_argument("--jobs", type=int, default=1, help="rows of flex98 measured at a time (wall times suffer)")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with flex98 and deeppcb")
    parser.add_argument("--package", type=Path, help="golden-image model for deeppcb (learnt on the learning groups)")
    parser.add_argument("--out", type=Path, default=report.RESULTS, help="folder for the JSON files")
    return parser


if __name__ == "__main__":
    sys.exit(main())
