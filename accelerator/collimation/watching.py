"""Watches one beam over the seconds of a piece: against its own reference of this fill, and its margins over time.

Ordinary losses share halo between planes in an unknown way that wanders, so a stream tells changes; whether the
hierarchy was right to begin with is told by loss maps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation import describing, model_error
from accelerator.collimation.diagnosis import SHRINKING, Answer, Diagnosis, Quantity, Trend
from accelerator.collimation.drifting import Course, Shrinking, effect_of_drift, follow, learnt_patterns
from accelerator.collimation.features import Readings, compare
from accelerator.collimation.fill_memory import BeamState
from accelerator.collimation.fill_patterns import FillPatterns
from accelerator.collimation.geometry import find
from accelerator.collimation.judging import Judged, judge_pattern, too_little
from accelerator.collimation.jumps import find_jump
from accelerator.collimation.knowledge import Knowledge
from accelerator.collimation.laying import Laid
from accelerator.collimation.likelihood import explain
from accelerator.collimation.posterior import group_scores
from accelerator.collimation.seconds import BACKGROUND_GY_PER_S, QUIET, Seconds
from accelerator.collimation.states import State
from accelerator.collimation.templates import Key, Table
from core.settings import CollimationSettings
from core.verdict import Cause, Quality, Region

Floats: TypeAlias = NDArray[np.float64]

SHIFT_S = 8 * 3600.0
REFERENCE_S = 300.0
"""So many seconds of a fill and state are its reference."""
LEARNT, BEFORE_LEARNT = 0.06, 0.15
"""Scale of the model error that is left beside a reference of the same fill, with its patterns learnt and before."""
BLOCK_S = 60
STEP_EVIDENCE = 12.0
"""Logarithm of the likelihood by which a fault must explain a jump better than none."""
FEWEST_BEFORE = 10
SETTLED_S = 10
"""Before the patterns of a fill are learnt a burst of the other beam looks like a step: only what stays counts.
"""
TWICE_A_DECADE = 2 * float(np.log(10.0))
"""From twice the logarithm of a likelihood to decades, as scores are."""
SURE_OF_FAULT = 0.8
CROSSTALK, STILL_CROSSTALK, BESIDE_M = 3.0, 1.5, 150.0
"""A change this many times as large on the other beam, so near, explains what is seen on this one; while the same
collimator explains it, less will do: this beam goes its own way meanwhile, and nothing of it is learnt.
"""
LEAST_OF_PRIMARY = {Quantity.GAP: 1.0, Quantity.OFFSET: 0.25}
_HALO = frozenset({"TCP7", "TCSG7", "TCLA7", "TCSP", "TCDQ", "ds"})
_FAR = frozenset({"TCT15", "TCT2", "TCT8"})


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
    calm: "Watched | None" = None
    """What is said instead if the other beam explains what broke."""


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
    values, noise, there, offset = _aligned(seconds, table)
    whole = _mean(values, noise, there, model_error.scale_of(None), offset)
    few = too_little(Laid(table, whole, told_plane=True, told_state=True))
    if few:
        return _cannot_tell(seconds.beam, where[1], known, few)
    if known.reference_s < REFERENCE_S:
        known = _learn(known, table, values, noise, there)
    own = replace(table, nominal=table.nominal + np.array(known.reference))
    patterns = learnt_patterns(known, noise, there)  # from before this piece: what breaks in it is not ordinary
    unsure = offset if patterns is None else np.minimum(offset, QUIET * BACKGROUND_GY_PER_S)  # part of the patterns
    drifted = replace(own, nominal=own.nominal + effect_of_drift(knowledge, own, known))  # what is told already
    broken = _find_broken(knowledge, drifted, (values, noise, there), unsure, known, patterns, settings)
    known, course = follow(knowledge, own, known, (values, noise, there), times_s, learning=not broken.is_bad)
    known = replace(known, last=tuple(values[-BLOCK_S:].mean(axis=0).tolist()))
    calm = _calm(own, broken.judged, known, course, float(times_s[-1]), settings)
    if not broken.is_bad:
        return calm
    told = _broken(broken.judged, known, float(times_s[broken.second]), course.trends)
    if course.shrinking is not None:  # what shrank before goes on beside what broke now
        told = replace(
            told,
            regions=told.regions + tuple(replace(one, where={**one.where, "diagnosis": 1}) for one in calm.regions),
        )
    state = replace(told.state, shrinking_since=calm.state.shrinking_since)
    return replace(told, state=state, moved=_moved(drifted, values[-BLOCK_S:].mean(axis=0), there), calm=calm)


def _calm(
    own: Table, judged: Judged, known: BeamState, course: Course, now_s: float, settings: CollimationSettings
) -> Watched:
    """Return what is said where nothing broke suddenly: nominal, or a margin that shrinks."""
    found = replace(describing.diagnose(replace(judged, answer=Answer.NOMINAL)), trends=course.trends)
    if course.shrinking is not None:
        return _drifting(own, judged, known, found, course.shrinking, now_s, settings.warn_before_s)
    clear = replace(known, since=None, suspect="", shrinking_since=None)
    return Watched(own.key.beam, clear, Quality.GOOD, judged.p_value, (), found)


class _Sudden(NamedTuple):
    """What a piece shows beside the fill: whether it ``is_bad``, and from which second of the piece on."""

    judged: Judged
    is_bad: bool
    second: int = 0


def _find_broken(
    knowledge: Knowledge,
    own: Table,
    readings: tuple[Floats, Floats, NDArray[np.bool_]],
    offset: Floats,
    known: BeamState,
    patterns: FillPatterns | None,
    settings: CollimationSettings,
) -> _Sudden:
    """Look for a step within the piece, then at its last minute."""
    values, noise, there = readings
    began = find_jump(values, noise, there, np.array(known.last) if known.last else None)
    jumped = None if began is None else _after_jump(knowledge, own, readings, began, known, patterns, settings)
    if jumped is not None and began is not None:
        return _Sudden(jumped, True, min(began, len(values) - 1))
    scale = BEFORE_LEARNT if patterns is None else LEARNT
    minute = _mean(values[-BLOCK_S:], noise, there, scale, offset)
    budget = settings.false_alarms_per_shift * BLOCK_S / SHIFT_S
    judged = judge_pattern(Laid(own, minute, True, True), knowledge, budget)
    second = max(len(values) - BLOCK_S, 0)
    goes_on = known.since is not None and known.suspect != SHRINKING
    if patterns is None or goes_on or not _is_broken(judged):
        return _Sudden(judged, _is_broken(judged), second)
    usual = own.nominal + patterns.ordinary(values[-BLOCK_S:].mean(axis=0))
    beside = judge_pattern(Laid(replace(own, nominal=usual), minute, True, True), knowledge, budget)
    return _Sudden(judged, beside.quality is Quality.BAD, second)


def _is_broken(judged: Judged) -> bool:
    return judged.quality is Quality.BAD and _sure(judged)


def _moved(own: Table, now: Floats, there: NDArray[np.bool_]) -> float:
    """Return the sum over channels of how far signals are off their expected shares of what is lost now."""
    expected = np.exp(own.nominal) * there
    expected = expected / max(float(expected.sum()), 1e-300) * float(now[there].sum())
    return float(np.abs(now - expected)[there].sum())


def without_crosstalk(seen: Sequence[Watched]) -> list[Watched]:
    """Take back what is said of one beam where monitors see the showers of a larger change of the other beam.

    Both beams run side by side: a monitor sees a part of what the other beam loses beside it.
    """
    return [_seen_beside(one, next((other for other in seen if _explains(other, one)), None)) for one in seen]


def _explains(other: Watched, one: Watched) -> bool:
    if other.beam == one.beam or not (one.moved and one.regions and other.regions):
        return False
    here, there = (find(str(each.regions[0].where["element"])) for each in (one, other))
    times = STILL_CROSSTALK if one.state.explained_by == there.name else CROSSTALK
    return other.moved > times * one.moved and abs(here.s_m - there.s_m) < BESIDE_M


def _seen_beside(one: Watched, other: Watched | None) -> Watched:
    """Return what is left of a diagnosis that the other beam explains, with a fact that says so."""
    if other is None or one.calm is None:
        return replace(one, state=replace(one.state, explained_by="")) if one.state.explained_by else one
    state = replace(one.calm.state, explained_by=str(other.regions[0].where["element"]))
    said = "what moved here is explained by the larger change of the other beam"
    found = replace(one.calm.diagnosis, facts={**one.calm.diagnosis.facts, "other beam": said})
    return replace(one.calm, state=state, diagnosis=found)


def _sure(judged: Judged, *, jump: bool = False) -> bool:
    """Whether a known error at a collimator that is watched explains what is seen.

    Beside the reference of the fill a primary must be off by more than what halo, shared between planes in another way,
    looks like; beside what was a minute before (``jump``) it need not.
    """
    number = int(judged.posterior.ranked()[0])
    fault, table = judged.laid.table.faults[number], judged.laid.table
    watched = bool(of_halo(table)[table.channels.index(fault.element)])
    same = [one.element == fault.element and one.quantity in LEAST_OF_PRIMARY for one in table.faults]
    if float(judged.posterior.faults[same].sum()) <= SURE_OF_FAULT or not watched:
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
    patterns: FillPatterns | None,
    settings: CollimationSettings,
) -> Judged | None:
    """Judge what is after a jump beside what was before it; None if no known error explains the step.

    A burst of losses of this beam hides what its monitors see of the other one: such another mix of the patterns of
    the fill is no step.
    """
    values, noise, there = readings
    lasts_s = len(values) - began - 1
    if patterns is None and lasts_s < 2 * SETTLED_S:
        return None
    if began >= FEWEST_BEFORE:
        before = values[max(0, began - BLOCK_S) : began].mean(axis=0)
    elif known.last:
        before = np.array(known.last)
    else:
        return None
    compared = compare(_mean(before[None], noise, there, LEARNT), own.nominal[None])
    table = replace(own, nominal=own.nominal + compared.ratio[0])
    later = values[-SETTLED_S:] if patterns is None else values[began + 1 :]
    after = _mean(later, noise, there, LEARNT)
    if _preferred(after, table) < STEP_EVIDENCE:
        return None
    if patterns is not None:
        mixed = patterns.ordinary(later.mean(axis=0)) - patterns.ordinary(before)
        if _preferred(after, replace(table, nominal=table.nominal + mixed)) < STEP_EVIDENCE:
            return None
    judged = judge_pattern(Laid(table, after, True, True), knowledge, settings.false_alarms_per_shift * 1e-3)
    if not _sure(judged, jump=True):
        return None
    return replace(judged, quality=Quality.BAD, answer=Answer.BROKEN, reason=None)


def _preferred(seen: Readings, table: Table) -> float:
    """Return the logarithm of the likelihood by which the best fault is preferred to none."""
    return float(group_scores(explain(seen, table), table).max())


def _aligned(seconds: Seconds, table: Table) -> tuple[Floats, Floats, NDArray[np.bool_], Floats]:
    place = {name: at for at, name in enumerate(seconds.channels)}
    index = np.array([place[name] for name in table.channels])
    there = seconds.there[index] & of_halo(table)
    return seconds.values[:, index], seconds.noise[index], there, seconds.offset[index]


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


def _mean(
    values: Floats, noise: Floats, there: NDArray[np.bool_], scale: float, offset: Floats | float = 0.0
) -> Readings:
    return Readings(
        values.mean(axis=0)[None],
        np.hypot(noise / np.sqrt(len(values)), offset)[None],
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


def _drifting(
    table: Table,
    judged: Judged,
    known: BeamState,
    found: Diagnosis,
    shrinking: Shrinking,
    now_s: float,
    before_s: float,
) -> Watched:
    quality = shrinking.quality(before_s)
    before = known.since if known.suspect == SHRINKING else known.shrinking_since
    since = now_s if before is None else before
    known = replace(known, since=since, suspect=SHRINKING, shrinking_since=since)
    regions = []
    for element, probability in shrinking.suspects:
        number = table.find(element, Quantity.GAP)
        nominal = table.faults[number].nominal if number is not None else 0.0
        where: dict[str, float | int | str] = {
            "element": element,
            "quantity": Quantity.GAP.value,
            "value": round(nominal + shrinking.lost, 4),
            "nominal": nominal,
            "sigma": round(shrinking.error, 4),
            "beam": table.key.beam,
            "quality": quality.value,
            "since": _when(since),
        }
        cause = Cause(SHRINKING, min(probability, 0.99))
        regions.append(Region(where, score=shrinking.evidence / TWICE_A_DECADE, p_value=judged.p_value, cause=cause))
    reason = _words(shrinking, table.key.beam)
    found = replace(found, answer=Answer.BROKEN, facts={**found.facts, "trend": reason})
    return Watched(table.key.beam, known, quality, judged.p_value, tuple(regions), found, reason)


def _words(shrinking: Shrinking, beam: int) -> str:
    first, *others = (element.upper() for element, _ in shrinking.suspects)
    what = f"the margin of {first} shrinks" if not others else f"a margin of beam {beam} shrinks, that of {first}"
    line, left = shrinking.line, shrinking.left_h
    said = f"{what} or {' or '.join(others)}" if others else what
    speed = f" by {-line.slope:.2f} sigma per hour" if line is not None and line.slope < 0 else ""
    gone = f", gone in {left[0]:.1f} h ({left[1]:.1f} to {left[2]:.1f} h)" if left else ""
    return f"{said}: {shrinking.lost:.2f} sigma lost{speed}{gone}"


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
