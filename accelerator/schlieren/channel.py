"""What is seen and in what: the plasma channel, the vapour around it, and the names and units of what is measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PARAMETERS: Mapping[str, str] = MappingProxyType(
    {
        "position_um": "um",
        "core_radius_um": "um",
        "peak_ionisation": "",
        "transition_width_um": "um",
        "tilt_mrad": "mrad",
    }
)
"""The measured parameters of a channel, in the order of every vector and covariance, with their units."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A plasma channel that crosses the picture from left to right.

    The ionised fraction is ``peak_ionisation`` up to ``core_radius_um`` from the axis and falls beyond it as
    exp(-(r - r0)^2 / t0^2) with t0 = ``transition_width_um`` (form of arXiv:2205.12731).

    Parameters
    ----------
    position_um
        Where the axis crosses the middle column, from the middle of the picture, positive towards higher rows.
    tilt_mrad
        Rise of the axis (towards higher rows) per length to the right.
    """

    position_um: float = 0.0
    core_radius_um: float = 800.0
    peak_ionisation: float = 1.0
    transition_width_um: float = 150.0
    tilt_mrad: float = 0.0

    def values(self) -> tuple[float, ...]:
        """Return the parameters in the order of `PARAMETERS`."""
        return tuple(float(getattr(self, name)) for name in PARAMETERS)


@dataclass(frozen=True, slots=True)
class Vapour:
    """Rubidium vapour and the light sent through it.

    Parameters
    ----------
    density_cm3
        Atoms per cm3 where the camera looks.
    detuning_ghz
        Frequency of the probe less that of the D2 line; red is negative.
    intensity_mw_cm2
        Intensity of the probe (saturation).
    length_mm
        Length of vapour that the probe crosses.
    """

    density_cm3: float = 4e14
    detuning_ghz: float = -60.0
    intensity_mw_cm2: float = 0.1
    length_mm: float = 40.0
