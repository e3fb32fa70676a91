"""The page on sizing, out of measured costs: ``python -m benchmarks.deployment.sizing`` writes ``docs/sizing.md``.

No figure of a cost is typed here: each is read from a result of a benchmark, which the page names.
"""
# ruff: noqa: E501  the lines of the page

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "sizing.md"
ITK_MODULES, ITK_CHANNELS = 10_276, 5e9
"""ATLAS ITk pixel detector, as the issue gives it."""
CHIPS_PER_MODULE = 4
"""An upper bound: quad modules have four readout chips, the innermost (triplets) three."""
DAY_S, YEAR_S = 86_400, 365 * 86_400
IN_BEAM = 0.4
"""Share of a year with data, assumed."""
BUSY = 0.5
"""Share of a core that is planned for: the rest is for bursts, and for what else runs."""


@dataclass(frozen=True)
class Cost:
    """Seconds of one core for one of something, and which result says so."""

    what: str
    each_s: float
    source: str

    @property
    def per_s(self) -> float:
        return 1.0 / self.each_s


def read(path: str, *keys: str | int) -> Any:
    """Return one figure of a result."""
    found: Any = json.loads((ROOT / path).read_text(encoding="utf-8"))
    for key in keys:
        found = found[key]
    return found


def costs() -> dict[str, Cost]:
    """Return what was measured."""
    backlog, speed = "benchmarks/its/results/backlog.json", "benchmarks/its/results/speed.json"
    maps, hour = "benchmarks/collimation/results/maps.json", "benchmarks/collimation/results/streams.json"
    shots, boards = "benchmarks/schlieren/results/speed.json", "benchmarks/flex/results/speed.json"
    stream = read(hour, "streams", "hour")
    return {
        "cycle": Cost(
            "ITS cycle: read from the QCDB, judged, stored",
            read(backlog, "cpu_ms_per_observation") / 1e3,
            f"{backlog}: cpu_ms_per_observation",
        ),
        "look": Cost("of it judging alone", read(speed, "cpu_ms_median") / 1e3, f"{speed}: cpu_ms_median"),
        "board": Cost(
            f"FLEX board of {read(boards, 0, 'megapixels'):.0f} megapixels, a process for each",
            read(boards, 0, "cpu_s"),
            f"{boards}: [0].cpu_s",
        ),
        "map": Cost(
            "loss map of monitors, judged",
            read(maps, "maps", "monitors", "ours", "ms") / 1e3,
            f"{maps}: maps.monitors.ours.ms",
        ),
        "stream": Cost(
            f"second of the stream of {stream['monitors']} monitors, judged",
            stream["cpu_s_per_h"] / stream["seconds"],
            f"{hour}: streams.hour.cpu_s_per_h",
        ),
        "shot": Cost(
            "Schlieren shot, judged", read(shots, "speed", "cpu_ms_mean") / 1e3, f"{shots}: speed.cpu_ms_mean"
        ),
    }


def page() -> str:
    """Return the page."""
    return "\n".join(_lines(costs())) + "\n"


def _lines(known: dict[str, Cost]) -> Iterator[str]:
    chips = sum(layer.chips for layer in LAYERS)
    cycle, board, shot, stream = (known[name] for name in ("cycle", "board", "shot", "stream"))
    yield "# Sizing"
    yield ""
    yield "Written by `python -m benchmarks.deployment.sizing` from what the benchmarks measured; a test keeps it so."
    yield "Times are of one core of the development machine (two shared cores, 2026); no GPU is used by a running system."
    yield ""
    yield "## What one core does"
    yield ""
    yield "| what | processor time | per second and core | measured |"
    yield "|---|---|---|---|"
    for one in known.values():
        yield f"| {one.what} | {_time(one.each_s)} | {_rate(one.per_s)} | `{one.source}` |"
    yield ""
    yield f"A cycle is the whole ITS: {chips:,} chips in {CELLS:,} cells (chips inside, lanes outside), so a core looks at"
    yield f"{chips * cycle.per_s:,.0f} chips a second. At the design rates one core is enough for all four systems:"
    yield ""
    rates = {
        "ITS, a cycle every 10 s": cycle.each_s / 10,
        "loss monitors, once a second": stream.each_s,
        "AWAKE, a shot every 10 s": shot.each_s / 10,
        "FLEX, a board every minute": board.each_s / 60,
    }
    yield "| source at its design rate | cores |"
    yield "|---|---|"
    for name, share in rates.items():
        yield f"| {name} | {share:.4f} |"
    yield f"| together | {sum(rates.values()):.3f} |"
    yield ""
    yield "Plan two: a board occupies one for seconds, and Prefect, PostgreSQL and the dashboard want the other."
    yield ""
    yield from _itk(cycle, board, chips)
    yield from _past(known)


def _itk(cycle: Cost, board: Cost, chips: int) -> Iterator[str]:
    front_ends = ITK_MODULES * CHIPS_PER_MODULE
    each_s = cycle.each_s * front_ends / CELLS
    by_chip_s = cycle.each_s * front_ends / chips
    yield "## A detector of HL-LHC size"
    yield ""
    yield f"ATLAS ITk pixels: {ITK_MODULES:,} modules, {ITK_CHANNELS:.0e} channels; at most {front_ends:,} front-end chips"
    yield f"({CHIPS_PER_MODULE} a module, which is more than there are: the innermost have three). **Extrapolated, not measured**: the"
    yield "cost of a cycle is taken as proportional to the cells that are watched, which is too much, since part of it does not grow."
    yield ""
    yield "| watched | of an ITS cycle | one cycle | cores at a cycle every 60 s | every 10 s |"
    yield "|---|---|---|---|---|"
    module_s = cycle.each_s * ITK_MODULES / CELLS
    for name, one_s in (("each module a cell", module_s), ("each front-end chip a cell", each_s)):
        yield (
            f"| {name} | {one_s / cycle.each_s:.1f} | {_time(one_s)} | {_cores(one_s / 60)} | {_cores(one_s / 10)} |"
        )
    yield ""
    yield f"(Counted by chips, as the ITS has {chips:,}, a cycle is {_time(by_chip_s)}.) So a detector of that size is one"
    yield "process, if the quality control gives maps by chip or module as that of ALICE does. What does not fit is every channel in"
    yield f"every cycle: {ITK_CHANNELS:.0e} counts of two bytes are {2 * ITK_CHANNELS / 1e9:.0f} GB,"
    yield f"{2 * ITK_CHANNELS / 60 / 1e6:.0f} MB/s at a cycle a minute. These must be condensed where they are made."
    yield ""
    per_day = DAY_S * BUSY / board.each_s
    yield f"Inspection: at {board.each_s:.1f} s a board a half-busy core judges {per_day:,.0f} boards a day, all {ITK_MODULES:,}"
    yield f"modules' boards at one stage in {ITK_MODULES / per_day:.1f} days. The scanner is slower."
    yield ""


def _past(known: dict[str, Cost]) -> Iterator[str]:
    yield "## Judging the past again"
    yield ""
    yield "`shiftwatch backfill` shares runs and fills among processes or Dask workers; cores that are needed to judge one year"
    yield f"({IN_BEAM:.0%} of it with data) within a day, if all of a core is free:"
    yield ""
    yield "| source | in a year | cores for one day |"
    yield "|---|---|---|"
    for name, key, every_s in (
        ("ITS, cycles of 60 s", "cycle", 60.0),
        ("loss monitors, seconds", "stream", 1.0),
        ("AWAKE, shots every 10 s", "shot", 10.0),
    ):
        count = YEAR_S * IN_BEAM / every_s
        yield f"| {name} | {count:,.0f} | {_cores(count * known[key].each_s / DAY_S)} |"
    yield ""
    yield "What the pictures of a verdict cost to draw and to store is in the figure of the ITS cycle; of maps, streams and shots"
    yield "it is not: their benchmarks measure judging alone."


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def _rate(per_s: float) -> str:
    return f"{per_s:.3g}"


def _cores(count: float) -> str:
    return f"{count:.2g}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.exit(0)
