"""HDF5 that is not trusted: what a file can make the library do is checked before it is asked for data.

No link leaves the file (soft and external links, external and virtual storage are refused), no filter is loaded from
outside (gzip, shuffle and checksum only), nothing is of variable length, and shapes and chunks are bounded before
memory is taken. The bytes are read first, so that a file which changes meanwhile cannot matter.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

_FILTERS = frozenset({h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32})
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MOST_MEMBERS = 10_000


@contextmanager
def opened(content: bytes, origin: str) -> Iterator[h5py.Group]:
    """Open the bytes of a file.

    Raises
    ------
    core.errors.InputError
        If they are no HDF5, are cut off or damaged; also for whatever the library finds wrong later.
    """
    if not content.startswith(_SIGNATURE):
        raise InputError(origin, "is no HDF5 file")
    try:
        with h5py.File(BytesIO(content), "r") as file:
            yield file
    except InputError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError) as error:
        text = str(error)
        reason = "is truncated" if "truncated" in text else f"is damaged HDF5 ({text or type(error).__name__})"
        raise InputError(origin, reason[:300]) from error


def find(group: h5py.Group, path: Sequence[str]) -> Any | None:
    """Return what is at a path of hard links, None if nothing is; raises InputError for a link of another kind."""
    at: Any = group
    for part in path:
        link = at.get(part, getlink=True) if isinstance(at, h5py.Group) else None
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise InputError("/".join(path), "is a link to another place: refused")
        at = at[part]
    return at


def members(group: h5py.Group | None) -> list[str]:
    """Return the names in a group, as many as an event file may have."""
    if not isinstance(group, h5py.Group):
        return []
    if len(group) > _MOST_MEMBERS:
        raise InputError(group.name, f"has {len(group)} members")
    return [str(name) for name in group]


def read_array(dataset: Any, most_bytes: int) -> NDArray[np.generic]:
    """Return the contents of a dataset of numbers or short texts.

    Raises
    ------
    core.errors.InputError
        If it is none, could do harm, or has more than ``most_bytes``; the text names the dataset.
    """
    if not isinstance(dataset, h5py.Dataset):
        raise InputError("dataset", "is a group")
    name, kind = str(dataset.name), dataset.dtype.kind
    if kind not in "iufbS":
        raise InputError(name, f"has elements of type {dataset.dtype}: refused")
    if dataset.shape is None:
        raise InputError(name, "has no elements")
    if dataset.is_virtual or dataset.external is not None:
        raise InputError(name, "keeps its data in another file: refused")
    plist = dataset.id.get_create_plist()
    filters = {plist.get_filter(i)[0] for i in range(plist.get_nfilters())}
    if foreign := filters - _FILTERS:
        raise InputError(name, f"needs filter {min(foreign)}: refused")
    size = math.prod(dataset.shape) * dataset.dtype.itemsize
    chunk = math.prod(dataset.chunks or (0,)) * dataset.dtype.itemsize
    if max(size, chunk) > most_bytes:
        raise InputError(name, f"has {max(size, chunk) / 1e6:.3g} MB, more than {most_bytes / 1e6:.3g}")
    return np.asarray(dataset[()])


def read_number(dataset: Any, element: int = 0) -> float | None:
    """Return one element of a small dataset of numbers, None if there is none; what is not finite is returned so."""
    values = read_array(dataset, 1 << 20).reshape(-1)
    if values.dtype.kind == "S" or element >= values.size:
        return None
    return float(values[element])


def read_whole(dataset: Any) -> int | None:
    """Return the first element of a small dataset of whole numbers (stamps lose digits as floats)."""
    values = read_array(dataset, 1 << 20).reshape(-1)
    return int(values[0]) if values.size and values.dtype.kind in "iu" else None


def whole_attribute(item: Any, name: str) -> int | None:
    """Return an attribute that is one whole number, None if there is none."""
    if name not in item.attrs:
        return None
    attribute = item.attrs.get_id(name)
    if attribute.dtype.kind not in "iu" or math.prod(attribute.shape or (1,)) != 1:
        return None
    return int(np.asarray(item.attrs[name]).reshape(-1)[0])
