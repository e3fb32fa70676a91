"""How far the simulation is from tracking, from the measured map and from itself: tables for people.

``python -m accelerator.collimation.simulate.comparison FOLDER`` (the folder of loss maps, `../shared/data/collimation`)
follows protons with the settings of each tracked map and prints shares per family beside it. The published Everest map
was used to check the model while it was written; the maps in ``xcoll_dev`` were only ever looked at here.
"""

import argparse
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from accelerator.collimation.channels import channels, group_at
from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.families import Family
from accelerator.collimation.geometry import find
from accelerator.collimation.simulate.emulator import FOLDER, Emulator
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.simulate.library import Case, Key, Library, simulate
from accelerator.collimation.states import State

ROWS = ("TCP.D", "TCP.C", "TCP.B", "TCSG7", "TCLA7", "IR3", "IR6", "TCT", "cold")
PUBLISHED = "xcoll_published/lossmap_B1H_50M_p.json"


class Compared(NamedTuple):
    """Shares per row of a tracked map and of the simulation of the same settings, with the number of protons lost."""

    name: str
    tracked: Mapping[str, float]
    simulated: Mapping[str, float]
    lost: tuple[int, int]


def row_of(name: str, family: Family | None, kind: str) -> str | None:
    """Return the row that a channel belongs to."""
    if family is None:
        return "cold" if kind == "cold" else None
    if family is Family.TCP7:
        return f"TCP.{name[4].upper()}"
    if family.value.startswith("TCT"):
        return "TCT"
    where = {Family.TCSP: "IR6", Family.TCDQ: "IR6", Family.TCP3: "IR3", Family.TCSG3: "IR3", Family.TCLA3: "IR3"}
    return where.get(family, family.value)


def by_row(counts: Mapping[str, float], beam: int) -> dict[str, float]:
    """Return shares per row of losses per channel."""
    total = sum(counts.values())
    found = dict.fromkeys(ROWS, 0.0)
    for one in channels(beam):
        row = row_of(one.name, one.family, one.kind)
        if row in found:
            found[row] += counts.get(one.name, 0.0) / total
    return found


def tracked(path: Path, beam: int = 1) -> dict[str, float]:
    """Return the losses per channel of an xcoll loss map."""
    content = json.loads(path.read_text())
    counts: dict[str, float] = {}
    for name, lost in zip(content["collimator"]["name"], content["collimator"]["n"], strict=True):
        counts[find(name).name] = counts.get(find(name).name, 0.0) + lost
    aperture = content["aperture"]
    if aperture.get("s_bins"):
        lines = channels(beam)
        for at, lost in zip(group_at(np.array(aperture["s_bins"]), beam), aperture["n_bins"], strict=True):
            counts[lines[at].name] = counts.get(lines[at].name, 0.0) + lost
    return counts


def compare(path: Path, protons: int) -> Compared:
    """Compare one tracked map of beam 1 with the simulation of its settings."""
    about_file = path.with_suffix(".meta.json")
    about: dict[str, Any] = json.loads(about_file.read_text()) if about_file.exists() else {"plane": "H", "changes": []}
    settings = tuple(
        Setting(element, Quantity(quantity), round(new - old, 6))
        for element, quantity, old, new in about["changes"]
        if quantity in set(Quantity)
    )
    tolerances = 1 if "jitter" in path.name else -1
    settings = () if tolerances > 0 else settings
    case = Case("drawn", settings, tolerances, protons)
    counts = simulate(Key(1, about["plane"], State.COLLISIONS), case, zlib.crc32(path.name.encode()) % 2**31)
    made = {one.name: float(value) for one, value in zip(channels(1), counts, strict=True)}
    real = tracked(path)
    lost = (int(sum(real.values())), int(counts.sum()))
    return Compared(path.stem, by_row(real, 1), by_row(made, 1), lost)


def emulator_error(key: Key, kind: str = "drawn") -> list[float]:
    """Return how far emulated shares are from the Monte Carlo's for settings that the emulator has not seen.

    Half the sum of absolute differences of the shares (0: the same, 1: nothing in common); counting noise and the
    tolerances of the cases are in it.
    """
    emulator = Emulator.load()
    library = Library.read(FOLDER / f"{key}.npz")
    shares = library.shares()
    return [
        0.5 * float(np.abs(np.exp(emulator.logs(library.settings(int(at)), *key)) - shares[at]).sum())
        for at in np.flatnonzero(library.kind == kind)
    ]


def table(compared: Sequence[Compared]) -> str:
    """Return a Markdown table: tracked / simulated share for each map and row."""
    lines = [f"| map (protons lost: tracked, here) | {' | '.join(ROWS)} |", "|---" * (len(ROWS) + 1) + "|"]
    for one in compared:
        cells = [f"{one.tracked[row]:.2g} / {one.simulated[row]:.2g}" for row in ROWS]
        lines.append(f"| {one.name} ({one.lost[0]}, {one.lost[1]}) | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--protons", type=int, default=20_000)
    asked = parser.parse_args(arguments)
    dev = sorted(path for path in (asked.folder / "xcoll_dev").glob("*.json") if ".meta" not in path.name)
    compared = [compare(asked.folder / PUBLISHED, 10 * asked.protons), *(compare(path, asked.protons) for path in dev)]
    print(table(compared))
    for beam in (1, 2):
        for plane in "HV":
            errors = emulator_error(Key(beam, plane, State.COLLISIONS))
            low, middle, high = np.quantile(errors, [0.1, 0.5, 0.9])
            print(f"emulator B{beam}{plane}: {low:.3f} / {middle:.3f} / {high:.3f} (10, 50, 90 %)")


if __name__ == "__main__":
    main()
