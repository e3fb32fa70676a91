"""One shot looked at: plain facts, what instruments say, the fit, and the clues that follow from all of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from accelerator.schlieren.clues import clues
from accelerator.schlieren.knowing import known_of, with_noise
from accelerator.schlieren.measuring import Measured, measure
from accelerator.schlieren.shot_facts import Facts, Floats, look
from accelerator.schlieren.sightings import Sighting, sightings
from accelerator.schlieren.simulate.apparatus import Mask
from core.errors import InputError
from core.inference import ModelPackage, Session
from core.observation import Observation
from core.settings import SchlierenSettings


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """The networks for one mask: where the fit begins, and how unlike all pictures one is."""

    start: Session
    likeness: Session

    @classmethod
    def of(cls, package: ModelPackage, mask: Mask) -> "Networks":
        """Open those of a package."""
        return cls(
            package.session(start_file(mask), inputs=["cells"], outputs=["mean", "factor"]),
            package.session(likeness_file(mask), inputs=["cells"], outputs=["unlikeness"]),
        )

    def unlikeness(self, cells: Floats) -> float:
        """Return how badly the autoencoder rebuilds a picture, in units of the noise."""
        return float(self.likeness.run({"cells": np.asarray(cells, np.float32)[None]})["unlikeness"][0])


def start_file(mask: Mask) -> str:
    """Return the name of the file of a start network."""
    return f"start-{mask}.onnx"


def likeness_file(mask: Mask) -> str:
    """Return the name of the file of an autoencoder."""
    return f"likeness-{mask}.onnx"


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """What was found on one shot; nothing was fitted where something ``spoils`` the picture, or ``lacks`` is said."""

    facts: Facts
    seen: tuple[Sighting, ...]
    measured: Measured | None = None
    clues: Mapping[str, float] | None = None
    lacks: str | None = None

    @property
    def spoilt(self) -> Sighting | None:
        """The first thing that spoils the picture."""
        return next((one for one in self.seen if one.spoils), None)


def examine(
    observation: Observation,
    networks: Mapping[Mask, Networks],
    settings: SchlierenSettings,
    *,
    regardless: bool = False,
) -> Examined:
    """Examine one shot.

    Parameters
    ----------
    networks
        By mask; where there are none, the start is searched among profiles, which takes some tenths of a second.
    regardless
        Fit also what is spoilt (to learn from it).

    Raises
    ------
    core.errors.InputError
        If there is no picture.
    """
    image = observation.payload.get("image")
    if image is None or image.ndim != 2:
        raise InputError(observation.origin, "has no picture")
    conditions = observation.conditions
    pixel_um, bits = (conditions.get(name) or getattr(settings, name) for name in ("pixel_um", "bits"))
    facts = look(image, float(pixel_um), int(bits))
    seen = sightings(observation, facts, settings)
    found = Examined(facts, seen)
    if found.spoilt and not regardless:
        return found
    try:
        usual = known_of(observation, settings)
    except InputError as error:
        return Examined(facts, seen, lacks=error.reason)
    usual = with_noise(usual, facts)
    own = networks.get(usual.apparatus.mask)
    measured = measure(facts.cells, usual, own.start if own else None)
    unlikeness = own.unlikeness(facts.cells) if own else 1.0
    return Examined(facts, seen, measured, clues(observation, facts, measured, unlikeness))
