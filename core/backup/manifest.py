"""What a backup says of itself: the last entry of its file, so that one that was cut short has none."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from core.store.contents import Content

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database/dump"
HOME, MODELS = "home", "models"
"""Under these names a backup keeps the files of the home, and of the site's models where they lie elsewhere."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One file in a backup."""

    sha256: str
    bytes: int
    mtime_ns: int = 0
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a backup and where it came from; ``left_out``: files that could not be kept, each with the reason."""

    made_at: datetime
    version: str
    kind: str
    server: str
    revision: str
    home: str
    tables: Mapping[str, Content]
    files: Mapping[str, Kept]
    left_out: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def rows(self, table: str) -> int:
        """Return how many rows a table had, 0 if it was not there."""
        return self.tables[table].rows if table in self.tables else 0

    def to_json(self) -> bytes:
        """Return it as the content of the entry ``manifest.json``."""
        return json.dumps(asdict(self) | {"made_at": self.made_at.isoformat()}, indent=1).encode()


def from_json(content: bytes) -> Manifest:
    """Read a manifest.

    Raises
    ------
    ValueError
        If it is none, or one of a format that only a newer release knows; the text says which.
    """
    told: Any = json.loads(content)
    if not isinstance(told, dict) or not isinstance(told.get("format"), int):
        raise ValueError("its manifest is none of shiftwatch")
    if told["format"] > FORMAT:
        raise ValueError(f"it has format {told['format']}, this release knows up to {FORMAT}: it is of a newer one")
    try:
        told["made_at"] = datetime.fromisoformat(told["made_at"])
        told["tables"] = {name: Content(**one) for name, one in told["tables"].items()}
        told["files"] = {name: Kept(**one) for name, one in told["files"].items()}
        return Manifest(**told)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"its manifest is damaged ({error})") from None


def program_version() -> str:
    """Return the version of this program."""
    try:
        return version("shiftwatch")
    except PackageNotFoundError:
        return "unknown"
