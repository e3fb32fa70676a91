"""One QC histogram, read from and written to the one-object ROOT files of the QCDB."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from dqm.its.rootfile.container import RootFile
from dqm.its.rootfile.cursor import DamagedError
from dqm.its.rootfile.streams import RawAxis, RawHistogram, read_histogram
from dqm.its.rootfile.writing import ratio_file

KEY = "ccdb_object"
MAX_OBJECT_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """A histogram of one or two axes, without its under- and overflow.

    Parameters
    ----------
    name
        Name of the object (``fName``).
    class_name
        Short class: ``TH1D``, ``TH2I``, ``TH2Ratio``...
    values
        Contents, shape (nx,) or (nx, ny), float64, finite.
    edges
        Bin edges of each axis, shape (n + 1,), float64, rising.
    labels
        Bin labels of each axis (n texts, "" where a bin has none), or None where the axis has none.
    axis_titles
        Title of each axis.
    entries
        Number of entries, as ROOT counts them.
    title
        Title of the object.
    numerator, denominator
        What ``values`` are the ratio of, as QC's ratio classes store it: the shape of ``values``, or () where all bins
        have one denominator. None where they are not stored.
    """

    name: str
    class_name: str
    values: NDArray[np.float64]
    edges: tuple[NDArray[np.float64], ...]
    labels: tuple[tuple[str, ...] | None, ...]
    axis_titles: tuple[str, ...]
    entries: float = 0.0
    title: str = ""
    numerator: NDArray[np.float64] | None = None
    denominator: NDArray[np.float64] | None = None


def decode(body: bytes, origin: str) -> Histogram:
    """Return the histogram that a ROOT file holds under the key ``ccdb_object``.

    Raises
    ------
    InputError
        If the file is damaged, holds no such object, or one that is no usable histogram; names ``origin``.
    """
    try:
        file = RootFile(body)
        key = file.find(KEY)
        if key is None:
            raise DamagedError(f"holds no object called {KEY}")
        content = file.read(key, MAX_OBJECT_BYTES)
    except DamagedError as error:
        raise InputError(origin, str(error)) from None
    return decode_object(key.class_name, content, origin)


def decode_object(class_name: str, content: bytes, origin: str) -> Histogram:
    """Return the histogram in the decompressed bytes of one ROOT object of class ``class_name``.

    Raises
    ------
    InputError
        As ``decode``.
    """
    try:
        return _checked(read_histogram(class_name, content))
    except DamagedError as error:
        raise InputError(origin, str(error)) from None


def encode(histogram: Histogram) -> bytes:
    """Return a ROOT file with the histogram under ``ccdb_object``: a TH1D, a TH2D or, with its parts, QC's ratio."""
    import uproot  # half a second, which what only reads histograms does not need

    if histogram.numerator is not None and histogram.denominator is not None:
        return _ratio_file(histogram, histogram.numerator, histogram.denominator)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "object.root"
        with uproot.recreate(path) as file:
            file[KEY] = to_root(histogram)
        return path.read_bytes()


def to_root(histogram: Histogram) -> Any:
    """Return the histogram as an object that uproot writes: TH1D or TH2D (it gives it the name of the key)."""
    from uproot.writing import identify

    shape = histogram.values.shape
    cells = np.zeros([n + 2 for n in shape])
    cells[tuple(slice(1, -1) for _ in shape)] = histogram.values
    described = zip("xy", histogram.edges, histogram.labels, histogram.axis_titles, strict=False)
    axes = [_to_axis(name, edges, labels, title) for name, edges, labels, title in described]
    sums = [float(histogram.values.sum())] + [0.0] * (3 if len(shape) == 1 else 6)
    write = identify.to_TH1x if len(shape) == 1 else identify.to_TH2x
    return write(histogram.name, histogram.title, cells.ravel(order="F"), histogram.entries, *sums, np.zeros(0), *axes)


def _ratio_file(ratio: Histogram, numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> bytes:
    """A file with the ratio as ``o2::quality_control_modules::common::TH2Ratio<TH2D>`` (or ``TH1``)."""
    plain = f"TH{ratio.values.ndim}D"
    above = replace(ratio, name=f"{ratio.name}_num", values=numerator)
    below = replace(ratio, name=f"{ratio.name}_den", values=np.broadcast_to(denominator, ratio.values.shape))
    if denominator.ndim == 0:
        single = (np.array([-1.0, 1.0]),) * ratio.values.ndim
        values = np.full((1,) * ratio.values.ndim, float(denominator))
        below = replace(below, values=values, edges=single, labels=(None,) * ratio.values.ndim)
    whole, *parts = (to_root(part).serialize(name=part.name) for part in (ratio, above, below))
    return ratio_file(KEY, plain, whole, (parts[0], parts[1]), uniform=denominator.ndim == 0)


def _to_axis(name: str, edges: NDArray[np.float64], labels: tuple[str, ...] | None, title: str) -> Any:
    from uproot.writing import identify

    bins = len(edges) - 1
    alike = np.allclose(edges, np.linspace(edges[0], edges[-1], bins + 1), rtol=0, atol=1e-9 * (edges[-1] - edges[0]))
    return identify.to_TAxis(
        f"{name}axis", title, bins, edges[0], edges[-1], None if alike else edges, fLabels=_to_labels(labels)
    )


def _to_labels(labels: tuple[str, ...] | None) -> Any:
    """Labels with the number of their bin as fUniqueID, by which ROOT finds them."""
    if labels is None:
        return None
    from uproot.writing import identify

    numbered = [(number, identify.to_TObjString(text)) for number, text in enumerate(labels, 1) if text]
    for number, label in numbered:
        label.bases[0].members["@fUniqueID"] = number
    return identify.to_THashList([label for _, label in numbered])


def _checked(raw: RawHistogram) -> Histogram:
    """The histogram, or what is wrong with it."""
    values = _inner(raw)
    if not (np.isfinite(values).all() and np.isfinite(raw.entries)):
        raise DamagedError("holds contents that are no finite numbers")
    return Histogram(
        name=raw.name,
        class_name=raw.class_name,
        values=values,
        edges=tuple(_edges(axis) for axis in raw.axes),
        labels=tuple(_labels(axis) for axis in raw.axes),
        axis_titles=tuple(axis.title for axis in raw.axes),
        entries=raw.entries,
        title=raw.title,
        **_ratio_of(raw, values.shape),
    )


def _inner(raw: RawHistogram) -> NDArray[np.float64]:
    """The contents without under- and overflow."""
    shape = tuple(axis.bins for axis in raw.axes)
    cells = [n + 2 for n in shape]
    if min(shape) < 1 or int(np.prod([float(n) for n in cells])) != raw.contents.size:
        raise DamagedError(f"has {raw.contents.size} cells but bins {shape}")
    return np.ascontiguousarray(raw.contents.reshape(cells, order="F")[tuple(slice(1, -1) for _ in shape)], np.float64)


def _ratio_of(raw: RawHistogram, shape: tuple[int, ...]) -> dict[str, NDArray[np.float64]]:
    """Numerator and denominator, if both are there and fit the ratio."""
    if raw.parts is None:
        return {}
    try:
        above, below = (_inner(part) for part in raw.parts)
    except DamagedError:
        return {}
    if below.size == 1:
        below = below.reshape(())
    fits = above.shape == shape and below.shape in {(), shape}
    if not fits or any(not np.isfinite(part).all() or (part < 0).any() for part in (above, below)):
        return {}
    return {"numerator": above, "denominator": below}


def _edges(axis: RawAxis) -> NDArray[np.float64]:
    if axis.edges.size == axis.bins + 1:
        edges = axis.edges.astype(np.float64)
    else:
        edges = np.linspace(axis.low, axis.high, axis.bins + 1)
    if not (np.isfinite(edges).all() and (np.diff(edges) > 0).all()):
        raise DamagedError("has an axis whose bin edges do not rise")
    return edges


def _labels(axis: RawAxis) -> tuple[str, ...] | None:
    """One text a bin; by number, or by order where a writer left the numbers out."""
    if axis.labels is None:
        return None
    if len(axis.labels) == axis.bins and not any(number for number, _ in axis.labels):
        return tuple(text for _, text in axis.labels)
    texts = dict(axis.labels)
    return tuple(texts.get(number, "") for number in range(1, axis.bins + 1))
