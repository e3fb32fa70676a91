"""The forward model fitted to a compressed picture, from a start that is near: milliseconds instead of seconds.

Gauss-Newton with derivatives that are kept for a few steps (they cost as much as ten pictures), on 256 x 16
averaged cells, which tell nearly as much as the picture (`accelerator.schlieren.features`). From a start that is
farther away than the model is straight it does not converge, and says so.
"""

from dataclasses import dataclass

import numpy as np

from accelerator.schlieren.channel import PARAMETERS, Channel
from accelerator.schlieren.features import COLUMNS
from accelerator.schlieren.fit_derivatives import Reals, derivatives
from accelerator.schlieren.fit_model import variance_adu
from accelerator.schlieren.fit_parameters import Floats, Knowledge, Parametrisation, parametrise
from accelerator.schlieren.fit_problem import FitProblem
from accelerator.schlieren.second_minima import across_focus, masks_elsewhere
from accelerator.schlieren.simulate.apparatus import Apparatus
from accelerator.schlieren.simulate.scene import Scene
from core.observation import Array

_FARTHEST = {
    "position_um": 300.0,
    "core_radius_um": 200.0,
    "peak_ionisation": 0.3,
    "transition_width_um": 100.0,
    "tilt_mrad": 15.0,
}
"""No step goes farther: beyond, the model is not straight."""
_HALVINGS = 4
_ENOUGH = 0.02
_NEAR, _KEPT = 200.0, 0.5
"""A descent from no farther that falls by what the derivatives promised, but for this, is at the minimum; from farther
away, or where it falls by something else, the model is not straight and its derivatives are taken again: behind a stop,
in focus, a picture hardly depends on the focus, and derivatives there promise nothing though much can be gained."""
_USUAL, _RARE = 1.6, 3.0
_HOPELESS = 8.0
"""A picture that is so far from any of the model's is not tried again from elsewhere."""
_CAUTIOUS = 0.3
_SPECKLE = (0.005, 0.06)


@dataclass(frozen=True, slots=True, eq=False)
class QuickFit:
    """A fitted channel.

    Parameters
    ----------
    channel
        Parameters in the order of `PARAMETERS`.
    chi2_per_cell, prior_chi2
        Mean squared residual of the cells, and of the apparatus against what was known of it: 1 is usual, far more
        means that the model does not hold.
    worst_prior_sigma
        How far the strangest setting of the apparatus is from what was known of it.
    away
        How far the minimum still is, in sigma of all parameters together, to first order.
    minus_log_density
        Of the posterior at the fit, but for a constant: the smaller, the better.
    pulls, model_adu
        Residuals of the cells in sigma, and the fitted picture (256, 16).
    form, vector, information, full_covariance
        All that was fitted: which numbers, their values, the inverse of their covariance, and their covariance.
    """

    channel: Channel
    chi2_per_cell: float
    prior_chi2: float
    worst_prior_sigma: float
    away: float
    minus_log_density: float
    pulls: Floats
    model_adu: Floats
    form: Parametrisation
    vector: Floats
    information: Floats
    full_covariance: Floats

    @property
    def scene(self) -> Scene:
        """All that the fitted picture follows from, but for unevenness."""
        return self.form.scene(self.vector)

    @property
    def ripples(self) -> Floats:
        """Strengths of the shapes of unevenness."""
        return self.vector[len(self.form.names) :]

    def floor(self, known: Knowledge) -> dict[str, float]:
        """Return the smallest possible errors (Cramer-Rao) for somebody who knows this of the apparatus.

        ``known`` says how well the same settings are known that were fitted.
        """
        wider, usual = (form.prior()[1] ** -2.0 for form in (self.form, parametrise(known)))
        least = _inverse(self.information + np.diag(usual - wider))
        return dict(zip(PARAMETERS, np.sqrt(np.diag(least)).tolist(), strict=False))

    @property
    def errors(self) -> Floats:
        """One sigma of everything."""
        return np.sqrt(np.diag(self.full_covariance))

    @property
    def covariance(self) -> Floats:
        """Covariance of the channel, in the order of `PARAMETERS`."""
        return self.full_covariance[: len(PARAMETERS), : len(PARAMETERS)]

    @property
    def sigma(self) -> dict[str, float]:
        """One sigma of each parameter."""
        return dict(zip(PARAMETERS, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class _Local:
    """The problem seen from a point, as if the model were straight: derivatives over sigma, information, covariance."""

    weighted: Reals
    information: Floats
    covariance: Floats

    def step(self, problem: FitProblem, vector: Floats, pulls: Floats) -> tuple[Floats, float]:
        """Return the step to the minimum, and how much the cost would fall.

        A number at the end of what it may be, and that would go on, stays where it is.
        """
        slope = (
            self.weighted @ pulls.reshape(-1).astype(self.weighted.dtype) - (vector - problem.prior) / problem.error**2
        )
        free = ((vector > problem.lowest) | (slope > 0)) & ((vector < problem.highest) | (slope < 0))
        if free.all():
            step = self.covariance @ slope
        else:
            step = np.zeros_like(slope)
            step[free] = _inverse(self.information[np.ix_(free, free)]) @ slope[free]
        return step, float(step @ slope)


def quick_fit(
    cells: Array,
    known: Knowledge,
    start: Channel,
    bench: Apparatus | None = None,
    *,
    rounds: int = 10,
    steps: int = 3,
) -> QuickFit:
    """Fit the forward model to a compressed picture.

    Parameters
    ----------
    cells
        Compressed picture in ADU (256, 16); saturated cells are not recognised: refuse such pictures before.
    known
        What is known; its apparatus has ``bin_columns`` = 16.
    start, bench
        Where the fit begins; the apparatus by default as it is known to be.
    rounds, steps
        How often derivatives are taken at most, and steps with each.

    Raises
    ------
    ValueError
        If picture and apparatus differ in shape.
    """
    rows, columns = known.apparatus.shape
    if cells.shape != (rows, columns) or columns != COLUMNS or rounds < 1:
        raise ValueError(f"cells of {cells.shape} are not {rows} x {COLUMNS}")
    form, seen = parametrise(known), np.asarray(cells, np.float64)
    vector = form.vector(start, bench)
    best = _fit_from(form, seen, vector, rounds, steps)
    if best.chi2_per_cell > _HOPELESS:
        return best
    if _is_odd(best):
        others, trust = masks_elsewhere(form, form.vector(start)), _CAUTIOUS
    else:
        others, trust = across_focus(form, seen, best.vector, best.model_adu, best.full_covariance), 1.0
    found = [_fit_from(form, seen, other, rounds, steps, trust) for other in others]
    return min((best, *found), key=lambda one: one.minus_log_density)


def _is_odd(found: QuickFit) -> bool:
    return found.prior_chi2 >= _USUAL or found.worst_prior_sigma >= _RARE or found.away >= 1


def _fit_from(
    form: Parametrisation, seen: Floats, vector: Floats, rounds: int, steps: int, trust: float = 1.0
) -> QuickFit:
    """Fit from one start; with ``trust`` below 1 the apparatus has so much less freedom in the first round."""
    speckle = form.known.apparatus.speckle
    for turn in range(rounds):
        expected, slopes = derivatives(form, vector)
        problem = FitProblem.around(form, seen, expected, speckle, 1.0 if turn else trust)
        local, pulls = _around(problem, slopes), problem.pulls_of(expected)
        first = local.step(problem, vector, pulls)
        promised = away = first[1]
        free = turn > 0 or trust == 1.0
        if free and away < _ENOUGH:
            break
        before = vector
        vector, pulls, away, fell = _descend(problem, local, vector, pulls, first, steps)
        expected = seen - pulls * problem.sigma
        speckle = _speckle(seen, expected, form.known)
        bent = abs(fell - promised)
        if free and ((promised < _NEAR and bent < _KEPT and away < _ENOUGH) or vector is before):
            break
        away = max(away, bent)
    return _result(problem, local, vector, expected, float(np.sqrt(max(away, 0.0))), speckle)


def _around(problem: FitProblem, slopes: Reals) -> _Local:
    weighted = (slopes * (1 / problem.sigma).astype(slopes.dtype)).reshape(len(slopes), -1)
    information = np.asarray(weighted @ weighted.T, np.float64) + np.diag(1 / problem.error**2)
    return _Local(weighted, information, _inverse(information))


def _inverse(information: Floats) -> Floats:
    """The covariance; what nothing tells of gets a huge error."""
    scale = np.sqrt(np.maximum(np.diag(information), 1e-24))
    scaled = information / np.outer(scale, scale)
    np.fill_diagonal(scaled, 1 + 1e-10)
    return np.asarray(np.linalg.inv(scaled) / np.outer(scale, scale), np.float64)


def _descend(
    problem: FitProblem, local: _Local, vector: Floats, pulls: Floats, first: tuple[Floats, float], steps: int
) -> tuple[Floats, Floats, float, float]:
    """Take Gauss-Newton steps under fixed derivatives, ``first`` one of `_Local.step`, halved while uphill.

    Return where that leads (``vector`` itself: nowhere), the residuals there, what is left to gain, and the gain.
    """
    before = cost = problem.cost(vector, pulls)
    step, left = first
    farthest = np.array([_FARTHEST.get(name, np.inf) for name in problem.form.names] + [np.inf] * problem.form.ripples)
    for _ in range(steps):
        step = step / max(float(np.max(np.abs(step) / farthest)), 1.0)
        for halved in range(_HALVINGS):
            tried = np.clip(vector + step / 2**halved, problem.lowest, problem.highest)
            there = problem.pulls(tried)
            found = problem.cost(tried, there)
            if found < cost:
                break
        else:
            break
        vector, pulls, cost = tried, there, found
        step, left = local.step(problem, vector, pulls)
        if left < _ENOUGH:
            break
    return vector, pulls, left, before - cost


def _speckle(seen: Floats, expected: Floats, known: Knowledge) -> float:
    """The contrast that explains the residuals of bright cells, if there are some."""
    bench = known.apparatus
    light = np.maximum(expected - bench.offset_adu, 0.0)
    bright = light > max(0.3 * float(light.max()), 20.0)
    if bright.sum() < 100:
        return bench.speckle
    excess = (seen - expected)[bright] ** 2 - variance_adu(expected[bright], bench, 0.0)
    contrast = np.sqrt(max(float((excess / light[bright] ** 2).mean()) * bench.bin_columns, 0.0))
    return float(np.clip(contrast, *_SPECKLE))


def _result(
    problem: FitProblem, local: _Local, vector: Floats, expected: Floats, away: float, speckle: float
) -> QuickFit:
    form = problem.form
    variance = variance_adu(expected, form.known.apparatus, speckle)
    pulls = (problem.seen - expected) / np.sqrt(variance)
    before = (((vector - problem.prior) / problem.error) ** 2)[np.isfinite(problem.error)]
    return QuickFit(
        channel=form.scene(vector).channel,
        chi2_per_cell=float((pulls**2).mean()),
        prior_chi2=float(before.mean()) if before.size else 0.0,
        worst_prior_sigma=float(np.sqrt(before.max(initial=0.0))),
        away=away,
        minus_log_density=float((pulls**2 + np.log(variance)).sum() + before.sum()) / 2,
        pulls=np.asarray(pulls, np.float64),
        model_adu=expected,
        form=form,
        vector=vector,
        information=local.information,
        full_covariance=local.covariance,
    )
