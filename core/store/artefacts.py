"""Content-addressed files: named by the SHA-256 of their content, written whole or not at all."""

import os
import re
import secrets
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from core.errors import StoreError

EXTENSIONS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "application/json": ".json",
    "application/x-npz": ".npz",
    "text/plain": ".txt",
    "application/vnd.apache.parquet": ".parquet",
    "application/octet-stream": ".bin",
}
_MEDIA_TYPES = {extension: media_type for media_type, extension in EXTENSIONS.items()}
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PART = ".part"


class Artefacts:
    """A folder of files ``ab/abcdef….jpg``. Nothing is made or touched before the first ``put``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes, media_type: str) -> str:
        """Keep ``content`` and return its digest; the same content is kept once.

        The file appears under its name only when all of it is on the disk, even if this process is killed.

        Raises
        ------
        StoreError
            If the folder cannot be written or the disk is full: the text names the path; nothing is left.
        """
        digest = sha256(content).hexdigest()
        if self.exists(digest):
            return digest
        target = self.folder / digest[:2] / f"{digest}{EXTENSIONS.get(media_type, '.bin')}"
        part = target.with_name(f".{digest}.{secrets.token_hex(8)}{_PART}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                _write(part, content)
                part.replace(target)
            except OSError:
                part.unlink(missing_ok=True)
                raise
            _flush_folder(target.parent)
        except OSError as error:
            raise StoreError(f"{target}: cannot be written: {error.strerror or error}") from error
        return digest

    def path(self, digest: str) -> Path:
        """Return the path of a file.

        Raises
        ------
        StoreError
            If ``digest`` is no digest or nothing of this digest is kept.
        """
        path = self._find(digest)
        if path is None:
            raise StoreError(f"{self.folder}: holds no artefact {digest}")
        return path

    def exists(self, digest: str) -> bool:
        """Whether a file of this digest is kept."""
        return self._find(digest) is not None

    def get(self, digest: str) -> bytes:
        """Return the content of a file.

        Raises
        ------
        StoreError
            If it is not there, cannot be read or is no longer what its name says.
        """
        path = self.path(digest)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
        if sha256(content).hexdigest() != digest:
            raise StoreError(f"{path}: the content is damaged, it does not match its digest")
        return content

    def media_type(self, digest: str) -> str:
        """Return the media type of a file."""
        return _MEDIA_TYPES[self.path(digest).suffix]

    def remove(self, digest: str) -> None:
        """Remove a file, if it is there.

        Raises
        ------
        StoreError
            If it cannot be removed.
        """
        path = self._find(digest)
        try:
            if path is not None:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{path}: cannot be removed: {error.strerror or error}") from error

    def older_than(self, seconds: float) -> Iterator[list[str]]:
        """Yield the digests of files that were written longer ago than that, folder by folder."""
        oldest = time.time() - seconds
        for folder in sorted(self.folder.glob("??")):
            with os.scandir(folder) as entries:
                yield [
                    stem
                    for entry in entries
                    if _DIGEST.fullmatch(stem := entry.name.partition(".")[0]) and entry.stat().st_mtime < oldest
                ]

    def sweep(self, older_than_s: float = 3600.0) -> int:
        """Remove what killed writers left behind and return how many; younger ones may still be being written."""
        oldest = time.time() - older_than_s
        removed = 0
        for part in self.folder.glob(f"??/.*{_PART}"):
            if part.stat().st_mtime < oldest:
                part.unlink(missing_ok=True)
                removed += 1
        return removed

    def _find(self, digest: str) -> Path | None:
        if not is_digest(digest):
            raise StoreError(f"{digest[:80]!r} is no artefact digest")
        stem = self.folder / digest[:2] / digest
        candidates = (stem.with_suffix(extension) for extension in _MEDIA_TYPES)
        try:
            return next((path for path in candidates if path.is_file()), None)
        except OSError as error:
            raise StoreError(f"{stem}: cannot be read: {error.strerror}") from error


def is_digest(text: str) -> bool:
    """Whether a text is a digest: nothing else becomes part of a path."""
    return _DIGEST.fullmatch(text) is not None


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
