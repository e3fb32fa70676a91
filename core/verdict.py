"""A score judged: quality, how surprising, why, where, measured what, by which model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Quality(StrEnum):
    """ALICE QC's four words."""

    GOOD = "GOOD"
    MEDIUM = "MEDIUM"
    BAD = "BAD"
    NULL = "NULL"


@dataclass(frozen=True, slots=True)
class Cause:
    """A proposed cause and how sure the model is of it (0 to 1). ``unknown`` is a possible name."""

    name: str
    probability: float


@dataclass(frozen=True, slots=True)
class Region:
    """A suspect place.

    ``where`` holds the coordinates in the system's own words (flex: ``x, y, width, height`` in pixels of
    the input image); ``p_value`` is the chance that a nominal observation shows a spot at least this high.
    """

    where: Mapping[str, float | int | str]
    score: float
    p_value: float | None = None
    cause: Cause | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the flat form of the scripting contract."""
        return {
            **self.where,
            "score": self.score,
            "p_value": self.p_value,
            "cause": self.cause.name if self.cause else None,
            "probability": self.cause.probability if self.cause else None,
        }


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measured quantity with its one-sigma uncertainty (None where it has none).

    ``floor``: the smallest uncertainty that any measurement of it could have here, where a system knows one.
    """

    value: float
    sigma: float | None
    unit: str
    floor: float | None = None

    def to_json(self) -> dict[str, float | str | None]:
        """Return the form of the scripting contract; a floor only where there is one."""
        told: dict[str, float | str | None] = {"value": self.value, "sigma": self.sigma, "unit": self.unit}
        return told if self.floor is None else {**told, "floor": self.floor}


@dataclass(frozen=True, slots=True)
class Model:
    """Which model judged: package name and version."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """A picture or table drawn at detection time, to be stored as an artefact."""

    content: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A score judged. ``quality`` NULL always carries a ``reason``; ``regions`` are ranked, worst first."""

    quality: Quality
    score: float | None = None
    threshold: float | None = None
    p_value: float | None = None
    cause: Cause | None = None
    regions: tuple[Region, ...] = ()
    measurements: Mapping[str, Measurement] = field(default_factory=dict)
    model: Model | None = None
    evidence: Mapping[str, Evidence] = field(default_factory=dict, repr=False, compare=False)
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.quality is Quality.NULL and not self.reason:
            raise ValueError("a NULL verdict needs its reason")

    def to_json(self) -> dict[str, Any]:
        """Return the ``verdict`` part of the scripting contract."""
        return {
            "quality": self.quality.value,
            "score": self.score,
            "threshold": self.threshold,
            "p_value": self.p_value,
            "cause": {"name": self.cause.name, "probability": self.cause.probability} if self.cause else None,
            "regions": [region.to_json() for region in self.regions],
            "measurements": {name: one.to_json() for name, one in self.measurements.items()},
            "model": {"name": self.model.name, "version": self.model.version} if self.model else None,
        }


def unreadable(reason: str, model: Model | None = None) -> Verdict:
    """Return the NULL verdict of an input that could not be judged."""
    return Verdict(quality=Quality.NULL, reason=reason, model=model)
