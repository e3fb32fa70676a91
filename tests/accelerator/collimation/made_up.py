"""A made-up cascade with the channels of the real machine: enough physics to test what learns from patterns."""

import numpy as np

from accelerator.collimation.channels import channels
from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.geometry import find
from accelerator.collimation.hypotheses import faults
from accelerator.collimation.states import State, settings, sigma_mm
from accelerator.collimation.templates import Key, make_table

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
    nominal = settings(State(state))
    members = [one for one in channels(beam) if nominal.get(one.name) is not None]
    own = next(one.name for one in members if one.name.startswith(PRIMARY[plane]))

    def shares(changes, seed):
        rng = np.random.default_rng(seed) if seed is not None else None
        gap = {one.name: nominal[one.name] + (rng.normal(0, 0.05) if rng else 0.0) for one in members}
        for element, quantity, change in changes:
            if quantity is Quantity.GAP:
                gap[element] += change
            elif quantity is Quantity.OFFSET:
                gap[element] -= change / sigma_mm(find(element), 6800.0)
            else:
                gap[element] -= change / 1000
        first = min(gap[one.name] for one in members if str(one.family) in {"TCP7", "TCSG7", "TCT15"})
        found = {}
        for one in members:
            family = str(one.family)
            normal = 0.82 if one.name == own else LEAK.get(family, 1e-5)
            steep = 1.5 if family == "TCP7" else 2.5
            found[one.name] = (
                normal
                * np.exp(-steep * (gap[one.name] - nominal[one.name]))
                / (1 + 20 * max(gap[one.name] - first - (nominal[one.name] - 5.0) - 0.0, 0) ** 2 * (one.name == own))
            )
        for one in channels(beam):
            if one.kind != "collimator":
                found[one.name] = 2e-4 if "ds q8" in one.name else 1e-5
        total = sum(found.values())
        return {name: value / total for name, value in found.items()}

    return shares


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
