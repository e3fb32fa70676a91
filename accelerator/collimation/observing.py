"""Observations out of what was read: loss maps of lost protons, loss maps of monitors, pieces of a stream."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.context import summary
from accelerator.collimation.lossmap import RING, SYSTEM, Domain
from accelerator.collimation.states import state_of
from accelerator.collimation.stream import Stream
from core.observation import Array, Condition, Observation

LOSSMAP, STREAM = "lossmap", "stream"


def element_of(beam: int | None, plane: str | None) -> str:
    """Return how people call a loss map: ``B1H``, or what of it is known."""
    return f"B{beam}{plane or ''}" if beam else RING


def noted(conditions: dict[str, Condition], notes: Sequence[str]) -> dict[str, Condition]:
    """Return conditions with notes as one line of text."""
    told = "; ".join(dict.fromkeys(note for note in notes if note))
    return {**conditions, "notes": told[:1000]} if told else conditions


def stream_observation(
    stream: Stream, told: Mapping[str, Condition], origin: str, sha256: str, notes: Sequence[str] = ()
) -> Observation:
    """Return a piece of a stream (tidied) as one observation, seen when its last second was.

    The payload has ``signal_gy_per_s`` (time, monitor), ``time_unix_s``, ``monitor``, and each context column.
    """
    conditions: dict[str, Condition] = {
        "kind": STREAM,
        "domain": Domain.BLM.value,
        "beam": None,
        "plane": None,
        **dict(told),
        **summary(stream.context),
        "begins_unix_s": float(stream.time_unix_s[0]),
        "ends_unix_s": float(stream.time_unix_s[-1]),
    }
    conditions["state"] = _state(conditions)
    payload: dict[str, Array] = {
        "signal_gy_per_s": stream.signal_gy_per_s,
        "time_unix_s": stream.time_unix_s,
        "monitor": np.array(stream.monitors),
        **stream.context,
    }
    axes = {"signal_gy_per_s": ("time", "monitor"), "time_unix_s": ("time",), "monitor": ("monitor",)}
    return Observation(
        system=SYSTEM,
        element=RING,
        key=sha256[:16],
        observed_at=datetime.fromtimestamp(float(stream.time_unix_s[-1]), UTC),
        origin=origin,
        sha256=sha256,
        conditions=noted(conditions, (*stream.notes, *notes)),
        payload=payload,
        axes={**axes, **dict.fromkeys(stream.context, ("time",))},
    )


def blm_lossmap(
    names: Sequence[str],
    signal_gy_per_s: NDArray[np.floating],
    *,
    background_gy_per_s: NDArray[np.floating] | None,
    noise_gy_per_s: NDArray[np.floating] | None,
    beam: int | None,
    plane: str | None,
    seen_at: datetime,
    told: Mapping[str, Condition],
    origin: str,
    sha256: str,
    key: str | None = None,
    notes: Sequence[str] = (),
) -> Observation:
    """Return a loss map of monitors: ``signal_gy_per_s``, ``background_gy_per_s``, ``noise_gy_per_s`` by monitor.

    Noise is the standard deviation of one second.
    """
    conditions: dict[str, Condition] = {**dict(told), "kind": LOSSMAP, "domain": Domain.BLM.value}
    conditions |= {"beam": beam, "plane": plane}
    conditions["state"] = _state(conditions)
    known = {"background_gy_per_s": background_gy_per_s, "noise_gy_per_s": noise_gy_per_s}
    payload: dict[str, Array] = {"monitor": np.array(names), "signal_gy_per_s": signal_gy_per_s}
    payload |= {name: values for name, values in known.items() if values is not None}
    return Observation(
        system=SYSTEM,
        element=element_of(beam, plane),
        key=key or sha256[:16],
        observed_at=seen_at,
        origin=origin,
        sha256=sha256,
        conditions=noted(conditions, notes),
        payload=payload,
        axes=dict.fromkeys(payload, ("monitor",)),
    )


def _state(conditions: Mapping[str, Condition]) -> str | None:
    """The machine state that was told, or that mode and energy give."""
    told = conditions.get("state")
    if told:
        return str(told)
    energy, mode = conditions.get("energy_gev"), conditions.get("beam_mode")
    found = state_of(str(mode) if mode else None, float(energy) if isinstance(energy, int | float) else None)
    return found.value if found else None
