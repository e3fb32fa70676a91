"""Templates out of a Monte Carlo library: counted patterns made smooth enough to be compared with.

A share is counted with few protons in many channels, so a change is believed as far as it stands above counting errors:
the logarithm of the ratio is multiplied by z^2 / (z^2 + 2), z being the ratio in standard deviations. What tolerances
do is taken from many machines, less what counting adds to their spread.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.channels import channels, monitor_channels, names
from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.families import Family
from accelerator.collimation.geometry import find
from accelerator.collimation.library_states import TOP_ENERGY, moved
from accelerator.collimation.simulate.library import Library
from accelerator.collimation.states import State, settings
from accelerator.collimation.templates import FLOOR, Fault, Key, Table, canonical

Floats: TypeAlias = NDArray[np.float64]
Respond: TypeAlias = Callable[[Floats, int], Floats]
"""Signals by channel (n, C) of shares of lost protons (n, C) of a beam."""

PSEUDO = 1.0
BELIEF = 2.0
ALIKE = 0.6
"""Neighbouring sizes are averaged where their logarithms differ by less."""
MIXES = (0.2, 0.8)
"""Shares of horizontal losses while nobody blows up a beam."""
_SMALL_SETS = {
    Quantity.OFFSET: frozenset({Family.TCP7, Family.TCSG7, Family.TCT15}),
    Quantity.TILT: frozenset({Family.TCP7}),
    Quantity.ORBIT: frozenset({Family.TCP7}),
}


def channel_response() -> Respond:
    """Return what the monitors of each channel show in the mean: Gy/s of shares of lost protons."""
    from accelerator.collimation.simulate.blm import Response

    response = Response.load()
    matrices = {}
    for beam, matrix in response.matrices.items():
        where = monitor_channels(response.names, beam)
        member = (where[None] == np.arange(matrix.shape[1])[:, None]).astype(np.float64)
        matrices[beam] = (member @ matrix) / np.maximum(member.sum(axis=1, keepdims=True), 1.0)

    def respond(shares: Floats, beam: int) -> Floats:
        found: Floats = shares @ matrices[beam].T
        return found

    return respond


def families_of(beam: int) -> dict[str, str]:
    """Return the family of each channel; groups are ``ds``, ``cold`` or ``warm``."""
    return {one.name: str(one.family) if one.family else _group(one.name, one.kind) for one in channels(beam)}


def _group(name: str, kind: str) -> str:
    return "ds" if " ds" in name else kind


def read_libraries(folder: Path) -> list[Library]:
    """Read all libraries of a folder."""
    return [Library.read(path) for path in sorted(folder.glob("*.npz"))]


def tables(libraries: Iterable[Library], respond: Respond | None = None) -> dict[Key, Table]:
    """Return the tables of libraries: lost protons, and with a response also BLM signals; H and V also mixed."""
    found: dict[Key, Table] = {}
    by_key: dict[tuple[int, str], dict[str, Library]] = {}
    for library in libraries:
        by_key.setdefault((library.key.beam, str(library.key.state)), {})[library.key.plane] = library
    for (beam, state), planes in _in_all_states(by_key).items():
        parts = planes
        for plane, smooth in parts.items():
            key = Key("protons", beam, plane, state)
            found[key] = smooth.table(key)
            if respond is not None:
                key = Key("blm", beam, plane, state)
                found[key] = smooth.through(respond).table(key)
        if respond is not None and {"H", "V"} <= set(parts):
            key = Key("blm", beam, "mixed", state)
            found[key] = parts["H"].mixed(parts["V"]).through(respond).table(key)
    return found


def _in_all_states(by_key: Mapping[tuple[int, str], Mapping[str, Library]]) -> "dict[tuple[int, str], Planes]":
    """Smooth all libraries that hold errors; what has none is derived.

    States at top energy from that of collisions, whatever beam 2 lacks from beam 1, its mirror image.
    """
    found: dict[tuple[int, str], Planes] = {}
    for where, libraries in by_key.items():
        found[where] = {plane: Smooth.of(one) for plane, one in libraries.items() if (one.kind == "grid").any()}
    for beam, target in ((beam, target) for beam in (1, 2) for target in TOP_ENERGY):
        own = found.setdefault((beam, target.value), {})
        for plane, smooth in found.get((beam, State.COLLISIONS.value), {}).items():
            own.setdefault(plane, smooth.moved(target))
    for state in {state for beam, state in found if beam == 1}:
        other = found.setdefault((2, state), {})
        for plane, smooth in found[1, state].items():
            other.setdefault(plane, smooth.mirrored())
    return found


class Smooth:
    """Shares (not logarithms) of a library: nominal (C,), with tolerances (K, C), and of each error (F, G, C)."""

    def __init__(
        self, beam: int, nominal: Floats, tolerance: Floats, faults: tuple[Fault, ...], changes: Floats, errors: Floats
    ) -> None:
        self.beam = beam
        self.nominal, self.tolerance = nominal, tolerance
        self.faults, self.changes, self.errors = faults, changes, errors

    @classmethod
    def of(cls, library: Library) -> "Smooth":
        """Smooth a library."""
        first = library.counts[library.kind == "nominal"].sum(axis=0)
        total = max(int(first.sum()), 1)
        nominal = np.maximum((first + 0.3) / total, FLOOR)
        tolerance = nominal * np.exp(spread_of(library.counts[library.kind == "tolerance"], nominal))
        faults, changes, errors = _errors(library, nominal)
        return cls(library.key.beam, nominal, tolerance, faults, changes, errors)

    def through(self, respond: Respond) -> "Smooth":
        """Return the same seen by monitors."""
        beam, shape = self.beam, self.errors.shape
        errors = respond(self.errors.reshape(-1, shape[-1]), beam).reshape(shape)
        nominal = respond(self.nominal[None], beam)[0]
        return Smooth(beam, nominal, respond(self.tolerance, beam), self.faults, self.changes, errors)

    def mirrored(self) -> "Smooth":
        """Return what beam 2 shows if it is the mirror image of beam 1."""
        place = {name: at for at, name in enumerate(names(1))}
        index = np.array([place.get(canonical(name), -1) for name in names(2)])

        def of(shares: Floats) -> Floats:
            found: Floats = np.where(index >= 0, shares[..., index], FLOOR)
            return found

        theirs = {canonical(name): name for name in names(2)}
        keep = [at for at, fault in enumerate(self.faults) if fault.element in theirs]
        faults = tuple(self.faults[at]._replace(element=theirs[self.faults[at].element]) for at in keep)
        return Smooth(2, of(self.nominal), of(self.tolerance), faults, self.changes[keep], of(self.errors[keep]))

    def moved(self, target: State) -> "Smooth":
        """Return the same in another state at top energy."""
        return Smooth(
            self.beam,
            *moved(names(self.beam), self.nominal, self.tolerance, self.faults, self.changes, self.errors, target),
        )

    def mixed(self, other: "Smooth", seed: int = 0) -> "Smooth":
        """Return half of each; the mix varies like a tolerance."""
        places = {fault: number for number, fault in enumerate(other.faults)}
        keep = [number for number, fault in enumerate(self.faults) if fault in places]
        theirs = [places[self.faults[number]] for number in keep]
        rng = np.random.default_rng(seed)
        part = rng.uniform(*MIXES, (len(self.tolerance), 1))
        rows = rng.integers(len(other.tolerance), size=len(self.tolerance))
        return Smooth(
            self.beam,
            (self.nominal + other.nominal) / 2,
            part * self.tolerance + (1 - part) * other.tolerance[rows],
            tuple(self.faults[number] for number in keep),
            self.changes[keep],
            (self.errors[keep] + other.errors[theirs]) / 2,
        )

    def table(self, key: Key) -> Table:
        """Return the table of logarithms."""
        families = families_of(self.beam)
        nominal = _log(self.nominal)
        return Table(
            key,
            tuple(families),
            tuple(families.values()),
            nominal,
            _log(self.tolerance) - nominal,
            self.faults,
            self.changes,
            _log(self.errors) - nominal,
        )


def change_of(counts: NDArray[np.int64], nominal: Floats) -> Floats:
    """Return by how much the logarithm of each share differs from nominal as far as counts (n, C) tell."""
    expected = nominal * counts.sum(axis=1, keepdims=True)
    ratio = np.log((counts + PSEUDO) / (expected + PSEUDO))
    z2 = ratio**2 * (np.minimum(counts, expected) + PSEUDO)
    found: Floats = ratio * z2 / (z2 + BELIEF)
    return found


def spread_of(counts: NDArray[np.int64], nominal: Floats) -> Floats:
    """Return logarithms of shares over nominal (n, C), made so much smaller that counting is not in their spread."""
    expected = nominal * counts.sum(axis=1, keepdims=True)
    ratio = np.log((counts + PSEUDO) / (expected + PSEUDO))
    ratio -= ratio.mean(axis=0)
    counting = (1.0 / (expected + PSEUDO)).mean(axis=0)
    variance = np.maximum(ratio.var(axis=0), 1e-12)
    found: Floats = ratio * np.sqrt(np.clip(1.0 - counting / variance, 0.0, 1.0))
    return found


def _errors(library: Library, nominal: Floats) -> tuple[tuple[Fault, ...], Floats, Floats]:
    gaps = settings(library.key.state)
    sizes: dict[Fault, dict[float, list[Floats]]] = {}
    for at in np.flatnonzero(library.kind == "grid"):
        (setting,) = library.settings(int(at))
        families = _SMALL_SETS.get(setting.quantity)
        if families is not None and find(setting.element).family not in families:
            continue
        is_gap = setting.quantity is Quantity.GAP
        fault = Fault(setting.element, setting.quantity, float(gaps[setting.element] or 0.0) if is_gap else 0.0)
        size = round(setting.change if is_gap else abs(setting.change), 3)
        sizes.setdefault(fault, {}).setdefault(size, []).append(change_of(library.counts[at][None], nominal)[0])
    sizes = {fault: _smoothed(by_size) for fault, by_size in sizes.items()}
    length = max(len(one) for one in sizes.values()) + 1
    changes = np.zeros((len(sizes), length))
    deltas = np.zeros((len(sizes), length, len(nominal)))
    for number, by_size in enumerate(sizes.values()):
        grid = sorted({0.0, *by_size})
        rows = [np.mean(by_size[size], axis=0) if size in by_size else np.zeros(len(nominal)) for size in grid]
        short = length - len(grid)
        changes[number] = [*grid, *[grid[-1]] * short]
        deltas[number] = [*rows, *[rows[-1]] * short]
    return tuple(sizes), changes, nominal * np.exp(deltas)


def _smoothed(by_size: Mapping[float, list[Floats]]) -> dict[float, list[Floats]]:
    """Mix every size with its neighbours on the same side of nominal, where all three tell about the same."""
    found = {size: [np.mean(rows, axis=0)] for size, rows in by_size.items()}
    for side in (-1, 1):
        ordered = [size for size in sorted(found, key=abs) if size * side > 0]
        means = {size: found[size][0] for size in ordered}
        for before, at, after in zip(ordered, ordered[1:], ordered[2:], strict=False):
            straight = 0.25 * means[before] + 0.5 * means[at] + 0.25 * means[after]
            agree = np.abs(means[after] - means[before]) < ALIKE
            found[at] = [np.where(agree, straight, means[at])]
    return found


def _log(shares: Floats) -> Floats:
    total = np.maximum(shares.sum(axis=-1, keepdims=True), 1e-300)
    found: Floats = np.log(np.maximum(shares / total, FLOOR))
    return found


Planes: TypeAlias = dict[str, Smooth]


def describe(found: Mapping[Key, Table]) -> str:
    """Return in a line what tables there are."""
    return ", ".join(sorted(map(str, found)))
