"""How well templates explain a pattern, with model error marginalised: the classical voice of the diagnosis.

Logarithms of observed over expected are the sum of a factor common to each family (normal, marginalised by Laplace's
approximation) and one of each channel (Student's t: single channels are far off), beside counting and tolerances. Of
the families every one is fitted by iteratively reweighted least squares.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation import model_error
from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.features import Compared, Readings, compare
from accelerator.collimation.templates import Table

Floats: TypeAlias = NDArray[np.float64]

ROUNDS = 2
SOFTENED = 12
EFFECT, MOST_EFFECT = 0.2, 3.0
"""What an error does to the logarithm of a channel is known to this part of itself, of at most so much. That counts
where it is asked which error it is and how large; whether anything is wrong is asked of sharp templates.
"""
FREEDOM = model_error.FREEDOM


class Fit(NamedTuple):
    """Logarithm of the likelihood (t,), and what is left of the ratios in standard deviations (t, C)."""

    log: Floats
    pulls: Floats


def fit(compared: Compared, table: Table, scale: Floats) -> Fit:
    """Fit the factors of all families to comparisons (t, C), for scales (t,) or (1,)."""
    family, own = model_error.widths(table.channels, table.families)
    member = _members(table)
    wide = (family @ member) / member.sum(axis=0)
    prior = 1.0 / np.maximum(wide * scale[:, None], 1e-3) ** 2
    tolerance = table.tolerance.std(axis=0)
    variance = compared.counting + (own * scale[:, None]) ** 2 + tolerance**2
    there = compared.there.astype(np.float64)
    weight = there / variance
    for _ in range(ROUNDS):
        factor = ((compared.ratio * weight) @ member) / (weight @ member + prior)
        left = compared.ratio - factor @ member.T
        weight = there * (FREEDOM + 1) / (FREEDOM * variance + left**2)
    log = (
        -0.5 * (FREEDOM + 1) * (there * np.log1p(left**2 / (FREEDOM * variance))).sum(axis=1)
        - 0.5 * (there * np.log(variance)).sum(axis=1)
        - 0.5 * (factor**2 * prior).sum(axis=1)
        - 0.5 * np.log1p((weight @ member) / prior).sum(axis=1)
    )
    return Fit(log, there * left / np.sqrt(variance))


def nominal_misfit(readings: Readings, table: Table) -> Floats:
    """Return how unlike nominal each pattern is, shape (n,): about chi squared per channel, outliers damped."""
    compared = compare(readings, table.nominal[None])
    found = fit(compared, table, readings.scale)
    count = np.maximum(compared.there.sum(axis=1), 1)
    surprise: Floats = (FREEDOM + 1) * np.log1p(found.pulls**2 / FREEDOM).sum(axis=1) / count
    return surprise


def nominal_log(readings: Readings, table: Table) -> float:
    """Return the logarithm of the likelihood of nominal settings for the first pattern."""
    return float(fit(compare(readings, table.nominal[None]), table, readings.scale).log[0])


def beside(one: Readings, table: Table, deltas: Floats, effect: float = EFFECT) -> Compared:
    """Compare one pattern with nominal changed by ``deltas`` (t, C), each believed to a part."""
    found = compare(one, table.nominal + deltas).over(len(deltas))
    if not effect:
        return found
    unsure = (effect * np.minimum(np.abs(deltas), MOST_EFFECT)) ** 2
    return replace(found, counting=found.counting + np.where(found.there, unsure, 0.0))


class Voices(NamedTuple):
    """Logarithm of the evidence of nominal, of every fault (F,), and of every size of it (F, G)."""

    nominal: float
    faults: Floats
    sizes: Floats


def explain(readings: Readings, table: Table, number: int = 0) -> Voices:
    """Return the evidence of every template for one pattern, templates taken as sharp."""
    one = readings.row(number)
    different = np.diff(table.changes, axis=1, prepend=-np.inf) > 0
    templates = np.concatenate([table.nominal[None], table.nominal + table.deltas[different]])
    log = fit(compare(one, templates).over(len(templates)), table, one.scale).log
    sizes = np.full(table.changes.shape, -np.inf)
    sizes[different] = log[1:]
    _with_partners(sizes, one, table, partners(table), 0.0)
    return Voices(float(log[0]), _evidence(sizes, table), sizes)


def softened(voices: Voices, readings: Readings, table: Table, number: int = 0) -> Voices:
    """Return the same with the best explanations believed to a part (`EFFECT`): which of them it is, and how large."""
    chosen = np.argsort(-voices.faults)[:SOFTENED]
    one = readings.row(number)
    mask = np.zeros(table.changes.shape, bool)
    mask[chosen] = np.isfinite(voices.sizes[chosen])
    sizes = voices.sizes.copy()
    sizes[mask] = fit(beside(one, table, table.deltas[mask]), table, one.scale).log
    own = set(chosen.tolist())
    _with_partners(sizes, one, table, [pair for pair in partners(table) if pair[0] in own], EFFECT)
    return Voices(voices.nominal, _evidence(sizes, table), sizes)


def _evidence(sizes: Floats, table: Table) -> Floats:
    """Return the evidence of each fault (F,), all of its sizes taken together."""
    widths = grid_widths(table)
    with np.errstate(divide="ignore"):
        weighted = sizes + np.log(widths / np.maximum(widths.sum(axis=1, keepdims=True), 1e-12))
    top = weighted.max(axis=1)
    found: Floats = top + np.log(np.exp(weighted - top[:, None]).sum(axis=1))
    return found


def _with_partners(sizes: Floats, one: Readings, table: Table, pairs: Sequence[tuple[int, int]], effect: float) -> None:
    """Let the tertiaries of one kind at both large experiments also be wrong together: they follow one beta*."""
    if not pairs:
        return
    first, second = (list(part) for part in zip(*pairs, strict=True))
    deltas = (table.deltas[first] + table.deltas[second]).reshape(-1, len(table.nominal))
    log = fit(beside(one, table, deltas, effect), table, one.scale).log.reshape(len(first), -1)
    both = log - TOGETHER
    sizes[first] = np.where(np.isfinite(sizes[first]), np.logaddexp(sizes[first], both), sizes[first])


def partners(table: Table) -> list[tuple[int, int]]:
    """Return pairs of faults: the gap of a tertiary at IR1 or IR5, and that of the one of its kind at the other."""
    found = {
        fault.element: number
        for number, fault in enumerate(table.faults)
        if fault.quantity is Quantity.GAP and fault.element[:5] in {"tctph", "tctpv"} and fault.element[8] in "15"
    }
    return [(a, b) for x, a in found.items() for y, b in found.items() if x != y and x[:5] == y[:5]]


TOGETHER = 1.5
"""Logarithm of by how much rarer it is that two are wrong together."""


def grid_widths(table: Table) -> Floats:
    """Return how much of the sizes each place of the grid stands for, shape (F, G); nothing for size 0."""
    step = np.diff(table.changes, axis=1)
    widths = np.zeros_like(table.changes)
    widths[:, :-1] += step / 2
    widths[:, 1:] += step / 2
    found: Floats = np.where(table.changes == 0, 0.0, widths)
    return found


def _members(table: Table) -> Floats:
    names = sorted(set(table.families))
    found: Floats = (np.array(table.families)[:, None] == np.array(names)[None]).astype(np.float64)
    return found
