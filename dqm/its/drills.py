"""Faults for drills: what a fault would add to a cycle, or take from it, put on a copy of the cycle that came.

A cycle is simulated twice with the beams and the luminosity of the real one, with the fault and without, by the same
random numbers, so that they differ by what the fault does (`dqm.its.simulate.run`). Clusters that it adds are added to
the real ones, where the real chips are alive; of cells that it stops the real counts are reduced in proportion.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.drilling import DrillFault, Injection
from core.errors import DrillError
from core.observation import Observation
from dqm.its.causes import Cause
from dqm.its.layout import FIRST, INNER, flatten, name
from dqm.its.simulate.beams import COLLISIONS, BeamType
from dqm.its.simulate.cells import as_map
from dqm.its.simulate.faults import Fault
from dqm.its.simulate.luminosity import Fill
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import RunSettings

LAYERS = range(7)
Floats = NDArray[np.float64]
Payload = Mapping[str, Floats]
_COUNTS = ("long_clusters", "hits_when_long", "bc_clusters")
_ALL = (0.0, 1e9)
_WHOLE = 10.0
"""The clock of the QC cuts cycles at random: in a run that is so much shorter than its step there is one."""
BACKGROUND, NOISE = 0.05, 3.0
"""Of a side's clusters; clusters per frame of a chip. Every shifter should find these."""


def faults() -> tuple[DrillFault, ...]:
    """Return the faults that can be put on a cycle."""
    return (
        DrillFault("dead_lane", "A lane of the outer barrel stops sending data", (Cause.DEAD_LANE,), _dead_lane),
        DrillFault("noisy_chip", "A chip of the inner barrel is noisy", (Cause.NOISY_CHIP,), _noisy_chip),
        DrillFault("background_a", "Beam background from side A", (Cause.BEAM_BACKGROUND_A,), _background("A")),
        DrillFault("background_c", "Beam background from side C", (Cause.BEAM_BACKGROUND_C,), _background("C")),
    )


def _dead_lane(first: Observation, seed: int, avoid: frozenset[str]) -> Injection:
    cell = _free_cell(first, seed, avoid, outer=True)
    fault = Fault(Cause.DEAD_LANE, *_ALL, 1.0, (cell,))
    return Injection(name(cell), lambda seen: _altered(seen, fault))


def _noisy_chip(first: Observation, seed: int, avoid: frozenset[str]) -> Injection:
    cell = _free_cell(first, seed, avoid, outer=False)
    fault = Fault(Cause.NOISY_CHIP, *_ALL, NOISE, (cell,))
    return Injection(name(cell), lambda seen: _altered(seen, fault))


def _background(side: str) -> Callable[[Observation, int, frozenset[str]], Injection]:
    cause = Cause.BEAM_BACKGROUND_A if side == "A" else Cause.BEAM_BACKGROUND_C

    def begin(first: Observation, seed: int, avoid: frozenset[str]) -> Injection:
        _beams(first)
        if "background" in avoid:
            raise DrillError("there is an open alarm of beam background: the drill could not be told from it")
        direction = float(np.random.default_rng(seed).uniform(0, 2 * np.pi))
        fault = Fault(cause, *_ALL, BACKGROUND, details={"phi_rad": direction})
        return Injection(f"inner barrel {side}", lambda seen: _altered(seen, fault))

    return begin


def _free_cell(first: Observation, seed: int, avoid: frozenset[str], *, outer: bool) -> int:
    """Choose a cell that counts clusters and is in no open alarm."""
    seen, spoken = _row(first.payload, "cluster_occupation"), {one.replace("_lane", " lane") for one in avoid}
    staves = {place.split("/")[0].split(" ")[0] for place in spoken}
    cells = range(FIRST[3], FIRST[-1]) if outer else range(INNER)
    masked = str(first.conditions.get("masked") or "")
    free = [
        cell
        for cell in cells
        if seen[cell] > 0 and name(cell).split("/")[0] not in staves and name(cell).split("/")[0] not in masked
    ]
    if not free:
        raise DrillError("every place has an open alarm or counts nothing")
    return int(np.random.default_rng(seed).choice(free))


def _altered(seen: Observation, fault: Fault) -> Observation:
    with_it, without = _simulated(seen, fault)
    real = {part: np.asarray(values, np.float64) for part, values in seen.payload.items()}
    if fault.cause is Cause.DEAD_LANE:
        return replace(seen, payload=_stopped(real, with_it, without, fault.cells))
    return replace(seen, payload=_added(real, with_it, without))


def _simulated(seen: Observation, fault: Fault) -> tuple[Payload, Payload]:
    """Return a cycle like this one with the fault, and the same without it."""
    beams, seed = _beams(seen), zlib.crc32(seen.key.encode())
    cycle_s = max(float(seen.conditions.get("cycle_s") or 60.0), 10.0)
    usual = RunSettings(
        beam_type=beams, duration_s=cycle_s, cycle_s=_WHOLE * cycle_s, ramp_s=0.0, recoveries_per_hour=0.0
    )
    like = _row(_cycle(usual, seed), "cluster_occupation")[:INNER].sum()
    factor = _row(seen.payload, "cluster_occupation")[:INNER].sum() / max(like, 1e-12)
    settings = replace(usual, fill=Fill(rate_hz=COLLISIONS[beams].rate_hz * factor))
    return _cycle(replace(settings, faults=(fault,)), seed), _cycle(settings, seed)


def _cycle(settings: RunSettings, seed: int) -> Payload:
    """Simulate a run of one cycle."""
    return next(simulate_run(settings, seed)).payload


def _beams(seen: Observation) -> BeamType:
    told = str(seen.conditions.get("beam_type") or "")
    if told not in {one.value for one in BeamType}:
        raise DrillError(f"no such fault is known for beams {told or 'that are not told'}")
    if any(f"cluster_occupation_L{layer}" not in seen.payload for layer in LAYERS):
        raise DrillError("the cycle has no cluster occupation of some layer")
    return BeamType(told)


def _row(payload: Mapping[str, NDArray[np.generic]], kind: str) -> Floats:
    return flatten([payload[f"{kind}_L{layer}"] for layer in LAYERS])


def _stopped(real: Payload, with_it: Payload, without: Payload, cells: Sequence[int]) -> Payload:
    """Counts of cells that are stopped go down in proportion; what the readout flags is added."""
    found, chosen = dict(real), np.zeros(FIRST[-1])
    chosen[list(cells)] = 1.0
    for layer in LAYERS:
        mine = as_map(chosen, layer) > 0
        for part in (f"cluster_occupation_L{layer}", f"hit_occupancy_L{layer}"):
            if part in real:
                left = np.divide(with_it[part], without[part], out=np.ones(mine.shape), where=without[part] > 0)
                found[part] = np.where(mine, real[part] * left, real[part])
        size = f"cluster_size_L{layer}"
        if size in real:
            found[size] = np.where(mine & (found[f"cluster_occupation_L{layer}"] <= 0), 0.0, real[size])
    if "lane_fault" in real:
        found["lane_fault"] = real["lane_fault"] + with_it["lane_fault"] - without["lane_fault"]
    return found


def _added(real: Payload, with_it: Payload, without: Payload) -> Payload:
    """Clusters come on top, where chips are alive; their mean size is that of old and new together."""
    found = dict(real)
    frames = _ratio(real, without)
    for layer in LAYERS:
        seen, size, hits = (f"{kind}_L{layer}" for kind in ("cluster_occupation", "cluster_size", "hit_occupancy"))
        old = real[seen]
        more = np.where(old > 0, with_it[seen] - without[seen], 0.0)
        found[seen] = np.maximum(old + more, 0.0)
        if size in real:
            pixels = real[size] * old + np.where(
                old > 0, with_it[size] * with_it[seen] - without[size] * without[seen], 0.0
            )
            found[size] = np.divide(pixels, found[seen], out=np.zeros_like(old), where=found[seen] > 0)
        if hits in real:
            found[hits] = np.maximum(real[hits] + np.where(old > 0, with_it[hits] - without[hits], 0.0), 0)
    for part in real:
        if part.startswith(_COUNTS):
            found[part] = np.maximum(real[part] + frames * (with_it[part] - without[part]), 0.0)
    if "general_occupancy" in real:
        found["general_occupancy"] = real["general_occupancy"] + np.maximum(
            with_it["general_occupancy"] - without["general_occupancy"], 0.0
        )
    return found


def _ratio(real: Payload, without: Payload) -> float:
    """How many more readout frames the real cycle counts than the simulated one."""
    if "bc_clusters" not in real or not float(without["bc_clusters"].sum()):
        return 1.0
    return float(real["bc_clusters"].sum() / without["bc_clusters"].sum())
