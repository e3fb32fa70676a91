"""What instruments and plain facts of a picture say is wrong with a shot, before anything is fitted."""

from collections.abc import Iterator
from dataclasses import dataclass

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.shot_facts import Facts
from core.observation import Observation
from core.settings import SchlierenSettings

DENSITY_DRIFT, DETUNING_DRIFT = 0.03, 0.06
"""Relative distance from the set point: six errors of what is measured."""
SATURATED = 2e-4
COVERED = 0.95
DARK_ADU = 2.0
WRONG_GAIN_NOISE_ADU = (1.75, 4.6)
"""Noise of a dark pixel: 2 to 4 ADU with the usual gain."""
HOT_PIXELS = 5


@dataclass(frozen=True, slots=True)
class Sighting:
    """One thing that is wrong.

    Parameters
    ----------
    cause
        Its name.
    why
        In words, with the numbers.
    spoils
        Whether nothing can be measured on such a picture.
    """

    cause: Cause
    why: str
    spoils: bool


def sightings(observation: Observation, facts: Facts, settings: SchlierenSettings) -> tuple[Sighting, ...]:
    """Return what is wrong with a shot as far as instruments and plain facts tell, the surest first."""
    return (*_camera(observation, facts, settings), *_light(facts), *_drifts(observation))


def _camera(observation: Observation, facts: Facts, settings: SchlierenSettings) -> Iterator[Sighting]:
    conditions = observation.conditions
    if "camera" in str(conditions.get("stale") or "").split(", "):
        yield Sighting(Cause.STALE, "the picture is stamped outside the camera's window: of another shot", True)
    height, width = observation.payload["image"].shape
    expected = settings.camera_rows_columns
    if conditions.get("wrong_size") and expected:
        yield Sighting(Cause.WRONG_BINNING, f"{height} x {width} pixels instead of {expected[0]} x {expected[1]}", True)
    elif facts.covered < COVERED:
        share = f"{facts.covered:.0%} of the field of 8 x 8 mm"
        yield Sighting(Cause.WRONG_BINNING, f"{height} x {width} pixels of this size see {share}", True)


def _light(facts: Facts) -> Iterator[Sighting]:
    low, high = WRONG_GAIN_NOISE_ADU
    if facts.covered >= COVERED and not low <= facts.dark_noise_adu <= high:
        noise = f"dark pixels have a noise of {facts.dark_noise_adu:.1f} ADU, usually 2 to 4"
        yield Sighting(Cause.WRONG_GAIN, noise, True)
    if facts.saturated > SATURATED:
        yield Sighting(Cause.SATURATION, f"{facts.saturated:.2%} of the pixels are saturated", True)
    if facts.brightest_adu < DARK_ADU:
        yield Sighting(Cause.DARK, f"no light: the brightest cells have {facts.brightest_adu:.1f} ADU", True)
    if facts.hot >= HOT_PIXELS:
        yield Sighting(Cause.DUST, f"{facts.hot} hot pixels", True)


def _drifts(observation: Observation) -> Iterator[Sighting]:
    conditions = observation.conditions
    for name, cause, limit in (
        ("density", Cause.DENSITY_DRIFT, DENSITY_DRIFT),
        ("detuning", Cause.DETUNING_DRIFT, DETUNING_DRIFT),
    ):
        away = relative(observation, name)
        if away is not None and abs(away) > limit:
            unit = "cm^-3" if name == "density" else "GHz"
            key = f"{name}_cm3" if name == "density" else f"{name}_ghz"
            asked = conditions[f"{name}_set_cm3" if name == "density" else f"{name}_set_ghz"]
            yield Sighting(cause, f"{name} is {conditions[key]:.4g} {unit}, {away:+.1%} from {asked:.4g}", False)


def relative(observation: Observation, name: str) -> float | None:
    """Return how far density or detuning is from its set point, relatively; None if one of both is not known."""
    unit = "cm3" if name == "density" else "ghz"
    value, asked = (observation.conditions.get(f"{name}{middle}_{unit}") for middle in ("", "_set"))
    if not isinstance(value, int | float) or not isinstance(asked, int | float) or not asked:
        return None
    return float(value / asked - 1)
