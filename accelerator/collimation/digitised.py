"""Loss maps read off published figures: positions and normalised signals of points, without names of monitors.

A comment says what the figure shows (``# B1H FLATTOP 6.5 TeV 2018-04-08 22:18:59 ; ...``), then lines of
``dcum_cm_approx``, ``type``, ``norm_signal_approx``. Each point goes to the nearest free monitor of its type within the
reading error: 12 m where the whole ring is shown, 1.5 m in a zoom. Where the ring is shown a column of pixels is 48 m
wide and shows its highest monitor only: such a map tells insertions apart, not collimators (``position_tolerance_m``).
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.channels import INSERTION_M, is_in_ds
from accelerator.collimation.geometry import IP_M, LHC_LENGTH_M
from accelerator.collimation.monitors import Monitor, monitors
from accelerator.collimation.placing import is_injection
from accelerator.collimation.states import State
from core.errors import InputError
from core.observation import Condition

RING_TOLERANCE_M, ZOOM_TOLERANCE_M = 12.0, 1.5
SIGNAL_ERROR = 0.1
_HEADER = ("dcum_cm_approx", "type", "norm_signal_approx")
_TITLE = re.compile(r"#\s*(?P<what>[^;]*)")
_BEAM = re.compile(r"\bB(?P<beam>[12])(?P<plane>[HV])\b")
_ENERGY = re.compile(r"(?P<value>\d+(\.\d+)?)\s*(?P<unit>[GT]eV)\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_MODES = ("INJPROT", "INJPHYS", "FLATTOP", "SQUEEZE", "ADJUST", "STABLE")
_MAX_POINTS = 20_000
_KINDS = {"cold", "coll", "warm", "xrp", "other"}


@dataclass(frozen=True, slots=True)
class Digitised:
    """A figure: monitors with the signals of the points that were given to them, and what its title says."""

    monitors: tuple[str, ...]
    signal: NDArray[np.float64]
    noise: NDArray[np.float64]
    beam: int | None
    plane: str | None
    seen_at: datetime | None
    told: dict[str, Condition]
    notes: tuple[str, ...]


def looks_like(content: bytes) -> bool:
    """Return whether some bytes hold such points."""
    return ",".join(_HEADER).encode() in content[:4096]


def decode(content: bytes, origin: str) -> Digitised:
    """Return the map in the bytes of a file.

    Raises
    ------
    core.errors.InputError
        It is no text, has no points, or none of them lies at a monitor.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(origin, "is no text") from None
    notes: list[str] = []
    title = next((found["what"] for line in lines[:20] if (found := _TITLE.match(line))), "")
    told = _title(title)
    s_m, kinds, signal = _points([line for line in lines if not line.startswith("#")], origin, notes)
    tolerance_m = RING_TOLERANCE_M if float(np.ptp(s_m)) > 5000 else ZOOM_TOLERANCE_M
    named = _BEAM.search(title)
    beam = _beam(s_m, kinds, signal)
    if named and beam and int(named["beam"]) != beam:
        notes.append(f"its title says beam {named['beam']}, but it shows losses at the primaries of beam {beam}")
    beam = beam or (int(named["beam"]) if named else None)
    told |= _energy(told, _is_injection(s_m, kinds, signal, beam), notes)
    places = _assigned(s_m, kinds, tolerance_m, beam)
    if not places:
        raise InputError(origin, "has no point that lies at a monitor")
    taken, points = zip(*places, strict=True)
    chosen = signal[list(points)]
    floor = float(np.median(signal[np.array(kinds) == "cold"])) if "cold" in kinds else 0.0
    told |= {"points": len(signal), "points_unassigned": len(signal) - len(places), "position_tolerance_m": tolerance_m}
    return Digitised(
        monitors=tuple(one.name for one in taken),
        signal=chosen,
        noise=np.hypot(SIGNAL_ERROR * chosen, floor),
        beam=beam,
        plane=named["plane"] if named else None,
        seen_at=_seen_at(title),
        told=told | {"normalised": True, "plane_from": "title" if named else None, "seconds": 1},
        notes=tuple(notes),
    )


def _title(title: str) -> dict[str, Condition]:
    told: dict[str, Condition] = {}
    mode = next((mode for mode in _MODES if mode in title.upper().split()), None)
    if mode:
        told["beam_mode"] = mode
    energy = _ENERGY.search(title)
    if energy:
        told["energy_gev"] = float(energy["value"]) * (1000.0 if energy["unit"] == "TeV" else 1.0)
    return told


def _energy(told: Mapping[str, Condition], shown: bool | None, notes: list[str]) -> dict[str, Condition]:
    """What the losses say of the energy; a title that says otherwise is noted, one that says nothing is completed."""
    found: dict[str, Condition] = {"looks_like_injection": shown}
    energy = told.get("energy_gev")
    if shown is not None and isinstance(energy, float) and (energy < 1000) != shown:
        notes.append(
            f"its title says {energy:.0f} GeV, but its losses look like {'injection' if shown else 'top'} energy"
        )
    if shown and energy is None and "beam_mode" not in told:
        found |= {"state": State.INJECTION.value, "state_from": "losses"}
    return found


def _seen_at(title: str) -> datetime | None:
    """The time in the title, taken as UTC."""
    found = _TIME.search(title)
    return datetime.fromisoformat(found[0]).replace(tzinfo=UTC) if found else None


def _points(
    lines: Sequence[str], origin: str, notes: list[str]
) -> tuple[NDArray[np.float64], list[str], NDArray[np.float64]]:
    rows = csv.DictReader(lines[: _MAX_POINTS + 1])
    if rows.fieldnames is None or tuple(rows.fieldnames[:3]) != _HEADER:
        raise InputError(origin, f"has no header {','.join(_HEADER)}")
    read: list[tuple[float, str, float]] = []
    bad = 0
    for row in rows:
        try:
            at, value = float(row[_HEADER[0]]) / 100, float(row[_HEADER[2]])
        except (TypeError, ValueError):
            bad += 1
            continue
        kind = (row[_HEADER[1]] or "").strip()
        if 0 <= value < 1e6 and 0 <= at <= LHC_LENGTH_M + 1 and kind in _KINDS:
            read.append((at, kind, value))
        else:
            bad += 1
    if bad:
        notes.append(f"{bad} points that are no positions or no signals: left out")
    if not read or max(value for *_, value in read) <= 0:
        raise InputError(origin, "holds no point with a signal")
    s_m, kinds, values = zip(*read, strict=True)
    return np.array(s_m), list(kinds), np.array(values)


def _beam(s_m: NDArray[np.float64], kinds: Sequence[str], signal: NDArray[np.float64]) -> int | None:
    """The beam whose primaries stand on that side of IP7 (or IP3) where the collimators see most.

    Primaries come first, and no monitor sees more than those behind them: left of IP7 for beam 1, right for beam 2. It
    takes twice as much as on the other side.
    """
    is_collimator = np.array(kinds) == "coll"
    near = {ir: is_collimator & (np.abs(s_m - IP_M[ir]) < INSERTION_M) for ir in (3, 7)}
    ir = max(near, key=lambda which: float(signal[near[which]].max(initial=0.0)))
    left = float(signal[near[ir] & (s_m < IP_M[ir])].max(initial=0.0))
    right = float(signal[near[ir] & (s_m >= IP_M[ir])].max(initial=0.0))
    if max(left, right) <= 2 * min(left, right):
        return None
    return 1 if left > right else 2


def _is_injection(
    s_m: NDArray[np.float64], kinds: Sequence[str], signal: NDArray[np.float64], beam: int | None
) -> bool | None:
    """Whether it looks like a map at injection energy (`placing.is_injection`), None if it does not say."""
    if beam is None:
        return None
    in_ds = is_in_ds(s_m, beam) & (np.array(kinds) == "cold")
    return is_injection(signal[in_ds], float(signal.max()))


def _assigned(
    s_m: NDArray[np.float64], kinds: Sequence[str], tolerance_m: float, beam: int | None
) -> list[tuple[Monitor, int]]:
    """Pairs of monitor and point, nearest first, each once; a monitor of the other beam counts as 3 m farther."""
    everything = monitors(ionisation=True)
    places_m = np.array([one.s_m for one in everything])
    pairs: list[tuple[float, int, int]] = []
    for point, (at_m, kind) in enumerate(zip(s_m.tolist(), kinds, strict=True)):
        away_m = np.abs(places_m - at_m)
        for which in np.flatnonzero(away_m <= tolerance_m).tolist():
            one = everything[which]
            if one.kind == kind:
                penalty_m = 3.0 if beam and one.beam == 3 - beam else 0.0
                pairs.append((float(away_m[which]) + penalty_m, which, point))
    found: dict[int, int] = {}
    given: set[int] = set()
    for _, which, point in sorted(pairs):
        if which not in found and point not in given:
            found[which] = point
            given.add(point)
    return [(everything[which], found[which]) for which in sorted(found)]
