"""A backfill from beginning to end: divide the past, share it out, say how it goes, see that it arrived."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from core.clock import Clock
from core.errors import ModelError, ShiftwatchError
from core.settings import Settings
from core.store import Store
from flows.backfilling import judge_part, look_at_part
from flows.choosing import choose
from flows.dividing import divide
from flows.fanning import Fan
from flows.past import Errand, Part, Tally, checked, pointed_at, youngest
from flows.systems import load_system

TOLD_EVERY_S = 5.0
Report = Callable[[str], None]


def backfill(errand: Errand, settings: Settings, store: Store, clock: Clock, fan: Fan, report: Report) -> Tally:
    """Judge a span of the past by the model in charge and return what came of it.

    Raises
    ------
    ShiftwatchError
        The span is not past, there is no model, nothing answers, or the workers write somewhere else.
    """
    system = load_system(errand.system)
    read_with = pointed_at(settings, system, errand.archive)
    errand = checked(errand, youngest(system, read_with, clock.now()))
    choice = choose(system, settings, store, clock.now())
    if choice.trouble is not None:
        raise ModelError(choice.trouble)
    errand = replace(errand, model=choice.model)
    parts = divide(errand, system, settings, store, lambda portions: fan(look_at_part, portions))
    arrivals = sum(len(part.arrivals) for part in parts)
    by_whom = f"{choice.model.name} {choice.model.version}" if choice.model else "its detector"
    report(f"{system.name}: {arrivals} arrivals in {len(parts)} parts, judged by {by_whom}")
    tally = _worked_off(parts, fan, report)
    if tally.sample is not None and not store.known(system.name, [tally.sample]):
        raise ShiftwatchError("the workers write into another database than this process reads")
    return tally


def _worked_off(parts: Sequence[Part], fan: Fan, report: Report) -> Tally:
    total, began, told = Tally(), time.monotonic(), float("-inf")
    for done, (_, tally) in enumerate(fan(judge_part, parts), start=1):
        total += tally
        now = time.monotonic()
        if now - told >= TOLD_EVERY_S or done == len(parts):
            told = now
            report(f"part {done} of {len(parts)}: {words(total)}, {total.judged / max(now - began, 1e-3):.1f}/s")
    return total


def words(tally: Tally) -> str:
    """Return a tally as a person reads it."""
    parts = [f"{tally.judged} judged", f"{tally.known} judged before"]
    parts += [f"{tally.outside} outside of the span"] if tally.outside else []
    parts += [f"{tally.unusable} unusable"] if tally.unusable else []
    return ", ".join(parts)
