"""What is wrong with a shot, by name: a network on its clues, and how far a shot is from all that the network knows.

A network divides all there is among the names it was taught. So a shot is called unknown if one of its clues is far
out of what shots of the name have that the network gives it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelerator.schlieren.clues import NAMES
from accelerator.schlieren.result import NOMINAL, UNKNOWN
from core.inference import ModelPackage, Session
from core.inference.arrays import ArrayFile

Floats = NDArray[np.float64]
FILE, ARRAYS = "naming.onnx", "naming.npz"
_CLIP = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class Kinds:
    """Where shots of each kind are in the space of clues (kinds are causes seen with one mask).

    Parameters
    ----------
    middle, scale
        Of each clue over nominal shots.
    centre, half
        Middle and half width of what the evened clues of each kind were (kinds, clues).
    reach
        How many half widths from the middle a shot of each kind is in its farthest clue, at most (kinds,).
    number
        Which name each kind belongs to (kinds,).
    """

    middle: Floats
    scale: Floats
    centre: Floats
    half: Floats
    reach: Floats
    number: Floats

    def evened(self, clues: Floats) -> Floats:
        """Return clues (..., names) as the network takes them: of unit spread, and far ones drawn near."""
        away = (clues - self.middle) / self.scale
        return np.asarray(np.clip(np.arcsinh(away), -_CLIP, _CLIP))

    def farness(self, evened: Floats, number: int) -> float:
        """Return how far the farthest clue is out of what the kinds of a name have; above 1 is like none of them."""
        own = self.number == number
        if not own.any():
            return np.inf
        farthest = (np.abs(evened - self.centre[own]) / self.half[own]).max(axis=1)
        return float((farthest / self.reach[own]).min())

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what is kept in the package."""
        return {name: np.asarray(getattr(self, name), np.float32) for name in self.__slots__}

    @classmethod
    def of(cls, file: ArrayFile) -> "Kinds":
        """Read what `arrays` gave."""
        return cls(*(np.asarray(file[name], np.float64) for name in cls.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class Naming:
    """Classifier, kinds, and the names of the classifier's outputs."""

    session: Session
    kinds: Kinds
    names: tuple[str, ...]

    @classmethod
    def of(cls, package: ModelPackage, names: Sequence[str]) -> "Naming":
        """Open a package."""
        session = package.session(FILE, inputs=["clues"], outputs=["logits"])
        return cls(session, Kinds.of(package.array(ARRAYS)), tuple(names))

    def causes(self, clues: Mapping[str, float]) -> dict[str, float]:
        """Return the probability of each name, nominal and unknown among them, the highest first."""
        evened = self.kinds.evened(np.array([clues[name] for name in NAMES]))
        logits = self.session.run({"clues": np.asarray(evened, np.float32)[None]})["logits"][0].astype(np.float64)
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        foreign = foreignness(self.kinds.farness(evened, int(np.argmax(logits))))
        found = {name: float(share * (1 - foreign)) for name, share in zip(self.names, shares, strict=True)}
        found[UNKNOWN] = foreign
        return dict(sorted(found.items(), key=lambda one: -one[1]))


def foreignness(farness: float) -> float:
    """Return how sure it is that a shot is of no kind that was taught: a half at a farness of 1."""
    return float(1 / (1 + max(farness, 1e-9) ** -6.0))


def without_nominal(causes: Mapping[str, float]) -> dict[str, float]:
    """Return what is wrong, given that something is; what is nominal by name is then unknown."""
    found = {name: share for name, share in causes.items() if name != NOMINAL}
    found[UNKNOWN] = found.get(UNKNOWN, 0.0) + causes.get(NOMINAL, 0.0)
    return dict(sorted(found.items(), key=lambda one: -one[1]))
