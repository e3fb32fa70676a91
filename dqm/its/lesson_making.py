"""From simulated shifts to what the networks learn from: features and labels, and pictures of nominal cycles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dqm.its.background import SIDES, Scales, clusters_error
from dqm.its.calibrating import watch
from dqm.its.features import features, sizes
from dqm.its.labels import label
from dqm.its.lessons import Wanted, lessons
from dqm.its.looking import Sealed
from dqm.its.sharing import Workers
from dqm.its.strange import canvas

_FAINT = (0.001, 0.05)
NOMINAL_SHARE = 0.15
"""Share of the cycles without a fault that are learned from."""


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """Cycles to learn from: ``features`` (n, channels, CELLS) float16, ``classes`` and ``faults`` (n, CELLS)."""

    features: NDArray[np.float16]
    classes: NDArray[np.int8]
    faults: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.features)

    @classmethod
    def joined(cls, parts: Sequence["Taught"]) -> "Taught":
        """Return several as one."""
        return cls(
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.classes for part in parts]),
            np.concatenate([part.faults for part in parts]),
        )


def make_taught(
    sealed: Sealed, wanted: Sequence[Wanted], seed: int, cache: Path | None = None, workers: Workers | None = None
) -> Taught:
    """Return what the network of causes learns from, from shifts with faults."""
    return Taught.joined(list((workers or Workers()).map(partial(_taught, sealed, seed, cache), wanted)))


def _taught(sealed: Sealed, seed: int, cache: Path | None, wanted: Wanted) -> Taught:
    eyes, kept = sealed.open(), list(lessons(wanted, cache))
    rng = np.random.default_rng([seed, wanted.seed, 0xFA])
    found = []
    for lesson, seen in zip(kept, watch(eyes, (one.observation for one in kept), Scales.unit()), strict=True):
        if seen.pulls.trust or (not lesson.faults and rng.random() > NOMINAL_SHARE):
            continue
        classes, faults = label(lesson.faults)
        channels = features(seen.pulls, sizes(lesson.observation.payload))
        found.append((channels.astype(np.float16), classes.astype(np.int8), faults.astype(np.int8)))
    return Taught(*(np.stack(part) for part in zip(*found, strict=True)))


def measure_gain(
    sealed: Sealed, wanted: Sequence[Wanted], scales: Scales, cache: Path | None = None, workers: Workers | None = None
) -> float:
    """Return the median score of simulated background over what its clusters alone would give; 1 if there is none."""
    found = [gain for own in (workers or Workers()).map(partial(_gains, sealed, scales, cache), wanted) for gain in own]
    return float(np.median(found)) if found else 1.0


def _gains(sealed: Sealed, scales: Scales, cache: Path | None, wanted: Wanted) -> list[float]:
    kept, found = list(lessons(wanted, cache)), []
    seen_all = watch(sealed.open(), (lesson.observation for lesson in kept), scales)
    for lesson, seen in zip(kept, seen_all, strict=True):
        added = [fault.added for fault in lesson.faults if fault.cause in SIDES and _FAINT[0] < fault.added < _FAINT[1]]
        error = None if seen.pulls.trust else clusters_error(seen.pulls)
        if added and error and seen.background is not None:
            found.append(seen.background.score * error / added[0])
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Nominal cycles as the autoencoder sees them, (n, quantities, rows, phi) float16."""

    pictures: NDArray[np.float16]

    def batches(self, seed: int, size: int = 16) -> Iterator[NDArray[np.float32]]:
        """Yield batches for ever, in random order."""
        rng = np.random.default_rng([seed, 0xAE])
        while True:
            yield self.pictures[rng.integers(0, len(self.pictures), size)].astype(np.float32)


def make_pictures(
    sealed: Sealed, wanted: Sequence[Wanted], cache: Path | None = None, workers: Workers | None = None
) -> Pictures:
    """Return pictures of all cycles of nominal shifts that can be judged."""
    return Pictures(np.concatenate(list((workers or Workers()).map(partial(_pictures, sealed, cache), wanted))))


def _pictures(sealed: Sealed, cache: Path | None, wanted: Wanted) -> NDArray[np.float16]:
    shift = (lesson.observation for lesson in lessons(wanted, cache))
    return np.stack(
        [
            canvas(seen.pulls, seen.pulls.valid).astype(np.float16)
            for seen in watch(sealed.open(), shift, Scales.unit())
            if not seen.pulls.trust
        ]
    )
