"""Where artefacts are kept if not in a folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where objects are: a URL like ``s3://bucket/folder``, and what fsspec is told about it (never shown)."""

    url: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return self.url
