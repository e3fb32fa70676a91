"""A labelled set out of what people answered: one line of JSON for each thing, and the files that it is about."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from core.errors import SettingsError, StoreError
from core.store import Store
from core.store.answers import Label, labels
from core.store.artefacts import EXTENSIONS, Artefacts
from core.store.views import Judgement

LABELS = "labels.jsonl"
INPUTS, EVIDENCE = "inputs", "evidence"


def export(store: Store, system: str, out: Path, since: datetime | None = None) -> tuple[int, int]:
    """Write the labelled set of a system into a folder; return how many labels it has, and how many of them inputs.

    An input is copied if it still is the file that was judged (same SHA-256); pictures and tables are copied from
    the store. A set that is there is replaced as a whole, file by file.

    Raises
    ------
    SettingsError
        The folder cannot be written.
    """
    count = found = 0
    try:
        out.mkdir(parents=True, exist_ok=True)
        part = out / f".{LABELS}.part"
        with part.open("w", encoding="utf-8") as file:
            for label in labels(store.database, system, since):
                line = _line(store.artefacts, label, out)
                count, found = count + 1, found + (line["input"] is not None)
                file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        part.replace(out / LABELS)
    except OSError as error:
        raise SettingsError(f"--out {out}: cannot be written ({error.strerror or error})") from None
    return count, found


def truth(label: Label) -> str | None:
    """Return what it truly was, as a class to learn: the cause the person settled on, ``nominal``, None if not told."""
    if label.judgement is Judgement.FALSE_ALARM:
        return "nominal"
    if label.judgement is Judgement.WRONG_CAUSE:
        return label.cause
    return label.cause or label.proposed


def _line(artefacts: Artefacts, label: Label, out: Path) -> dict[str, Any]:
    content = asdict(label) | {"truth": truth(label), "input": _input(label, out)}
    content["evidence"] = dict(_evidence(artefacts, label, out))
    for name in ("observed_at", "at"):
        content[name] = content[name].isoformat()
    return content


def _input(label: Label, out: Path) -> str | None:
    source = Path(label.origin)
    try:
        if not label.sha256 or not source.is_file() or _digest(source) != label.sha256:
            return None
    except (OSError, ValueError):
        return None
    name = f"{INPUTS}/{label.sha256}{source.suffix}"
    _copy(source, out / name)
    return name


def _evidence(artefacts: Artefacts, label: Label, out: Path) -> Iterator[tuple[str, str]]:
    for name, digest in label.evidence.items():
        try:
            kept = f"{digest}{EXTENSIONS[artefacts.media_type(digest)]}"
            content = artefacts.get(digest)
        except StoreError:
            continue
        _put(content, out / EVIDENCE / kept)
        yield name, f"{EVIDENCE}/{kept}"


def _put(content: bytes, target: Path) -> None:
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        part.write_bytes(content)
        part.replace(target)


def _copy(source: Path, target: Path) -> None:
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        shutil.copyfile(source, part)
        part.replace(target)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return sha256(file.read()).hexdigest()
