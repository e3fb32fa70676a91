"""Is this the object that it is said to be? Class, axes, order of labels, contents."""

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from dqm.its.histogram import Histogram
from dqm.its.objects import Axis, QcObject

MAX_CONTENT = 1e15
_EDGE_TOLERANCE = 1e-4
"""Of the width of a bin."""


def check(expected: QcObject, found: Histogram, origin: str) -> Histogram:
    """Return ``found`` with exactly the axes that are expected.

    An axis that may be covered in part (the vertex plots) is filled up with empty bins. Labels may be missing.

    Raises
    ------
    core.errors.InputError
        If it is of another class, binned otherwise, labelled in another order, or has contents that are not finite,
        negative or above 1e15; the text names ``origin``, the object and the reason.
    """
    reason = _wrong_class(expected, found) or _wrong_contents(found.values) or _wrong_labels(expected, found)
    if reason:
        raise InputError(f"{origin}: {expected.path()}", reason)
    values = found.values
    for number, axis in enumerate(expected.axes):
        before = _bins_before(axis, found.edges[number])
        if before is None:
            reason = f"{'xy'[number]} axis has {_described(found.edges[number])}, not {_described(axis.edges)}"
            raise InputError(f"{origin}: {expected.path()}", reason)
        values = _filled(values, number, before, axis.bins)
    return expected.histogram(values, found.entries)


def _wrong_class(expected: QcObject, found: Histogram) -> str | None:
    axes = len(expected.axes)
    fits = found.class_name.startswith(f"TH{axes}") and not found.class_name.startswith("TH2Poly")
    bins = tuple(len(edges) - 1 for edges in found.edges)
    if fits and found.values.ndim == axes == len(bins) and found.values.shape == bins:
        return None
    return f"is a {found.class_name[:40]} with {found.values.ndim} axes, not a {expected.class_name}"


def _wrong_contents(values: NDArray[np.float64]) -> str | None:
    for what, wrong in (
        ("not finite", ~np.isfinite(values)),
        ("negative", values < 0),
        (f"above {MAX_CONTENT:g}", values > MAX_CONTENT),
    ):
        if count := np.count_nonzero(wrong):
            return f"{count} of {values.size} bins are {what}"
    return None


def _wrong_labels(expected: QcObject, found: Histogram) -> str | None:
    """ROOT can sort an axis by its labels, which moves the contents: only the order matters."""
    for letter, axis, labels in zip("xy", expected.axes, found.labels, strict=False):
        ours = axis.labels
        if ours and labels and labels != ours and sorted(labels) == sorted(ours):
            return f"{letter} axis has its labels in another order"
    return None


def _bins_before(axis: Axis, edges: NDArray[np.float64]) -> int | None:
    """How many bins of the axis lie before the first of ``edges``; None where they are not bins of the axis."""
    width = (axis.high - axis.low) / axis.bins
    bins = len(edges) - 1
    if not 0 < bins <= axis.bins or (bins < axis.bins and not axis.fillable):
        return None
    before = round(float(edges[0] - axis.low) / width) if np.isfinite(edges[0]) else -1
    if not 0 <= before <= axis.bins - bins:
        return None
    same = np.allclose(edges, axis.edges[before : before + bins + 1], rtol=0, atol=_EDGE_TOLERANCE * width)
    return before if same else None


def _filled(values: NDArray[np.float64], number: int, before: int, bins: int) -> NDArray[np.float64]:
    widths = [(0, 0)] * values.ndim
    widths[number] = (before, bins - before - values.shape[number])
    return np.pad(values, widths)


def _described(edges: NDArray[np.float64]) -> str:
    return f"{len(edges) - 1} bins from {edges[0]:g} to {edges[-1]:g}"
