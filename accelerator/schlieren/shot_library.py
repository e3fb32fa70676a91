"""Simulated shots examined as those of a run are: what thresholds and the classifier are made from."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.channel import PARAMETERS
from accelerator.schlieren.clues import NAMES
from accelerator.schlieren.conditions import add_pixels, add_size, of_sidecar
from accelerator.schlieren.examining import Examined, Networks, examine
from accelerator.schlieren.sidecar import Sidecar
from accelerator.schlieren.simulate.apparatus import NOMINAL, Mask, Range
from accelerator.schlieren.simulate.shot import Shot, draw_shot
from core.observation import Observation
from core.settings import SchlierenSettings

Floats = NDArray[np.float64]
Report = Callable[[str], None]
_AT = datetime(2026, 6, 1, 6, 0, tzinfo=UTC)
OF_THE_RUN = frozenset({Cause.FROZEN, Cause.STALE})
"""Told by stamps and earlier frames, not by the picture: nothing to learn."""
NAMED = tuple(cause for cause in Cause if cause not in OF_THE_RUN)


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """Examined shots.

    Parameters
    ----------
    clues
        By shot and name (n, names).
    causes
        Number in `NAMED`, -1: nominal (n,).
    sighted
        What instruments and plain facts said first, as ``causes``; -1: nothing (n,).
    stop
        Whether a stop stood in the light (n,).
    errors, sigma
        Of the channel's parameters: found less true, and before calibration (n, 5); NaN where nothing was fitted.
    floor
        Smallest possible errors (n, 5).
    """

    clues: Floats
    causes: NDArray[np.int64]
    sighted: NDArray[np.int64]
    stop: NDArray[np.bool_]
    errors: Floats
    sigma: Floats
    floor: Floats

    def __getitem__(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Library":
        return Library(*(getattr(self, name)[chosen] for name in self.__slots__))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what can be kept in an npz."""
        return {name: getattr(self, name) for name in self.__slots__}

    def column(self, name: str) -> Floats:
        """Return one clue of all shots."""
        return self.clues[:, NAMES.index(name)]


def observed(shot: Shot, mask: Mask, settings: SchlierenSettings) -> Observation:
    """Return the observation that a source would make of a simulated shot."""
    measured = shot.measured
    told = {
        "density_up_cm3": measured.density_up_cm3,
        "density_down_cm3": measured.density_down_cm3,
        "density_set_cm3": measured.density_set_cm3,
        "detuning_ghz": measured.detuning_ghz,
        "detuning_set_ghz": measured.detuning_set_ghz,
        "laser_energy_mj": measured.laser_energy_mj,
        "camera_delay_s": measured.camera_delay_s,
        "mask": mask.value,
    }
    conditions = of_sidecar(Sidecar(told), settings)
    counts = add_pixels(conditions, np.ascontiguousarray(shot.frame), settings.bits)
    add_size(conditions, counts.shape, settings)
    return Observation("schlieren", "simulated", "shot", _AT, "simulated", "0", conditions, {"image": counts})


def make_library(
    networks: Mapping[Mask, Networks],
    nominal: int,
    each: int,
    seed: int,
    report: Report = print,
    ranges: Mapping[str, Range] = NOMINAL,
    part: tuple[int, int] = (0, 1),
) -> Library:
    """Simulate and examine shots: so many nominal ones and so many of each named cause, half with either mask.

    ``part``: number and count of parts, of which this is one; every shot has random numbers of its own.
    """
    settings = SchlierenSettings()
    rows: list[tuple[Floats, int, int, bool, Floats, Floats, Floats]] = []
    plan: list[Cause | None] = [*[None] * nominal, *(cause for cause in NAMED for _ in range(each))]
    mine = list(enumerate(plan))[part[0] :: part[1]]
    for done, (number, cause) in enumerate(mine, 1):
        rng = np.random.default_rng([seed, 0x11B, number])
        rows += _rows(rng, cause, networks, settings, ranges)
        if done % 500 == 0:
            report(f"examined {done} of {len(mine)} simulated shots")
    return Library(*(np.array(column) for column in zip(*rows, strict=True)))


def joined(parts: Sequence[Library]) -> Library:
    """Return the shots of several libraries."""
    return Library(*(np.concatenate([getattr(part, name) for part in parts]) for name in Library.__slots__))


def _rows(
    rng: Generator,
    cause: Cause | None,
    networks: Mapping[Mask, Networks],
    settings: SchlierenSettings,
    ranges: Mapping[str, Range],
) -> Iterator[tuple[Floats, int, int, bool, Floats, Floats, Floats]]:
    mask = Mask.STOP if rng.random() < 0.5 else Mask.KNIFE
    shot = draw_shot(rng, cause, mask=mask, ranges=ranges)
    found = examine(observed(shot, mask, settings), networks, settings, regardless=True)
    if found.clues is not None:
        clues = np.array([found.clues[name] for name in NAMES])
        sighted = next((one.cause for one in found.seen if one.cause in NAMED), None)
        yield clues, _number(cause), _number(sighted), mask is Mask.STOP, *_errors(shot, found)


def _number(cause: Cause | None) -> int:
    return -1 if cause is None else NAMED.index(cause)


def _errors(shot: Shot, found: Examined) -> tuple[Floats, Floats, Floats]:
    """Errors of the channel, what they were said to be, and the floor."""
    if found.measured is None:
        nothing = np.full(len(PARAMETERS), np.nan)
        return nothing, nothing, nothing
    fit = found.measured.fit
    away = np.array(fit.channel.values()) - np.array(shot.truth.scene.channel.values())
    sigma = np.array([fit.sigma[name] for name in PARAMETERS])
    least = fit.floor(found.measured.usual)
    return away, sigma, np.array([least[name] for name in PARAMETERS])
