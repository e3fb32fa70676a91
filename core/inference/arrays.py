"""Arrays of a model package: ``npz`` without pickles; members stored uncompressed are mapped, not read."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from struct import unpack
from typing import Any, TypeAlias
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from core.errors import ModelError

Array: TypeAlias = NDArray[Any]
LOCAL_HEADER_BYTES = 30
MAPPED_FROM_BYTES = 1 << 20


class ArrayFile(Mapping[str, Array]):
    """The arrays of one ``npz`` by name, each read when asked for.

    Compressed members are decompressed into memory at each access. Members of at least 1 MiB that were stored
    uncompressed come as read-only memory maps, so that several processes share one copy in the page cache.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with ZipFile(path) as archive:
                self._members = {i.filename.removesuffix(".npy"): i for i in archive.infolist()}
        except (OSError, BadZipFile) as error:
            raise ModelError(f"{path}: not a readable npz ({error})") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __getitem__(self, name: str) -> Array:
        """Return one array.

        Raises
        ------
        ModelError
            If there is no such array, or it is damaged or holds Python objects.
        """
        member = self._members.get(name)
        if member is None:
            raise ModelError(f"{self.path}: no array {name!r}; there are {', '.join(sorted(self._members)) or 'none'}")
        try:
            if member.compress_type == ZIP_STORED and member.file_size >= MAPPED_FROM_BYTES:
                return _mapped(self.path, member)
            with np.load(self.path, allow_pickle=False) as archive:
                return np.asarray(archive[name])
        except (OSError, ValueError, BadZipFile, KeyError) as error:
            raise ModelError(f"{self.path}: array {name!r} cannot be read ({error})") from None


def write_arrays(path: Path, arrays: Mapping[str, Array], *, compress: bool) -> None:
    """Write arrays to an ``npz``; the same arrays give the same bytes.

    Raises
    ------
    ModelError
        If an array holds Python objects (it would need a pickle).
    """
    for name, array in arrays.items():
        if np.asarray(array).dtype.hasobject:
            raise ModelError(f"{path.name}: array {name!r} holds Python objects: no pickle is ever written")
    save = np.savez_compressed if compress else np.savez
    with path.open("wb") as file:
        save(file, **{name: np.asarray(array) for name, array in arrays.items()})  # type: ignore[arg-type]


def _mapped(path: Path, member: ZipInfo) -> Array:
    with path.open("rb") as file:
        file.seek(member.header_offset)
        header = file.read(LOCAL_HEADER_BYTES)
        name_length, extra_length = unpack("<HH", header[26:30])
        file.seek(name_length + extra_length, 1)
        major, _ = npy.read_magic(file)
        read_header = npy.read_array_header_1_0 if major == 1 else npy.read_array_header_2_0
        shape, fortran, dtype = read_header(file)
        offset = file.tell()
    if dtype.hasobject:
        raise ValueError("holds Python objects")
    mapped: Array = np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=shape, order="F" if fortran else "C")
    return mapped
