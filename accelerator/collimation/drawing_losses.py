"""What was lost outside of collimators, place by place, as a picture of the ring shows it."""

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.channels import channels, monitor_channels
from accelerator.collimation.diagnosis import Diagnosis
from accelerator.collimation.drawing_ring import Losses
from accelerator.collimation.geometry import is_warm
from accelerator.collimation.lossmap import Domain
from accelerator.collimation.monitors import positions_m
from core.observation import Observation

_SIGNIFICANT = 4.0
_NOTHING = Losses(np.zeros(0), np.zeros(0), np.zeros(0, bool))


def losses(observation: Observation, diagnosis: Diagnosis) -> Losses:
    """Return the losses on the aperture as shares of all, on the scale of the diagnosis; none if there are none."""
    domain, payload = observation.conditions.get("domain"), observation.payload
    if domain == Domain.PROTONS and "bin_lost" in payload:
        return _protons(observation)
    if domain == Domain.BLM and "monitor" in payload and diagnosis.channels:
        parts = [_monitors(observation, diagnosis, beam) for beam in sorted({one.beam for one in diagnosis.channels})]
        s_m, share, cold = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Losses(s_m, share, cold, "share of the signal")
    return _NOTHING


def _protons(observation: Observation) -> Losses:
    s_m = np.asarray(observation.payload["bin_s_m"], float)
    lost = np.asarray(observation.payload["bin_lost"], float)
    total = float(np.sum(observation.payload["lost"], dtype=float) + lost.sum())
    return Losses(s_m, lost / total if total > 0 else np.zeros_like(lost), ~is_warm(s_m))


_Parts = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


def _monitors(observation: Observation, diagnosis: Diagnosis, beam: int) -> _Parts:
    """Position, share and kind of the monitors of a beam that stand at no collimator."""
    monitors = tuple(observation.payload["monitor"].tolist())
    signal = _signal(observation)
    where, known = monitor_channels(monitors, beam), channels(beam)
    scale = _scale(signal, where, [one.name for one in known], diagnosis)
    cold = np.array([one.kind == "cold" for one in known])
    grouped = np.array([one.kind != "collimator" for one in known])
    used = (where >= 0) & grouped[where] & np.isfinite(signal)
    kinds = cold[where[used]]
    own = signal[used] if "background_gy_per_s" in observation.payload else _above(signal[used], kinds)
    return positions_m(monitors)[used], scale * own, kinds


def _above(signal: NDArray[np.float64], cold: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Signals above what most cold monitors read (a stream tells no background); what is only their noise is none."""
    if not cold.any():
        return signal
    quiet = float(np.median(signal[cold]))
    spread = 1.4826 * float(np.median(np.abs(signal[cold] - quiet)))
    return np.where(signal > quiet + _SIGNIFICANT * spread, signal - quiet, 0.0)


def _signal(observation: Observation) -> NDArray[np.float64]:
    """Signal above background of each monitor, averaged over the seconds of a stream."""
    signal = np.asarray(observation.payload["signal_gy_per_s"], float)
    mean = signal if signal.ndim == 1 else signal.sum(axis=0) / max(1, len(signal))
    background = observation.payload.get("background_gy_per_s")
    found: NDArray[np.float64] = mean if background is None else mean - np.nan_to_num(np.asarray(background, float))
    return found


def _scale(signal: NDArray[np.float64], where: NDArray[np.intp], names: list[str], diagnosis: Diagnosis) -> float:
    """Share per signal: that of the monitor of the collimator which has most of the losses."""
    shares = {one.name: one.observed for one in diagnosis.channels}
    for name in sorted((one for one in names if "." in one), key=lambda one: -shares.get(one, 0.0)):
        own = np.flatnonzero(where == names.index(name))
        if own.size and shares.get(name, 0.0) > 0 and np.isfinite(signal[own[0]]) and signal[own[0]] > 0:
            return float(shares[name] / signal[own[0]])
    return 0.0
