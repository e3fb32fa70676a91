"""Linear optics of both beams: stations (collimators, aperture checkpoints) and the transfer maps between them.

`data/optics_b1.npz` was extracted with xtrack from the line of beam 1 at 6.8 TeV and beta* = 30 cm (LHC 2024 layout,
2018 optics; see the README of this folder). A map takes (x, px) and (y, py) relative to the closed orbit from one
station to the next; it is tabulated over the relative momentum error, so chromatic phases and higher-order dispersion
are in it, linearised about the dispersive orbit. Betatron coupling and amplitude detuning are left out.

There is no sequence of beam 2 here: its insertions are taken as those of beam 1 mirrored at each interaction point, in
the order in which beam 2 meets them, joined in the middle of the arcs in normalised coordinates.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.channels import group_at, index
from accelerator.collimation.geometry import IP_M, LHC_LENGTH_M, is_warm

Floats: TypeAlias = NDArray[np.float64]

FILE = Path(__file__).parents[1] / "data" / "optics_b1.npz"
TWISS = ("betx", "bety", "alfx", "alfy", "mux", "muy", "dx", "dpx", "dy", "dpy", "x_m", "px", "y_m", "py")
"""Columns at each station: beta in m, phase advance in units of 2 pi, dispersion in m, closed orbit."""


@dataclass(frozen=True, slots=True, eq=False)
class Optics:
    """Stations of a beam in the order in which it meets them; n of them.

    Parameters
    ----------
    names : (n,)
        Collimator or aperture element.
    channel : (n,)
        Where a loss here belongs: index into `channels.channels`.
    is_collimator : (n,)
        Or an aperture checkpoint.
    s_m : (n,)
        In the direction of beam 1.
    warm : (n,)
        Whether it lies in a warm stretch.
    aperture_m : (n, 4)
        Half sizes of rectangle (x, y) and ellipse (x, y).
    twiss : column of `TWISS` to (n,)
        At the middle of a collimator.
    delta : (k,)
        Relative momentum errors of the tables.
    shift : (n, k, 4), mx, my : (n, k, 4)
        Map to the next station.
    """

    beam: int
    names: tuple[str, ...]
    channel: NDArray[np.intp]
    is_collimator: NDArray[np.bool_]
    s_m: Floats
    warm: NDArray[np.bool_]
    aperture_m: Floats
    twiss: dict[str, Floats]
    delta: Floats
    shift: Floats
    mx: Floats
    my: Floats


@cache
def optics(beam: int) -> Optics:
    """Return the optics of a beam at 6.8 TeV, end of squeeze."""
    with np.load(FILE, allow_pickle=False) as stored:
        table = {name: stored[name] for name in stored.files}
    return _beam1(table) if beam == 1 else _beam2(table)


def _beam1(table: dict[str, NDArray]) -> Optics:  # type: ignore[type-arg]
    return _optics(1, tuple(map(str, table["name"])), table["s_m"].astype(float), table, _maps(table))


def _beam2(table: dict[str, NDArray]) -> Optics:  # type: ignore[type-arg]
    order, block = _order_of_beam2(table["s_m"].astype(float))
    s_m = (2 * np.array([IP_M[ip] for ip in block]) - table["s_m"][order]) % LHC_LENGTH_M
    names = tuple(mirrored(str(table["name"][at])) for at in order)
    maps = _joined(table, order)
    return _optics(2, names, s_m, {name: values[order] for name, values in table.items() if name != "delta"}, maps)


def _optics(beam: int, names: tuple[str, ...], s_m: Floats, table: dict[str, NDArray], maps: list[Floats]) -> Optics:  # type: ignore[type-arg]
    warm = is_warm(s_m)
    lines = index(beam)
    # where beam 2 has no such collimator (TDI and TCLI stand in IR8) the station is nothing but a wide aperture
    is_collimator = table["collimator"].astype(bool) & np.array([name in lines for name in names])
    channel = np.array(group_at(s_m, beam, warm))
    channel[is_collimator] = [lines[name] for name, one in zip(names, is_collimator, strict=True) if one]
    twiss = {name: table[name].astype(float) for name in TWISS}
    return Optics(beam, names, channel, is_collimator, s_m, warm, table["aperture_m"].astype(float), twiss, *maps)


def _maps(table: dict[str, NDArray]) -> list[Floats]:  # type: ignore[type-arg]
    return [table[name].astype(float) for name in ("delta", "shift", "mx", "my")]


def mirrored(name: str) -> str:
    """Return the name of the element of beam 2 in the place of one of beam 1: ``tcp.c6l7.b1``, ``tcp.c6r7.b2``."""
    swapped = re.sub(r"(\d)([lr])(\d)", lambda m: f"{m[1]}{'r' if m[2] == 'l' else 'l'}{m[3]}", name)
    return swapped.replace(".b1", ".b2")


def _order_of_beam2(s_m: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the stations of beam 1 in the order of beam 2, whose insertions come as 1, 8, 7, ... 2."""
    points = np.array([*IP_M.values(), LHC_LENGTH_M])
    middles = 0.5 * (points[1:] + points[:-1])
    block = (np.searchsorted(middles, s_m) % 8) + 1
    order: list[int] = []
    for ip in (1, 8, 7, 6, 5, 4, 3, 2):
        inside = np.flatnonzero(block == ip)
        along = (s_m[inside] - IP_M[ip] + LHC_LENGTH_M / 2) % LHC_LENGTH_M
        order.extend(inside[np.argsort(along)])
    chosen = np.array(order)
    return chosen, block[chosen]


def _joined(table: dict[str, NDArray], order: NDArray[np.intp]) -> list[Floats]:  # type: ignore[type-arg]
    """Return the maps in another order of the stations; where a successor changes, normalised coordinates are kept."""
    delta, shift, mx, my = _maps(table)
    shift, mx, my = shift.copy(), mx.copy(), my.copy()
    n = len(order)
    for at, station in enumerate(order):
        meant, now = (station + 1) % n, order[(at + 1) % n]
        if meant == now:
            continue
        for plane, maps, rows in (("x", mx, slice(0, 2)), ("y", my, slice(2, 4))):
            turn = _normal(table, plane, now) @ np.linalg.inv(_normal(table, plane, meant))
            old, new = (np.array([table[f"d{plane}"][i], table[f"dp{plane}"][i]], float) for i in (meant, now))
            maps[station] = (turn @ maps[station].reshape(-1, 2, 2)).reshape(-1, 4)
            off = shift[station][:, rows] - np.outer(delta, old)
            shift[station][:, rows] = off @ turn.T + np.outer(delta, new)
    return [delta, shift[order], mx[order], my[order]]


def _normal(table: dict[str, NDArray], plane: str, at: int) -> Floats:  # type: ignore[type-arg]
    """Return the matrix from normalised to real coordinates."""
    beta, alpha = float(table[f"bet{plane}"][at]), float(table[f"alf{plane}"][at])
    found: Floats = np.array([[np.sqrt(beta), 0.0], [-alpha / np.sqrt(beta), 1 / np.sqrt(beta)]])
    return found


LARGEST_ORBIT_DELTA = 0.0061


def dispersive_orbit(line: Optics, station: int) -> tuple[Floats, Floats]:
    """Return the closed orbit off momentum at a station, with all orders of dispersion.

    Returns
    -------
    delta : (j,)
        Relative momentum errors up to 0.6 %.
    orbit : (j, 4)
        (x, px, y, py) from the orbit on momentum, in m and rad.
    """
    chosen = np.flatnonzero(np.abs(line.delta) <= LARGEST_ORBIT_DELTA)
    orbit = np.zeros((len(chosen), 4))
    n = len(line.names)
    for row, column in enumerate(chosen):
        turn, shift = np.eye(4), np.zeros(4)
        for step in range(n):
            k = (station + step) % n
            one = np.zeros((4, 4))
            one[:2, :2], one[2:, 2:] = line.mx[k, column].reshape(2, 2), line.my[k, column].reshape(2, 2)
            turn, shift = one @ turn, one @ shift + line.shift[k, column]
        orbit[row] = np.linalg.solve(np.eye(4) - turn, shift)
    return line.delta[chosen], orbit
