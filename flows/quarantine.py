"""Inputs that can never be used are kept with the reason, each whole or not at all."""

import hashlib
import json
import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from core.contracts import Arrival

NAME_BYTES = 120


def keep(folder: Path, arrival: Arrival, source: str, reason: str, at: datetime) -> Path:
    """Copy the file behind an arrival to ``folder`` and write its reason beside it; return the path of the reason.

    The reason is written last: where it is, the copy is complete. Keeping the same arrival again changes nothing else.

    Raises
    ------
    OSError
        If the folder cannot be written or the disk is full. An unreadable *input* is no error: then only the reason
        is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    original = Path(arrival.origin)
    name = f"{hashlib.sha256(arrival.ticket.encode(errors='replace')).hexdigest()[:12]}_{_short(original.name)}"
    digest = _copy(original, folder / name)
    note: dict[str, Any] = {
        "reason": reason,
        "origin": arrival.origin,
        "source": source,
        "ticket": arrival.ticket,
        "at": at.isoformat(),
        "file": name if digest else None,
        "sha256": digest,
    }
    path = folder / f"{name}.reason.json"
    content = json.dumps(note, indent=1).encode()
    _write(path, content)
    return path


def _copy(original: Path, target: Path) -> str | None:
    """Copy and return the digest, or None if there is no plain, readable file."""
    try:
        if not original.is_file():
            return None
        source = original.open("rb")
    except (OSError, ValueError):
        return None
    part = target.with_name(f".{target.name}.part")
    with source:
        try:
            with part.open("wb") as copy:
                shutil.copyfileobj(source, copy)
                _flush(copy)
            part.replace(target)
        except OSError:
            part.unlink(missing_ok=True)
            raise
    with target.open("rb") as copy:
        return hashlib.file_digest(copy, "sha256").hexdigest()


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            _flush(file)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _flush(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _short(name: str) -> str:
    """Keep the end of a name, within what a file system takes, and nothing that it could trip over."""
    plain = "".join(c if c.isprintable() and c not in "/\\" else "_" for c in name)
    return plain.encode(errors="replace")[-NAME_BYTES:].decode(errors="ignore") or "unnamed"
