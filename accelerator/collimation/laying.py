"""Lays a pattern on the tables of a model: which plane and state it is, and how far nominal may be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accelerator.collimation import likelihood, model_error
from accelerator.collimation.features import PLANES, STATES, Readings, align
from accelerator.collimation.knowledge import Knowledge
from accelerator.collimation.lossmap import Domain, Pattern
from accelerator.collimation.templates import Key, Table
from core.errors import ModelError

BETATRON = ("H", "V", "S")
CLEARLY = 12.0
"""So much better (logarithm of the likelihood) must another plane explain the losses before the name is doubted."""
NO_STATE = ("collisions", "squeeze", "flat_top")
"""States that a pattern at top energy may be of when nothing is said."""


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """A pattern on a table; ``doubt`` says in words what about its names does not fit."""

    table: Table
    readings: Readings
    told_plane: bool
    told_state: bool
    doubt: str | None = None


def scale_of(pattern: Pattern, knowledge: Knowledge, table: Table) -> float:
    """Return the scale of model error for a pattern: what was learnt at this site is known best."""
    if str(table.key) in knowledge.site:
        return model_error.KNOWN["site"]
    engine = pattern.context.get("engine")
    return model_error.scale_of(None if engine is None else str(engine))


def readings_of(pattern: Pattern, table: Table, scale: float) -> Readings:
    """Return the readings of one pattern in the order of a table; warm losses of tracked maps take no part."""
    values, noise, there = align(
        pattern.channels, pattern.values[None], pattern.sigma[None], pattern.missing[None], table
    )
    counts = pattern.domain is Domain.PROTONS
    if counts:
        there = there & ~warm(table)[None]
        noise = np.zeros_like(noise)
    return Readings(values, noise, there, np.array([scale]), counts)


def warm(table: Table) -> "np.typing.NDArray[np.bool_]":
    """Return which channels are warm aperture."""
    return np.array([family == "warm" for family in table.families])


def lay(pattern: Pattern, knowledge: Knowledge) -> Laid:
    """Find the table of a pattern.

    Raises
    ------
    core.errors.ModelError
        The model knows no pattern of this domain and beam, or not of the state it names.
    """
    planes = (pattern.plane,) if pattern.plane in PLANES else BETATRON
    states = _states(pattern)
    domain = str(pattern.domain)
    found = [
        table
        for state in states
        for plane in planes
        if plane is not None and (table := knowledge.tables.get(Key(domain, pattern.beam, plane, state))) is not None
    ]
    if not found:
        raise ModelError(
            f"the model knows no {domain} patterns of beam {pattern.beam}, {'/'.join(map(str, planes))}, "
            f"{'/'.join(states)}"
        )
    laid = [(table, readings_of(pattern, table, scale_of(pattern, knowledge, table))) for table in found]
    told_plane, told_state = pattern.plane in PLANES, len(states) == 1
    if len(laid) == 1:
        table, readings = laid[0]
        return Laid(table, readings, told_plane, told_state, _other_plane(pattern, knowledge, table, readings))
    best = max(laid, key=lambda pair: evidence(pair[1], pair[0]))
    return Laid(best[0], best[1], told_plane, told_state)


def evidence(readings: Readings, table: Table) -> float:
    """Return the logarithm of the evidence of a table: nominal settings or any one error, which is rarer."""
    voices = likelihood.explain(readings, table)
    return float(max(voices.nominal, voices.faults.max() - np.log(10.0 * len(table.faults))))


def _states(pattern: Pattern) -> Sequence[str]:
    if pattern.state in STATES:
        return (str(pattern.state),)
    energy = pattern.context.get("energy_gev")
    if isinstance(energy, int | float) and 0 < energy < 1000:
        return ("injection",)
    return NO_STATE


def _other_plane(pattern: Pattern, knowledge: Knowledge, table: Table, readings: Readings) -> str | None:
    """Say so if the losses are the nominal ones of another plane than the one named."""
    if table.key.plane not in BETATRON:
        return None
    own = likelihood.nominal_log(readings, table)
    for plane in BETATRON:
        other = knowledge.tables.get(table.key._replace(plane=plane))
        if other is None or plane == table.key.plane:
            continue
        scale = scale_of(pattern, knowledge, other)
        nominal = likelihood.nominal_log(readings_of(pattern, other, scale), other)
        if nominal > own + CLEARLY and nominal > evidence(readings, table) + CLEARLY:
            return f"the losses are those of a {plane} map, not of {table.key.plane} as it is called"
    return None
