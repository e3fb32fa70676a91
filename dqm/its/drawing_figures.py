"""The figures behind the pictures of a cycle, kept beside them: what the page tells of a place and follows in time."""

import io
from typing import Any, Protocol
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from core.verdict import Evidence
from dqm.its.layout import CELLS

ARRAYS = ("occupation", "size", "hits", "long", "fault", "observed", "expected")
"""One value per cell each, float16 on disk, beside ``valid``; as in `dqm.its.pulls.Pulls`. ``ratio`` follows."""
MEDIA_TYPE = "application/x-npz"
_LARGEST = 60_000.0


class Drawable(Protocol):
    """What is drawn, one value per cell: `dqm.its.pulls.Pulls`."""

    @property
    def occupation(self) -> NDArray[Any]: ...
    @property
    def size(self) -> NDArray[Any]: ...
    @property
    def hits(self) -> NDArray[Any]: ...
    @property
    def long(self) -> NDArray[Any]: ...
    @property
    def fault(self) -> NDArray[Any]: ...
    @property
    def observed(self) -> NDArray[Any]: ...
    @property
    def expected(self) -> NDArray[Any]: ...
    @property
    def valid(self) -> NDArray[np.bool_]: ...


def write(pulls: Drawable) -> Evidence:
    """Return the figures as an npz of 58 KB; what is not finite is 0."""
    target = io.BytesIO()
    stacked = np.stack([getattr(pulls, name) for name in ARRAYS]).astype(np.float32)
    stored = np.clip(np.nan_to_num(stacked), -_LARGEST, _LARGEST).astype(np.float16)
    np.savez(target, cells=stored, valid=np.asarray(pulls.valid, bool))
    return Evidence(target.getvalue(), MEDIA_TYPE)


def read(content: bytes) -> dict[str, NDArray[np.float32]]:
    """Return the figures by name, (CELLS,) float32 each, ``valid`` as 0 or 1.

    Raises
    ------
    ValueError
        If these are no figures of one cycle.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            cells, valid = stored["cells"], stored["valid"]
    except (BadZipFile, KeyError, OSError, EOFError) as error:
        raise ValueError(f"not the figures of a cycle ({error})") from None
    if cells.shape != (len(ARRAYS), CELLS) or valid.shape != (CELLS,):
        raise ValueError(f"not the figures of a cycle: {cells.shape}")
    found = dict(zip(ARRAYS, cells.astype(np.float32), strict=True))
    observed, expected = found["observed"], found["expected"]
    ratio = np.divide(observed, expected, out=np.ones_like(observed), where=(expected > 0) & valid)
    return {**found, "ratio": ratio, "valid": valid.astype(np.float32)}
