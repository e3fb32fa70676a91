"""What holds while losses are measured: names of logged context variables, and their values second by second."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOWUPS = ("b1h", "b1v", "b2h", "b2v")
NUMBERS = (
    "energy_gev",
    "intensity_b1",
    "intensity_b2",
    "beta_star_m",
    *(f"blowup_{one}" for one in BLOWUPS),
)
TEXTS = ("beam_mode", "fill")
NAMES = (*NUMBERS, *TEXTS)
_LOGGED = {
    "HX:BMODE": "beam_mode",
    "HX:FILLN": "fill",
    "LHC.STATS:ENERGY": "energy_gev",
    "LHC.BOFSU:OFSU_ENERGY": "energy_gev",
    "LHC.BCTFR.A6R4.B1:BEAM_INTENSITY": "intensity_b1",
    "LHC.BCTFR.A6R4.B2:BEAM_INTENSITY": "intensity_b2",
    "HX:BETASTAR_IP1": "beta_star_m",
    **{f"ADT{plane}.SR4.B{beam}:BLOWUP_RUNNING": f"blowup_b{beam}{plane.lower()}" for plane in "HV" for beam in (1, 2)},
}
_OTHER_MONITORS = re.compile(r"LHC\.BCT(FR|DC)\.[A-Z0-9]+\.B(?P<beam>[12]):BEAM_INTENSITY")


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one variable at their own times (ascending)."""

    time_unix_s: NDArray[np.float64]
    values: NDArray[np.float64] | NDArray[np.str_]


def condition_of(variable: str) -> str | None:
    """Return our name of a logged context variable, None if it is none of them."""
    plain = variable.strip()
    if plain.lower() in NAMES:
        return plain.lower()
    upper = plain.upper()
    if upper in _LOGGED:
        return _LOGGED[upper]
    found = _OTHER_MONITORS.fullmatch(upper)
    return f"intensity_b{found['beam']}" if found else None


def step(series: Series, at_s: NDArray[np.float64]) -> NDArray[np.float64] | NDArray[np.str_]:
    """Return the last value at or before each time (variables are logged when they change).

    Before the first value: the first one if it is logged within a second after, else NaN or an empty text.
    """
    place = np.searchsorted(series.time_unix_s, at_s + 1e-3, side="right") - 1
    first = np.searchsorted(series.time_unix_s, at_s + 1.0, side="right") - 1
    place = np.where(place < 0, first, place)
    is_text = series.values.dtype.kind == "U"
    empty = "" if is_text else np.nan
    if not len(series.values):
        return np.full(len(at_s), empty)
    return np.where(place < 0, empty, series.values[np.maximum(place, 0)])


def factor(variable: str) -> float:
    """Return what a logged number is multiplied with to have our unit: ``HX:BETASTAR_IP1`` is logged in centimetres."""
    return 0.01 if variable.strip().upper().startswith("HX:BETASTAR") else 1.0


def summary(columns: Mapping[str, NDArray[np.generic]]) -> dict[str, str | int | float | bool | None]:
    """Return conditions for a stretch of time: the last value that is known of each, and what changed within it."""
    found: dict[str, str | int | float | bool | None] = {}
    for name in TEXTS:
        told = [str(one) for one in columns.get(name, np.array([], dtype="U1")).tolist() if one]
        if not told:
            continue
        found[name] = told[-1]
        changes = [one for at, one in enumerate(told) if at == 0 or one != told[at - 1]]
        if len(changes) > 1:
            found[f"{name}_changes"] = " > ".join(changes[:12])
    for name in NUMBERS:
        values = np.asarray(columns.get(name, np.array([])), dtype=float)
        known = values[np.isfinite(values)]
        if name.startswith("blowup_"):
            if known.size and known.any():
                found[f"{name}_s"] = int(np.count_nonzero(known))
        elif known.size:
            found[name] = float(known[-1])
    return found
