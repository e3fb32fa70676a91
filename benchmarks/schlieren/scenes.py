"""Which shots: ensembles, how many, and seeds that nobody trains, calibrates or develops with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from accelerator.schlieren.channel import Channel, Vapour
from accelerator.schlieren.events.writing import EventToWrite, write_event
from accelerator.schlieren.fisher import floor
from accelerator.schlieren.fit_parameters import Knowledge, nominal_sigma
from accelerator.schlieren.observing import read_file
from accelerator.schlieren.simulate.apparatus import NOMINAL, WIDER, Apparatus, Mask, Range
from accelerator.schlieren.simulate.publishing import readings
from accelerator.schlieren.simulate.shot import Shot, draw_shot
from core.observation import Observation
from core.settings import SchlierenSettings, Settings

HELD_OUT = 5_000_000
DEVELOPMENT = 1_000_000
"""First seeds: figures that are published come from the former; whoever mends a detector looks at the latter."""
AT = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
_RANGES: Mapping[str, Mapping[str, Range]] = MappingProxyType({"nominal": NOMINAL, "wider": WIDER})
SECOND = ("fitted form", "blurred edge", "super-Gaussian")


@dataclass(frozen=True, slots=True)
class Plan:
    """How many shots, for each mask: of each range, of each family of the second simulation, fitted classically.

    ``streams``: runs with each anomaly; ``points``: shots at each value of a setting that is varied.
    """

    seed: int = HELD_OUT
    nominal: int = 500
    wider: int = 1500
    second: int = 100
    fitted: int = 40
    streams: int = 6
    unseen: int = 60
    points: int = 40
    timed: int = 150
    steps: int = 2000


QUICK = Plan(nominal=12, wider=12, second=3, fitted=2, streams=1, unseen=4, points=3, timed=20, steps=20)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A shot as the detector gets it, and what is true of it.

    Parameters
    ----------
    truth
        Channel that a perfect fit finds (for another profile the nearest of the fitted form).
    true
        True vapour and bench, known as well as the floor assumes.
    half_radius_um
        Where the true profile has half of its peak.
    """

    ensemble: str
    seed: int
    observation: Observation
    truth: Channel
    true: Knowledge
    half_radius_um: float


def ensembles(plan: Plan, only: str = "") -> dict[str, int]:
    """Return names of ensembles and how many shots each has."""
    sizes = {f"{name}, {mask}": getattr(plan, name) for name in _RANGES for mask in Mask}
    sizes |= {f"second: {family}, {mask}": plan.second for family in SECOND for mask in Mask}
    return {name: size for name, size in sizes.items() if only in name}


def cases(plan: Plan, name: str, folder: Path) -> Iterator[Case]:
    """Yield the shots of an ensemble; event files go through ``folder`` and are not kept."""
    kind, mask = name.removeprefix("second: ").rsplit(", ", 1)
    for index in range(ensembles(plan)[name]):
        seed = plan.seed + index
        if name.startswith("second"):
            yield _second(name, seed, kind, Mask(mask), folder)
        else:
            rng = np.random.default_rng([seed, len(kind), list(Mask).index(Mask(mask))])
            yield of_shot(name, seed, draw_shot(rng, mask=Mask(mask), ranges=_RANGES[kind]), folder)


def floor_of(case: Case) -> dict[str, float]:
    """Return the smallest possible errors on columns averaged by 16: typically 1 % above those of the picture."""
    averaged = replace(case.true, apparatus=replace(case.true.apparatus, bin_columns=16))
    return floor(case.truth, averaged).sigma


def settings_for(mask: Mask) -> Settings:
    """Return the settings of a bench with this mask."""
    return Settings(schlieren=SchlierenSettings(mask=mask.value))


def of_shot(name: str, seed: int, shot: Shot, folder: Path) -> Case:
    """Return a shot of the product's simulation as a case."""
    scene = shot.truth.scene
    seen = observed(shot.frame, readings(shot.measured), shot.measured.camera_delay_s, scene.apparatus.mask, folder)
    true = Knowledge(scene.vapour, scene.apparatus, sigma=nominal_sigma())
    half = scene.channel.core_radius_um + scene.channel.transition_width_um * np.sqrt(np.log(2))
    return Case(name, seed, seen, scene.channel, true, float(half))


def observed(
    counts: NDArray[np.int16],
    values: Mapping[str, float],
    delay_s: float,
    mask: Mask,
    folder: Path,
    event: int = 1,
    at: datetime = AT,
) -> Observation:
    """Return what the source makes of a shot that is written as an event file."""
    settings = settings_for(mask)
    written = EventToWrite(1, event, round(at.timestamp()) * 1_000_000_000, counts, values, {"camera": delay_s})
    path = write_event(folder, written, settings.schlieren)
    try:
        return read_file(path, settings)
    finally:
        path.unlink()


def _second(name: str, seed: int, family: str, mask: Mask, folder: Path) -> Case:
    from benchmarks.schlieren.second.shots import draw

    rng = np.random.default_rng([seed, SECOND.index(family), list(Mask).index(mask)])
    shot = draw(rng, family, "knife" if mask is Mask.KNIFE else "disc")
    told = shot.truth
    near, bench, chip = told.nearest, told.bench, told.chip
    truth = Channel(
        told.axis_um, near.core_radius_um, told.peak * near.peak_share, near.transition_width_um, told.tilt_mrad
    )
    apparatus = replace(
        Apparatus(mask=mask),
        probe_radius_mm=bench.beam_mm,
        probe_x_mm=bench.beam_x_mm,
        probe_y_mm=bench.beam_y_mm,
        electrons=chip.electrons,
        knife_um=bench.edge_um,
        knife_width_um=bench.edge_soft_um,
        stop_um=bench.disc_um,
        stop_y_um=bench.disc_y_um,
        defocus_mm=bench.defocus_mm,
        blur_um=chip.shake_um,
        speckle=bench.contrast,
        read_noise_e=chip.read_e,
        gain_adu=chip.adu_per_electron,
        offset_adu=chip.dark_adu,
    )
    true = Knowledge(Vapour(told.density_cm3, told.detuning_ghz), apparatus, sigma=nominal_sigma())
    return Case(name, seed, observed(shot.counts, shot.readings, 0.5, mask, folder), truth, true, told.half_radius_um)
