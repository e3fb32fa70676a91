"""Column types that keep hostile or careless values out of the tables."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum, StrEnum
from hashlib import sha256
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import JSON, DateTime, Dialect, Float, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from core.clock import as_utc
from core.errors import StoreError

NAME_LENGTH = 200
_DIRECTIONAL = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
Word = TypeVar("Word", bound=StrEnum)


def word(kind: type[Word], value: str) -> Word:
    """Return the member of ``kind`` that ``value`` names.

    Raises
    ------
    StoreError
        If it names none; the text lists them.
    """
    try:
        return kind(value)
    except ValueError:
        allowed = ", ".join(member.value for member in kind)
        raise StoreError(f"{value!r} is none of {allowed}") from None


def plain_text(text: str) -> str:
    """Return ``text`` without what UTF-8 or PostgreSQL cannot hold (lone surrogates of odd file names, NUL).

    Marks that turn the direction of writing are written out, so that no name or comment can make what stands
    beside it read otherwise (https://trojansource.codes).
    """
    clean = text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\x00", "\\x00")
    return _DIRECTIONAL.sub(lambda mark: f"\\u{ord(mark[0]):04x}", clean)


def plain_name(text: str) -> str:
    """Return ``text`` as a name that fits an index: longer ones end in their digest, so they stay distinct."""
    name = plain_text(text)
    if len(name) <= NAME_LENGTH:
        return name
    digest = sha256(name.encode()).hexdigest()[:16]
    return f"{name[: NAME_LENGTH - len(digest) - 1]}~{digest}"


def plain_number(number: float | None) -> float | None:
    """Return ``number`` as a Python float; what is not finite becomes None."""
    return float(number) if number is not None and math.isfinite(number) else None


def plain_json(value: Any) -> Any:  # noqa: PLR0911
    """Return ``value`` as JSON that both databases hold: plain types, finite numbers, clean text.

    Raises
    ------
    TypeError
        If something in it is no JSON.
    """
    if isinstance(value, Enum):
        return plain_json(value.value)
    if isinstance(value, np.generic | np.ndarray):
        return plain_json(value.tolist())
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return plain_number(value)
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, Mapping):
        return {plain_text(str(name)): plain_json(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain_json(item) for item in value]
    if isinstance(value, datetime):
        return as_utc(value).isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, kept in UTC. SQLite drops time zones: they are taken off and put back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        instant = as_utc(value)
        return instant.replace(tzinfo=None) if dialect.name == "sqlite" else instant

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class PlainText(TypeDecorator[str]):
    """Text of any length."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else plain_text(value)


class Name(TypeDecorator[str]):
    """Text of at most 200 characters that is looked up."""

    impl = String(NAME_LENGTH)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else plain_name(value)


class PlainFloat(TypeDecorator[float]):
    """A finite number or NULL."""

    impl = Float(53)
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:  # noqa: ARG002
        return plain_number(value)


class PlainJson(TypeDecorator[Any]):
    """JSON (JSONB in PostgreSQL)."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(JSONB() if dialect.name == "postgresql" else JSON())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        return plain_json(value)
