"""What a cycle measures, whether or not something is wrong: rate, vertex, background, and what could be seen."""

import numpy as np

from core.verdict import Measurement
from dqm.its.background import FAINT, Background, clusters_error
from dqm.its.calibration import Calibration
from dqm.its.incidents import Check
from dqm.its.layout import INNER
from dqm.its.pulls import Pulls

SMALLEST = "smallest visible background"
_SIDE = "of the clusters of a side"
_CONDITIONS = {
    "interactions": ("interactions per frame", ""),
    "vertices_hz": ("vertices", "Hz"),
    "tracks_hz": ("tracks", "Hz"),
    "vertex_z_cm": ("vertex z", "cm"),
    "vertex_sigma_cm": ("vertex spread along z", "cm"),
    "live_s": ("live time", "s"),
    "frames": ("readout frames", ""),
    "clusters": ("clusters", ""),
}


def measurements(
    pulls: Pulls, background: Background | None, calibration: Calibration, alarms_per_shift: float
) -> dict[str, Measurement]:
    """Return the measurements of a cycle by name."""
    found = {}
    for condition, (title, unit) in _CONDITIONS.items():
        value = pulls.conditions.get(condition)
        if value is not None and np.isfinite(value):
            found[title] = Measurement(float(value), _sigma(condition, pulls), unit)
    inner = pulls.valid[:INNER]
    if inner.any():
        mean = float(np.asarray(pulls.observed[:INNER], np.float64)[inner].mean())
        frames = pulls.conditions.get("frames", 0.0) * float(inner.sum())
        error = float(np.sqrt(mean / frames)) if frames > 0 else None
        found["clusters in the inner barrel"] = Measurement(mean, error, "per frame and chip")
    if background is not None:
        found["background added"] = Measurement(background.share, background.sigma, _SIDE)
    if (smallest := smallest_background(pulls, calibration, alarms_per_shift)) is not None:
        found[SMALLEST] = Measurement(smallest, None, _SIDE)
    return found


def smallest_background(pulls: Pulls, calibration: Calibration, alarms_per_shift: float) -> float | None:
    """Return the background, as a share of the clusters of its side, that would be called in half of the cases.

    It is that whose score is expected at the threshold: what clusters alone show, times the gain that their size, hits
    and long clusters give (as measured on simulated background).
    """
    cycle_s = pulls.conditions.get("cycle_s", 0.0)
    threshold = calibration.score_at(Check.BACKGROUND, alarms_per_shift, cycle_s)
    error = clusters_error(pulls)
    return None if threshold is None or error is None else max(threshold * error / calibration.scales.gain, FAINT)


def _sigma(condition: str, pulls: Pulls) -> float | None:
    """Counting errors, where they follow from the numbers at hand."""
    seen = pulls.conditions.get("vertices_hz", 0.0) * pulls.conditions.get("track_s", 0.0)
    spread = pulls.conditions.get("vertex_sigma_cm", 0.0)
    if seen <= 0:
        return None
    found = {
        "vertices_hz": pulls.conditions.get("vertices_hz", 0.0) / np.sqrt(seen),
        "vertex_z_cm": spread / np.sqrt(seen),
        "vertex_sigma_cm": spread / np.sqrt(2 * seen),
    }.get(condition)
    return None if found is None else float(found)
