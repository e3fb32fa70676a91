"""What a start network says of a compressed picture: channel and bench, from which the quick fit begins."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from accelerator.schlieren.channel import PARAMETERS, Channel
from accelerator.schlieren.fit_parameters import BLUR2, Knowledge
from accelerator.schlieren.network_targets import target_ranges
from accelerator.schlieren.simulate.apparatus import Apparatus, Mask
from accelerator.schlieren.simulate.physics import phase_per_mm
from core.inference import Session

Floats = NDArray[np.float64]
FOCAL_MM = 250.0
"""Focal length of the lessons; the place of a mask in the Fourier plane scales with it."""
_IN_FOURIER_PLANE = frozenset({"knife_um", "knife_width_um", "stop_um", "stop_y_um"})
_REACH = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """A normal law over the targets of a mask (`network_targets.target_names`): means and covariance."""

    mask: Mask
    mean: Floats
    covariance: Floats

    @property
    def sigma(self) -> Floats:
        """One sigma of each target."""
        return np.sqrt(np.diag(self.covariance))

    def channel(self, known: Knowledge) -> tuple[Channel, dict[str, float]]:
        """Return the channel and the errors of its parameters, given what was measured of the vapour.

        The error of P is that of the depth and those of density and detuning, added in squares.
        """
        phase = abs(phase_per_mm(known.vapour))
        values = dict(zip(PARAMETERS, self.mean.tolist(), strict=False))
        errors = dict(zip(PARAMETERS, self.sigma.tolist(), strict=False))
        values["peak_ionisation"] /= phase
        errors["peak_ionisation"] = float(
            np.hypot(errors["peak_ionisation"] / phase, values["peak_ionisation"] * known.phase_error)
        )
        return Channel(**values), errors

    def bench(self, known: Knowledge) -> Apparatus:
        """Return the state of the bench, held within twice the ranges of the lessons."""
        found: dict[str, float] = {}
        for (name, (low, high)), value in zip(target_ranges(self.mask).items(), self.mean.tolist(), strict=True):
            if name in PARAMETERS:
                continue
            middle, half = (low + high) / 2, _REACH * (high - low) / 2
            held = min(max(value, middle - half), middle + half)
            found[name] = held * known.apparatus.focal_mm / FOCAL_MM if name in _IN_FOURIER_PLANE else held
        found["blur_um"] = max(found.pop(BLUR2), 0.0) ** 0.5
        return replace(known.apparatus, **found)  # type: ignore[arg-type]


def tell(session: Session, mask: Mask, cells: Floats) -> Told:
    """Run the network for a mask on one compressed picture (256, 16)."""
    out: Mapping[str, NDArray[np.float32]] = session.run({"cells": np.asarray(cells, np.float32)[None]})
    factor = np.asarray(out["factor"][0], np.float64)
    inverse = np.linalg.inv(factor)
    return Told(mask, np.asarray(out["mean"][0], np.float64), inverse.T @ inverse)
