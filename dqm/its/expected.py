"""What a cycle should look like given its conditions, and how far every cell departs from it.

Conditions come from the data themselves: luminosity from the outer layers (beam background hardly reaches them), place
and spread of the vertex from the vertex plots, live time from the tracks. The reference (`dqm.its.nominal` fits it)
gives the maps of a mean detector; a `Standing` tells how this detector stands to it. See
``docs/decisions/0013-conditions-first.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError
from core.inference import ModelPackage
from core.observation import Observation
from dqm.its.expected_long import LongPulls, long_pulls
from dqm.its.expected_modes import (
    MODES,
    STRANGE,
    UNKNOWN,
    Common,
    column_medians,
    fit_common,
    layer_modes,
    modes,
    to_cells,
)
from dqm.its.expected_moment import Moment, moment
from dqm.its.expected_state import Predicted, noise_shares, predict, recovered, taught
from dqm.its.expected_tables import Tables
from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS, COLUMNS, INNER, PIXELS_PER_CHIP, Bools, layer_of
from dqm.its.pulls import Pulls
from dqm.its.reading import Reading, read
from dqm.its.standing import Standing

Floats = NDArray[np.float64]
ARRAYS = "reference.npz"
LEAST_CLUSTERS = 30.0
"""Expected clusters in a usual outer cell below which nothing is said."""
SCALE = 0.001
FALLBACK_SCALE = 0.05
"""Spread of the luminosity before the columns are looked at, by the outer layers and by anything else."""
FORGIVEN_S = 60.0
"""A lane that stops and is restarted says FAULT for some seconds: so much is forgiven, again after half an hour."""
LEAST_S = 5.0
"""Length of a cycle below which nothing is said: shorter ones are those of a run that was stopped at once."""
_NEWS = 3.0
"""Pull from which a cell that stands otherwise than before may have recovered."""
_RESTART_SHARE = 0.05
"""What a lane loses while it restarts is as long as its flag says, but for this share of it."""
_BENT = 0.3
"""What is left of a wrong vertex after its modes are taken out grows with its variance: so much of it."""
_MEDIAN_TAKES = 0.27
"""Share of the variance of the common part by which cells vary less about it, for it is fitted to them."""
_ORBIT_S = 3564 / 40.079e6


@dataclass(frozen=True, slots=True, eq=False)
class _Departure:
    """Of one quantity, shape (CELLS,) each; ``factor`` is what the columns share."""

    pull: Floats
    ratio: Floats
    factor: Floats
    sigma: Floats
    offset: Floats
    variance: Floats
    spread: Floats
    staying: Floats


class Reference:
    """What nominal runs of every beam type look like; make it with `dqm.its.nominal.fit_reference`."""

    def __init__(self, tables: Mapping[str, Tables]) -> None:
        self.tables = dict(tables)

    @classmethod
    def load(cls, package: ModelPackage) -> "Reference":
        """Read the reference of a model package (``reference.npz``); ModelError if there is none, or a damaged one."""
        return cls.from_arrays(package.array(ARRAYS))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Reference":
        """Read what `to_arrays` gave; raises `core.errors.ModelError` for anything else."""
        beams = sorted({name.split("/")[0] for name in arrays if "/" in name})
        if not beams:
            raise ModelError("the reference holds no beam type")
        return cls({beam: Tables.from_arrays(arrays, beam) for beam in beams})

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return plain arrays, for ``reference.npz`` of a model package."""
        found: dict[str, NDArray[Any]] = {}
        for beam in sorted(self.tables):
            found.update(self.tables[beam].to_arrays(beam))
        return found

    def pulls(self, observation: Observation | Reading, standing: Standing | None = None) -> Pulls:
        """Return how every cell of a cycle departs from what is expected.

        Parameters
        ----------
        standing
            What is known of this detector from earlier cycles; nothing without it.
        """
        reading = observation if isinstance(observation, Reading) else read(observation)
        standing = standing or Standing.cold()
        tables = self.tables.get(reading.beam_type)
        if tables is None:
            known = ", ".join(self.tables)
            return _nothing(reading, f"there is no reference for beam type {reading.beam_type}, only for {known}")
        now = moment(reading, tables, standing.offset[0])
        trust = _trust(reading, now)
        if trust:
            return _nothing(reading, trust)
        shares = noise_shares(reading, tables, now)
        before = predict(standing, reading, tables, now, shares)
        return _assemble(reading, tables, now, before)


def _trust(reading: Reading, now: Moment) -> str:
    if not reading.has_occupation.any():
        return "no map of the cluster occupation"
    if not reading.occupation.any():
        return "all maps of the cluster occupation are empty"
    if now.luminosity <= 0:
        return "the luminosity is unknown: no clusters in the outer layers, no tracks, no vertices"
    seconds = min(now.live_s, reading.cycle_s)
    if seconds < LEAST_S:
        return f"too short: data of {seconds:.2g} s, {LEAST_S:.0f} s are needed"
    outer = float(np.median(now.counts[INNER:]))
    if outer < LEAST_CLUSTERS:
        return f"too few data: {outer:.2g} clusters expected in an outer lane, {LEAST_CLUSTERS:.0f} are needed"
    return ""


def _assemble(reading: Reading, tables: Tables, now: Moment, before: Predicted) -> Pulls:
    standing = before.standing
    share, forgiven = _faults(reading, now, standing)
    expected = _expected(now)
    spans = (1.0, 1.0, reading.share_of("hit"))
    usable = (reading.has_occupation, reading.has_size & (reading.size > 0), reading.has_hits)
    observed = (reading.occupation, reading.size, reading.hits)
    seen = [replace(now, counts=now.counts * span, interactions=now.interactions * span) for span in spans]
    found = [_depart(i, observed[i], expected[i], usable[i], tables, seen[i], before, forgiven) for i in range(3)]
    same_run_s = reading.ended_s - standing.ended_s if standing.run == reading.run else np.inf
    long = long_pulls(reading, tables, standing, now.live_s, abs(same_run_s))
    valid = usable[0]
    told = expected[0] * found[0].factor
    free, held = _next(reading, now, standing, found, long, share)
    return Pulls(
        occupation=_single(found[0].pull),
        ratio=_single(found[0].ratio),
        size=_single(found[1].pull),
        hits=_single(found[2].pull),
        long=_single(np.where(reading.off, 0.0, long.pulls)),
        fault=_single(np.where(valid, np.clip(share - forgiven, 0, 1), 0.0)),
        forgiven_s=_single(np.where(valid, np.minimum(standing.restart_s, FORGIVEN_S), 0.0)),
        occupation_sigma=_single(found[0].sigma),
        valid=valid,
        observed=_single(np.where(valid, reading.occupation, 0.0)),
        expected=_single(np.where(valid, told, 0.0)),
        conditions=_conditions(reading, tables, now),
        trust="",
        expected_size=_single(np.where(usable[1], expected[1] * found[1].factor, 0.0)),
        in_doubt=before.in_doubt,
        next_free=free,
        next_held=held,
        next_moved=np.stack([one.staying for one in found]),
    )


def _expected(now: Moment) -> tuple[Floats, Floats, Floats]:
    """Occupation, size and hits that the reference expects, shape (CELLS,) each."""
    size = np.divide(now.pixels, now.clusters, out=np.ones(CELLS), where=now.clusters > 0)
    return now.clusters, size, now.pixels / PIXELS_PER_CHIP


def _faults(reading: Reading, now: Moment, standing: Standing) -> tuple[Floats, Floats]:
    """Share of the time for which each lane says FAULT, and how much of it a restart explains, shape (CELLS,) each."""
    if reading.faults is None or now.live_s <= 0:
        return np.zeros(CELLS), np.zeros(CELLS)
    share = np.clip(reading.faults * _ORBIT_S / (now.live_s * reading.share_of("readout")), 0.0, 1.0)
    left = np.maximum(FORGIVEN_S - standing.restart_s, 0.0) / now.live_s
    return share, np.minimum(share, left)


def _depart(
    quantity: int,
    observed: Floats,
    expected: Floats,
    usable: Bools,
    tables: Tables,
    now: Moment,
    before: Predicted,
    forgiven: Floats,
) -> _Departure:
    standing, layers = before.standing, layer_of()
    told = expected * np.exp(standing.offset[quantity])
    if quantity != 1:
        told = told * np.maximum(1 - forgiven, 1e-3)
    counting = tables.counting[quantity, layers] / np.maximum(now.counts, 1.0)
    variance = (
        standing.spread[quantity] * (standing.variance[quantity] + counting)
        + (_RESTART_SHARE * forgiven / (1.01 - forgiven)) ** 2
    )
    variance = variance + (_BENT * now.vertex_variance) ** 2
    log = np.log(np.maximum(observed, 1e-12) / np.maximum(told, 1e-12))
    medians, noise = column_medians(log, variance, usable)
    common = _common(quantity, medians, noise, tables, now, before.layer_variance[quantity])
    factor = np.exp(to_cells(common.passing + common.staying) + standing.offset[quantity])
    if quantity != 1:
        factor = factor * np.maximum(1 - forgiven, 1e-3)
    total = variance + to_cells(np.where(common.told & (noise < UNKNOWN), -_MEDIAN_TAKES, 1.0) * common.variance)
    ratio = np.where(usable, observed / np.maximum(expected * factor, 1e-30), 1.0)
    sigma = np.sqrt(total)
    pull = np.where(usable, (ratio - 1) / sigma, 0.0)
    residual = log - to_cells(common.passing + common.staying)
    back = usable & (np.abs(pull) >= _NEWS) & recovered(standing.offset[quantity], residual, tables.cold[quantity])
    ratio, factor = (
        np.where(back, one, other)
        for one, other in (
            (np.exp(residual + standing.offset[quantity]), ratio),
            (factor * np.exp(-standing.offset[quantity]), factor),
        )
    )
    sigma = np.where(back, np.sqrt(tables.cold[quantity, layers]), sigma)
    pull = np.where(back, (ratio - 1) / sigma, pull)
    learns = usable & (observed > 0) & (forgiven <= 0)
    after = taught(before, quantity, residual, to_cells(common.staying), counting, pull, learns, back)
    return _Departure(pull, ratio, factor, np.where(usable, sigma, 0.0), *after, to_cells(common.staying))


def _common(quantity: int, medians: Floats, noise: Floats, tables: Tables, now: Moment, layers: Floats) -> Common:
    """What the columns share of one quantity; occupation and hits have a scale as well."""
    seen = now.interactions
    along = modes(quantity, tables, now.vertex.z_cm, now.vertex.sigma_cm, now.weights)
    scale = 0.0 if quantity == 1 else (SCALE if now.by_outer else FALLBACK_SCALE) ** 2
    if quantity == 2:
        scale += 4 * tables.dispersion[quantity] / seen  # the hits are those of other interactions; wide, no harm
    together = layer_modes(tables.layer_chance[quantity])
    shared = np.concatenate((along, together, np.ones((COLUMNS, 1))), axis=1)
    chance = np.full(MODES, tables.dispersion[quantity] / seen + now.vertex_variance)
    prior = np.concatenate((chance, np.full(len(LAYERS), 1 / seen), [scale]))
    return fit_common(medians, noise, shared, prior, layers, np.inf if quantity == 1 else STRANGE)


def _next(
    reading: Reading,
    now: Moment,
    standing: Standing,
    found: list[_Departure],
    long: LongPulls,
    share: Floats,
) -> tuple[Standing, Standing]:
    """The standing after the cycle if nothing is suspected, and if everything is."""
    held = replace(
        standing,
        run=reading.run,
        beam_type=reading.beam_type,
        ended_s=reading.ended_s,
        luminosity=now.luminosity,
        restart_s=standing.restart_s + share * now.live_s,
        halo=long.before,
        halo_variance=long.before_variance,
    )
    free = replace(
        held,
        offset=np.stack([one.offset for one in found]),
        variance=np.stack([one.variance for one in found]),
        spread=np.stack([one.spread for one in found]),
        halo=long.after,
        halo_variance=long.after_variance,
    )
    return free, held


def _conditions(reading: Reading, tables: Tables, now: Moment) -> dict[str, float]:
    found = {
        "cycle_s": reading.cycle_s,
        "live_s": now.live_s,
        "frames": now.live_s * float(tables.frames_hz),
        "interactions": now.luminosity,
        "clusters": float(now.counts[:INNER].sum()),
    }
    if reading.run_age_s is not None:
        found["run_age_s"] = reading.run_age_s
    track_s = reading.cycle_s * reading.share_of("track")
    found["track_s"] = track_s
    if reading.vertices is not None and track_s > 0:
        vertex = reading.vertices
        found |= {"vertices_hz": vertex.count / track_s, "vertex_z_cm": vertex.z_cm}
        found |= {"vertex_sigma_cm": vertex.sigma_cm, "vertex_x_cm": vertex.x_cm, "vertex_y_cm": vertex.y_cm}
    if reading.tracks is not None and track_s > 0:
        found["tracks_hz"] = reading.tracks / track_s
    return found


def _nothing(reading: Reading, trust: str) -> Pulls:
    """Pulls of a cycle of which nothing can be said."""
    zeros, ones = np.zeros(CELLS, np.float32), np.ones(CELLS, np.float32)
    told = {"cycle_s": reading.cycle_s}
    if reading.run_age_s is not None:
        told["run_age_s"] = reading.run_age_s
    return Pulls(
        zeros, ones, zeros, zeros, zeros, zeros, zeros, np.zeros(CELLS, bool), _single(reading.occupation), zeros, told,
        trust, zeros,
    )  # fmt: skip


def _single(values: Floats) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)
