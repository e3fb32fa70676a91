"""One cycle of the quality control in memory: its objects, what is missing and why; and the observation of it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from core.clock import as_utc
from core.errors import InputError
from core.observation import Condition, Observation
from dqm.its.checks import check
from dqm.its.histogram import Histogram
from dqm.its.names import parse
from dqm.its.objects import OBJECTS

NOT_PUBLISHED = "not there"
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9]{1,16}", re.ASCII)
_BEAMS = {beam.lower(): beam for beam in ("pp", "PbPb", "pPb", "Pbp", "OO", "pO", "NeNe", "XeXe", "cosmics")}
UNKNOWN_BEAM = "unknown"
_MAX_METADATA = 64
_MAX_TEXT = 200
_MAX_REASONS = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Cycle:
    """One cycle of one run.

    Parameters
    ----------
    run, number
        RunNumber and CycleNumber of the QC.
    began_at, ended_at
        Between these the data were taken (aware; kept as UTC).
    beam_type
        ``pp``, ``PbPb``...; ``unknown`` where the metadata do not say.
    fill
        FillNumber of the LHC.
    metadata
        What the QC said with the objects.
    histograms
        By payload name (``dqm.its.objects``), each checked.
    missing
        Payload names of all objects that are not among ``histograms``, in the order of ``OBJECTS``.
    reasons
        Why, for each of ``missing``.
    run_began_at
        Start of the run, where it is known.
    masked
        Names of the staves, chips and lanes that are off by configuration, so all zero without a fault.
    matching
        How the objects of a QCDB were brought together (see README.md), as further conditions of the observation.
    """

    run: int
    number: int
    began_at: datetime
    ended_at: datetime
    beam_type: str
    fill: int | None
    metadata: Mapping[str, str]
    histograms: Mapping[str, Histogram]
    missing: tuple[str, ...]
    reasons: Mapping[str, str] = field(default_factory=dict)
    run_began_at: datetime | None = None
    masked: tuple[str, ...] = ()
    matching: Mapping[str, Condition] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """``<run>/<cycle>``."""
        return f"{self.run}/{self.number}"


def assemble(
    histograms: Mapping[str, Histogram],
    metadata: Mapping[str, str],
    began_at: datetime,
    ended_at: datetime,
    origin: str,
    *,
    reasons: Mapping[str, str] | None = None,
    run_began_at: datetime | None = None,
    masked: Iterable[str] = (),
    matching: Mapping[str, Condition] | None = None,
) -> Cycle:
    """Return the cycle of what was found; an object that cannot be used counts as missing, with the reason.

    Parameters
    ----------
    histograms
        What was found, by payload name; other names are left out.
    reasons
        Why others were not found, by payload name.

    Raises
    ------
    core.errors.InputError
        If no object can be used, the run or cycle number is missing, the times are impossible or a masked place does
        not exist.
    """
    good, why = _checked(histograms, reasons or {}, origin)
    told = _tidy(metadata)
    began_at, ended_at, run_began_at = _times(began_at, ended_at, run_began_at, origin)
    return Cycle(
        run=_required(told, "RunNumber", origin),
        number=_required(told, "CycleNumber", origin),
        began_at=began_at,
        ended_at=ended_at,
        beam_type=beam_type_of(told.get("BeamType", "")),
        fill=_number(told.get("FillNumber", "")),
        metadata=told,
        histograms=good,
        missing=tuple(why),
        reasons=why,
        run_began_at=run_began_at,
        masked=_places(masked, origin),
        matching=dict(matching or {}),
    )


def beam_type_of(text: str) -> str:
    """Return the beam type in one spelling: ``Pb-Pb`` and ``PBPB`` are ``PbPb``."""
    word = re.sub(r"[\s_-]", "", text)
    if not _WORD.fullmatch(word):
        return UNKNOWN_BEAM
    return _BEAMS.get(word.lower(), word)


def to_observation(cycle: Cycle, origin: str, sha256: str) -> Observation:
    """Return the observation of one cycle: ``its`` saw ``ITS``, with an array for each object that is there."""
    return Observation(
        system="its",
        element="ITS",
        key=cycle.key,
        observed_at=cycle.ended_at,
        origin=origin,
        sha256=sha256,
        conditions=_conditions(cycle),
        payload={payload: found.values for payload, found in cycle.histograms.items()},
        axes={payload: tuple(axis.name for axis in OBJECTS[payload].axes) for payload in cycle.histograms},
    )


def _conditions(cycle: Cycle) -> dict[str, Condition]:
    age = None if cycle.run_began_at is None else (cycle.ended_at - cycle.run_began_at).total_seconds()
    return {
        **cycle.matching,
        "run": cycle.run,
        "fill": cycle.fill,
        "beam_type": cycle.beam_type,
        "cycle": cycle.number,
        "cycle_s": (cycle.ended_at - cycle.began_at).total_seconds(),
        "run_age_s": age,
        "run_type": cycle.metadata.get("RunType"),
        "period": cycle.metadata.get("PeriodName"),
        "missing": ", ".join(cycle.missing),
        "why_missing": "; ".join(f"{name}: {why}" for name, why in cycle.reasons.items())[:_MAX_REASONS],
        "masked": ", ".join(cycle.masked),
    }


def _checked(
    histograms: Mapping[str, Histogram], reasons: Mapping[str, str], origin: str
) -> tuple[dict[str, Histogram], dict[str, str]]:
    """The usable objects, and why the others are not there, both in the order of ``OBJECTS``."""
    good: dict[str, Histogram] = {}
    why: dict[str, str] = {}
    for payload, expected in OBJECTS.items():
        if payload not in histograms:
            why[payload] = _printable(reasons.get(payload) or NOT_PUBLISHED)
            continue
        try:
            good[payload] = check(expected, histograms[payload], origin)
        except InputError as error:
            why[payload] = _printable(error.reason)
    if not good:
        first = next((f" ({name}: {text})" for name, text in why.items() if text != NOT_PUBLISHED), "")
        raise InputError(origin, f"none of the {len(OBJECTS)} QC objects can be used{first}")
    return good, why


def _tidy(metadata: Mapping[str, str]) -> dict[str, str]:
    kept = list(metadata.items())[:_MAX_METADATA]
    return {_printable(str(name)): _printable(str(text)) for name, text in kept}


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_MAX_TEXT])


def _required(metadata: Mapping[str, str], name: str, origin: str) -> int:
    number = _number(metadata.get(name, ""))
    if number is None:
        raise InputError(origin, f"{name} is {metadata[name]!r}" if name in metadata else f"has no {name}")
    return number


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None


def _times(
    began_at: datetime, ended_at: datetime, run_began_at: datetime | None, origin: str
) -> tuple[datetime, datetime, datetime | None]:
    try:
        began, ended = as_utc(began_at), as_utc(ended_at)
        run_began = None if run_began_at is None else as_utc(run_began_at)
    except (ValueError, OverflowError) as error:
        raise InputError(origin, str(error)) from None
    if ended < began:
        raise InputError(origin, f"ends at {ended.isoformat()}, before it began at {began.isoformat()}")
    return began, ended, None if run_began is not None and run_began > ended else run_began


def _places(masked: Iterable[str], origin: str) -> tuple[str, ...]:
    try:
        return tuple(str(place) for place in sorted({parse(name) for name in masked}, key=str))
    except ValueError as error:
        raise InputError(origin, f"masked: {error}") from None
