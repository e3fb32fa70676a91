"""Whether a backup is whole, is what was written, and can be restored by this release. Nothing of it is unpacked."""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO

from core.backup.manifest import DATABASE, HOME, MANIFEST, MODELS, Manifest, from_json
from core.errors import StoreError
from core.store import schema

_PIECE = 1 << 20
_LARGEST_MANIFEST = 1 << 30


def check(path: Path) -> Manifest:
    """Read a backup from end to end and return its manifest.

    Raises
    ------
    StoreError
        It was cut short or changed, is no backup, or is of a newer release; the text names file and reason.
    """
    with opened(path) as tar:
        seen: dict[str, tuple[str, int]] = {}
        content: bytes | None = None
        for entry, file in entries(tar, path):
            if content is not None:
                raise StoreError(f"{path}: something follows its manifest ({entry.name}): it was changed")
            if entry.name in seen:
                raise StoreError(f"{path}: {entry.name} is in it twice: it was changed")
            if entry.name == MANIFEST:
                content = _content(entry, file, path)
            else:
                seen[entry.name] = (_digest(file), entry.size)
    manifest = _manifest(path, content)
    _compare(path, manifest, seen)
    if not schema.is_known(manifest.revision):
        raise StoreError(
            f"{path}: its tables are at revision {manifest.revision}, which this release ({schema.newest()}) does not "
            f"know: it was made by shiftwatch {manifest.version}; install that or a newer one"
        )
    return manifest


@contextmanager
def opened(path: Path) -> Iterator[tarfile.TarFile]:
    """Open a backup; StoreError, with file and reason, for whatever is wrong with it inside the block."""
    try:
        with tarfile.open(path, mode="r:") as tar:
            yield tar
    except tarfile.ReadError as error:
        raise StoreError(f"{path}: is no backup, or was cut short ({error})") from None
    except tarfile.TarError as error:
        raise StoreError(f"{path}: is damaged ({error})") from None
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from None


def entries(tar: tarfile.TarFile, path: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """Yield the plain files of a backup one after the other; StoreError for anything else, or a name that leads out."""
    for entry in tar:
        file = tar.extractfile(entry) if entry.isfile() else None
        if file is None or not _is_safe(entry.name):
            raise StoreError(f"{path}: {entry.name[:200]!r} does not belong into a backup: it was changed")
        yield entry, file


def _is_safe(name: str) -> bool:
    parts = PurePosixPath(name).parts
    if name in {MANIFEST, DATABASE}:
        return True
    return len(parts) > 1 and parts[0] in {HOME, MODELS} and not {"..", "/", "."} & set(parts) and "\\" not in parts[0]


def _content(entry: tarfile.TarInfo, file: IO[bytes], path: Path) -> bytes:
    if entry.size > _LARGEST_MANIFEST:
        raise StoreError(f"{path}: its manifest is too large to be one")
    return file.read()


def _digest(file: IO[bytes]) -> str:
    digest = sha256()
    while piece := file.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()


def _manifest(path: Path, content: bytes | None) -> Manifest:
    if content is None:
        raise StoreError(f"{path}: has no manifest at its end: it was cut short, or is no backup of shiftwatch")
    try:
        return from_json(content)
    except ValueError as error:
        raise StoreError(f"{path}: {error}") from None


def _compare(path: Path, manifest: Manifest, seen: dict[str, tuple[str, int]]) -> None:
    for name, kept in manifest.files.items():
        if name not in seen:
            raise StoreError(f"{path}: {name} is missing in it")
        if seen[name] != (kept.sha256, kept.bytes):
            raise StoreError(f"{path}: {name} is not what was written (its checksum differs)")
    for name in seen:
        if name not in manifest.files and name not in manifest.left_out:
            raise StoreError(f"{path}: {name} is not in its manifest: it was changed")
    if DATABASE not in manifest.files:
        raise StoreError(f"{path}: holds no database")
