"""``python -m benchmarks.console``: make the store, measure every page, publish the figures."""

import argparse
import time
from pathlib import Path

from benchmarks.console.filling import Size, fill


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console", description=__doc__)
    sub = parser.add_subparsers(dest="what", required=True)
    making = sub.add_parser("fill", help="make a store: 1,000,000 verdicts and 10,000 alarms")
    making.add_argument("url", help="sqlite:///FILE or postgresql+psycopg://…")
    making.add_argument("home", type=Path, help="folder of the artefacts (HOME/artefacts)")
    making.add_argument("--verdicts", type=int, default=1_000_000)
    making.add_argument("--alarms", type=int, default=10_000)
    options = parser.parse_args()
    began = time.monotonic()
    fill(options.url, options.home, Size(options.verdicts, options.alarms, max(10, options.verdicts // 333)))
    print(f"{options.url}: {options.verdicts} verdicts, {options.alarms} alarms in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
