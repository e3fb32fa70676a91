"""Measures what nominal patterns reach in each check, and how far sizes may be believed, on draws not learnt from."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from accelerator.collimation import ensemble
from accelerator.collimation.calibration import SCALES, Calibration, Check, fit_threshold, fit_tuning, stratum
from accelerator.collimation.knowledge import Knowledge
from accelerator.collimation.posterior import Tuning, from_likelihood, together
from accelerator.collimation.templates import Key, Table
from core.thresholds import TailThreshold

Floats: TypeAlias = NDArray[np.float64]

TRUST = 0.3
SIZE_TRUSTS = (0.0, 0.5, 1.0)


def calibrate(
    knowledge: Knowledge, nominal: int, faulty: int, rng: Generator, report: Callable[[str], None] = print
) -> Calibration:
    """Calibrate a model.

    Parameters
    ----------
    nominal, faulty
        Draws per stratum of nominal patterns, and of faults for the widths of sizes.
    """
    by_domain: dict[str, list[Table]] = {}
    for table in knowledge.tables.values():
        by_domain.setdefault(table.key.domain, []).append(table)
    checks = {
        stratum(domain, scale): nominal_thresholds(knowledge, tables, scale, nominal, rng)
        for domain, tables in by_domain.items()
        for scale in SCALES
    }
    tunings = {}
    for domain, tables in by_domain.items():
        for scale in SCALES:
            errors = size_errors(knowledge, tables, scale, faulty, rng)
            tunings[stratum(domain, scale)] = fit_tuning(errors, TRUST)
    report("; ".join(f"{where}: sigma x {one.sigma_factor:.2f}" for where, one in tunings.items()))
    return Calibration(checks, tunings)


def nominal_thresholds(
    knowledge: Knowledge, tables: list[Table], scale: float, count: int, rng: Generator
) -> Mapping[Check, TailThreshold]:
    """Return the thresholds of every check from nominal draws on these tables, shared equally."""
    each = max(8, count // len(tables))
    found: dict[Check, list[Floats]] = {check: [] for check in Check}
    for table in tables:
        drawn = ensemble.draw(table, each, rng, faulty=0.0, scale=scale)
        for check, values in knowledge.score(drawn.readings, table).scores.items():
            found[check].append(values)
    return {check: fit_threshold(np.concatenate(values)) for check, values in found.items()}


def size_errors(
    knowledge: Knowledge, tables: list[Table], scale: float, count: int, rng: Generator
) -> dict[float, tuple[Floats, Floats]]:
    """Return errors of sizes and their standard deviations, of faults that are found and named rightly.

    By how much weight the network has in the size.
    """
    found: dict[float, tuple[list[float], list[float]]] = {part: ([], []) for part in SIZE_TRUSTS}
    each = max(4, count // len(tables))
    for table in tables:
        drawn = ensemble.draw(table, each, rng, faulty=1.0, scale=scale)
        for number, network in enumerate(knowledge.score(drawn.readings, table).posteriors):
            true = int(drawn.fault[number])
            if network.nominal > 0.5 or int(network.ranked()[0]) != true:
                continue
            classical = from_likelihood(drawn.readings, table, number, [true])
            for part, (errors, sigmas) in found.items():
                one = together(network, classical, Tuning(TRUST, part), table)
                errors.append(float(one.change[true] - drawn.change[number]))
                sigmas.append(max(float(one.sigma[true]), 1e-6))
    return {part: (np.array(errors), np.array(sigmas)) for part, (errors, sigmas) in found.items()}


def false_alarms(
    knowledge: Knowledge, keys: list[Key], scale: float, judged_as: float, budget: float, count: int, rng: Generator
) -> float:
    """Return the share of nominal draws with model error of one scale that alarm when judged as of another."""
    alarms = 0
    for key in keys:
        table = knowledge.tables[key]
        drawn = ensemble.draw(table, count, rng, faulty=0.0, scale=scale)
        readings = replace(drawn.readings, scale=np.full(count, judged_as))
        p_values = knowledge.p_values(knowledge.score(readings, table), table, judged_as)
        alarms += int((p_values <= budget).sum())
    return alarms / (count * len(keys))
