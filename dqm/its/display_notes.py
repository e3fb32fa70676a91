"""What a cycle could not tell and under which conditions it was taken, in plain words."""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from math import floor, isfinite, log10

from core.observation import Condition
from core.verdict import Measurement

_OBJECTS: Mapping[str, tuple[str, str]] = {
    "cluster_occupation": ("Clusters", "nothing is said of these layers"),
    "cluster_size": ("Cluster size", "noise is harder to tell from particles"),
    "hit_occupancy": ("Hits per pixel", "hot pixels and stuck columns are harder to see"),
    "long_clusters": ("Long clusters", "beam background is harder to see"),
    "hits_when_long": ("Hits with long clusters", "beam background is harder to see"),
    "bc_clusters": ("Clusters by bunch crossing", "beam background is harder to see"),
    "general_occupancy": ("Busiest place of each stave", ""),
    "lane_fault": ("Lane status", "a dead lane cannot be told from lost data"),
    "angular": ("Track angles", "the rate is less certain"),
    "track_clusters": ("Clusters per track", ""),
    "vertex_z": ("Vertex z", "what is expected is less certain"),
    "vertex_xy": ("Vertex x and y", ""),
}
_MEASURED: Mapping[str, str] = {
    "clusters in the inner barrel": "Inner barrel",
    "vertex spread along z": "Vertex spread in z",
    "background added to a side": "Background added",
    "smallest visible background": "Background seen from",
}
_LEFT_OUT = frozenset({"clusters", "readout frames", "live time"})
_SURE = 5e-4
"""An uncertainty below this share of the value is not worth a figure."""
_ORDER = {kind: number for number, kind in enumerate(_OBJECTS)}
_LAYERED = re.compile(r"(\w+)_L([0-6])", re.ASCII)
_SHORT_S = 300.0
MOST_NAMES = 6


def missing(conditions: Mapping[str, Condition]) -> Sequence[str]:
    """Return one line for each kind of object that is missing, with the reason and what follows from it."""
    reasons = _reasons(str(conditions.get("why_missing") or ""))
    names = [name for name in str(conditions.get("missing") or "").split(", ") if name]
    parts = sorted((_parts(name) for name in names), key=lambda part: _ORDER.get(part[0], len(_ORDER)))
    return [_line(kind, list(group), reasons) for kind, group in groupby(parts, key=lambda part: part[0])]


def masked(conditions: Mapping[str, Condition]) -> str:
    """Return the places that are off by configuration as one line; empty if there is none."""
    names = [name for name in str(conditions.get("masked") or "").split(", ") if name]
    if not names:
        return ""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    what = "place is" if len(names) == 1 else "places are"
    return f"{len(names)} {what} masked, so not judged: {', '.join(names[:MOST_NAMES])}{more}"


def short_run(conditions: Mapping[str, Condition]) -> str:
    """Return that the run has just begun; empty if it is older than five minutes or its age is not known."""
    age = conditions.get("run_age_s")
    if not isinstance(age, int | float) or age >= _SHORT_S:
        return ""
    return f"The run has just started ({age:.0f} s): only strong departures can be seen"


def measured(measurements: Mapping[str, Measurement]) -> Sequence[tuple[str, str]]:
    """Return name and value of every measurement in words, apart from plain counts and what others say better."""
    left_out = _LEFT_OUT | ({"tracks"} if "vertices" in measurements else set())
    told = {name: one for name, one in measurements.items() if name not in left_out}
    return [(_MEASURED.get(name, _capital(name)), value_of(one)) for name, one in told.items()]


def value_of(measurement: Measurement) -> str:
    """Return a measured value with its uncertainty and unit, in as many digits as they are worth."""
    value, sigma, unit = measurement.value, measurement.sigma, measurement.unit
    if not isfinite(value):
        return "not known"
    if sigma is not None and sigma < _SURE * abs(value):
        sigma = None
    if unit.startswith("of ") and sigma is None:
        return f"{_short(100 * value, 2)} % {unit}"
    if unit.startswith("of "):
        percent = Measurement(100 * value, None if sigma is None else 100 * sigma, "")
        return f"{value_of(percent)} % {unit}"
    if unit == "Hz" and abs(value) >= 1000:
        power = 6 if abs(value) >= 1e6 else 3
        scaled = Measurement(value / 10**power, None if sigma is None else sigma / 10**power, "")
        return f"{value_of(scaled)} {'MHz' if power == 6 else 'kHz'}"
    if sigma is None and not unit and value == int(value):
        return f"{value:,.0f}".replace(",", " ")
    digits = 3 if not sigma or not value else max(1, min(6, 1 + floor(log10(abs(value))) - floor(log10(sigma))))
    spread = "" if sigma is None else f" ± {_short(sigma, 1)}"
    return f"{_short(value, digits)}{spread} {unit}".rstrip()


def _short(value: float, digits: int) -> str:
    """A number in so many digits, thousands apart."""
    rounded = float(f"{value:.{digits}g}")
    if abs(rounded) >= 1000:
        return f"{rounded:,.0f}".replace(",", " ")
    decimals = max(0, digits - 1 - floor(log10(abs(rounded)))) if rounded else 0
    return f"{rounded:.{decimals}f}"


def _capital(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _parts(name: str) -> tuple[str, int | None]:
    match = _LAYERED.fullmatch(name)
    return (match[1], int(match[2])) if match else (name, None)


def _line(kind: str, group: Sequence[tuple[str, int | None]], reasons: Mapping[str, str]) -> str:
    word, effect = _OBJECTS.get(kind, (_capital(kind), ""))
    layers = [layer for _, layer in group if layer is not None]
    named = f" of {_range(layers)}" if layers else ""
    why = {reasons.get(kind if layer is None else f"{kind}_L{layer}", "") for _, layer in group} - {""}
    because = f" ({why.pop()})" if len(why) == 1 else ""
    return f"{word}{named}: missing{because}{f'; {effect}' if effect else ''}"


def _range(layers: Sequence[int]) -> str:
    if len(layers) > 2 and list(layers) == list(range(layers[0], layers[-1] + 1)):
        return f"layers {layers[0]} to {layers[-1]}"
    return f"layer{'' if len(layers) == 1 else 's'} {', '.join(map(str, layers))}"


def _reasons(text: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for part in text.split("; "):
        name, _, why = part.partition(": ")
        if _parts(name)[0] in _OBJECTS:
            found[name] = why
    return found
