"""Plain words for collimators, maps, hypotheses and margins, as a collimation engineer-in-charge would say them."""

from collections.abc import Iterable, Mapping
from math import floor, isfinite, log10

from accelerator.collimation.diagnosis import Hypothesis, Margin, Quantity
from core.observation import Condition

UNKNOWN = "unknown"
PLANES: Mapping[str, str] = {
    "H": "horizontal",
    "V": "vertical",
    "S": "skew",
    "DP": "off-momentum",
    "DP+": "off-momentum +",
    "DP-": "off-momentum −",
    "mixed": "all planes",
}
STATES: Mapping[str, str] = {
    "injection": "injection",
    "flat_top": "flat top",
    "squeeze": "end of squeeze",
    "collisions": "collisions",
}
CLASSES: Mapping[str, str] = {
    "betatron": "Betatron map",
    "off-momentum": "Off-momentum map",
    "crystal": "Crystal map",
    "ion": "Ion map",
    "asynchronous dump": "Asynchronous dump",
    "injection": "Injection losses",
    "injection losses": "Injection losses",
    "no beam": "No beam",
}
STAGES: Mapping[str, str] = {
    "TCP7": "TCP",
    "TCSG7": "TCSG",
    "TCLA7": "TCLA",
    "TCT15": "TCT",
    "TCT2": "TCT IR2",
    "TCT8": "TCT IR8",
    "TCP3": "TCP IR3",
    "TCSG3": "TCSG IR3",
    "TCLA3": "TCLA IR3",
}
"""Families as people say them; those of IR7, and of IR1 and IR5, without the place."""
_UNITS: Mapping[Quantity, str] = {
    Quantity.GAP: "σ",
    Quantity.OFFSET: "mm",
    Quantity.TILT: "µrad",
    Quantity.ORBIT: "mm",
}
_WORDS: Mapping[Quantity, str] = {
    Quantity.OFFSET: "off centre by",
    Quantity.TILT: "tilted by",
    Quantity.ORBIT: "orbit off by",
}


def collimator(name: str) -> str:
    """Return a channel as people write it: collimators in capitals, groups of monitors as they are."""
    return name.upper() if "." in name and " " not in name else name


def stage(family: str) -> str:
    """Return a stage of the hierarchy as people say it."""
    return STAGES.get(family, family)


def value_of(value: float, sigma: float | None, least: int = 1) -> str:
    """Return a value and its uncertainty in the digits that it is worth (``least`` decimals): ``0.6 ± 0.1``."""
    if not isfinite(value):
        return "not known"
    if sigma is None or not isfinite(sigma) or sigma <= 0:
        return _short(value, 2)
    decimals = max(least, decimals_worth(sigma))
    figure = f"{value:.{decimals}f}" if abs(value) >= 0.5 * 10.0**-decimals else f"{0:.{decimals}f}"
    return f"{figure} ± {sigma:.{decimals}f}".replace("-", "−")


def decimals_worth(sigma: float) -> int:
    """Return the decimals of a value that its uncertainty is worth, 0 to 4."""
    return min(4, max(0, -floor(log10(float(f"{min(sigma, 1e9):.1g}")))))


def finding(one: Hypothesis) -> str:
    """Return a hypothesis as a sentence: ``TCP.C6L7.B1 retracted by 0.6 ± 0.1 σ``."""
    change = one.value - one.nominal
    verb = _WORDS.get(one.quantity, "retracted by" if change > 0 else "too far in by")
    size = value_of(abs(change), one.sigma, _least(one.quantity))
    return f"{collimator(one.element)} {verb} {size} {_UNITS[one.quantity]}"


def settings_of(one: Hypothesis) -> str:
    """Return what is set and what is meant: ``5.6 ± 0.1 σ instead of 5.0 σ``."""
    unit = _UNITS[one.quantity]
    decimals = 1 if unit == "σ" else 0 if unit == "µrad" else 2
    value = value_of(one.value, one.sigma, _least(one.quantity))
    return f"{value} {unit} instead of {one.nominal:.{decimals}f} {unit}"


def _least(quantity: Quantity) -> int:
    return 0 if quantity is Quantity.TILT else 1


def family_line(text: str) -> str:
    """Return a line that begins with a family (``TCP7: ...``) with the family as people say it."""
    family, colon, rest = text.partition(":")
    return f"{stage(family)}{colon}{rest}" if colon and family in STAGES else text


def cause_label(name: str | None) -> str:
    """Return a class of cause in plain words."""
    word = (name or UNKNOWN).replace("_", " ").strip() or UNKNOWN
    return "Cause not known" if word == UNKNOWN else word[:1].upper() + word[1:]


def margin_name(one: Margin) -> str:
    """Return a margin as people say it: ``TCP → TCSG``."""
    return f"{stage(one.inner)} → {stage(one.outer)}"


def how_sure(probability: float) -> str:
    """Return a probability as a person reads it."""
    if probability > 0.99:
        return "> 99 %"
    return "< 1 %" if probability < 0.01 else f"{round(100 * probability)} %"


def map_words(conditions: Mapping[str, Condition]) -> list[str]:
    """Return beam with plane, state and fill in words; what is not known is left out."""
    fill = conditions.get("fill")
    found = (
        where(conditions.get("beam"), conditions.get("plane")),
        state(conditions.get("state")),
        f"fill {fill}" if fill else "",
    )
    return [word for word in found if word]


def where(beam: Condition, plane: Condition) -> str:
    """Return beam and plane of the losses: ``B1 horizontal``."""
    first = f"B{beam}" if beam in {1, 2, "1", "2"} else ""
    return " ".join(word for word in (first, PLANES.get(str(plane), str(plane)) if plane else "") if word)


def state(name: Condition) -> str:
    """Return a machine state in words."""
    return STATES.get(str(name), str(name).replace("_", " ")) if name else ""


def share(value: float) -> str:
    """Return a share of all losses as people write it: ``0.13`` or ``3.1e-4``."""
    if not isfinite(value) or value <= 0:
        return "none"
    return _short(value, 2) if value >= 0.01 else f"{value:.1e}".replace("e-0", "e-")


def joined(words: Iterable[str]) -> str:
    """Return words with commas and an ``and``."""
    known = list(words)
    return known[0] if len(known) == 1 else f"{', '.join(known[:-1])} and {known[-1]}" if known else ""


def _short(value: float, digits: int) -> str:
    if abs(value) > 1e9:
        return f"{value:.0e}"
    rounded = float(f"{value:.{digits}g}")
    decimals = max(0, digits - 1 - floor(log10(abs(rounded)))) if rounded else 0
    return f"{rounded:.{decimals}f}".replace("-", "−")
