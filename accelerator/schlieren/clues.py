"""What a shot's measurement says that speaks for or against it, as numbers: the classifier and the checks go by these.

Settings of channel and bench are in half widths of their usual ranges, from the middle: within -1 and 1 is usual.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from accelerator.schlieren.channel import PARAMETERS
from accelerator.schlieren.fit_parameters import LOG_PHASE
from accelerator.schlieren.measuring import Measured
from accelerator.schlieren.network_targets import target_names, target_ranges
from accelerator.schlieren.quick_fit import QuickFit
from accelerator.schlieren.shot_facts import Facts
from accelerator.schlieren.sightings import relative
from accelerator.schlieren.simulate.apparatus import Mask
from accelerator.schlieren.simulate.plan import CHANNELS, LASER_MJ
from accelerator.schlieren.start_network import FOCAL_MM
from core.observation import Observation

Floats = NDArray[np.float64]

INSTRUMENTS = ("laser", "density", "detuning")
PLAIN = ("light", "dark level", "dark noise", "grain", "hot pixels", "saturation")
CHANNEL = tuple(f"channel: {name}" for name in PARAMETERS)
BENCH = tuple(f"bench: {name}" for name in (*target_names(Mask.KNIFE)[5:11], "mask 1", "mask 2", "vibration"))
FIT = (
    "phase",
    "misfit",
    "misfit of rows",
    "misfit of blocks",
    "misfit at one place",
    "strangeness",
    "strangest",
    "away",
    "unevenness",
    "depth",
)
NETWORK = ("unlikeness", "disagreement")
NAMES = (*INSTRUMENTS, *PLAIN, *CHANNEL, *BENCH, *FIT, *NETWORK, "stop")
_TILE_ROWS, _TILE_COLUMNS, _BLOCK = 8, 2, 4
_FOCAL_SCALED = frozenset({"knife_um", "knife_width_um", "stop_um", "stop_y_um"})
_TINY = 1e-6


def clues(observation: Observation, facts: Facts, measured: Measured, unlikeness: float) -> Mapping[str, float]:
    """Return the clues of a shot by name, all finite."""
    fit, mask = measured.fit, measured.usual.apparatus.mask
    values = {
        **_instruments(observation),
        **_plain(facts),
        **_usualness(measured),
        "phase": _phase_pull(fit),
        "misfit": _log(fit.chi2_per_cell),
        "misfit of rows": _log(block_misfit(fit.pulls, 1, fit.pulls.shape[1])),
        "misfit of blocks": _log(block_misfit(fit.pulls, _BLOCK, _BLOCK)),
        "misfit at one place": _log(worst_tile(fit.pulls)),
        "strangeness": _log(fit.prior_chi2),
        "strangest": _log(fit.worst_prior_sigma),
        "away": _log(fit.away),
        "unevenness": _log(unevenness(fit)),
        "depth": _log(depth_sigma(fit)),
        "unlikeness": _log(unlikeness),
        "disagreement": _log(disagreement(measured)),
        "stop": float(mask is Mask.STOP),
    }
    found = np.nan_to_num([values[name] for name in NAMES], posinf=99.0, neginf=-99.0)
    return MappingProxyType(dict(zip(NAMES, found.tolist(), strict=True)))


def block_misfit(pulls: Floats, rows: int, columns: int) -> float:
    """Return the mean square of sums of residuals over blocks of cells, 1 for a model that holds.

    Noise differs from cell to cell and averages out; a wrong model does not.
    """
    high, wide = pulls.shape
    sums = pulls.reshape(high // rows, rows, wide // columns, columns).sum((1, 3))
    return float(np.mean(sums**2) / (rows * columns))


def worst_tile(pulls: Floats) -> float:
    """Return the largest mean squared residual of a tile of 8 rows and 2 columns."""
    rows, columns = pulls.shape
    tiles = (pulls**2).reshape(rows // _TILE_ROWS, _TILE_ROWS, columns // _TILE_COLUMNS, _TILE_COLUMNS)
    return float(tiles.mean((1, 3)).max())


def unevenness(fit: QuickFit) -> float:
    """Return the mean square of the strengths of unevenness, in units of what is usual."""
    usual = fit.form.prior()[1][len(fit.form.names) :]
    return float(np.mean((fit.ripples / usual) ** 2)) if usual.size else 0.0


def depth_sigma(fit: QuickFit) -> float:
    """Return how many of its errors peak ionisation is above nothing, density and detuning taken as they are."""
    information = fit.information
    known = [index for index, name in enumerate(fit.form.names) if name != LOG_PHASE]
    peak = fit.form.names.index("peak_ionisation")
    return float(fit.vector[peak] * np.sqrt(max(information[known][:, known][peak, peak], 0.0)))


def disagreement(measured: Measured) -> float:
    """Return the mean squared distance between network and fit, in errors of the network; 0 without a network."""
    if measured.told is None:
        return 0.0
    channel, errors = measured.told.channel(measured.usual)
    pairs = zip(channel.values(), measured.fit.channel.values(), errors.values(), strict=True)
    return float(np.mean([((a - b) / max(error, _TINY)) ** 2 for a, b, error in pairs]))


def _instruments(observation: Observation) -> dict[str, float]:
    laser = observation.conditions.get("laser_energy_mj")
    return {
        "laser": float(laser) / LASER_MJ - 1 if isinstance(laser, int | float) else 0.0,
        "density": relative(observation, "density") or 0.0,
        "detuning": relative(observation, "detuning") or 0.0,
    }


def _plain(facts: Facts) -> dict[str, float]:
    return {
        "light": _log(max(facts.brightest_adu, 0.3)),
        "dark level": (facts.dark_adu - 100) / 5,
        "dark noise": _log(facts.dark_noise_adu),
        "grain": _log(facts.grain),
        "hot pixels": float(np.log1p(facts.hot)),
        "saturation": float(np.log1p(1e4 * facts.saturated)),
    }


def _usualness(measured: Measured) -> dict[str, float]:
    """Channel and bench in half widths of the usual ranges."""
    mask, fitted = (
        measured.usual.apparatus.mask,
        dict(zip(measured.fit.form.names, measured.fit.vector.tolist(), strict=False)),
    )
    scale = FOCAL_MM / measured.usual.apparatus.focal_mm
    ranges = {**target_ranges(mask), "peak_ionisation": CHANNELS["peak_ionisation"]}
    found = []
    for name, (low, high) in ranges.items():
        value = fitted[name] * (scale if name in _FOCAL_SCALED else 1.0)
        found.append((value - (low + high) / 2) / ((high - low) / 2))
    return dict(zip((*CHANNEL, *BENCH), found, strict=True))


def _phase_pull(fit: QuickFit) -> float:
    if LOG_PHASE not in fit.form.names:
        return 0.0
    index = fit.form.names.index(LOG_PHASE)
    return float(fit.vector[index] / fit.form.prior()[1][index])


def off_centre(found: Mapping[str, float]) -> float:
    """Return how far the probe is from the middle, in half widths of the usual range along the diagonal."""
    return float(np.hypot(found["bench: probe_x_mm"], found["bench: probe_y_mm"]) / np.sqrt(2))


def _log(value: float) -> float:
    return float(np.log(max(value, _TINY)))
