"""Watches one beam over the seconds of a piece: against its own reference of this fill, and its margins over time.

Ordinary losses share halo between planes in an unknown way that wanders, so a stream tells changes; whether the
hierarchy was right to begin with is told by loss maps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation import describing, model_error
from accelerator.collimation.diagnosis import Answer, Diagnosis, Quantity, Trend
from accelerator.collimation.features import Readings, compare
from accelerator.collimation.fill_memory import BeamState
from accelerator.collimation.geometry import find
from accelerator.collimation.halo_mix import USUAL, HaloMix
from accelerator.collimation.judging import Judged, judge_pattern, too_little
from accelerator.collimation.jumps import find_jump
from accelerator.collimation.knowledge import Knowledge
from accelerator.collimation.laying import Laid
from accelerator.collimation.likelihood import explain
from accelerator.collimation.posterior import group_scores, refined
from accelerator.collimation.seconds import Seconds
from accelerator.collimation.states import STAGES, State, family_settings
from accelerator.collimation.templates import Key, Table
from accelerator.collimation.trend import Line, describe, hours_left
from core.settings import CollimationSettings
from core.verdict import Cause, Quality, Region

Floats: TypeAlias = NDArray[np.float64]

SHIFT_S = 8 * 3600.0
REFERENCE_S = 300.0
"""So many seconds of a fill and state are its reference."""
LEARNT = 0.06
"""Scale of the model error that is left beside a reference of the same fill."""
BLOCK_S = 60
STEP_EVIDENCE = 12.0
"""Logarithm of the likelihood by which a fault must explain a jump better than none."""
FEWEST_BEFORE = 10
SURE = 4.0
"""A margin is said to shrink when its slope is below zero by so many standard deviations."""
WANDER_SIGMA = 0.12
"""By so much the margin of a primary comes and goes with how halo is shared between planes, beyond what is fitted
(scatter over four hours of a nominal fill: 0.07 and 0.09 in the horizontal primaries, 0.05 and 0.04 in the vertical).
"""
FALLEN, FALLING = 4.0, 2.0
"""Or when what is lost is so many times as large as that, and the slope below zero by so many standard deviations."""
SURE_OF_FAULT = 0.8
CROSSTALK, BESIDE_M = 3.0, 150.0
"""A change this many times as large on the other beam, so near, explains what is seen on this one."""
LEAST_OF_PRIMARY = {Quantity.GAP: 1.0, Quantity.OFFSET: 0.25}
LOST_SIGMA, LOOK_SIGMA = 0.5, 0.25
MOST_POINTS = 1500
_HALO = frozenset({"TCP7", "TCSG7", "TCLA7", "TCSP", "TCDQ", "ds"})
_FAR = frozenset({"TCT15", "TCT2", "TCT8"})
SHRINKING = "margin shrinking"


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """What a piece says of one beam."""

    beam: int
    state: BeamState
    quality: Quality
    p_value: float
    regions: tuple[Region, ...]
    diagnosis: Diagnosis
    reason: str | None = None
    moved: float = 0.0
    """By how much signals (Gy/s, all channels) are off what the reference of the fill leads to expect, if broken."""


def watch(
    knowledge: Knowledge,
    seconds: Seconds,
    times_s: Floats,
    where: tuple[str, str],
    known: BeamState,
    settings: CollimationSettings,
) -> Watched | None:
    """Judge one beam in one machine state (fill, state); None if the model does not know this state.

    At injection the losses are those of injection and capture, not of a halo: nothing is said.
    """
    table = knowledge.tables.get(Key("blm", seconds.beam, "mixed", where[1]))
    if table is None or where[1] == State.INJECTION:
        return None
    if (known.fill, known.state) != where:
        known = BeamState(*where)
    values, noise, there = _aligned(seconds, table)
    whole = _mean(values, noise, there, model_error.scale_of(None))
    few = too_little(Laid(table, whole, told_plane=True, told_state=True))
    if few:
        return _cannot_tell(seconds.beam, where[1], known, few)
    if known.reference_s < REFERENCE_S:
        known = _learn(known, table, values, noise, there)
    own = replace(table, nominal=table.nominal + np.array(known.reference))
    known = _add_points(known, own, mix_of(knowledge, own), values, noise, there, times_s)
    trends, lines = _trends(known, own)
    return _judge(knowledge, own, (values, noise, there), times_s, known, (trends, lines), settings)


def _judge(
    knowledge: Knowledge,
    own: Table,
    readings: tuple[Floats, Floats, NDArray[np.bool_]],
    times_s: Floats,
    known: BeamState,
    course: tuple[tuple[Trend, ...], Sequence[tuple[str, Line | None]]],
    settings: CollimationSettings,
) -> Watched:
    values, noise, there = readings
    began = find_jump(values, noise, there, np.array(known.last) if known.last else None)
    jumped = None if began is None else _after_jump(knowledge, own, readings, began, known, settings)
    known = replace(known, last=tuple(values[-BLOCK_S:].mean(axis=0).tolist()))
    moved = _moved(own, values[-BLOCK_S:].mean(axis=0), there)
    if jumped is not None and began is not None:
        told = _broken(jumped, known, float(times_s[min(began, len(times_s) - 1)]), course[0])
        return replace(told, moved=moved)
    judged = judge_pattern(
        Laid(own, _mean(values[-BLOCK_S:], noise, there, LEARNT), True, True),
        knowledge,
        settings.false_alarms_per_shift * BLOCK_S / SHIFT_S,
    )
    trends, lines = course
    if judged.quality is Quality.BAD and _sure(judged):
        told = _broken(judged, known, float(times_s[max(len(times_s) - BLOCK_S, 0)]), trends)
        return replace(told, moved=moved)
    shrinking = _shrinking(own, lines, settings)
    found = replace(describing.diagnose(replace(judged, answer=Answer.NOMINAL)), trends=trends)
    if shrinking is None:
        clear = replace(known, since=None, suspect="")
        return Watched(own.key.beam, clear, Quality.GOOD, judged.p_value, (), found)
    return _drifting(own, judged, known, found, shrinking, float(times_s[-1]))


def _moved(own: Table, now: Floats, there: NDArray[np.bool_]) -> float:
    """Return the sum over channels of how far signals are off their expected shares of what is lost now."""
    expected = np.exp(own.nominal) * there
    expected = expected / max(float(expected.sum()), 1e-300) * float(now[there].sum())
    return float(np.abs(now - expected)[there].sum())


def without_crosstalk(seen: Sequence[Watched]) -> list[Watched]:
    """Take back what is said of one beam where monitors see the showers of a larger change of the other beam.

    Both beams run side by side: a monitor sees a part of what the other beam loses beside it.
    """
    return [_taken_back(one) if any(_explains(other, one) for other in seen) else one for one in seen]


def _explains(other: Watched, one: Watched) -> bool:
    if other.beam == one.beam or not (one.moved and other.moved > CROSSTALK * one.moved):
        return False
    if not (one.regions and other.regions):
        return False
    places = [find(str(each.regions[0].where["element"])).s_m for each in (one, other)]
    return abs(places[0] - places[1]) < BESIDE_M


def _taken_back(one: Watched) -> Watched:
    """Return what is left of a diagnosis that the other beam explains: good, with a fact that says so."""
    facts = {**one.diagnosis.facts, "other beam": "what moved here is explained by the larger change of the other beam"}
    found = replace(one.diagnosis, answer=Answer.NOMINAL, hypotheses=(), facts=facts)
    clear = replace(one.state, since=None, suspect="")
    return replace(one, state=clear, quality=Quality.GOOD, regions=(), diagnosis=found, reason=None, moved=0.0)


def _sure(judged: Judged, *, jump: bool = False) -> bool:
    """Whether a known error at a collimator that is watched explains what is seen.

    Beside the reference of the fill a primary must be off by more than what halo, shared between planes in another way,
    looks like; beside what was a minute before (``jump``) it need not.
    """
    number = int(judged.posterior.ranked()[0])
    fault, table = judged.laid.table.faults[number], judged.laid.table
    watched = bool(of_halo(table)[table.channels.index(fault.element)])
    if float(judged.posterior.faults[number]) <= SURE_OF_FAULT or not watched:
        return False
    least = LEAST_OF_PRIMARY.get(fault.quantity, np.inf)
    is_primary = table.families[table.channels.index(fault.element)] == "TCP7"
    return jump or not is_primary or abs(float(judged.posterior.change[number])) >= least


def _after_jump(
    knowledge: Knowledge,
    own: Table,
    readings: tuple[Floats, Floats, NDArray[np.bool_]],
    began: int,
    known: BeamState,
    settings: CollimationSettings,
) -> Judged | None:
    """Judge what is after a jump beside what was before it; None if no known error explains the step."""
    values, noise, there = readings
    if began >= FEWEST_BEFORE:
        before = values[max(0, began - BLOCK_S) : began].mean(axis=0)
    elif known.last:
        before = np.array(known.last)
    else:
        return None
    compared = compare(_mean(before[None], noise, there, LEARNT), own.nominal[None])
    table = replace(own, nominal=own.nominal + compared.ratio[0])
    after = _mean(values[began + 1 :], noise, there, LEARNT)
    if group_scores(explain(after, table), table).max() < STEP_EVIDENCE:
        return None
    judged = judge_pattern(Laid(table, after, True, True), knowledge, settings.false_alarms_per_shift * 1e-3)
    if not _sure(judged, jump=True):
        return None
    return replace(judged, quality=Quality.BAD, answer=Answer.BROKEN, reason=None)


def _aligned(seconds: Seconds, table: Table) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    place = {name: at for at, name in enumerate(seconds.channels)}
    index = np.array([place[name] for name in table.channels])
    return seconds.values[:, index], seconds.noise[index], seconds.there[index] & of_halo(table)


def of_halo(table: Table) -> NDArray[np.bool_]:
    """Return which channels show the halo of a stored beam and nothing else.

    Losses in IR3 are those of off-momentum protons, which come and go by themselves; while beams collide, what is lost
    at the experiments (triplets, tertiary and debris collimators, arcs near them) is debris.
    """
    usable = _HALO if table.key.state == State.COLLISIONS else _HALO | _FAR
    found: NDArray[np.bool_] = np.array(
        [family in usable and "ir3" not in name for family, name in zip(table.families, table.channels, strict=True)]
    )
    return found


def _mean(values: Floats, noise: Floats, there: NDArray[np.bool_], scale: float) -> Readings:
    return Readings(
        values.mean(axis=0)[None],
        (noise / np.sqrt(len(values)))[None],
        there[None],
        np.array([scale]),
        counts=False,
    )


def _learn(known: BeamState, table: Table, values: Floats, noise: Floats, there: NDArray[np.bool_]) -> BeamState:
    """Let the first seconds of a state be its reference."""
    take = values[: max(1, int(REFERENCE_S - known.reference_s))]
    compared = compare(_mean(take, noise, there, 1.0), table.nominal[None])
    new = compared.ratio[0]
    before, total = known.reference_s, known.reference_s + len(take)
    old = np.array(known.reference) if known.reference else np.zeros(len(new))
    mean = (old * before + new * len(take)) / total
    return replace(known, reference=tuple(mean.tolist()), reference_s=float(total))


def watched_settings(table: Table) -> list[int]:
    """Return the faults whose size is followed over a fill: the gaps of the primaries of IR7."""
    return [
        number
        for number, fault in enumerate(table.faults)
        if fault.quantity is Quantity.GAP and fault.element.startswith("tcp.") and not fault.element.startswith("tcp.6")
    ]


def mix_of(knowledge: Knowledge, table: Table) -> HaloMix | None:
    """Return the halo of a beam and state as a sum over planes, None if the model does not know each plane."""
    planes = [knowledge.tables.get(table.key._replace(plane=plane)) for plane in USUAL]
    known = [one for one in planes if one is not None]
    return HaloMix(table, known, watched_settings(table)) if len(known) == len(planes) else None


def _add_points(
    known: BeamState,
    table: Table,
    mix: HaloMix | None,
    values: Floats,
    noise: Floats,
    there: NDArray[np.bool_],
    times_s: Floats,
) -> BeamState:
    """Measure the gaps of the primaries in every minute."""
    count = max(1, len(values) // BLOCK_S)
    blocks = np.array_split(values[: count * BLOCK_S] if len(values) >= BLOCK_S else values, count)
    middles = [float(part.mean()) for part in np.array_split(times_s[: count * BLOCK_S], count)]
    last = known.points[-1][0] if known.points else -np.inf
    points = list(known.points)
    for block, at in zip(blocks, middles, strict=True):
        if at <= last:
            continue
        readings = _mean(block, noise, there, LEARNT)
        sizes = (
            mix.gaps(readings, table.nominal)
            if mix is not None
            else [refined(readings, table, 0, number) for number in watched_settings(table)]
        )
        points.append((at, *(number for size in sizes for number in size)))
    return replace(known, points=tuple(points[-MOST_POINTS:]))


def _trends(known: BeamState, table: Table) -> tuple[tuple[Trend, ...], list[tuple[str, Line | None]]]:
    points = np.array(known.points)
    nominal = _margin_sigma(table)
    trends, lines = [], []
    for place, number in enumerate(watched_settings(table)):
        element = table.faults[number].element
        values, errors = nominal - points[:, 1 + 2 * place], np.maximum(points[:, 2 + 2 * place], 0.005)
        trend, line = describe(f"{element.upper()} to TCSG7", points[:, 0].tolist(), values, errors, WANDER_SIGMA)
        trends.append(trend)
        lines.append((element, line))
    return tuple(trends), lines


def _margin_sigma(table: Table) -> float:
    gaps = family_settings(State(table.key.state))
    stage = STAGES[0]
    return float(gaps[stage.outer] or 0.0) - float(gaps[stage.inner] or 0.0)


def _shrinking(
    table: Table, lines: Sequence[tuple[str, Line | None]], settings: CollimationSettings
) -> tuple[str, Line, Quality] | None:
    """The margin that shrinks most, if one does for sure."""
    nominal = _margin_sigma(table)
    sure = [(element, line) for element, line in lines if line is not None and _shrinks(line, nominal - line.value)]
    if not sure:
        return None
    element, line = min(sure, key=lambda pair: pair[1].value)
    left = hours_left(line)
    soon = left is not None and 3600 * left[1] <= settings.warn_before_s
    bad = soon or nominal - line.value >= LOST_SIGMA
    return element, line, Quality.BAD if bad else Quality.MEDIUM


def _shrinks(line: Line, lost: float) -> bool:
    if line.significance >= SURE:
        return lost >= LOOK_SIGMA
    return lost >= max(FALLEN * WANDER_SIGMA, LOST_SIGMA) and line.significance >= FALLING


def _drifting(
    table: Table,
    judged: Judged,
    known: BeamState,
    found: Diagnosis,
    shrinking: tuple[str, Line, Quality],
    now_s: float,
) -> Watched:
    element, line, quality = shrinking
    number = table.find(element, Quantity.GAP)
    nominal = table.faults[number].nominal if number is not None else 0.0
    lost = _margin_sigma(table) - line.value
    since = known.since if known.since is not None and known.suspect == element else now_s
    known = replace(known, since=since, suspect=element)
    left = hours_left(line)
    region = Region(
        {
            "element": element,
            "quantity": Quantity.GAP.value,
            "value": round(nominal + lost, 4),
            "nominal": nominal,
            "sigma": round(float(np.sqrt(line.covariance[0][0])), 4),
            "beam": table.key.beam,
            "quality": quality.value,
            "since": _when(since),
        },
        score=line.significance,
        p_value=judged.p_value,
        cause=Cause(SHRINKING, 0.95),
    )
    gone = f", gone in {left[0]:.1f} h ({left[1]:.1f} to {left[2]:.1f} h)" if left else ""
    reason = f"the margin of {element.upper()} shrinks by {-line.slope:.2f} sigma per hour{gone}"
    found = replace(found, answer=Answer.BROKEN, facts={**found.facts, "trend": reason})
    return Watched(table.key.beam, known, quality, judged.p_value, (region,), found, reason)


def _broken(judged: Judged, known: BeamState, began_s: float, trends: tuple[Trend, ...]) -> Watched:
    found = replace(describing.diagnose(judged), trends=trends)
    first = describing.regions(judged, found)
    suspect = str(first[0].where["element"]) if first else ""
    since = known.since if known.since is not None and known.suspect == suspect else began_s
    known = replace(known, since=since, suspect=suspect)
    dated = tuple(replace(one, where={**one.where, "since": _when(since)}) for one in first)
    return Watched(judged.laid.table.key.beam, known, judged.quality, judged.p_value, dated, found, judged.reason)


def _cannot_tell(beam: int, state: str, known: BeamState, why: str) -> Watched:
    found = Diagnosis(Answer.CANNOT_TELL, "betatron", beam, "mixed", state, 1.0, facts={"reason": why})
    return Watched(beam, known, Quality.MEDIUM, 1.0, (), found, why)


def _when(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="seconds")
