"""Measures on nominal shifts how often each check would call, by beam type: the running part of a calibration."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from core.errors import CalibrationError
from core.observation import Observation
from dqm.its.background import Scales, sums
from dqm.its.calibration import Calibration, ShiftScores, collect
from dqm.its.geometry import LAYERS
from dqm.its.incidents import Incident
from dqm.its.layout import Floats, layer_slice
from dqm.its.looking import Eyes, Look, Sealed, look
from dqm.its.memory import State
from dqm.its.sharing import Workers

Shift = Callable[[], Iterable[Observation]]
"""Gives the cycles of a shift in their order, anew at each call."""
Gain = Callable[[str, Scales], float]
SCALE_SHIFTS = 8
_EVERY = 5


def watch(eyes: Eyes, cycles: Iterable[Observation], scales: Scales, state: State | None = None) -> Iterator[Look]:
    """Yield what a detector that begins with ``state`` sees, cycle by cycle."""
    now = state or State()
    for observation in cycles:
        seen = look(eyes, observation, now, scales)
        now = seen.state
        yield seen


def calibrate_beams(
    sealed: Sealed,
    shifts: Mapping[str, Sequence[Shift]],
    report: Callable[[str], None] = print,
    known: Mapping[str, Calibration] | None = None,
    gain: Gain | None = None,
    workers: Workers | None = None,
) -> dict[str, Calibration]:
    """Return the calibration of each beam type from its nominal shifts.

    Parameters
    ----------
    known
        Earlier calibrations, see `Calibration.fit`.
    gain
        Returns the score of background over what clusters alone would give it, of a beam type with these scales; that
        of the earlier calibration without it.

    Raises
    ------
    core.errors.CalibrationError
        If a beam type has no cycle that can be judged.
    """
    workers = workers or Workers()
    found = {}
    for beams, own in shifts.items():
        earlier = (known or {}).get(beams)
        scales = measure_scales(sealed, own[:SCALE_SHIFTS], workers)
        told = gain(beams, scales) if gain else earlier.scales.gain if earlier else 1.0
        scales = replace(scales, gain=told)
        scores = []
        for one in workers.map(partial(score_shift, sealed, beams, scales), own):
            scores.append(one)
            report(f"{beams}: {len(scores)} of {len(own)} nominal shifts")
        found[beams] = Calibration.fit(scores, scales, earlier)
    return found


def score_shift(sealed: Sealed, beams: str, scales: Scales, shift: Shift) -> ShiftScores:
    """Return what the incidents of one nominal shift score."""
    over: list[Incident] = []
    last: tuple[Incident, ...] = ()
    count = 0
    for seen in watch(sealed.open(), shift(), scales):
        over += seen.over
        last = seen.state.incidents
        count += not seen.pulls.trust
    return collect(beams, (*over, *last), count)


def measure_scales(sealed: Sealed, shifts: Sequence[Shift], workers: Workers | None = None) -> Scales:
    """Return how the sums of the matched filter and the autoencoder's rest vary, whatever a few cycles show."""
    found: list[Floats] = []
    rests: list[Floats] = []
    for own_sums, own_rests in (workers or Workers()).map(partial(_sums_and_rests, sealed), shifts):
        found += own_sums
        rests += own_rests
    if not found:
        raise CalibrationError("no nominal cycle that can be judged")
    table = np.moveaxis(np.stack(found), 4, 2)  # (cycles, quantities, widths, sides, directions)
    table = table.reshape(*table.shape[:3], -1)
    mean = np.median(table, axis=(0, 3))
    spread = 1.4826 * np.median(np.abs(table - mean[None, :, :, None]), axis=(0, 3))
    return Scales(mean, np.maximum(spread, 0.5), *_rest_scales(rests))


def _sums_and_rests(sealed: Sealed, shift: Shift) -> tuple[list[Floats], list[Floats]]:
    """Of every fifth cycle of a shift."""
    eyes = sealed.open()
    found, rests = [], []
    for number, seen in enumerate(watch(eyes, shift(), Scales.unit())):
        if not seen.pulls.trust and number % _EVERY == 0:
            found.append(sums(seen.pulls))
            valid = seen.pulls.valid
            rests += [] if eyes.rebuilding is None else [np.where(valid, eyes.rest(seen.pulls, valid), np.nan)]
    return found, rests


def _rest_scales(rests: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Mean and spread by layer, (7,) each."""
    if not rests:
        return Scales.unit().rest_mean, Scales.unit().rest_spread
    layers = [np.stack(rests)[:, layer_slice(of.number)] for of in LAYERS]
    mean = np.array([np.nanmedian(layer) for layer in layers])
    spread = np.array([np.nanquantile(layer, 0.8413) for layer in layers]) - mean
    return mean, np.maximum(spread, 1e-3)
