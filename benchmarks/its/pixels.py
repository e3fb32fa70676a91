"""Chip hit maps: real ALPIDE runs, our detector beside fixed occupancy limits and Poisson cuts, same runs, one pass.

Learns on runs up to 500 and judges 501 to 600 (``dev``: up to 450, and 451 to 500). Truth of the bursts comes from the
shared file of clusters, not from our own; the known hot pixels are those of the data's README. Then defects are put
into the same test runs: a method finds one if it flags anything on that chip that it did not flag before.
``python -m benchmarks.its.pixels [--dev] [--data FOLDER]``.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from scipy import stats

from core.verdict import Model
from dqm.its.pixels.causes import PixelCause
from dqm.its.pixels.chip import COLUMNS, DOUBLE_COLUMNS, PIXELS
from dqm.its.pixels.convert import shared_runs
from dqm.its.pixels.detector import FALSE_FLAGS, PixelDetector
from dqm.its.pixels.hits import Hits, to_observation
from dqm.its.pixels.learning import learn
from dqm.its.pixels.simulate import Defect, defects
from dqm.its.pixels.survey import survey

DATA = Path(__file__).resolve().parents[3] / "shared/data/its"
CLUSTERS = "alpide_cosmics_clusters_runs_le_600.npz"
KNOWN_HOT = ((3, 557, 180), (3, 395, 299), (3, 413, 240), (3, 106, 178))
BURST = (0, 46)
"""Plane and double column."""
BURST_PIXELS = 300
OCCUPANCY = 1e-6
"""Hits per pixel and event of a chip: "medium" of QC's FHR check (LayerNChipStave)."""
NOISY_OCCUPANCY, NOISY_FRACTION = 1.7e-3, 5e-5
"""A pixel above the first (the physical occupancy that QC assumes) is noisy; above the second the chip is "medium"."""

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Flag:
    """A place that a method calls new and suspect; ``column`` and ``row`` None where it can only name the chip."""

    plane: int
    cause: str
    column: int | None = None
    row: int | None = None
    columns: int = 1
    known: bool = False
    where: Mapping[str, Any] = field(default_factory=dict)

    def on(self, plane: int, column: int, row: int) -> bool:
        """Whether this is just that pixel."""
        return (self.plane, self.column, self.row, self.columns) == (plane, column, row, 1)


Method: TypeAlias = Callable[[Hits], list[Flag]]


def ours(detector: PixelDetector) -> Method:
    """Return our detector as a method."""

    def flags(hits: Hits) -> list[Flag]:
        verdict = detector.judge(to_observation(hits, datetime.now(UTC), "benchmark", "0" * 64))
        return [
            Flag(
                int(region.where["plane"]),
                region.cause.name if region.cause else "",
                int(region.where["column"]),
                int(region.where["row"]),
                int(region.where["columns"]),
                region.where["known"] == "yes",
                region.to_json(),
            )
            for region in verdict.regions
        ]

    return flags


def occupancy_limits(hits: Hits) -> list[Flag]:
    """Flag chips as QC's fixed limits do: mean occupancy, or share of noisy pixels (of the events that have a hit)."""
    found = []
    for plane in hits.planes:
        own = hits.plane == plane
        count = np.unique(hits.row[own] * COLUMNS + hits.column[own], return_counts=True)[1]
        noisy = np.count_nonzero(count > NOISY_OCCUPANCY * hits.events) / PIXELS
        if count.sum() / hits.events / PIXELS > OCCUPANCY or noisy > NOISY_FRACTION:
            found.append(Flag(plane, PixelCause.NOISY_CHIP))
    return found


def poisson_pixels(hits: Hits) -> list[Flag]:
    """Flag pixels with more hits than a Poisson number of the chip's mean allows, at our budget over its pixels."""
    found = []
    for plane in hits.planes:
        own = hits.plane == plane
        pixel, count = np.unique(hits.row[own] * COLUMNS + hits.column[own], return_counts=True)
        hot = stats.poisson.sf(count - 1, own.sum() / PIXELS) < FALSE_FLAGS / PIXELS
        found += [Flag(plane, PixelCause.HOT_PIXEL, int(p) % COLUMNS, int(p) // COLUMNS) for p in pixel[hot]]
    return found


def poisson_columns(hits: Hits) -> list[Flag]:
    """Flag double columns likewise."""
    found = []
    for plane in hits.planes:
        own = hits.plane == plane
        count = np.bincount(hits.column[own] // 2, minlength=DOUBLE_COLUMNS)
        hot = stats.poisson.sf(count - 1, own.sum() / DOUBLE_COLUMNS) < FALSE_FLAGS / DOUBLE_COLUMNS
        found += [Flag(plane, PixelCause.STUCK_DOUBLE_COLUMN, 2 * int(c), 0, 2) for c in np.flatnonzero(hot)]
    return found


def split(data: Path, dev: bool) -> tuple[list[Hits], list[Hits]]:
    """Return the runs to learn from and those to judge."""
    first, last = (450, 500) if dev else (500, 600)
    return list(shared_runs(data, last=first)), list(shared_runs(data, first + 1, last))


def burst_runs(data: Path) -> set[int]:
    """Return the runs with a burst of the known double column, from the shared file of clusters."""
    with np.load(data / CLUSTERS, allow_pickle=False) as file:
        plane, column, pixels, run = (file[name] for name in ("plane", "col0", "npix", "run"))
    return set(run[(plane == BURST[0]) & (column // 2 == BURST[1]) & (pixels >= BURST_PIXELS)].tolist())


def rows(data: Path = DATA, *, dev: bool = False, put_in: int = 40) -> list[Row]:
    """Return one row of figures per method; ``flags`` of ours are those that no known defect explains, to look at.

    Parameters
    ----------
    data
        The folder of the shared files.
    dev
        Judge runs 451 to 500 instead, which may be looked at as often as one likes.
    put_in
        Into how many of the test runs each defect is put.
    """
    learnt, judged = split(data, dev)
    detector = PixelDetector(learn(learnt), Model("its-pixels", "benchmark"), draw=False)
    methods = {
        "ours": ours(detector), "fixed occupancy limits (QC)": occupancy_limits,
        "Poisson cut per pixel": poisson_pixels, "Poisson cut per double column": poisson_columns,
    }  # fmt: skip
    known = {(chip.plane, hot.column, hot.row) for chip in detector.reference.chips.values() for hot in chip.hot}
    known |= set(KNOWN_HOT)
    bursts = burst_runs(data)
    table: list[Row] = []
    for name, method in methods.items():
        row, left = _measured(method, judged, bursts, known)
        table.append({"name": name, **row, **_found(method, judged[: 2 * put_in : 2])})
        if name == "ours":
            table[-1]["flags"] = [dict(flag.where) for flag in left]
    return table


def _measured(
    method: Method, judged: Sequence[Hits], bursts: set[int], known: set[tuple[int, int, int]]
) -> tuple[Row, list[Flag]]:
    """Return the figures of one method on the runs as they are; ``known`` hot pixels explain a flag."""
    pixels = {place: [0, 0] for place in KNOWN_HOT}
    found = named = 0
    milliseconds, left = [], []
    for hits in judged:
        began = time.process_time()
        flags = method(hits)
        milliseconds.append(1e3 * (time.process_time() - began))
        if hits.run in bursts:
            at_burst = [flag for flag in flags if flag.plane == BURST[0] and flag.column in (None, 2 * BURST[1])]
            found += bool(at_burst)
            named += any(flag.column is not None and flag.cause == "stuck double column" for flag in at_burst)
        for place, visits in _visits(hits).items():
            pixels[place][0] += visits > 1 and any(flag.on(*place) for flag in flags)
            pixels[place][1] += visits > 1
        left += [_in_run(flag, hits) for flag in flags if not flag.known and not _explained(flag, known)]
    maps = sum(len(hits.planes) for hits in judged)
    row = {
        "runs": len(judged), "chip maps": maps, "runs with burst": sum(hits.run in bursts for hits in judged),
        "burst found": found, "burst found and named": named,
        **{f"hot pixel ({c}, {r})": f"{pixels[p, c, r][0]}/{pixels[p, c, r][1]}" for p, c, r in KNOWN_HOT},
        "unexplained flags": len(left), "unexplained per 100 maps": round(100 * len(left) / maps, 2),
        "CPU ms per run, median": round(float(np.median(milliseconds)), 1),
        "CPU ms per run, highest": round(max(milliseconds), 1),
    }  # fmt: skip
    return row, left


def _visits(hits: Hits) -> dict[tuple[int, int, int], int]:
    """Return in how many events each known hot pixel fired (consecutive ones count once)."""
    found = survey(hits)
    return {
        (plane, column, row): int(
            np.count_nonzero(found.fresh & (found.place == plane * PIXELS + row * COLUMNS + column))
        )
        for plane, column, row in KNOWN_HOT
    }


def _explained(flag: Flag, known: set[tuple[int, int, int]]) -> bool:
    """Whether the known burst or a known hot pixel is the reason."""
    if flag.plane == BURST[0] and flag.column in (2 * BURST[1], 2 * BURST[1] + 1):
        return True
    return any(flag.on(*place) for place in known)


def _in_run(flag: Flag, hits: Hits) -> Flag:
    return Flag(flag.plane, flag.cause, flag.column, flag.row, flag.columns, where={"run": hits.run, **flag.where})


def _found(method: Method, judged: Sequence[Hits]) -> Row:
    """Return, for each defect put into runs, the share that is flagged there where the run as it is was not."""
    shares: Row = {}
    before = [set(_places(method(hits))) for hits in judged]
    for number, defect in enumerate(defects()):
        found = named = 0
        for i, hits in enumerate(judged):
            new, right = _new_flags(method, hits, defect, np.random.default_rng([number, i]), before[i])
            found += new
            named += right
        shares[defect.name] = f"{found / len(judged):.2f} ({named / len(judged):.2f} named)"
    return shares


def _new_flags(
    method: Method, hits: Hits, defect: Defect, rng: np.random.Generator, before: set[tuple[Any, ...]]
) -> tuple[bool, bool]:
    plane = int(rng.integers(7))
    flags = method(defect.put(hits, rng, plane))
    new = [flag for flag in flags if flag.plane == plane and not flag.known and _place(flag) not in before]
    return bool(new), any(flag.cause == defect.cause for flag in new)


def _places(flags: Sequence[Flag]) -> Iterator[tuple[Any, ...]]:
    return (_place(flag) for flag in flags)


def _place(flag: Flag) -> tuple[Any, ...]:
    return flag.plane, flag.column, flag.row, flag.columns, flag.cause


def main() -> None:
    """Print the table, a line per figure, and the unexplained flags."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.its.pixels", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--dev", action="store_true", help="learn on runs up to 450 and judge 451 to 500")
    chosen = parser.parse_args()
    table = rows(chosen.data, dev=chosen.dev)
    flags = table[0].pop("flags")
    for figure in table[0]:
        print(f"{figure:45s}", *(f"{row[figure]!s:32s}" for row in table))
    for flag in flags:
        print("unexplained:", flag)


if __name__ == "__main__":
    main()
