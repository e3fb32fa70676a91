"""``python -m benchmarks.console``: make the store, measure every page, publish the figures."""

import argparse
import json
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.console.crowd import together
from benchmarks.console.filling import Size, fill
from benchmarks.console.lasting import open_for_long
from benchmarks.console.measuring import page_times, pages, size
from benchmarks.console.painting import paints, stays_open
from benchmarks.console.report import table
from benchmarks.console.serving import Server, serving
from benchmarks.running import stamp

Part = Callable[[Server, argparse.Namespace], Any]
PARTS: dict[str, Part] = {
    "pages": lambda server, asked: page_times(server, pages(asked.url, asked.home), asked.runs),
    "crowd": lambda server, asked: together(server, pages(asked.url, asked.home)),
    "lasting": lambda server, asked: open_for_long(server, asked.url, asked.home),
    "painting": lambda server, asked: paints(server, pages(asked.url, asked.home), max(3, asked.runs // 4)),
    "tab": lambda server, _: [stays_open(server, path) for path in ("", "its")],
}


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console", description=__doc__)
    sub = parser.add_subparsers(dest="what", required=True)
    making = sub.add_parser("fill", help="make a store: 1,000,000 verdicts and 10,000 alarms")
    making.add_argument("url", help="sqlite:///FILE or postgresql+psycopg://…")
    making.add_argument("home", type=Path, help="folder of the artefacts (HOME/artefacts)")
    making.add_argument("--verdicts", type=int, default=1_000_000)
    making.add_argument("--alarms", type=int, default=10_000)
    timing = sub.add_parser("measure", help="measure on a store that was made; parts are added to a JSON file")
    timing.add_argument("url")
    timing.add_argument("home", type=Path)
    timing.add_argument("--part", action="append", choices=list(PARTS), help="default: all")
    timing.add_argument("--runs", type=int, default=40)
    timing.add_argument("--first", action="store_true", help="before what else the machine does (Linux, as root)")
    timing.add_argument("--out", type=Path, required=True, help="JSON file with the figures")
    showing = sub.add_parser("show", help="print the figures of a JSON file as Markdown")
    showing.add_argument("file", type=Path)
    options = parser.parse_args()
    {"fill": _fill, "measure": _measure, "show": _show}[options.what](options)


def _fill(options: argparse.Namespace) -> None:
    began = time.monotonic()
    fill(options.url, options.home, Size(options.verdicts, options.alarms, max(10, options.verdicts // 333)))
    print(f"{options.url}: {options.verdicts} verdicts, {options.alarms} alarms in {time.monotonic() - began:.0f} s")


def _measure(options: argparse.Namespace) -> None:
    """Measure each part with a server of its own, which has used no memory yet."""
    out: Path = options.out
    found = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    for part in options.part or list(PARTS):
        about = (
            stamp() | size(options.url, options.home) | {"command": shlex.join(sys.argv[1:]), "first": options.first}
        )
        with serving(options.url, options.home, options.home / "logs", first=options.first) as server:
            found[part] = {"about": about, "figures": PARTS[part](server, options)}
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found))


def _show(options: argparse.Namespace) -> None:
    print(table(json.loads(options.file.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
