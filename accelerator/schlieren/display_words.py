"""Plain words and figures for causes, parameters, drifts and the bench, as an AWAKE shifter would say them."""

from collections.abc import Mapping
from math import floor, isfinite, log10
from types import MappingProxyType

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.result import NOMINAL, UNKNOWN, Bench, Drift

READINGS = "readings"
"""Kind of an alarm about instruments whose readings are missing."""
_CAUSES: Mapping[str, str] = MappingProxyType(
    {
        Cause.NO_IONISATION: "No ionisation",
        Cause.PARTIAL_IONISATION: "Partial ionisation",
        Cause.CHANNEL_SHIFTED: "Channel shifted",
        Cause.CHANNEL_TILTED: "Channel tilted",
        Cause.PROBE_WEAK: "Probe weak",
        Cause.PROBE_OFF_CENTRE: "Probe off centre",
        Cause.MASK_DRIFT: "Knife edge or stop drifted",
        Cause.DEFOCUS: "Out of focus",
        Cause.VIBRATION: "Blurred by vibration",
        Cause.SATURATION: "Camera saturated",
        Cause.DARK: "Dark picture",
        Cause.FROZEN: "Camera frozen",
        Cause.STALE: "Camera stale",
        Cause.DUST: "Dust or hot pixels",
        Cause.DENSITY_DRIFT: "Vapour density drifts",
        Cause.DETUNING_DRIFT: "Detuning drifts",
        Cause.WRONG_GAIN: "Wrong camera gain",
        Cause.WRONG_BINNING: "Wrong camera binning",
        UNKNOWN: "Cause not known",
        NOMINAL: "Nothing wrong",
    }
)
PARAMETERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "position_um": ("Position", "µm"),
        "core_radius_um": ("Core radius r0", "µm"),
        "peak_ionisation": ("Peak ionisation", ""),
        "transition_width_um": ("Transition width t0", "µm"),
        "tilt_mrad": ("Tilt", "mrad"),
    }
)
"""Names and units of the measured parameters."""
_BENCH: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "probe_x_mm": ("Probe, along", "mm"),
        "probe_y_mm": ("Probe, across", "mm"),
        "probe_radius_mm": ("Probe radius", "mm"),
        "probe_oval": ("Probe longer along than across", ""),
        "electrons": ("Probe light", "e⁻ per pixel"),
        "defocus_mm": ("Defocus", "mm"),
        "offset_adu": ("Dark level", "counts"),
        "knife_um": ("Knife edge", "µm"),
        "knife_width_um": ("Knife softness", "µm"),
        "stop_um": ("Stop diameter", "µm"),
        "stop_y_um": ("Stop position", "µm"),
        "blur2_um2": ("Vibration²", "µm²"),
        "blur_um": ("Vibration", "µm"),
    }
)
_DRIFTING: Mapping[str, str] = MappingProxyType(
    {
        "density_cm3": "Vapour density",
        "detuning_ghz": "Detuning",
        "position_um": "Channel position",
        "tilt_mrad": "Channel tilt",
    }
)
_UNITS: Mapping[str, str] = MappingProxyType({"um": "µm", "%": "%", "mm": "mm", "mrad": "mrad"})


CAUSES: Mapping[str, str] = MappingProxyType({name: word for name, word in _CAUSES.items() if name != NOMINAL})
"""Causes that a shot can have, in plain words."""


def cause_label(name: str | None) -> str:
    """Return a cause in plain words; names it does not know as they are."""
    word = name or UNKNOWN
    return _CAUSES.get(word) or word.replace("_", " ")[:1].upper() + word.replace("_", " ")[1:]


def value_of(value: float, sigma: float | None) -> str:
    """Return a value and its uncertainty in the digits that it is worth: ``812.4 ± 0.9``."""
    if not isfinite(value):
        return "not known"
    if sigma is None or not isfinite(sigma) or sigma <= 0:
        return f"{value:.3g}".replace("-", "−")
    decimals = decimals_worth(sigma)
    return f"{value:.{decimals}f} ± {sigma:.{decimals}f}".replace("-", "−")


def decimals_worth(sigma: float) -> int:
    """Return the decimals of a value that its uncertainty is worth (two digits of it if it begins with 1), 0 to 4."""
    place = floor(log10(float(f"{min(max(sigma, 1e-9), 1e9):.1g}")))
    return min(4, max(0, -place + (1 if f"{sigma:.0e}".startswith("1") else 0)))


def parameter_label(name: str) -> str:
    """Return the name of a parameter."""
    return PARAMETERS.get(name, (name, ""))[0]


def parameter_unit(name: str) -> str:
    """Return the unit of a parameter as people write it."""
    return PARAMETERS.get(name, ("", ""))[1]


def drift_line(drift: Drift) -> str:
    """Return a drift as a sentence: ``Vapour density +3.1 ± 0.2 % since the beginning of the run``."""
    unit = _UNITS.get(drift.unit, drift.unit)
    change = value_of(abs(drift.change), drift.sigma)
    sign = "+" if drift.change > 0 else "−"
    return f"{drifting_label(drift.name)} {sign}{change} {unit} since the run began"


def drifting_label(name: str) -> str:
    """Return the name of what drifts."""
    return _DRIFTING.get(name) or _BENCH.get(name, (name, ""))[0]


def per_hour(drift: Drift) -> str:
    """Return how fast a drift goes: ``+9.0 % per hour``."""
    return f"{drift.per_hour:+.2g} {_UNITS.get(drift.unit, drift.unit)} per hour".replace("-", "−")


def bench_row(one: Bench) -> tuple[str, str]:
    """Return the name of a setting of the bench, and its value beside what is usual."""
    label, unit = _BENCH.get(one.name, (one.name, ""))
    usual = f"{one.usual:.3g} ± {one.usual_sigma:.2g}".replace("-", "−")
    return label, f"{value_of(one.value, one.sigma)} {unit} (usual {usual})"


def how_sure(probability: float) -> str:
    """Return a probability as a person reads it."""
    if probability > 0.99:
        return "> 99 %"
    return "< 1 %" if probability < 0.01 else f"{round(100 * probability)} %"


def density_text(density_cm3: float) -> str:
    """Return a density: ``4.02e14 cm⁻³``."""
    mantissa, _, exponent = f"{density_cm3:.3e}".partition("e")
    return f"{mantissa} × 10{''.join(_RAISED[digit] for digit in str(int(exponent)))} cm⁻³"


_RAISED = dict(zip("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻", strict=True))
