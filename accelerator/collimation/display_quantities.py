"""The quantities of the field as a person reads them: inefficiency, dispersion suppressor, shares, ratios."""

from collections.abc import Mapping, Sequence
from math import floor, isfinite, log10

from accelerator.collimation.display_words import decimals_worth, stage
from core.verdict import Measurement

_NAMES: Mapping[str, str] = {
    "cleaning inefficiency max": "Cleaning inefficiency, highest",
    "ir7 ds ratio": "IR7 dispersion suppressor, share",
}
_NOTHING = 1e-300
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
    sigma = one.sigma if one.sigma and isfinite(one.sigma) and one.sigma > 0 else 0.0
    unit = f" {'/m' if one.unit == '1/m' else one.unit}".rstrip()
    if abs(one.value) < _NOTHING:
        return f"below {_power(sigma)}{unit}" if sigma else f"0{unit}"
    if 0.01 <= abs(one.value) < 1000:
        decimals = _decimals(sigma, abs(one.value))
        spread = f" ± {sigma:.{decimals}f}" if sigma else ""
        return f"{one.value:.{decimals}f}{spread}{unit}"
    power = floor(log10(abs(one.value)))
    scaled, spread_scaled = one.value / 10.0**power, sigma / 10.0**power
    decimals = _decimals(spread_scaled, abs(scaled))
    figure = f"({scaled:.{decimals}f} ± {spread_scaled:.{decimals}f})" if sigma else f"{scaled:.{decimals}f}"
    return f"{figure}e{power}{unit}"


def _pair(text: str) -> str:
    return " / ".join(stage(part) for part in text.split("/"))


def _others(measurements: Mapping[str, Measurement]) -> list[tuple[str, str]]:
    known = (_SHARES, _RATIOS, _MARGINS)
    rest = ((name, one) for name, one in measurements.items() if name not in _NAMES and not name.startswith(known))
    return [(name[:1].upper() + name[1:].replace("_", " "), value_of(one)) for name, one in rest]


def _decimals(sigma: float, value: float) -> int:
    """Decimals that the uncertainty is worth, two significant figures where there is none."""
    if sigma > 0:
        return decimals_worth(sigma)
    return max(0, 1 - floor(log10(value)))


def _power(value: float) -> str:
    return f"{value:.0e}".replace("e-0", "e-")
