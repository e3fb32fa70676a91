"""Files as tracking codes, the logging and the simulator write them, made up: small, seeded, and broken on demand."""

import json
from datetime import UTC, datetime

import numpy as np

from accelerator.collimation.geometry import LHC_LENGTH_M, collimators
from accelerator.collimation.monitors import monitors
from accelerator.collimation.stream import Stream

T0 = 1523200000.0
"""2018-04-08 15:06:40 UTC."""
LOST = {"tcp.c6l7.b1": 8310.0, "tcp.b6l7.b1": 380.0, "tcsg.a6l7.b1": 1300.0, "tcla.a6r7.b1": 7.0}


def lossmap_json(lost=None, bins=((20300.05, 2.0), (20400.05, 1.0)), **changes):
    """The object that `xcoll.LossMap.to_json` writes; a change of None removes a key."""
    lost = LOST if lost is None else lost
    places = {one.name: one.s_m for one in collimators()}
    found = {
        "xcoll": ["0.12.5"],
        "date": ["2026-11-22 03:54:32"],
        "momentum": 6.8e12,
        "beam_type": 2212,
        "num_initial": 10000,
        "machine_length": LHC_LENGTH_M,
        "interpolation": 0.1,
        "reversed": False,
        "cold_regions": None,
        "warm_regions": None,
        "collimator": {
            "name": list(lost),
            "n": list(lost.values()),
            "e": [6.8e12 * count for count in lost.values()],
            "s": [places.get(name, 100.0) for name in lost],
        },
        "aperture": {"s_bins": [s for s, _ in bins], "n_bins": [n for _, n in bins], "e_bins": [1.0 for _ in bins]},
    }
    found.update(changes)
    return {name: value for name, value in found.items() if value is not None or name.endswith("regions")}


def turned_round(content):
    """The same map with positions counted against beam 1, as a line of beam 2 has them."""
    turned = json.loads(json.dumps(content))
    turned["collimator"]["s"] = [LHC_LENGTH_M - s for s in turned["collimator"]["s"]]
    turned["aperture"]["s_bins"] = [LHC_LENGTH_M - s for s in turned["aperture"]["s_bins"]]
    return turned | {"reversed": True}


def write_json(path, content):
    """Write an object as JSON, with NaN and infinities as Python writes them."""
    path.write_text(json.dumps(content))
    return path


def chambers(count=None):
    """Names of the ionisation chambers; with a count, those at primaries first."""
    names = [one.name for one in monitors(ionisation=True)]
    if count is None:
        return tuple(names)
    first = [one.blm for one in collimators() if one.family in {"TCP7", "TCP3"}]
    return tuple((first + [name for name in names if name not in first])[:count])


def stream(seconds=60, count=60, seed=1, begins=T0, **context):
    """Quiet seconds: background with noise."""
    rng = np.random.default_rng(seed)
    names = chambers(count)
    signal = np.abs(2.5e-7 + 1e-8 * rng.standard_normal((seconds, len(names)))).astype(np.float32)
    columns = {name: np.full(seconds, value) for name, value in context.items()}
    return Stream(begins + np.arange(seconds, dtype=float), names, signal, columns)


CASCADE = {"V": (0.51, 1.0, 0.61), "H": (0.02, 0.7, 1.0), "S": (0.01, 0.05, 1.0)}
"""What the monitors at the primaries D, C, B see (V: measured)."""


def blown_up(beam, plane, begin=40, end=46, peak=1e-3, flags=True, **told):
    """A stream with an excitation; the monitors at the other beam's primaries see a thousandth."""
    made = stream(seconds=80, **told)
    signal = made.signal_gy_per_s.copy()
    for which in (1, 2):
        primaries = [one for one in collimators(which) if one.family == "TCP7"]
        for one, share in zip(primaries, CASCADE[plane], strict=True):
            scale = peak if which == beam else peak / 1000
            signal[begin:end, made.monitors.index(one.blm)] += np.float32(share * scale)
    context = dict(made.context)
    if flags:
        for name in ("b1h", "b1v", "b2h", "b2v"):
            running = np.zeros(80)
            running[begin:end] = name == f"b{beam}{plane.lower()}"
            context[f"blowup_{name}"] = running
    return Stream(made.time_unix_s, made.monitors, signal, context)


def stamp(unix_s, zone=UTC):
    """A time as TIMBER writes it."""
    return datetime.fromtimestamp(unix_s, zone).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def block(variable, times, values, zone="UTC_TIME", kind="Value", of=UTC):
    """One variable of a TIMBER export."""
    lines = [f"{stamp(at, of)},{value}" for at, value in zip(times, values, strict=True)]
    return "\n".join([f"VARIABLE: {variable}", "", f"Timestamp ({zone}),{kind}", *lines, "", ""])


def vector_block(made, variable="LHC.BLMI:LOSS_RS09", **told):
    """The vector of a stream."""
    rows = [",".join(f"{value:.6e}" for value in row) for row in made.signal_gy_per_s.astype(float)]
    return block(variable, made.time_unix_s, rows, kind="Array Values", **told)
