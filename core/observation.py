"""One thing seen: what every source hands to every detector."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.clock import as_utc

Condition: TypeAlias = str | int | float | bool | None
Array: TypeAlias = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing seen.

    Parameters
    ----------
    system
        Short name of the system: ``flex``, ``its``, ``collimation``, ``schlieren``.
    element
        What was seen: a serial number, a layer, a beam, a camera.
    key
        Distinguishes observations of one element; ``(system, element, key)`` is unique, so seeing the
        same thing twice changes nothing.
    observed_at
        When it was seen (aware, stored as UTC).
    origin
        Where it came from: a path or URL, for people.
    sha256
        Digest of the raw bytes (hexadecimal).
    conditions
        What held while it was seen: run, fill, serial number, stage, side, shot...
    payload
        Arrays by name; ``axes`` names the axes of each, in order.
    """

    system: str
    element: str
    key: str
    observed_at: datetime
    origin: str
    sha256: str
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    payload: Mapping[str, Array] = field(default_factory=dict, repr=False, compare=False)
    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("system", "element", "key"):
            if not getattr(self, name):
                raise ValueError(f"observation without {name}")
        object.__setattr__(self, "observed_at", as_utc(self.observed_at))

    @property
    def identity(self) -> tuple[str, str, str]:
        """The unique name of this observation: ``(system, element, key)``."""
        return (self.system, self.element, self.key)

    def to_json(self) -> dict[str, Any]:
        """Return the part of the scripting contract that describes the observation."""
        return {
            "system": self.system,
            "element": self.element,
            "key": self.key,
            "observed_at": self.observed_at.isoformat(),
            "origin": self.origin,
            "sha256": self.sha256,
            "conditions": dict(self.conditions),
        }
