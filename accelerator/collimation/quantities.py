"""The quantities of the field: local cleaning inefficiency, IR7 DS ratio, shares of families, hierarchy ratios.

Errors are one standard deviation: counting errors (binomial for shares, Poisson for ratios and densities) for lost
protons, the noise of the monitors for BLM signals. Where nothing was counted, an upper limit at 84 % (1.84 counts).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.channels import COLD, WARM, family_members, is_in_ds, of_kind
from accelerator.collimation.families import Family
from accelerator.collimation.geometry import LHC_LENGTH_M, is_warm
from accelerator.collimation.lossmap import Domain, Pattern
from accelerator.collimation.monitors import by_name, plain_monitor
from core.errors import InputError
from core.observation import Observation

BIN_M = 1.0
NONE_COUNTED = 1.841
"""Upper limit at 84 % (one-sided one sigma) on the mean of a Poisson distribution of which nothing was seen."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A value with its standard deviation."""

    value: float
    sigma: float


@dataclass(frozen=True, slots=True)
class Inefficiency:
    """Local cleaning inefficiency along the ring: ``eta_per_m`` with ``sigma_per_m`` in bins that begin at ``s_m``.

    Only bins with losses are listed.
    """

    s_m: NDArray[np.float64]
    eta_per_m: NDArray[np.float64]
    sigma_per_m: NDArray[np.float64]
    bin_m: float


HIERARCHY: tuple[tuple[str, tuple[Family, ...], tuple[Family, ...]], ...] = (
    ("TCSG7/TCP7", (Family.TCSG7,), (Family.TCP7,)),
    ("TCLA7/TCP7", (Family.TCLA7,), (Family.TCP7,)),
    ("TCSP+TCDQ/TCP7", (Family.TCSP, Family.TCDQ), (Family.TCP7,)),
    ("TCT/TCP7", (Family.TCT15, Family.TCT2, Family.TCT8), (Family.TCP7,)),
    ("TCP3/TCP7", (Family.TCP3,), (Family.TCP7,)),
    ("TCSG3/TCP3", (Family.TCSG3,), (Family.TCP3,)),
)
"""Ratios of what the stages stop: name, numerator, denominator."""


def cleaning_inefficiency(observation: Observation, *, cold_only: bool = True, bin_m: float = BIN_M) -> Inefficiency:
    """Return the local cleaning inefficiency of a map of lost protons.

    ``eta_c(s) = N_lost(s, s + ds) / (N_total ds)`` with the losses on the aperture in the numerator and all losses in
    the denominator (R. Bruce et al., arXiv:1409.3123; facts/collimation.md, A1).

    Raises
    ------
    core.errors.InputError
        It is no map of lost protons: monitors measure no protons.
    """
    if observation.conditions.get("domain") != Domain.PROTONS:
        raise InputError(observation.origin, "counts no protons: its cleaning is a ratio of signals (blm_ratio)")
    s_m, lost = _aperture(observation, cold_only=cold_only)
    total = _total(observation)
    bins, counts = _binned(s_m, lost, bin_m)
    errors = np.sqrt(counts) / (total * bin_m)
    return Inefficiency((bins * bin_m).astype(np.float64), counts / (total * bin_m), errors, bin_m)


def ds_inefficiency_max(observation: Observation) -> Measured:
    """Return the highest local cleaning inefficiency in the dispersion suppressor behind IR7, in 1/m (bins of 1 m).

    Raises as `cleaning_inefficiency`, and if the beam is not known.
    """
    beam = _beam(observation)
    found = cleaning_inefficiency(observation)
    inside = is_in_ds(found.s_m + found.bin_m / 2, beam)
    if not inside.any():
        return Measured(0.0, NONE_COUNTED / (_total(observation) * found.bin_m))
    top = int(np.argmax(np.where(inside, found.eta_per_m, -1.0)))
    return Measured(float(found.eta_per_m[top]), float(found.sigma_per_m[top]))


def ds_ratio(observation: Observation) -> Measured:
    """Return the share of all losses (protons) that end in the dispersion suppressor behind IR7.

    For monitors: the highest signal there over the highest at the primaries, ``max(BLM_DS) / max(BLM_TCP)`` (the
    ``cleaning`` of pylossmap; the BLM ratio of facts/collimation.md, A1).

    Raises
    ------
    core.errors.InputError
        The beam is not known, or nothing was measured at the primaries.
    """
    beam = _beam(observation)
    if observation.conditions.get("domain") == Domain.PROTONS:
        s_m, lost = _aperture(observation, cold_only=True)
        return _share(float(lost[is_in_ds(s_m, beam)].sum()), _total(observation))
    return _blm_ratio(observation, beam)


def family_shares(pattern: Pattern) -> dict[str, Measured]:
    """Return the share of all losses by family, and of ``cold`` and ``warm`` aperture."""
    masks = {family.value: family_members(pattern.beam, family) for family in Family}
    masks |= {kind: of_kind(pattern.beam, kind) for kind in (COLD, WARM)}
    return {
        name: _part(pattern, mask) for name, mask in masks.items() if mask.any() and not pattern.missing[mask].all()
    }


def hierarchy_ratios(pattern: Pattern) -> dict[str, Measured]:
    """Return the ratios of `HIERARCHY` whose denominator was measured."""
    found = {}
    for name, upper, lower in HIERARCHY:
        top, below = _sum(pattern, upper), _sum(pattern, lower)
        if top is not None and below is not None and below.value > 0:
            found[name] = _quotient(top, below)
    return found


def measurements(observation: Observation, pattern: Pattern) -> Mapping[str, Measured]:
    """Return every quantity that this observation has, by the name that pages and scripts use."""
    found: dict[str, Measured] = {f"share {name}": one for name, one in family_shares(pattern).items()}
    found |= {f"hierarchy {name}": one for name, one in hierarchy_ratios(pattern).items()}
    told = observation.conditions.get("beam") == pattern.beam
    if told and pattern.domain is Domain.PROTONS:
        found["cleaning inefficiency max"] = ds_inefficiency_max(observation)
    if told and (pattern.domain is Domain.PROTONS or observation.payload["signal_gy_per_s"].ndim == 1):
        try:
            found["ir7 ds ratio"] = ds_ratio(observation)
        except InputError:  # no signal at the primaries: there is no ratio
            return found
    return found


def _aperture(observation: Observation, *, cold_only: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    s_m = np.asarray(observation.payload["bin_s_m"], dtype=float)
    lost = np.asarray(observation.payload["bin_lost"], dtype=float)
    kept = ~is_warm(s_m) if cold_only else np.ones(s_m.shape, dtype=bool)
    return s_m[kept], lost[kept]


def _binned(
    s_m: NDArray[np.float64], lost: NDArray[np.float64], bin_m: float
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    where = np.floor(np.clip(s_m, 0.0, LHC_LENGTH_M) / bin_m + 1e-9).astype(np.intp)
    bins, inverse = np.unique(where, return_inverse=True)
    return bins, np.bincount(inverse, weights=lost, minlength=len(bins)).astype(np.float64)


def _blm_ratio(observation: Observation, beam: int) -> Measured:
    payload = observation.payload
    signal = np.asarray(payload["signal_gy_per_s"], dtype=float)
    if signal.ndim != 1:
        raise InputError(observation.origin, "is a stream: take a loss map out of it first")
    signal = signal - np.nan_to_num(np.asarray(payload.get("background_gy_per_s", np.zeros(signal.shape)), dtype=float))
    noise = np.nan_to_num(np.asarray(payload.get("noise_gy_per_s", np.zeros(signal.shape)), dtype=float))
    known = [by_name().get(plain_monitor(name)) for name in payload["monitor"].tolist()]
    s_m = np.array([nan if one is None else one.s_m for one in known])
    cold = np.array([one is not None and one.kind == "cold" and one.is_ionisation_chamber for one in known])
    finite = np.isfinite(signal)
    in_ds = cold & finite & is_in_ds(np.nan_to_num(s_m), beam)
    at_primary = finite & np.array([_is_primary(one.name, beam) if one else False for one in known])
    if observation.conditions.get("normalised") and not at_primary.any():
        at_primary = finite  # normalised to its highest signal, which is at a primary
    if not in_ds.any() or not at_primary.any() or signal[at_primary].max() <= 0:
        raise InputError(observation.origin, "measures nothing at the primaries or in the dispersion suppressor")
    below = int(np.argmax(np.where(in_ds, signal, -np.inf)))
    top = int(np.argmax(np.where(at_primary, signal, -np.inf)))
    seconds = sqrt(max(1.0, float(observation.conditions.get("seconds") or 1)))
    return _quotient(
        Measured(float(signal[below]), float(noise[below]) / seconds),
        Measured(float(signal[top]), float(noise[top]) / seconds),
    )


def _is_primary(name: str, beam: int) -> bool:
    return "_TCP." in name and name.endswith(f".B{beam}") and "7." in name.rsplit("_TCP.", 1)[1]


def _beam(observation: Observation) -> int:
    beam = observation.conditions.get("beam")
    if not isinstance(beam, int) or beam not in {1, 2}:
        raise InputError(observation.origin, "tells of no beam")
    return beam


def _total(observation: Observation) -> float:
    lost = np.asarray(observation.payload["lost"], dtype=float).sum()
    return float(lost + np.asarray(observation.payload["bin_lost"], dtype=float).sum())


def _share(count: float, total: float) -> Measured:
    """A share of counts with its binomial error."""
    if count <= 0:
        return Measured(0.0, NONE_COUNTED / total)
    share = count / total
    return Measured(share, sqrt(max(share * (1 - share), 1e-300) / total))


def _part(pattern: Pattern, mask: NDArray[np.bool_]) -> Measured:
    if pattern.total <= 0:
        return Measured(nan, nan)
    value = float(pattern.values[mask].sum())
    if pattern.domain is Domain.PROTONS:
        return _share(value, pattern.total)
    return Measured(value / pattern.total, float(np.sqrt((pattern.sigma[mask] ** 2).sum())) / pattern.total)


def _sum(pattern: Pattern, families: tuple[Family, ...]) -> Measured | None:
    mask = np.any([family_members(pattern.beam, family) for family in families], axis=0) & ~pattern.missing
    if not mask.any():
        return None
    value = float(pattern.values[mask].sum())
    if pattern.domain is Domain.PROTONS:
        return Measured(value, sqrt(value) if value > 0 else NONE_COUNTED)
    return Measured(value, float(np.sqrt((pattern.sigma[mask] ** 2).sum())))


def _quotient(upper: Measured, lower: Measured) -> Measured:
    """A ratio of independent values with its error to first order."""
    ratio = upper.value / lower.value
    return Measured(ratio, hypot(upper.sigma, ratio * lower.sigma) / lower.value)
