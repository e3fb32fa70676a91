"""A made-up cascade with the channels of the real machine: enough physics to test what learns from patterns."""

from datetime import UTC, datetime

import numpy as np

from accelerator.collimation.channels import channels, monitor_channels
from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.geometry import find
from accelerator.collimation.hypotheses import faults
from accelerator.collimation.monitors import monitors as every_monitor
from accelerator.collimation.states import State, settings, sigma_mm
from accelerator.collimation.templates import Key, make_table
from core.observation import Observation

PRIMARY = {"H": "tcp.c6", "V": "tcp.d6", "S": "tcp.b6"}
LEAK = {"TCP7": 0.045, "TCSG7": 0.012, "TCLA7": 2e-4, "TCSP": 5e-5, "TCDQ": 5e-5, "TCT15": 1e-4, "TCT8": 5e-5}


def families(beam):
    """Families as the product names them: groups are ds, cold or warm."""
    found = {}
    for one in channels(beam):
        group = "ds" if "ds" in one.name else one.kind
        found[one.name] = str(one.family) if one.family else group
    return found


def made_up_shares(beam, plane, state):
    """Shares of lost protons: what reaches each jaw falls exponentially with its distance to the primary."""
    if plane == "mixed":
        parts = [made_up_shares(beam, one, state) for one in ("H", "V")]

        def mixed(changes, seed):
            h, v = (part(changes, seed) for part in parts)
            return {name: (h[name] + v[name]) / 2 for name in h}

        return mixed
    nominal = settings(State(state))
    members = [one for one in channels(beam) if nominal.get(one.name) is not None]
    own = next(one.name for one in members if one.name.startswith(PRIMARY[plane]))

    def shares(changes, seed):
        rng = np.random.default_rng(seed) if seed is not None else None
        gap = {one.name: nominal[one.name] + (rng.normal(0, 0.05) if rng else 0.0) for one in members}
        for element, quantity, change in changes:
            gap[element] += _in_sigma(element, quantity, change)
        found = {one.name: 1e-6 for one in channels(beam)}
        for one in members:
            family = str(one.family)
            normal = 0.82 if one.name == own else LEAK.get(family, 1e-5)
            depth = gap[one.name] - nominal[one.name]
            found[one.name] = normal * np.exp(-(0.6 if one.name == own else 1.5) * depth)
        found[f"ir7 ds q8-9 b{beam}"] = 2e-4 * np.exp(gap[own] - nominal[own])
        total = sum(found.values())
        return {name: value / total for name, value in found.items()}

    return shares


def _in_sigma(element, quantity, change):
    if quantity is Quantity.GAP:
        return change
    if quantity is Quantity.OFFSET:
        return -abs(change) / sigma_mm(find(element), 6800.0)
    return -abs(change) / 1000


def made_up_tables(planes=("H", "V"), states=("collisions",), beams=(1,), domains=("protons",), samples=24):
    """Tables for tests."""
    found = {}
    for domain in domains:
        for beam in beams:
            for plane in planes:
                for state in states:
                    key = Key(domain, beam, plane, state)
                    found[key] = make_table(
                        key, families(beam), faults(beam, state), made_up_shares(beam, plane, state), samples
                    )
    return found


def made_up_stream(shares, times_s, *, rate=1e-3, seed=0, beam=1, fill="9001", noise=3e-8, key="piece"):
    """A piece of a 1 Hz stream: shares (T, C) of one beam, seen by every monitor of a channel; the other beam quiet."""
    rng = np.random.default_rng(seed)
    monitors = list(every_monitor(ionisation=True))
    where = monitor_channels(tuple(one.name for one in monitors), beam)
    signal = np.full((len(times_s), len(monitors)), 2.5e-7)
    seen = where >= 0
    signal[:, seen] += rate * shares[:, where[seen]]
    signal += rng.normal(0, noise, signal.shape) + 0.01 * (signal - 2.5e-7) * rng.normal(size=signal.shape)
    count = len(times_s)
    return Observation(
        system="collimation",
        element="LHC",
        key=key,
        observed_at=datetime.fromtimestamp(float(times_s[-1]), UTC),
        origin=f"{key}.parquet",
        sha256="0" * 64,
        conditions={"kind": "stream", "domain": "blm", "state": "collisions", "beam_mode": "STABLE", "fill": fill},
        payload={
            "signal_gy_per_s": signal.astype(np.float32),
            "time_unix_s": np.asarray(times_s, float),
            "monitor": np.array([one.name for one in monitors]),
            "beam_mode": np.full(count, "STABLE"),
            "fill": np.full(count, fill),
            f"intensity_b{beam}": np.full(count, 3e14),
            f"intensity_b{3 - beam}": np.zeros(count),
        },
        axes={},
    )
