"""What a fit may vary (channel, scale of the phase, apparatus, smooth unevenness), and what is known of it before.

Density and detuning act through their quotient alone (far from the line), as the scale of the phase that a channel of
given ionisation makes. So ``log_phase``, the logarithm of N / detuning against what was measured, stands for both; its
error before the fit is that of the two measurements. Peak ionisation is degenerate with it: no picture can part them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from accelerator.schlieren.channel import PARAMETERS, Channel, Vapour
from accelerator.schlieren.simulate.apparatus import NOMINAL, Apparatus, Mask
from accelerator.schlieren.simulate.camera import RIPPLES
from accelerator.schlieren.simulate.scene import Scene

Floats = NDArray[np.float64]

LOG_PHASE = "log_phase"
BLUR2 = "blur2_um2"
OVAL = 0.01
_BOTH = ("probe_x_mm", "probe_y_mm", "probe_radius_mm", "probe_oval", "electrons", "defocus_mm", "offset_adu")
_BY_MASK: Mapping[Mask, tuple[str, ...]] = MappingProxyType(
    {Mask.KNIFE: ("knife_um", "knife_width_um"), Mask.STOP: ("stop_um", "stop_y_um")}
)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known before the picture is looked at.

    Parameters
    ----------
    vapour
        Density and detuning as measured.
    apparatus
        The bench as it is on average; its noise is taken as it is.
    density_error, detuning_error
        Relative errors (one sigma) of what was measured; 0: exact.
    sigma
        Errors of the apparatus's settings; one that is not listed, or 0, is taken as it is.
    """

    vapour: Vapour
    apparatus: Apparatus
    density_error: float = 0.005
    detuning_error: float = 0.01
    sigma: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def phase_error(self) -> float:
        """Relative error of density over detuning."""
        return float(np.hypot(self.density_error, self.detuning_error))


def nominal_sigma() -> dict[str, float]:
    """Return the standard deviations of the nominal ranges of apparatus (uniform: width over sqrt(12)).

    Beams are round to a per cent: that is known, though the simulation's are quite round.
    """
    sigma = {name: (high - low) / np.sqrt(12) for name, (low, high) in NOMINAL.items()}
    low, high = NOMINAL["blur_um"]
    return {**sigma, BLUR2: (high**2 - low**2) * np.sqrt(4 / 45), "ripple": 0.01, "probe_oval": OVAL}


def nominal_apparatus(mask: Mask, size_px: int = 256, pixel_um: float = 31.25, focal_mm: float = 250.0) -> Apparatus:
    """Return the middle of the nominal ranges."""
    middle = {name: (low + high) / 2 for name, (low, high) in NOMINAL.items()}
    return Apparatus(mask=mask, size_px=size_px, pixel_um=pixel_um, focal_mm=focal_mm, **middle)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class Parametrisation:
    """A vector of numbers for a scene and its unevenness: the five of the channel first, the shapes of ripple last."""

    known: Knowledge
    names: tuple[str, ...]
    ripples: int

    @property
    def size(self) -> int:
        """How many numbers the vector has."""
        return len(self.names) + self.ripples

    def vector(self, channel: Channel, apparatus: Apparatus | None = None) -> Floats:
        """Return the vector of a channel under what is known, or under another state of the apparatus."""
        bench = apparatus or self.known.apparatus
        values = dict(zip(PARAMETERS, channel.values(), strict=True)) | {LOG_PHASE: 0.0, BLUR2: bench.blur_um**2}
        listed = [values[name] if name in values else float(getattr(bench, name)) for name in self.names]
        return np.array([*listed, *[0.0] * self.ripples])

    def scene(self, vector: Sequence[float] | Floats) -> Scene:
        """Return the scene of a vector."""
        values = dict(zip(self.names, map(float, vector), strict=False))
        channel = Channel(**{name: values.pop(name) for name in PARAMETERS})
        scale = float(np.exp(values.pop(LOG_PHASE, 0.0)))
        vapour = replace(self.known.vapour, density_cm3=self.known.vapour.density_cm3 * scale)
        blur2 = values.pop(BLUR2, None)
        changes = values if blur2 is None else {**values, "blur_um": float(np.sqrt(max(blur2, 0.0)))}
        return Scene(channel, vapour, replace(self.known.apparatus, **changes))  # type: ignore[arg-type]

    def prior(self) -> tuple[Floats, Floats]:
        """Return what is expected before and its sigma, infinite where nothing is known (the channel)."""
        known = self.known
        sigma = [np.inf if name in PARAMETERS else self._sigma(name) for name in self.names]
        ripple = known.sigma.get("ripple", 0.0) / np.sqrt(max(self.ripples, 1))
        return self.vector(Channel()), np.array([*sigma, *[ripple] * self.ripples])

    def _sigma(self, name: str) -> float:
        return self.known.phase_error if name == LOG_PHASE else float(self.known.sigma[name])


def parametrise(known: Knowledge) -> Parametrisation:
    """Return what is to be varied, given what is known: all that is uncertain."""
    nuisances = (*_BOTH, *_BY_MASK[known.apparatus.mask], BLUR2)
    uncertain = [name for name in nuisances if known.sigma.get(name, 0.0) > 0]
    phase = (LOG_PHASE,) if known.phase_error > 0 else ()
    ripples = RIPPLES if known.sigma.get("ripple", 0.0) > 0 else 0
    return Parametrisation(known, (*PARAMETERS, *phase, *uncertain), ripples)
