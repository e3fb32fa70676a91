"""Content-addressed objects in a bucket (S3 and what speaks like it), through fsspec; the same names as in a folder.

An object appears whole or not at all, and a row refers to it only afterwards (``core.store.writing``).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from core.errors import StoreError
from core.placing import Bucket
from core.store.artefacts import EXTENSIONS, Artefacts, is_digest

WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory"})
"""Where an object that is being written is not seen before all of it is there."""
_LIKELY = ("image/png", "application/json", "application/x-npz", "image/jpeg")


class RemoteArtefacts(Artefacts):
    """Objects ``ab/abcdef….jpg`` below a URL, in place of files in a folder."""

    def __init__(self, bucket: Bucket) -> None:
        super().__init__(Path(bucket.url))
        self.bucket = bucket
        self._opened: tuple[Any, str] | None = None

    def put(self, content: bytes, media_type: str) -> str:
        """Keep ``content`` and return its digest; the same content of one type is kept once.

        Raises
        ------
        StoreError
            If it cannot be written; the text holds no secret.
        """
        digest = sha256(content).hexdigest()
        path = self._path(digest, EXTENSIONS.get(media_type, ".bin"))
        fs, _ = self._files()
        try:
            if not fs.exists(path):
                fs.pipe_file(path, content)
        except Exception as error:  # each store has errors of its own
            raise self._refused(path, "cannot be written", error) from None
        return digest

    def exists(self, digest: str) -> bool:
        """Whether an object of this digest is kept."""
        return self._kept_as(digest) is not None

    def get(self, digest: str) -> bytes:
        """Return the content of an object.

        Raises
        ------
        StoreError
            If it is not there, cannot be read or is no longer what its name says.
        """
        fs, _ = self._files()
        for extension in _extensions():
            path = self._path(digest, extension)
            try:
                content: bytes = fs.cat_file(path)
            except FileNotFoundError:
                continue
            except Exception as error:
                raise self._refused(path, "cannot be read", error) from None
            if sha256(content).hexdigest() != digest:
                raise StoreError(f"{self.bucket}/{path}: the content is damaged, it does not match its digest")
            return content
        raise StoreError(f"{self.bucket}: holds no artefact {digest}")

    def media_type(self, digest: str) -> str:
        """Return the media type of an object."""
        found = self._kept_as(digest)
        if found is None:
            raise StoreError(f"{self.bucket}: holds no artefact {digest}")
        return found

    def sweep(self, older_than_s: float = 3600.0) -> int:  # noqa: ARG002 as of a folder
        """Return 0: nothing half written is ever left behind that could be seen."""
        return 0

    def path(self, digest: str) -> Path:
        """Raise StoreError: what is in a bucket has no path here."""
        raise StoreError(f"{self.bucket}: {digest[:80]} is no file of this machine")

    def remove(self, digest: str) -> None:
        """Remove the objects of a digest, if there are any.

        Raises
        ------
        StoreError
            If one cannot be removed.
        """
        fs, _ = self._files()
        for extension in _extensions():
            path = self._path(digest, extension)
            try:
                if fs.exists(path):
                    fs.rm_file(path)
            except FileNotFoundError:
                continue
            except Exception as error:
                raise self._refused(path, "cannot be removed", error) from None

    def older_than(self, seconds: float) -> Iterator[list[str]]:
        """Yield the digests of objects that were written longer ago than that, folder by folder."""
        fs, root = self._files()
        oldest = datetime.now(UTC) - timedelta(seconds=seconds)
        try:
            for folder in sorted(fs.ls(root, detail=False)) if fs.exists(root) else ():
                entries = {_stem(one["name"]): _written(one) for one in fs.ls(folder, detail=True)}
                yield [stem for stem, at in entries.items() if is_digest(stem) and at is not None and at < oldest]
        except OSError as error:
            raise self._refused(root, "cannot be listed", error) from None

    def _kept_as(self, digest: str) -> str | None:
        fs, _ = self._files()
        types = {extension: media_type for media_type, extension in EXTENSIONS.items()}
        for extension in _extensions():
            path = self._path(digest, extension)
            try:
                if fs.exists(path):
                    return types[extension]
            except Exception as error:
                raise self._refused(path, "cannot be read", error) from None
        return None

    def _path(self, digest: str, extension: str) -> str:
        if not is_digest(digest):
            raise StoreError(f"{digest[:80]!r} is no artefact digest")
        _, root = self._files()
        return f"{root}/{digest[:2]}/{digest}{extension}"

    def _files(self) -> tuple[Any, str]:
        """The file system and the path below which everything is; opened at first use."""
        if self._opened is None:
            scheme = self.bucket.url.partition("://")[0]
            if scheme not in WHOLE:
                raise StoreError(f"{self.bucket}: objects are kept in one of {', '.join(sorted(WHOLE))}")
            try:
                from fsspec.core import url_to_fs

                fs, root = url_to_fs(self.bucket.url, use_listings_cache=False, **self.bucket.options)
            except ImportError:
                raise StoreError(f"{self.bucket}: needs another package: pip install 'shiftwatch[s3]'") from None
            except Exception as error:
                raise self._refused("", "cannot be opened", error) from None
            self._opened = fs, str(root).rstrip("/")
        return self._opened

    def _refused(self, path: str, what: str, error: Exception) -> StoreError:
        """An error of the store as one line; its own text may quote requests with keys in them and goes nowhere."""
        code = getattr(error, "strerror", None) or type(error).__name__
        return StoreError(f"{path or self.bucket}: {what} ({code})")


def _stem(name: str) -> str:
    return name.rpartition("/")[2].partition(".")[0]


def _written(entry: dict[str, Any]) -> datetime | None:
    """When an object was written, by whichever name its store tells it."""
    at = entry.get("LastModified") or entry.get("created") or entry.get("mtime")
    if isinstance(at, int | float):
        return datetime.fromtimestamp(at, UTC)
    if not isinstance(at, datetime):
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _extensions() -> list[str]:
    likely = [EXTENSIONS[one] for one in _LIKELY]
    return [*likely, *(one for one in EXTENSIONS.values() if one not in likely)]
