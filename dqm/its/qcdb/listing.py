"""Lists of what the QCDB holds: one row a version of an object, in either spelling of its fields."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.errors import SourceError

FIELDS = "path,ETag,Valid-From,Valid-Until,Created,Last-Modified,Content-Length,fileName,metadata"
MAX_METADATA, MAX_TEXT = 100, 1000
LAST_MS = 253_402_300_799_000
_ETAG, _FROM, _UNTIL = ("ETag", "id", "etag"), ("Valid-From", "validFrom"), ("Valid-Until", "validUntil")
_CREATED, _SIZE = ("Created", "createTime"), ("Content-Length", "size")
_HTTP = (
    *("Content-MD5", "Content-Type", "Content-Disposition", "Content-Location", "Content-Encoding", "Location", "Date"),
    *("Accept-Ranges", "Connection", "Server", "Cache-Control", "Expires", "Transfer-Encoding", "Keep-Alive", "Pragma"),
)
_DESCRIBING = (
    *("path", "Last-Modified", "lastModified", "fileName", "replicas", "InitialValidityLimit", "initialValidity"),
    *("md5", "contentType", "UploadedFrom", "uploadedFrom", "partName", "Vary"),
)
_NOT_METADATA = frozenset(name.lower() for name in (*_HTTP, *_DESCRIBING, *_ETAG, *_FROM, *_UNTIL, *_CREATED, *_SIZE))


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object; times in ms since 1970, ``metadata`` as texts."""

    path: str
    etag: str
    valid_from_ms: int
    valid_until_ms: int
    created_ms: int
    size: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listing:
    """Answer to a question for a list; ``unusable`` says what was wrong with rows left out of ``versions``."""

    versions: tuple[Version, ...]
    subfolders: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()
    answered_at: datetime | None = None


def parse_listing(body: bytes, origin: str, answered_at: datetime | None = None) -> Listing:
    """Read the JSON answer to ``/browse`` or ``/latest``.

    Fields come as ``ETag``, ``Valid-From``, ``Valid-Until``, ``Created``, ``Content-Length`` or as ``id``,
    ``validFrom``, ``validUntil``, ``createTime``, ``size``; their values as numbers or texts, ETags with or without
    quotes; metadata lie flat beside them. (Clients of the QCDB: CcdbService.js of AliceO2Group/WebUi, Ccdb.py of the
    RepoCleaner in AliceO2Group/QualityControl.)

    Raises
    ------
    core.errors.SourceError
        If it is no such list; names ``origin``.
    """
    try:
        answer = json.loads(body.decode("utf-8", errors="replace"), strict=False)
    except (ValueError, RecursionError):
        raise SourceError(f"{origin}: answers no JSON ({body[:60]!r})") from None
    rows = answer.get("objects") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise SourceError(f"{origin}: answers no list of objects")
    versions, unusable = list[Version](), list[str]()
    for row in rows:
        try:
            versions.append(_version(row))
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            unusable.append(f"{origin}: row left out ({error}): {str(row)[:120]}")
    folders = answer.get("subfolders")
    names = tuple(str(name) for name in folders) if isinstance(folders, list) else ()
    return Listing(tuple(versions), names, tuple(unusable), answered_at)


def bare(etag: object) -> str:
    """Return an ETag without its quotes."""
    return str(etag).strip().removeprefix("W/").strip('"')


def milliseconds(value: Any) -> int:
    """Return a time as a number.

    Raises
    ------
    ValueError
        If it is none of the time since 1970, or beyond the year 9999.
    """
    number = int(value)
    if not 0 <= number <= LAST_MS:
        raise ValueError(f"{number} ms is no time")
    return number


def metadata_of(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return what of the fields of a row (or the headers of an answer) is metadata, cut to a bearable size."""
    pairs = ((str(name), value) for name, value in fields.items() if isinstance(value, str | int | float))
    kept = [(name[:MAX_TEXT], str(value)[:MAX_TEXT]) for name, value in pairs if name.lower() not in _NOT_METADATA]
    return dict(kept[:MAX_METADATA])


def _version(row: Mapping[str, Any]) -> Version:
    if not isinstance(row, dict):
        raise TypeError("is no object")
    path = row["path"]
    if not isinstance(path, str) or not path.strip("/"):
        raise ValueError("no path")
    flat = {**row, **row["metadata"]} if isinstance(row.get("metadata"), dict) else row
    return Version(
        path=path.strip("/"),
        etag=bare(_first(row, _ETAG)),
        valid_from_ms=milliseconds(_first(row, _FROM)),
        valid_until_ms=milliseconds(_first(row, _UNTIL)),
        created_ms=milliseconds(_first(row, _CREATED)),
        size=_size(row),
        metadata=metadata_of(flat),
    )


def _size(row: Mapping[str, Any]) -> int | None:
    given = [row[name] for name in _SIZE if row.get(name) not in {None, ""}]
    return int(given[0]) if given else None


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        if isinstance(row.get(name), str | int | float):
            return row[name]
    raise KeyError(names[0])
