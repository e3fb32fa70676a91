"""From a pattern on its table to an answer: nominal, broken, unknown, or that it cannot be told."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.blind import Sight, primary, sight, unlimited
from accelerator.collimation.calibration import Check
from accelerator.collimation.diagnosis import Answer
from accelerator.collimation.features import compare
from accelerator.collimation.knowledge import Knowledge
from accelerator.collimation.laying import Laid
from accelerator.collimation.likelihood import fit
from accelerator.collimation.posterior import Posterior
from accelerator.collimation.states import STAGES, State, family_settings
from core.verdict import Quality

Floats: TypeAlias = NDArray[np.float64]

FEWEST_PROTONS = 300
LEAST_SIGNAL = 100.0
"""The largest signal of a map must be so many times its noise."""
LOOK = 4.0
"""Patterns up to so many times more common than alarms are MEDIUM."""
BELIEVED = 0.5
BEYOND_SIGMA = 0.5
"""A map must be able to show its primary retracted so far beyond the secondaries."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What was found out about one pattern; ``pulls`` (C,) are deviations from nominal in standard deviations."""

    laid: Laid
    posterior: Posterior
    sight: Sight
    answer: Answer
    quality: Quality
    p_value: float
    check: Check
    pulls: Floats
    reason: str | None = None


def judge_pattern(laid: Laid, knowledge: Knowledge, budget: float) -> Judged:
    """Judge one pattern with so many false alarms per nominal pattern."""
    table, readings = laid.table, laid.readings
    scale = float(readings.scale[0])
    scored = knowledge.score(readings, table)
    p_value = float(knowledge.p_values(scored, table, scale)[0])
    posterior = knowledge.infer(readings, table, scored)
    seen = sight(table, readings)
    check = knowledge.strangest(scored, table, scale)
    pulls = fit(compare(readings, table.nominal[None]), table, readings.scale).pulls[0]
    answer, quality, reason = _answer(laid, posterior, seen, p_value, budget)
    return Judged(laid, posterior, seen, answer, quality, p_value, check, pulls, reason)


def _answer(
    laid: Laid, posterior: Posterior, seen: Sight, p_value: float, budget: float
) -> tuple[Answer, Quality, str | None]:
    few = too_little(laid)
    if few:
        return Answer.CANNOT_TELL, Quality.MEDIUM, few
    if laid.doubt:
        return Answer.CANNOT_TELL, Quality.MEDIUM, laid.doubt
    broken = Answer.BROKEN if float(posterior.faults.max()) > BELIEVED * 0.4 else Answer.UNKNOWN
    if p_value <= budget:
        return broken, Quality.BAD, None
    short = _short_sighted(laid, seen)
    if short:
        return Answer.CANNOT_TELL, Quality.MEDIUM, short
    if p_value <= LOOK * budget:
        return broken, Quality.MEDIUM, f"one nominal map in {1 / max(p_value, 1e-9):.0f} looks like this: worth a look"
    return Answer.NOMINAL, Quality.GOOD, None


def too_little(laid: Laid) -> str | None:
    """Say so if a pattern holds too little to tell anything."""
    readings = laid.readings
    there = readings.there[0]
    if readings.counts:
        total = float(readings.values[0][there].sum())
        return f"only {total:.0f} protons lost: too few to tell" if total < FEWEST_PROTONS else None
    if not there.any():
        return "no monitor of any channel was read"
    at_primary = np.array([family == "TCP7" for family in laid.table.families]) & there
    if not at_primary.any():
        return "no monitor of a primary collimator is in this map: nothing to compare the losses with"
    highest = float(readings.values[0][there].max())
    ratio = highest / max(float(np.median(readings.noise[0][there])), 1e-300)
    return f"the highest signal is {ratio:.0f} times its noise: too low to tell" if ratio < LEAST_SIGNAL else None


def _short_sighted(laid: Laid, seen: Sight) -> str | None:
    """Say so if not even a primary of this plane behind its secondaries would be seen, and what hides it.

    What else cannot be seen makes no map doubtful: it is said in the diagnosis (`blind`).
    """
    table = laid.table
    number = primary(table)
    gaps = family_settings(State(table.key.state))
    inner, outer = gaps[STAGES[0].inner], gaps[STAGES[0].outer]
    if number is None or inner is None or outer is None:
        return None
    needed = outer - inner + BEYOND_SIGMA
    if seen.outward[number] <= needed:
        return None
    few = unlimited(table, laid.readings).outward[number] <= needed
    why = "in so few losses" if few else "with what is known of this machine's response"
    name = table.faults[number].element.upper()
    return f"{name} retracted by {needed:g} sigma, behind the secondaries, would leave no clear trace {why}"
