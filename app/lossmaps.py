"""Loss maps as a tracking code would write them (xcoll JSON), out of the emulator: for ``simulate`` and the demo."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.channels import channels, group_at
from accelerator.collimation.geometry import LHC_LENGTH_M, find, is_warm
from accelerator.collimation.states import State, energy_gev

if TYPE_CHECKING:
    from accelerator.collimation.simulate.emulator import Emulator
    from accelerator.collimation.simulate.faults import Setting

TAGS = {State.COLLISIONS: "eos", State.INJECTION: "inj", State.FLAT_TOP: "ft"}
"""How a sidecar names the settings of a state."""
PROTON = 2212
SCAN_M = 4.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """One loss map: what is excited, in which state, how many protons are lost, and what is wrong."""

    beam: int
    plane: str
    state: State
    protons: int
    settings: tuple["Setting", ...] = ()


def write(path: Path, recipe: Recipe, emulator: "Emulator", at: datetime, seed: int) -> None:
    """Write a map and its sidecar; both appear whole, the sidecar first."""
    rng = np.random.default_rng(seed)
    shares = emulator.shares(recipe.settings, recipe.beam, recipe.plane, recipe.state, tolerances=seed)
    content = lossmap(shares, recipe, at, rng)
    beside = {"beam": recipe.beam, "plane": recipe.plane, "tag": TAGS.get(recipe.state, "")}
    path.parent.mkdir(parents=True, exist_ok=True)
    _drop(path.with_name(f"{path.stem}.meta.json"), beside)
    _drop(path, content)


def lossmap(shares: Mapping[str, float], recipe: Recipe, at: datetime, rng: np.random.Generator) -> dict[str, Any]:
    """Return a map in the words of ``xcoll.LossMap``: protons counted at random by their shares."""
    known = channels(recipe.beam)
    probability = np.array([max(0.0, shares.get(one.name, 0.0)) for one in known])
    counted = rng.multinomial(recipe.protons, probability / probability.sum()).tolist()
    single = [(one, n) for one, n in zip(known, counted, strict=True) if one.kind == "collimator" and n]
    groups = [(one.name, n) for one, n in zip(known, counted, strict=True) if one.kind != "collimator" and n]
    places = [rng.choice(_places(name, recipe.beam), n) for name, n in groups]
    s_m = np.sort(np.concatenate(places)) if places else np.zeros(0)
    bins, count = np.unique(np.round(s_m, 1), return_counts=True)
    return {
        "xcoll": ["emulated"],
        "date": at.isoformat(timespec="seconds"),
        "momentum": energy_gev(recipe.state) * 1e9,
        "beam_type": PROTON,
        "num_initial": recipe.protons,
        "machine_length": LHC_LENGTH_M,
        "interpolation": 0.1,
        "reversed": False,
        "collimator": {
            "name": [one.name for one, _ in single],
            "n": [float(n) for _, n in single],
            "s": [one.s_m for one, _ in single],
            "length": [find(one.name).length_m for one, _ in single],
            "type": ["EverestCollimator"] * len(single),
        },
        "aperture": {"s_bins": bins.tolist(), "n_bins": count.astype(float).tolist(), "length_bins": [0.1] * len(bins)},
    }


@cache
def _places(group: str, beam: int) -> NDArray[np.float64]:
    """Return positions in the stretch of a group."""
    at_m = np.arange(0.0, LHC_LENGTH_M, SCAN_M)
    chosen = group_at(at_m, beam, is_warm(at_m))
    names = [one.name for one in channels(beam)]
    found: NDArray[np.float64] = at_m[chosen == names.index(group)]
    return found


def _drop(path: Path, content: Mapping[str, Any]) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(content), encoding="utf-8")
    part.replace(path)


def story(settings: Sequence["Setting"]) -> str:
    """Return what is wrong in words, ``nominal`` if nothing is."""
    return ", ".join(f"{one.element.upper()} {one.quantity} {one.change:+g}" for one in settings) or "nominal"
