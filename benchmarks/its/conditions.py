"""Pulls of nominal runs that took no part in the fit: ``python -m benchmarks.its.conditions [--hours 3] [--quick]``.

Fits a reference to nominal simulated runs of detectors 1 to 8, then follows detectors 101 and up from a cold start, for
each shift of the generator and both lengths of a cycle. Printed are the width of the pulls over all cells, the share
beyond 4.5 sigma (a Gaussian has 0.7 in 100,000), and the time that a cycle takes.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from dqm.its.cycle import to_observation
from dqm.its.expected import Reference
from dqm.its.layout import CELLS
from dqm.its.nominal import fit_reference
from dqm.its.reading import Reading, read
from dqm.its.simulate.beams import BeamType
from dqm.its.simulate.publishing import to_cycle
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import SHIFTS
from dqm.its.simulate.shift import draw_shift
from dqm.its.standing import Standing

SHIFT_NAMES = ("nominal", "noise", "vertex", "luminosity", "efficiency")
QUANTITIES = ("occupation", "size", "hits")


def runs(seed: int, beams: BeamType, shift: str, cycle_s: float, hours: float) -> Iterator[list[Reading]]:
    """Yield the runs of the first hours of a shift, as readings."""
    left_s = hours * 3600
    for number, drawn in enumerate(draw_shift(seed, beam_type=beams, shift=SHIFTS[shift], cycle_s=cycle_s)):
        if left_s < 600:
            return
        run = replace(drawn, duration_s=min(drawn.duration_s, left_s))
        left_s -= run.duration_s
        cycles = simulate_run(run, seed * 10 + number)
        yield [read(to_observation(to_cycle(run, cycle), "simulated", "0" * 64)) for cycle in cycles]


def follow(reference: Reference, detectors: Sequence[Sequence[list[Reading]]]) -> str:
    """Return one line of figures; each detector begins cold and goes through its runs."""
    pulls: dict[str, list[np.ndarray]] = {name: [] for name in QUANTITIES}
    spent = []
    for detector in detectors:
        standing = Standing.cold()
        for one in (reading for run in detector for reading in run):
            began = time.process_time()
            found = reference.pulls(one, standing)
            spent.append(time.process_time() - began)
            standing = standing.after(found, np.zeros(CELLS, bool))
            for name in QUANTITIES if not found.trust else ():
                pulls[name].append(getattr(found, name)[found.valid])
    together = {name: np.concatenate(values) for name, values in pulls.items()}
    told = [f"{np.std(v):.2f} / {1e5 * np.mean(np.abs(v) > 4.5):.1f}" for v in together.values()]
    return " | ".join((*told, str(len(spent)), f"{1e3 * float(np.median(spent)):.1f}"))


def main() -> None:
    """Fit, follow, print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=3.0, help="per detector")
    parser.add_argument("--quick", action="store_true", help="fewer detectors, cycles of 180 s alone")
    options = parser.parse_args()
    number = 5 if options.quick else 8
    nominal = (
        run
        for beams in BeamType
        for seed in range(1, number + 1)
        for run in runs(seed, beams, "nominal", 180.0, options.hours)
    )
    reference = fit_reference(nominal)
    print("beams | shift | cycle | occupation: width / beyond 4.5 sigma in 1e-5 | size | hits | cycles | ms")
    print("---|---|---|---|---|---|---|---")
    for beams in BeamType:
        for shift in SHIFT_NAMES:
            for cycle_s in (180.0,) if options.quick else (180.0, 60.0):
                seeds = range(101, 102 if options.quick else 103)
                held_out = [list(runs(seed, beams, shift, cycle_s, options.hours)) for seed in seeds]
                print(f"{beams.value} | {shift} | {cycle_s:.0f} s | {follow(reference, held_out)}", flush=True)


if __name__ == "__main__":
    main()
