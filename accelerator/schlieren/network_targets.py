"""What the networks tell of a picture: the channel, and the state of the bench that it was seen with.

In place of peak ionisation stands the *depth*, P times the phase of a millimetre of vapour: that is what a picture
tells; dividing it by the measured phase gives P. In place of the vibration stands its square, in place of the
electrons those times the gain.
"""

from collections.abc import Mapping
from types import MappingProxyType

from accelerator.schlieren.channel import PARAMETERS
from accelerator.schlieren.fit_parameters import BLUR2
from accelerator.schlieren.simulate.apparatus import NOMINAL, Mask, Range
from accelerator.schlieren.simulate.plan import CHANNELS, PHASES_RAD, REFERENCE_MM

_BENCH = ("probe_x_mm", "probe_y_mm", "probe_radius_mm", "electrons", "defocus_mm", "offset_adu")
_MASK: Mapping[Mask, tuple[str, str]] = MappingProxyType(
    {Mask.KNIFE: ("knife_um", "knife_width_um"), Mask.STOP: ("stop_um", "stop_y_um")}
)
UNUSUAL: Mapping[str, Range] = MappingProxyType(
    {
        "position_um": (-1600.0, 1600.0),
        "core_radius_um": (350.0, 1200.0),
        "peak_ionisation": (0.02, 1.0),
        "transition_width_um": (70.0, 380.0),
        "tilt_mrad": (-36.0, 36.0),
    }
)
"""Channels that are not as they should be, which must be measured none the less; part of the lessons has them."""


def target_names(mask: Mask) -> tuple[str, ...]:
    """Return what a network for this mask tells, in order; the channel comes first."""
    return (*PARAMETERS, *_BENCH, *_MASK[mask], BLUR2)


def target_ranges(mask: Mask) -> Mapping[str, Range]:
    """Return the nominal range of each target, in order: the unit of the outputs while learning."""
    low, high = (phase / REFERENCE_MM for phase in PHASES_RAD)
    least, most = CHANNELS["peak_ionisation"]
    gains, electrons, blurs = NOMINAL["gain_adu"], NOMINAL["electrons"], NOMINAL["blur_um"]
    known = {
        **CHANNELS,
        **NOMINAL,
        "peak_ionisation": (least * low, most * high),
        "electrons": (gains[0] * electrons[0], gains[1] * electrons[1]),
        BLUR2: (blurs[0] ** 2, blurs[1] ** 2),
    }
    return MappingProxyType({name: known[name] for name in target_names(mask)})
