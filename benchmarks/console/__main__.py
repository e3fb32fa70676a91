"""``python -m benchmarks.console``: make the store, measure every page, publish the figures."""

import argparse
import json
import time
from pathlib import Path

from benchmarks.console.filling import Size, fill
from benchmarks.console.measuring import measure
from benchmarks.console.report import table


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console", description=__doc__)
    sub = parser.add_subparsers(dest="what", required=True)
    making = sub.add_parser("fill", help="make a store: 1,000,000 verdicts and 10,000 alarms")
    making.add_argument("url", help="sqlite:///FILE or postgresql+psycopg://…")
    making.add_argument("home", type=Path, help="folder of the artefacts (HOME/artefacts)")
    making.add_argument("--verdicts", type=int, default=1_000_000)
    making.add_argument("--alarms", type=int, default=10_000)
    timing = sub.add_parser("measure", help="measure every page on a store that was made; JSON to a file")
    timing.add_argument("url")
    timing.add_argument("home", type=Path)
    timing.add_argument("--runs", type=int, default=40)
    timing.add_argument("--out", type=Path, required=True, help="JSON file with the figures")
    options = parser.parse_args()
    _fill(options) if options.what == "fill" else _measure(options)


def _fill(options: argparse.Namespace) -> None:
    began = time.monotonic()
    fill(options.url, options.home, Size(options.verdicts, options.alarms, max(10, options.verdicts // 333)))
    print(f"{options.url}: {options.verdicts} verdicts, {options.alarms} alarms in {time.monotonic() - began:.0f} s")


def _measure(options: argparse.Namespace) -> None:
    found = measure(options.url, options.home, options.out.parent / "logs", options.runs)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(table(found))


if __name__ == "__main__":
    main()
