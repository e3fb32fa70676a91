"""TIMBER exports of a loss map, as an engineer would take them out of the logging: the monitors and what held then."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.stream import Stream

VECTOR = "LHC.BLMI:LOSS_RS09"
_LOGGED: dict[str, tuple[str, Callable[..., str]]] = {
    "energy_gev": ("LHC.STATS:ENERGY", lambda value: f"{value:.1f}"),
    "intensity_b1": ("LHC.BCTFR.A6R4.B1:BEAM_INTENSITY", lambda value: f"{value:.4g}"),
    "intensity_b2": ("LHC.BCTFR.A6R4.B2:BEAM_INTENSITY", lambda value: f"{value:.4g}"),
    "beta_star_m": ("HX:BETASTAR_IP1", lambda value: f"{100 * value:.0f}"),
    "beam_mode": ("HX:BMODE", str),
    "fill": ("HX:FILLN", str),
    **{
        f"blowup_b{beam}{plane.lower()}": (
            f"ADT{plane}.SR4.B{beam}:BLOWUP_RUNNING",
            lambda value: "true" if value else "false",
        )
        for beam in (1, 2)
        for plane in "HV"
    },
}
"""Our names of context columns, the logged variables, and how each value is written."""


def cut(stream: Stream, begins_s: float, ends_s: float) -> Stream:
    """Return the seconds of a stream from one time to another (unix), the last one excluded."""
    rows = (stream.time_unix_s >= begins_s) & (stream.time_unix_s < ends_s)
    context = {name: column[rows] for name, column in stream.context.items()}
    return Stream(stream.time_unix_s[rows], stream.monitors, stream.signal_gy_per_s[rows], context)


def write(path: Path, stream: Stream) -> Path:
    """Write an export and beside it the names of its monitors (``NAME.monitors.csv``), each at once and whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _drop(path.with_name(f"{path.stem}.monitors.csv"), "\n".join(["name", *stream.monitors, ""]))
    blocks = [_vector(stream), *(_block(stream, name) for name in _LOGGED if name in stream.context)]
    _drop(path, "".join(blocks))
    return path


def _vector(stream: Stream) -> str:
    lines = (
        f"{stamp}," + ",".join(f"{value:.4g}" for value in row)
        for stamp, row in zip(_stamps(stream.time_unix_s), stream.signal_gy_per_s.tolist(), strict=True)
    )
    return "\n".join([f"VARIABLE: {VECTOR}", "", "Timestamp (UTC_TIME),Array Values", *lines, "", ""])


def _block(stream: Stream, name: str) -> str:
    """The values of one context variable, those at which it changes."""
    variable, written = _LOGGED[name]
    column = stream.context[name]
    lines = [f"{stamp},{text}" for stamp, text in _changes(stream.time_unix_s, column, written)]
    return "\n".join([f"VARIABLE: {variable}", "", "Timestamp (UTC_TIME),Value", *lines, "", ""])


def _changes(
    times_s: NDArray[np.float64], column: NDArray[np.generic], written: Callable[..., str]
) -> Iterator[tuple[str, str]]:
    before = None
    for stamp, value in zip(_stamps(times_s), column.tolist(), strict=True):
        text = written(value)
        if text != before:
            yield stamp, text
        before = text


def _stamps(times_s: NDArray[np.float64]) -> Iterator[str]:
    for at in times_s.tolist():
        yield datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _drop(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="ascii")
    part.replace(path)
