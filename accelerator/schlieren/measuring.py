"""The channel measured on one shot: a start (network, or a search of profiles), the quick fit, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from accelerator.schlieren.channel import PARAMETERS, Channel
from accelerator.schlieren.fit_parameters import LOG_PHASE, Floats, Knowledge
from accelerator.schlieren.fit_start import start
from accelerator.schlieren.knowing import doubted
from accelerator.schlieren.quick_fit import QuickFit, quick_fit
from accelerator.schlieren.result import Bench, BestFit, Parameter
from accelerator.schlieren.start_network import Told, tell
from core.inference import Session

_NO_SCALE: Mapping[str, float] = MappingProxyType(dict.fromkeys(PARAMETERS, 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A fitted shot.

    Parameters
    ----------
    fit, usual
        The fit, and what is usual of the bench (the floor goes by it; the fit trusts it less).
    told
        What the start network said; None where profiles were searched instead.
    scales
        The errors of the fit are multiplied with these (calibration).
    """

    fit: QuickFit
    usual: Knowledge
    told: Told | None = None
    scales: Mapping[str, float] = field(default_factory=lambda: _NO_SCALE)

    @property
    def sigma(self) -> dict[str, float]:
        """Calibrated one-sigma errors."""
        return {name: value * self.scales[name] for name, value in self.fit.sigma.items()}

    def parameters(self) -> tuple[Parameter, ...]:
        """Return the five parameters with errors and floors."""
        sigma, floor = self.sigma, self.fit.floor(self.usual)
        values = dict(zip(PARAMETERS, self.fit.channel.values(), strict=True))
        return tuple(
            Parameter(name, unit, values[name], max(sigma[name], floor[name]), floor[name])
            for name, unit in PARAMETERS.items()
        )

    def bench(self) -> tuple[Bench, ...]:
        """Return the apparatus as the picture shows it, beside what is usual."""
        form, usual = self.fit.form, self.usual
        errors = self.fit.errors
        before = form.prior()[0]
        return tuple(
            Bench(name, float(value), float(error), float(expected), usual.sigma[name])
            for name, value, error, expected in zip(form.names, self.fit.vector, errors, before, strict=False)
            if name not in PARAMETERS and name != LOG_PHASE
        )

    def best_fit(self) -> BestFit:
        """Return what the fit says is there."""
        return BestFit.of(self.fit.scene, self.fit.ripples.tolist())


def measure(
    cells: Floats, usual: Knowledge, network: Session | None, scales: Mapping[str, float] = _NO_SCALE
) -> Measured:
    """Measure the channel on a compressed picture (256, 16).

    Without a network the start is searched among profiles, which takes some tenths of a second.
    """
    known = doubted(usual)
    if network is None:
        starts = start(cells, usual.vapour, usual.apparatus)[:2]
        fits = [quick_fit(cells, known, channel, rounds=12) for channel in starts]
        return Measured(min(fits, key=lambda found: found.minus_log_density), usual, None, scales)
    told = tell(network, usual.apparatus.mask, cells)
    channel = told.channel(usual)[0]
    return Measured(quick_fit(cells, known, held(channel), told.bench(usual)), usual, told, scales)


def held(channel: Channel) -> Channel:
    """Return the channel within what can be simulated: a fit begins nowhere else."""
    position, radius, peak, width, tilt = channel.values()
    return Channel(
        float(np.clip(position, -3000, 3000)),
        float(np.clip(radius, 150, 2000)),
        float(np.clip(peak, 0.01, 1.5)),
        float(np.clip(width, 30, 600)),
        float(np.clip(tilt, -60, 60)),
    )
