"""From simulated shifts to what the networks learn from: features and labels, and pictures of nominal cycles."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dqm.its.background import SIDES, Scales, clusters_error
from dqm.its.calibrating import watch
from dqm.its.calibration import Calibration
from dqm.its.cause_training import Taught
from dqm.its.features import features, sizes
from dqm.its.labels import label
from dqm.its.lessons import Lesson, Wanted, lessons
from dqm.its.looking import Eyes
from dqm.its.strange import canvas

_FAINT = (0.001, 0.05)
NOMINAL_SHARE = 0.15
"""Share of the cycles without a fault that are learned from."""


def make_taught(eyes: Eyes, wanted: Sequence[Wanted], seed: int, cache: Path | None = None) -> Taught:
    """Return what the network of causes learns from, from shifts with faults."""
    rng = np.random.default_rng([seed, 0xFA])
    return Taught.joined([_taught(eyes, lessons(one, cache), rng) for one in wanted])


def _taught(eyes: Eyes, shift: Iterable[Lesson], rng: Generator) -> Taught:
    kept = list(shift)
    found = []
    for lesson, seen in zip(kept, watch(eyes, (one.observation for one in kept), Scales.unit()), strict=True):
        if seen.pulls.trust or (not lesson.faults and rng.random() > NOMINAL_SHARE):
            continue
        classes, faults = label(lesson.faults)
        channels = features(seen.pulls, sizes(lesson.observation.payload))
        found.append((channels.astype(np.float16), classes.astype(np.int8), faults.astype(np.int8)))
    return Taught(*(np.stack(part) for part in zip(*found, strict=True)))


def measure_gain(eyes: Eyes, wanted: Sequence[Wanted], calibration: Calibration, cache: Path | None = None) -> float:
    """Return the median score of simulated background over what its clusters alone would give; 1 if there is none."""
    found = []
    for one in wanted:
        kept = list(lessons(one, cache))
        seen_all = watch(eyes, (lesson.observation for lesson in kept), calibration.scales)
        for lesson, seen in zip(kept, seen_all, strict=True):
            added = [
                fault.added for fault in lesson.faults if fault.cause in SIDES and _FAINT[0] < fault.added < _FAINT[1]
            ]
            error = None if seen.pulls.trust else clusters_error(seen.pulls)
            if added and error and seen.background is not None:
                found.append(seen.background.score * error / added[0])
    return float(np.median(found)) if found else 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Nominal cycles as the autoencoder sees them, (n, quantities, rows, phi) float16."""

    pictures: NDArray[np.float16]

    def batches(self, seed: int, size: int = 16) -> Iterator[NDArray[np.float32]]:
        """Yield batches for ever, in random order."""
        rng = np.random.default_rng([seed, 0xAE])
        while True:
            yield self.pictures[rng.integers(0, len(self.pictures), size)].astype(np.float32)


def make_pictures(eyes: Eyes, wanted: Sequence[Wanted], cache: Path | None = None) -> Pictures:
    """Return pictures of all cycles of nominal shifts that can be judged."""
    found = []
    for one in wanted:
        shift = (lesson.observation for lesson in lessons(one, cache))
        found += [
            canvas(seen.pulls, seen.pulls.valid).astype(np.float16)
            for seen in watch(eyes, shift, Scales.unit())
            if not seen.pulls.trust
        ]
    return Pictures(np.stack(found))
