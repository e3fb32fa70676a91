"""``python -m benchmarks.across``: chance and power of what is called possibly connected, and what it costs."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.across import measuring
from benchmarks.running import stamp


def main() -> None:
    """Run what is asked for and print Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.across", description=__doc__)
    parser.add_argument("--shifts", type=int, default=1000, help="shifts of independent systems")
    parser.add_argument("--draws", type=int, default=100, help="shifts with a connection, for each row")
    parser.add_argument("--store", nargs=2, metavar=("URL", "HOME"), help="a store to measure times on")
    options = parser.parse_args()
    about = stamp()
    print(f"Revision {about['revision']}, {about['run']}, {about['machine']}, load {about['load']}.\n")
    if options.store:
        _print("What it costs", measuring.seconds(options.store[0], Path(options.store[1])))
    if options.draws:
        _print("Found: margin and background", measuring.power(options.draws))
        _print("Found: two rare alarms", measuring.power_of_alarms(options.draws))
    if options.shifts:
        _print("By chance, one look at the end of each shift", measuring.by_chance(options.shifts))
        _print("By chance, a look every half hour", measuring.looked_at_all_the_time(options.shifts // 5))


def _print(title: str, rows: Sequence[dict[str, Any]]) -> None:
    print(f"**{title}**\n\n| {' | '.join(rows[0])} |\n|{'---|' * len(rows[0])}")
    for row in rows:
        print(f"| {' | '.join(f'{cell:g}' if isinstance(cell, float) else str(cell) for cell in row.values())} |")
    print(flush=True)


if __name__ == "__main__":
    main()
