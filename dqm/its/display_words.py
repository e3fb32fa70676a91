"""Plain words for causes, places and scores of the ITS."""

from collections.abc import Mapping, Sequence

import numpy as np

from dqm.its.causes import Cause
from dqm.its.layout import INNER, layer_of, phi_rad, readout_places, z_cm
from dqm.its.names import parse

UNKNOWN = "unknown"

CAUSES: Mapping[str, str] = {
    Cause.BEAM_BACKGROUND_A: "Beam background from side A",
    Cause.BEAM_BACKGROUND_C: "Beam background from side C",
    Cause.NOISY_CHIP: "Noisy chip",
    Cause.HOT_PIXEL: "Hot pixel",
    Cause.STUCK_DOUBLE_COLUMN: "Stuck double column",
    Cause.DEAD_CHIP: "Dead chip",
    Cause.DEAD_LANE: "Dead lane",
    Cause.DEAD_STAVE: "Dead stave",
    Cause.READOUT_LOSS: "Readout loses data",
    Cause.BLINDED_CHIPS: "Chips blinded by bursts",
    UNKNOWN: "Cause not known",
}


def cause_label(name: str | None) -> str:
    """Return a cause in plain words."""
    word = name or UNKNOWN
    return CAUSES.get(word, word.replace("_", " ").strip().capitalize() or CAUSES[UNKNOWN])


def place_label(element: str) -> str:
    """Return a place as people say it: ``inner barrel, side A``, ``stave L3_07``, ``chip L0_03/4``."""
    for side in "AC":
        if element == f"inner barrel {side}":
            return f"inner barrel, side {side}"
    try:
        place = parse(element)
    except ValueError:
        return element
    if place.cell is None:
        return f"stave {element}"
    return element if "lane" in element else f"chip {element}"


def position(cells: Sequence[int]) -> str:
    """Return where cells are in the experiment: angle, side and z, of a single lane also its number in the readout."""
    if not cells:
        return ""
    own = list(cells)
    if len({int(layer_of()[cell]) for cell in own}) > 1:
        return ""
    phi = np.degrees(np.angle(np.exp(1j * phi_rad()[own]).mean())) % 360
    z = float(z_cm()[own].mean())
    side = "side A, " if z > 1 else "side C, " if z < -1 else ""
    lane = f", readout lane {readout_places()[1][own[0]]}" if len(own) == 1 and own[0] >= INNER else ""
    return f"{side}phi {phi:.0f}°, z {z:.0f} cm{lane}"


def how_sure(probability: float | None) -> str:
    """Return how sure the proposed cause is."""
    if probability is None:
        return ""
    return "> 99 % sure" if probability > 0.99 else f"{round(100 * probability)} % sure"


def rarity(score: float, unit: str = "shift") -> str:
    """Return in words what a score says: the logarithm of how many healthy shifts (or chip maps) show the like once."""
    if score > 6:
        return f"healthy data: less than once in a million {unit}s"
    times = 10.0 ** abs(score)
    if times < 1.5:
        return f"healthy data: about once a {unit}"
    count = f"{float(f'{times:.1g}'):,.0f}".replace(",", " ")
    return f"healthy data: about {f'once in {count} {unit}s' if score > 0 else f'{count} times a {unit}'}"
