"""What the processes of a measurement share out: runs to simulate, and parts of time lines to judge.

They are sent the plan and a number, not the run: this module can be imported by them, the command's cannot.
"""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context

from benchmarks.its.cycles import make
from benchmarks.its.measure import by_line, judge_line, scenes_of
from benchmarks.its.methods import methods_named
from benchmarks.its.scenes import Plan, Scene, history, learning

_TOGETHER = 24
"""Scenes of a time line between which its history is not judged anew."""


def make_one(plan: Plan, number: int) -> None:
    """Simulate the run of this number."""
    make(runs(plan)[number])


def judge_one(plan: Plan, only: str, number: int) -> None:
    """Judge the part of this number by every method asked for."""
    judge_line(plan, parts(plan)[number], methods_named(plan, only)[0], _say)


@cache
def runs(plan: Plan) -> Sequence[Scene]:
    """Everything that must be simulated; a process that helps draws the list anew, for a run is nothing to send."""
    scenes = scenes_of(plan)
    histories = [before for line in by_line(scenes) for before in history(line, plan.cycle_s)]
    return [*learning(plan), *histories, *scenes]


@cache
def parts(plan: Plan) -> Sequence[Sequence[Scene]]:
    """Scenes of a line that are judged in one go: every scene goes on from the same history, so any cut will do."""
    lines = by_line(scenes_of(plan)).values()
    return [line[first : first + _TOGETHER] for line in lines for first in range(0, len(line), _TOGETHER)]


def share(do: Callable[[int], object], count: int, jobs: int) -> None:
    """Do all numbers below ``count`` on so many processes."""
    if jobs == 1:
        for number in range(count):
            do(number)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        list(pool.map(do, range(count)))


def _say(line: str) -> None:
    print(f"... {line}", file=sys.stderr, flush=True)
