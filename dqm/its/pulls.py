"""How each cell of a cycle departs from what its conditions should give: what `Reference.pulls` hands to a detector."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dqm.its.layout import Bools, Floats

if TYPE_CHECKING:
    from dqm.its.standing import Standing


@dataclass(frozen=True, slots=True, eq=False)
class Pulls:
    """Pulls of one cycle, shape (CELLS,) float32 each, 0 where not valid.

    Parameters
    ----------
    occupation
        (observed - expected) / sigma of clusters/ROF/chip.
    ratio
        Observed over expected occupation, 1 where not valid.
    size
        The same pull for the average cluster size.
    hits
        The same pull for hits/pixel/event.
    long
        How far frames with long clusters exceed what is usual: signed root of twice the log-likelihood ratio, in
        units of what is left of its spread. Inner barrel: per chip; outer barrel: that of the stave.
    fault
        Share of the time for which the readout says FAULT, beyond what a restart usually takes, 0..1.
    forgiven_s
        Seconds of FAULT before this cycle that were taken for a restart; None: nothing was.
    occupation_sigma
        Relative sigma of the expected occupation with the counting statistics of this cycle.
    valid
        The cell has data and is not masked.
    observed, expected
        Clusters/ROF/chip as published, and what these conditions should give.
    conditions
        What was inferred, by name: ``frames``, ``live_s``, ``interactions`` (mean, per frame, by the outer layers),
        ``vertices_hz``, ``tracks_hz``, ``vertex_z_cm``, ``vertex_sigma_cm``, ``vertex_x_cm``, ``vertex_y_cm``,
        ``run_age_s``, ``cycle_s``, ``clusters`` (in all)...; a condition that is not known is left out.
    trust
        Empty, or why no verdict can be given.
    expected_size
        Pixels, what these conditions should give.
    in_doubt
        How all cells stand is in doubt in this cycle, for beams or luminosity are others than before.
    next_free, next_held
        The standing after this cycle if nothing was suspected, and if everything was; see `Standing.after`.
    next_moved
        By how much layers moved as a whole (logarithm), shape (3, CELLS): held cells go with their layer.
    """

    occupation: Floats
    ratio: Floats
    size: Floats
    hits: Floats
    long: Floats
    fault: Floats
    occupation_sigma: Floats
    valid: Bools
    observed: Floats
    expected: Floats
    conditions: Mapping[str, float]
    trust: str
    expected_size: Floats
    next_free: "Standing | None" = None
    next_held: "Standing | None" = None
    next_moved: Floats | None = None
    forgiven_s: Floats | None = None
    in_doubt: bool = False
