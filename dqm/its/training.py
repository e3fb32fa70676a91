"""Teaches a model of the ITS: reference and calibration from nominal cycles, networks from simulated faults.

Without a folder everything comes from the simulator: this is how the model that ships was made. With a folder of
nominal cycle files (npz or ROOT) the reference and the thresholds come from these; the networks are kept.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path

import torch
from pydantic import JsonValue

from core.errors import InputError
from core.inference import ModelPackage, load_package, write_package
from core.learning.autoencoder import train_autoencoder
from core.learning.fitting import Batch, to_onnx
from core.observation import Observation
from dqm.its.background import Scales
from dqm.its.calibrating import Shift, calibrate_beams
from dqm.its.calibration import SHIFT_S, Calibration
from dqm.its.cause_training import export_causes, train_causes
from dqm.its.cycle_files import read_observation
from dqm.its.detector import SHIPPED, SHIPPED_MODELS, read_calibrations
from dqm.its.expected import ARRAYS, Reference
from dqm.its.lesson_making import Pictures, make_pictures, make_taught, measure_gain
from dqm.its.lessons import Wanted, keep, lessons
from dqm.its.looking import CAUSES_FILE, REBUILDING_FILE, Sealed
from dqm.its.nominal import fit_reference
from dqm.its.sharing import Workers
from dqm.its.strange import IMAGE, PHI, QUANTITIES, REBUILT, ROWS

Report = Callable[[str], None]
SUFFIXES = frozenset({".npz", ".root"})
FEWEST_CYCLES = 30
_GAIN_SHIFTS = 3
SEEDS = 5_000
"""Simulated shifts of two seeds of a training are never the same; there are 20 seeds, for `Wanted` refuses more."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to simulate and compute; the defaults take about an hour on one core, half of it simulation."""

    reference_shifts: int = 14
    fault_shifts: int = 8
    short_fault_shifts: int = 2
    calibration_shifts: int = 40
    picture_shifts: int = 6
    faults_per_shift: float = 20.0
    cause_steps: int = 1800
    rebuilding_steps: int = 400
    width: int = 16
    cycle_s: float = 180.0
    dense_fault_shifts: int = 8
    dense_faults_per_shift: float = 60.0


def train(
    product: str,
    folder: Path | str | None,
    out: Path | str,
    *,
    seed: int = 1,
    report: Report = print,
    effort: Effort | None = None,
    cache: Path | str | None = None,
    jobs: int = 1,
) -> Path:
    """Teach a model called ``product`` and write its package to ``out / product``.

    Parameters
    ----------
    folder
        Cycle files of nominal runs, or None: simulate all.
    cache
        Folder in which simulated shifts are kept for the next time.
    jobs
        Processes that simulate and look at shifts; the model does not depend on it.

    Raises
    ------
    core.errors.InputError
        Too few files in the folder can be used.
    core.errors.SettingsError
        Shifts of this seed are held out.
    """
    target = Path(out) / product
    if folder is None:
        found = None if cache is None else Path(cache)
        return _from_simulation(target, Curriculum.of(effort or Effort(), seed), report, found, Workers(jobs))
    cycles = read_nominal(Path(folder), report)
    base = load_package(SHIPPED_MODELS / SHIPPED)
    report(f"fitting the reference to {len(cycles)} cycles")
    reference = fit_reference(as_runs(cycles))
    return _save_calibrated(target, reference, base, cycles, seed, report)


def calibrate(product: str, folder: Path | str, out: Path | str, *, seed: int = 1, report: Report = print) -> Path:
    """Renew the thresholds of a model from nominal cycle files; keep its reference and networks.

    A model that is not in ``out`` yet starts as the one that ships.

    Raises
    ------
    core.errors.InputError
        Too few files in the folder can be used.
    """
    target = Path(out) / product
    cycles = read_nominal(Path(folder), report)
    base = load_package(target if (target / "card.json").is_file() else SHIPPED_MODELS / SHIPPED)
    return _save_calibrated(target, Reference.load(base), base, cycles, seed, report)


def read_nominal(folder: Path, report: Report = print) -> list[Observation]:
    """Return the cycles of a folder (subfolders too) in the order of time; what cannot be read is reported.

    Raises
    ------
    core.errors.InputError
        If fewer than `FEWEST_CYCLES` can be read.
    """
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES):
        try:
            found.append(read_observation(path))
        except InputError as error:
            report(f"left out: {error}")
    if len(found) < FEWEST_CYCLES:
        raise InputError(folder, f"{len(found)} cycles can be read, at least {FEWEST_CYCLES} nominal ones are needed")
    return sorted(found, key=lambda observation: observation.observed_at)


def as_shifts(cycles: Sequence[Observation]) -> dict[str, list[Shift]]:
    """Cut cycles, in the order of time, into shifts of eight hours of data, by beam type."""
    found: dict[str, list[list[Observation]]] = {}
    lengths: dict[str, float] = {}
    for cycle in cycles:
        beams = str(cycle.conditions.get("beam_type"))
        seconds = float(cycle.conditions.get("cycle_s") or 0.0)
        if beams not in found or lengths[beams] + seconds > SHIFT_S:
            found.setdefault(beams, []).append([])
            lengths[beams] = 0.0
        found[beams][-1].append(cycle)
        lengths[beams] += seconds
    return {beams: [partial(iter, shift) for shift in shifts] for beams, shifts in found.items()}


def _save_calibrated(
    target: Path, reference: Reference, base: ModelPackage, cycles: Sequence[Observation], seed: int, report: Report
) -> Path:
    networks = {name: (base.path / name).read_bytes() for name in (CAUSES_FILE, REBUILDING_FILE)}
    sealed = Sealed(reference, networks)
    known = {beams: one for beams, one in read_calibrations(base).items() if beams in reference.tables}
    calibrations = {**known, **calibrate_beams(sealed, as_shifts(cycles), report, known)}
    digest = hashlib.sha256("".join(cycle.sha256 for cycle in cycles).encode()).hexdigest()
    return _save(target, reference, networks, calibrations, seed, digest, dict(base.card.metrics))


@dataclass(frozen=True, slots=True)
class Curriculum:
    """Which shifts are simulated for what: of one seed, none twice."""

    effort: Effort
    seed: int
    nominal: tuple[Wanted, ...]
    faulty: tuple[Wanted, ...]
    short: tuple[Wanted, ...]
    dense: tuple[Wanted, ...]
    held: tuple[Wanted, ...]

    @classmethod
    def of(cls, effort: Effort, seed: int) -> "Curriculum":
        """Return the shifts of a seed; SettingsError if they are held out."""

        def wanted(number: int, count: int, faults: float = 0.0, cycle_s: float = effort.cycle_s) -> tuple[Wanted, ...]:
            first = seed * SEEDS + number
            return tuple(Wanted(first + at, faults, cycle_s) for at in range(count))

        return cls(
            effort,
            seed,
            nominal=wanted(2000, effort.reference_shifts),
            faulty=wanted(1000, effort.fault_shifts, effort.faults_per_shift),
            short=wanted(1100, effort.short_fault_shifts, effort.faults_per_shift, effort.cycle_s / 3),
            dense=wanted(1200, effort.dense_fault_shifts, effort.dense_faults_per_shift),
            held=wanted(3000, effort.calibration_shifts),
        )

    def all(self) -> tuple[Wanted, ...]:
        """Return every shift, those with most cycles first."""
        return (*self.short, *self.dense, *self.faulty, *self.nominal, *self.held)


def _from_simulation(
    target: Path, curriculum: Curriculum, report: Report, cache: Path | None, workers: Workers
) -> Path:
    effort, seed = curriculum.effort, curriculum.seed
    if cache is not None:
        report("simulating")
        for _ in workers.map(partial(keep, cache), curriculum.all()):
            pass
    report("fitting the reference to nominal runs")
    reference = fit_reference(run for one in curriculum.nominal for run in as_runs(_observations(one, cache)))
    sealed = Sealed(reference)
    report("teaching the network that names causes")
    faults = (*curriculum.faulty, *curriculum.short, *curriculum.dense)
    taught = make_taught(sealed, faults, seed, cache, workers)
    report(f"{len(taught)} cycles with faults")
    networks = {CAUSES_FILE: export_causes(train_causes(taught, effort.cause_steps, seed, effort.width))}
    report("teaching the autoencoder")
    pictures = make_pictures(sealed, curriculum.nominal[: effort.picture_shifts], cache, workers)
    networks[REBUILDING_FILE] = train_rebuilding(pictures, effort.rebuilding_steps, seed)
    sealed = Sealed(reference, networks)

    def gain(beams: str, scales: Scales) -> float:
        own = [one for one in curriculum.faulty if one.runs()[0].beam_type.value == beams][:_GAIN_SHIFTS]
        return measure_gain(sealed, own, scales, cache, workers)

    calibrations = calibrate_beams(sealed, _by_beams(curriculum.held, cache), report, gain=gain, workers=workers)
    return _save(target, reference, networks, calibrations, seed, f"simulated: {effort}", {})


def train_rebuilding(pictures: Pictures, steps: int, seed: int) -> bytes:
    """Train the autoencoder on pictures of nominal cycles; returns it as ONNX, ``image`` to ``rebuilt``."""

    def batches() -> Iterator[Batch]:
        for batch in pictures.batches(seed):
            yield (torch.from_numpy(batch),)

    network = train_autoencoder(batches(), steps, channels=len(QUANTITIES), seed=seed)
    example = {IMAGE: torch.zeros(1, len(QUANTITIES), ROWS, PHI)}
    return to_onnx(network, example, [REBUILT], {IMAGE: {0: "n"}, REBUILT: {0: "n"}})


def as_runs(cycles: Iterable[Observation]) -> Iterator[list[Observation]]:
    """Yield the cycles of each run, given in the order of time."""
    for _, run in groupby(cycles, key=lambda cycle: cycle.conditions.get("run")):
        yield list(run)


def _by_beams(wanted: Sequence[Wanted], cache: Path | None) -> dict[str, list[Shift]]:
    found: dict[str, list[Shift]] = {}
    for one in wanted:
        found.setdefault(one.runs()[0].beam_type.value, []).append(partial(_observations, one, cache))
    return found


def _observations(wanted: Wanted, cache: Path | None) -> Iterator[Observation]:
    return (lesson.observation for lesson in lessons(wanted, cache))


def _save(
    target: Path,
    reference: Reference,
    networks: Mapping[str, bytes],
    calibrations: Mapping[str, Calibration],
    seed: int,
    training_data: str,
    metrics: Mapping[str, JsonValue],
) -> Path:
    package = write_package(
        target,
        name=target.name,
        system="its",
        created_at=datetime.now(UTC),
        seed=seed,
        training_data=training_data,
        networks=dict(networks),
        arrays={ARRAYS: reference.to_arrays()},
        metrics=metrics,
        calibration={"beams": {beams: one.to_json() for beams, one in calibrations.items()}},
        replace=True,
    )
    return package.path
