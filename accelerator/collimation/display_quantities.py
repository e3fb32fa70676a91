"""The quantities of the field as a person reads them: inefficiency, dispersion suppressor, shares, ratios."""

from collections.abc import Mapping, Sequence
from math import floor, isfinite, log10

from accelerator.collimation.display_words import stage
from core.verdict import Measurement

_NAMES: Mapping[str, str] = {
    "cleaning inefficiency max": "Cleaning inefficiency, highest",
    "ir7 ds ratio": "IR7 dispersion suppressor, share",
}
_SHARES, _RATIOS, _MARGINS = "share ", "hierarchy ", "margin "


def told(measurements: Mapping[str, Measurement]) -> Sequence[tuple[str, str]]:
    """Return name and value of every quantity in words; margins are drawn, so not told here."""
    single = [(_NAMES[name], value_of(measurements[name])) for name in _NAMES if name in measurements]
    ratios = [
        (f"Losses {_pair(name.removeprefix(_RATIOS))}", value_of(one))
        for name, one in measurements.items()
        if name.startswith(_RATIOS)
    ]
    shares = [
        (f"Share of {stage(name.removeprefix(_SHARES))}", value_of(one))
        for name, one in measurements.items()
        if name.startswith(_SHARES)
    ]
    return [*single, *ratios, *shares, *_others(measurements)]


def value_of(one: Measurement) -> str:
    """Return a value with its uncertainty: ``0.127 ± 0.001``, ``(8.7 ± 0.9)e-6 /m``."""
    if not isfinite(one.value):
        return "not known"
    unit = f" {'/m' if one.unit == '1/m' else one.unit}".rstrip()
    if one.value == 0:
        return f"0{unit}" if not one.sigma else f"below {_power(one.sigma)}{unit}"
    if 0.01 <= abs(one.value) < 1000:
        decimals = _decimals(one.sigma, abs(one.value))
        spread = f" ± {one.sigma:.{decimals}f}" if one.sigma else ""
        return f"{one.value:.{decimals}f}{spread}{unit}"
    power = floor(log10(abs(one.value)))
    scaled, sigma = one.value / 10.0**power, (one.sigma or 0.0) / 10.0**power
    decimals = _decimals(sigma, abs(scaled))
    figure = f"({scaled:.{decimals}f} ± {sigma:.{decimals}f})" if sigma else f"{scaled:.{decimals}f}"
    return f"{figure}e{power}{unit}"


def _pair(text: str) -> str:
    return " / ".join(stage(part) for part in text.split("/"))


def _others(measurements: Mapping[str, Measurement]) -> list[tuple[str, str]]:
    known = (_SHARES, _RATIOS, _MARGINS)
    rest = ((name, one) for name, one in measurements.items() if name not in _NAMES and not name.startswith(known))
    return [(name[:1].upper() + name[1:].replace("_", " "), value_of(one)) for name, one in rest]


def _decimals(sigma: float | None, value: float) -> int:
    """Decimals that the uncertainty is worth, two significant figures where there is none."""
    if sigma and isfinite(sigma):
        return min(4, max(0, -floor(log10(float(f"{sigma:.1g}")))))
    return max(0, 1 - floor(log10(value)))


def _power(value: float) -> str:
    return f"{value:.0e}".replace("e-0", "e-")
