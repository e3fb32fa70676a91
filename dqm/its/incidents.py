"""What is seen in one cycle continues what was seen before: incidents, with the time since when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from dqm.its.features import CLASSES
from dqm.its.layout import CELLS, Floats, Ints

FADED = 0.15
"""An incident goes on only if it is seen with at least this share of the highest score it had: what is left may be
another, fainter one."""
SUPPORT_KEPT = 0.8
"""Share of what an incident scored that still counts a cycle later: it must go on being seen to stay an alarm."""
MISSED = 2
"""An incident that is not seen for more cycles than this is over."""


class Kind(StrEnum):
    """What a region is."""

    BACKGROUND = "background"
    PLACE = "place"
    UNKNOWN = "unknown"


class Check(StrEnum):
    """What gives a region its score; each is calibrated by itself and they share the budget."""

    BACKGROUND = "background"
    PLACE = "place"
    RESTART = "restart"
    STRANGE = "strange"


ADDED_UP = frozenset({Check.RESTART})
"""Scores that add up over the cycles of an incident; of the others the highest counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A region of one cycle.

    Parameters
    ----------
    cells
        All its cells; ``worst`` departs most.
    scores
        By check, before calibration.
    evidence
        Log probability of each class, shape (CLASSES,).
    ratio
        Observed over expected clusters.
    earlier_s
        How long before this cycle it began, where an earlier cycle forgave it.
    """

    kind: Kind
    cells: Ints
    worst: int
    scores: Mapping[Check, float]
    evidence: Floats
    ratio: float
    earlier_s: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Incident:
    """Something that has been seen, in one cycle or many; ``now`` is None in a cycle that does not show it.

    ``scores`` are the highest of its life, what a nominal shift is known by; ``support`` is what its last cycles still
    say, each by `SUPPORT_KEPT` less than the one after it; ``sightings``: cycles that showed it.
    """

    since: datetime
    cells: Ints
    kind: Kind
    cycles: int
    missed: int
    scores: Mapping[Check, float]
    evidence: Floats
    now: Sighting | None = None
    support: Mapping[Check, float] = field(default_factory=dict)
    sightings: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON (without what is seen now)."""
        return {
            "since": self.since.isoformat(),
            "cells": self.cells.tolist(),
            "kind": self.kind.value,
            "cycles": self.cycles,
            "missed": self.missed,
            "scores": {check.value: score for check, score in self.scores.items()},
            "support": {check.value: score for check, score in self.support.items()},
            "sightings": self.sightings,
            "evidence": [round(float(value), 4) for value in self.evidence],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Incident":
        """Read what `to_json` gave; ValueError, KeyError or TypeError if it is something else."""
        evidence = np.array(content["evidence"], np.float64)
        if evidence.shape != (CLASSES,):
            raise ValueError("evidence of another set of causes")
        return cls(
            since=datetime.fromisoformat(content["since"]),
            cells=np.array(content["cells"], np.int64),
            kind=Kind(content["kind"]),
            cycles=int(content["cycles"]),
            missed=int(content["missed"]),
            scores={Check(name): float(score) for name, score in content["scores"].items()},
            evidence=evidence,
            support={Check(name): float(score) for name, score in content.get("support", content["scores"]).items()},
            sightings=int(content.get("sightings", content["cycles"])),
        )


class Followed(NamedTuple):
    """Incidents that go on (those seen now first, in the order of the sightings), and those that are over."""

    open: tuple[Incident, ...]
    over: tuple[Incident, ...]


def follow(open_ones: Sequence[Incident], seen: Sequence[Sighting], began_at: datetime) -> Followed:
    """Return the incidents after a cycle that began then.

    A sighting continues the incident of its kind with which it shares most cells (the older one if that is a tie); all
    beam background is one incident.
    """
    left = list(open_ones)
    owner = np.full(CELLS, -1)
    for number, incident in enumerate(open_ones):
        if incident.kind is not Kind.BACKGROUND:
            owner[incident.cells] = number
    found = []
    for sighting in seen:
        known = _continued(open_ones, owner, sighting)
        known = known if known in left and not _faded(known, sighting) and not _flared(known, sighting) else None
        if known is not None:
            left.remove(known)
        found.append(_begun(sighting, began_at) if known is None else _gone_on(known, sighting))
    over = tuple(one for one in left if one.missed >= MISSED or _covered(one, seen))
    waiting = (replace(one, missed=one.missed + 1, now=None, support=_waned(one)) for one in left if one not in over)
    return Followed((*found, *waiting), over)


def _continued(open_ones: Sequence[Incident], owner: Ints, sighting: Sighting) -> Incident | None:
    if sighting.kind is Kind.BACKGROUND:
        return next((incident for incident in open_ones if incident.kind is Kind.BACKGROUND), None)
    owners = owner[sighting.cells]
    shared = np.bincount(owners[owners >= 0], minlength=len(open_ones))
    if not shared.any():
        return None
    return min(zip(open_ones, shared, strict=True), key=lambda pair: (-pair[1], pair[0].since))[0]


def _faded(known: Incident, sighting: Sighting) -> bool:
    return all(
        check not in ADDED_UP and score < FADED * known.scores.get(check, 0.0)
        for check, score in sighting.scores.items()
    )


def _flared(known: Incident, sighting: Sighting) -> bool:
    """Whether what was seen before is nothing beside this: then this begins now, not with some fluctuation."""
    return any(
        check not in ADDED_UP and known.scores.get(check, 0.0) < FADED * score
        for check, score in sighting.scores.items()
    )


def _covered(incident: Incident, seen: Sequence[Sighting]) -> bool:
    """Whether a part of a larger place now: two incidents that have grown together are one."""
    return any(
        sighting.kind is not Kind.BACKGROUND
        and incident.kind is not Kind.BACKGROUND
        and bool(np.isin(incident.cells, sighting.cells).all())
        for sighting in seen
    )


def _begun(sighting: Sighting, began_at: datetime) -> Incident:
    since, scores = began_at - timedelta(seconds=sighting.earlier_s), dict(sighting.scores)
    return Incident(since, sighting.cells, sighting.kind, 1, 0, scores, sighting.evidence, sighting, dict(scores))


def _waned(incident: Incident) -> dict[Check, float]:
    """What an incident scored as far as it counts in the next cycle."""
    return {c: score * (1.0 if c in ADDED_UP else SUPPORT_KEPT) for c, score in incident.support.items()}


def _gone_on(incident: Incident, sighting: Sighting) -> Incident:
    scores, support = dict(incident.scores), _waned(incident)
    for check, score in sighting.scores.items():
        for told in (scores, support):
            before = told.get(check, 0.0)
            told[check] = before + score if check in ADDED_UP else max(before, score)
    return replace(
        incident,
        cells=sighting.cells,
        kind=sighting.kind,
        cycles=incident.cycles + incident.missed + 1,
        missed=0,
        scores=scores,
        evidence=incident.evidence + sighting.evidence,
        now=sighting,
        support=support,
        sightings=incident.sightings + 1,
    )
