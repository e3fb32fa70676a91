"""Fitting the reference to nominal runs, from what is published alone."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.errors import CalibrationError
from core.observation import Observation
from dqm.its.expected import Reference
from dqm.its.expected_kernel import Z_CM
from dqm.its.expected_moment import moment
from dqm.its.expected_tables import SHAPES, Tables
from dqm.its.layout import CELLS
from dqm.its.nominal_kernel import Kernel, fit_kernel, run_mean
from dqm.its.nominal_long import fit_long
from dqm.its.nominal_residuals import residuals
from dqm.its.nominal_spread import fit_cells, fit_cold, fit_common_spread, fit_layer_chance, split_noise
from dqm.its.reading import Reading, read

Floats = NDArray[np.float64]
STROBES_HZ = {"pp": 18 * 40.079e6 / 3564, "PbPb": 6 * 40.079e6 / 3564}
"""Readout frames per second; other beam types are taken like pp."""
LEAST_CYCLES = 20
SETTLED_S = 60.0


def fit_reference(runs: Iterable[Iterable[Observation | Reading]]) -> Reference:
    """Fit the reference of every beam type among the runs.

    Needed per beam type: six runs or more of different detectors or different times, each of an hour or more (20 cycles
    at least), with luminosities that differ by 20 % or more, so that noise can be told from particles; ten of three
    hours are better, for the wander of noise and of layers rests on the number of hours. Runs must be nominal; single
    bad cells do no harm. Observations are reduced to readings one by one, so an iterator that simulates or reads as it
    goes is fine: a reading takes 0.15 MB.

    Parameters
    ----------
    runs
        The cycles of each run in time order, as observations or readings.

    Raises
    ------
    core.errors.CalibrationError
        If no run is long enough.
    """
    settled = [_settled([one if isinstance(one, Reading) else read(one) for one in run]) for run in runs]
    by_beam: dict[str, list[list[Reading]]] = {}
    for run in settled:
        if len(run) >= LEAST_CYCLES:
            by_beam.setdefault(run[0].beam_type, []).append(run)
    if not by_beam:
        raise CalibrationError(f"no run with {LEAST_CYCLES} whole cycles of one beam type after its first minute")
    share = max(_frames_share(beam, of) for beam, of in by_beam.items())
    quiet_first = sorted(by_beam, key=lambda beam: float(np.mean([run[0].occupation.mean() for run in by_beam[beam]])))
    tables: dict[str, Tables] = {}
    for beam in quiet_first:
        other = tables.get(quiet_first[0])
        tables[beam] = _fit(by_beam[beam], share * STROBES_HZ.get(beam, STROBES_HZ["pp"]), other)
    return Reference(tables)


def _settled(run: list[Reading]) -> list[Reading]:
    """The cycles of usual length, with all that the fit needs, after the run's first minute."""
    if not run:
        return []
    usual_s = float(np.median([one.cycle_s for one in run]))
    return [
        one
        for one in run
        if one.cycle_s > 0.8 * usual_s
        and (one.run_age_s is None or one.run_age_s - one.cycle_s > SETTLED_S)
        and one.vertices is not None
        and one.tracks
        and one.frames_seen
        and (one.has_occupation.mean() > 0.9 and one.has_hits.mean() > 0.9)
        and one.beam_type == run[0].beam_type
    ]


def _frames_share(beam: str, runs: Sequence[Sequence[Reading]]) -> float:
    """Share of readout frames that the cluster task sees; crowded frames are missing from the plot that tells it."""
    rates = [(one.frames_seen or 0.0) / one.cycle_s for run in runs for one in run]
    return float(np.median(rates)) / STROBES_HZ.get(beam, STROBES_HZ["pp"])


def _fit(runs: list[list[Reading]], frames_hz: float, other: Tables | None) -> Tables:
    """Fit one beam type; ``other`` has lower occupation, so that it tells noise better."""
    means = [run_mean(run, frames_hz) for run in runs]
    kernel = fit_kernel(means, None if other is None else other.noise)
    tables = _start(kernel, frames_hz, np.array([mean.luminosity for mean in means]))
    tables = replace(tables, **_rates(runs, tables))
    found = [residuals(run, tables) for run in runs]
    counting, wander, memory_s = fit_cells(found)
    tables = replace(tables, counting=counting, wander=wander, memory_s=memory_s)
    cold, sizes = fit_cold(found)
    tables = replace(tables, cold=cold, size_spread=sizes)
    dispersion, layer_wander = fit_common_spread(found, tables)
    tables = replace(tables, dispersion=dispersion, layer_wander=layer_wander)
    tables = replace(tables, layer_chance=fit_layer_chance(found, tables))
    left, noise_wander = split_noise(found, wander, None if other is None else float(other.noise_wander))
    tables = replace(tables, wander=left, noise_wander=np.array(noise_wander), noise_memory_s=memory_s[0])
    live_s = [np.array([moment(one, tables, np.zeros(CELLS)).live_s for one in run]) for run in runs]
    long = fit_long(runs, live_s)
    return replace(
        tables,
        long=long.rates,
        long_spread=long.spread,
        long_memory_s=np.array(long.memory_s),
        long_dispersion=np.array(long.dispersion),
    )


def _start(kernel: Kernel, frames_hz: float, luminosity: Floats) -> Tables:
    """Tables with the kernel, and nothing yet of what is fitted to residuals."""
    usual = {name: np.ones(shape) for name, shape in SHAPES.items()}
    usual["size_spread"] = np.full(SHAPES["size_spread"], 0.02)
    range_of = np.array([luminosity.min(), np.median(luminosity), luminosity.max()])
    fitted = {
        "kernel": kernel.kernel,
        "pixels": kernel.pixels,
        "noise": kernel.noise,
        "radial": kernel.radial,
        "frames_hz": np.array(frames_hz),
        "luminosity": range_of,
    }
    assert kernel.kernel.shape[1] == Z_CM.size
    return Tables(**(usual | fitted))


def _rates(runs: Sequence[Sequence[Reading]], tables: Tables) -> dict[str, Floats]:
    """Tracks and vertices per second and unit of the luminosity that the outer layers tell."""
    tracks, vertices = [], []
    for run in runs:
        for one in run:
            luminosity = moment(one, tables, np.zeros(CELLS)).luminosity
            track_s = one.cycle_s * one.share_of("track")
            tracks.append((one.tracks or 0.0) / track_s / luminosity)
            vertices.append((one.vertices.count if one.vertices else 0.0) / track_s / luminosity)
    return {"tracks_hz": np.array(np.median(tracks)), "vertices_hz": np.array(np.median(vertices))}
