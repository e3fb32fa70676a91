"""Where else a fit should begin: minima that no small step leads away from.

Two are known. Light that a mask takes can be mistaken for a weaker probe and a mask on the other side of the focus.
And behind a stop, whose picture is nearly the same before and behind the plane in focus, a wrong side of it is made up
for by a channel with another wall: such a fit wants a picture sharper than sharp, so its vibration ends at nothing,
or near it.
"""

import numpy as np

from accelerator.schlieren.fit_parameters import BLUR2, Floats, Parametrisation
from accelerator.schlieren.fit_problem import FitProblem

_APART = 1.2
"""Starts of masks: so many sigma of what is known of them from where they should be."""
_ACROSS_MM = 5.0
"""How far along the axis the other side is looked for; the second minima that were found are 5 to 12 mm away."""
_APART_SIGMA = 2.0
"""Nearer minima are one: there is nothing to choose."""
_BENT = 0.6
"""Of the rise that a straight model has: where it is less, there may be another minimum. It was 0.2 to 0.4 where there
was one, and more in 99 of 100 shots where there was none."""
_HARDLY = 0.5
"""So much vibration, in its own errors, is hardly any."""


def masks_elsewhere(form: Parametrisation, vector: Floats) -> list[Floats]:
    """Return starts with the mask where it should be, and on either side of it."""
    found, error = [vector], form.prior()[1]
    for name in {"knife_um", "stop_y_um"} & set(form.names):
        index = form.names.index(name)
        for sign in (1, -1):
            other = vector.copy()
            other[index] += sign * _APART * error[index]
            found.append(other)
    return found


def across_focus(
    form: Parametrisation, seen: Floats, vector: Floats, fitted: Floats, covariance: Floats
) -> list[Floats]:
    """Return a start with the plane in focus elsewhere, if the picture fits better there than a straight model says.

    Parameters
    ----------
    seen
        Compressed picture in ADU (256, 16).
    vector, fitted, covariance
        A fit, its picture, and the covariance of all that was fitted.
    """
    if not {"defocus_mm", BLUR2, "stop_um"} <= set(form.names):
        return []
    index, blur2 = form.names.index("defocus_mm"), form.names.index(BLUR2)
    straight = _ACROSS_MM**2 / covariance[index, index]
    if vector[blur2] > _HARDLY * np.sqrt(covariance[blur2, blur2]) or straight < _APART_SIGMA**2:
        return []
    problem = FitProblem.around(form, seen, fitted, form.known.apparatus.speckle)
    before, found = problem.cost(vector, problem.pulls_of(fitted)), []
    for sign in (1, -1):
        other = vector + covariance[index] * (sign * _ACROSS_MM / covariance[index, index])
        other[blur2] = max(other[blur2], 0.0)
        rise = problem.cost(other, problem.pulls(other)) - before
        if rise < _BENT * straight:
            found.append((rise, other))
    return [min(found, key=lambda one: one[0])[1]] if found else []
