"""What is known of a shot before its picture is fitted: vapour as measured, and a bench as the settings describe it.

The fit trusts the usual bench less than the floor does: settings wander out of their usual ranges, and a prior that is
too sure of them would pull the channel with it. The square of the vibration cannot be negative, so its law has a long
tail on one side, and gets more.
"""

from dataclasses import replace

from accelerator.schlieren.channel import Vapour
from accelerator.schlieren.features import COLUMNS, ROWS
from accelerator.schlieren.fit_parameters import BLUR2, Knowledge, nominal_apparatus, nominal_sigma
from accelerator.schlieren.shot_facts import Facts
from accelerator.schlieren.simulate.apparatus import Mask
from accelerator.schlieren.simulate.physics import phase_per_mm
from core.errors import InputError
from core.observation import Observation
from core.settings import SchlierenSettings

DOUBT, BLUR_DOUBT = 1.5, 8.0
"""So many times wider than the usual ranges are the fit's."""
PIXEL_UM = 8000.0 / ROWS
READ_NOISE_E = (1.0, 8.0)
"""A camera reads with no less and no more noise, whatever a strange picture seems to show."""


def usual_bench(mask: Mask, focal_mm: float, vapour: Vapour, density_error: float, detuning_error: float) -> Knowledge:
    """Return what is known of the usual bench: what the floor goes by."""
    bench = replace(nominal_apparatus(mask, ROWS, PIXEL_UM, focal_mm), bin_columns=COLUMNS)
    return Knowledge(vapour, bench, density_error, detuning_error, nominal_sigma())


def doubted(known: Knowledge) -> Knowledge:
    """Return the same with less trust in the bench: what the fit goes by."""
    sigma = {name: (BLUR_DOUBT if name == BLUR2 else DOUBT) * value for name, value in known.sigma.items()}
    return replace(known, sigma=sigma)


def known_of(observation: Observation, settings: SchlierenSettings) -> Knowledge:
    """Return what is known of the shot of an observation.

    Raises
    ------
    core.errors.InputError
        Density or detuning is not known, or the light is too near to a line.
    """
    conditions = observation.conditions
    density, detuning = conditions.get("density_cm3"), conditions.get("detuning_ghz")
    if not isinstance(density, int | float) or not isinstance(detuning, int | float):
        missing = [name for name, value in (("density", density), ("detuning", detuning)) if value is None]
        raise InputError(observation.origin, f"{' and '.join(missing) or 'density'} not known")
    vapour = Vapour(float(density), float(detuning))
    try:
        phase_per_mm(vapour)
    except ValueError as error:
        raise InputError(observation.origin, str(error)) from None
    mask, focal = Mask(str(conditions.get("mask") or settings.mask)), float(conditions.get("focal_mm") or 250.0)
    return usual_bench(mask, focal, vapour, settings.density_error, settings.detuning_error)


def with_noise(known: Knowledge, facts: Facts) -> Knowledge:
    """Return the same with the noise of reading that the dark parts of the picture show."""
    noise_e = facts.dark_noise_adu / known.apparatus.gain_adu
    low, high = READ_NOISE_E
    return replace(known, apparatus=replace(known.apparatus, read_noise_e=float(min(max(noise_e, low), high))))
