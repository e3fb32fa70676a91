"""Faults for drills: what a collimator out of place would change in the monitors, put on a copy of a piece of a stream.

How much is lost second by second is read off the monitors at the primaries; the emulator of the cascade says how the
pattern of these losses changes with the setting, and that difference is added to what was logged. Loss maps are left
as they are: they are made on purpose, and whoever makes them looks at the settings.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.channels import channels
from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.families import Family
from accelerator.collimation.geometry import collimators, find
from accelerator.collimation.observing import STREAM
from accelerator.collimation.simulate.blm import Response
from accelerator.collimation.simulate.course import PLANES, USUAL
from accelerator.collimation.simulate.emulator import Emulator
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.states import State
from core.drilling import DrillFault, Injection
from core.errors import DrillError
from core.observation import Observation

Floats = NDArray[np.float64]
SECONDARIES = ("tcsg.d4l7.b1", "tcspm.b4r7.b2")
PRIMARIES = ("tcp.c6l7.b1", "tcp.c6r7.b2")


def faults() -> tuple[DrillFault, ...]:
    """Return the faults that can be put on a stream."""
    return (
        DrillFault(
            "secondary_inside",
            "A secondary collimator stands two sigma too far in",
            ("TCSG inside TCP", "collimator off centre"),
            lambda first, seed, avoid: _begin(first, seed, avoid, SECONDARIES, -2.0),
        ),
        DrillFault(
            "primary_retracted",
            "A primary collimator stands 1.6 sigma too far out",
            ("TCP retracted",),
            lambda first, seed, avoid: _begin(first, seed, avoid, PRIMARIES, 1.6),
        ),
    )


def _begin(first: Observation, seed: int, avoid: frozenset[str], names: tuple[str, ...], change: float) -> Injection:
    state = _state(first)
    free = [one for one in names if not any(f"b{one[-1]}" == place[-2:] for place in map(str.lower, avoid))]
    free = [one for one in free if f"beam {one[-1]}" not in avoid]
    if not free:
        raise DrillError("there is an open alarm of each beam: the drill could not be told from them")
    setting = Setting(free[seed % len(free)], Quantity.GAP, change)
    return Injection(setting.element, lambda seen: _altered(seen, setting, state))


def _state(first: Observation) -> State:
    told = first.conditions.get("state")
    if told not in {State.COLLISIONS.value, State.FLAT_TOP.value, State.SQUEEZE.value}:
        raise DrillError(f"no such fault is known for the state {told or 'that is not told'}")
    return State(str(told))


def _altered(seen: Observation, setting: Setting, state: State) -> Observation:
    if seen.conditions.get("kind") != STREAM or seen.conditions.get("state") != state.value:
        return seen
    beam = find(setting.element).beam
    nominal, wrong = (_pattern(beam, state, errors) for errors in ((), (setting,)))
    place = {str(name): at for at, name in enumerate(seen.payload["monitor"])}
    signal = np.array(seen.payload["signal_gy_per_s"], dtype=np.float32)
    rates = _rates(signal, place, nominal, beam)
    for name, value in wrong.items():
        at, more = place.get(name), value - nominal[name]
        if at is not None and more:
            signal[:, at] = np.maximum(signal[:, at] + (rates * more).astype(np.float32), 0.0)
    return replace(seen, payload={**seen.payload, "signal_gy_per_s": signal})


def _rates(signal: NDArray[np.float32], place: Mapping[str, int], nominal: Mapping[str, float], beam: int) -> Floats:
    """Return the protons that the beam loses per second, as its monitors at the primaries tell."""
    names = [one.blm for one in collimators(beam) if one.family is Family.TCP7 and one.blm in place]
    names = [name for name in names if nominal.get(name, 0.0) > 0]
    if not names:
        raise DrillError(f"no monitor at the primaries of beam {beam} is logged")
    told = [np.asarray(signal[:, place[name]], np.float64) / nominal[name] for name in names]
    return np.asarray(np.median(told, axis=0))


def _pattern(beam: int, state: State, errors: tuple[Setting, ...]) -> Mapping[str, float]:
    """Return the signal of each monitor for one lost proton per second, with the usual mix of planes."""
    emulator, response = Emulator.load(), Response.load()
    lost = np.zeros(len(channels(beam)))
    for plane, part in zip(PLANES, USUAL, strict=True):
        curves = emulator.tables(beam, plane, state).curves
        usable = [one for one in errors if (find(one.element).name, one.quantity) in curves]
        shares = np.exp(emulator.logs(usable, beam, plane, state))
        lost += part * shares / shares.sum()
    return dict(zip(response.names, (response.matrices[beam] @ lost).tolist(), strict=True))
