"""The card of a model package: what it is, what it learned from, how good it is, and the digest of every file."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from core.errors import ModelError

CARD_FILE = "card.json"
MAX_CARD_BYTES = 16 * 2**20
FILE_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*\.(onnx|npz)"
VERSION_LENGTH = 12


class Card(BaseModel):
    """What ``card.json`` holds.

    ``training_data`` is the digest of what it learned from; ``metrics`` how well it did; ``calibration`` the
    thresholds that a false-alarm budget led to; ``details`` whatever else its detector needs (plain JSON).
    ``version`` is the start of the digest of all of it except ``created_at``: the same training gives the same version.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    name: str = Field(min_length=1)
    version: str = ""
    system: str = Field(min_length=1)
    created_at: AwareDatetime
    seed: int
    training_data: str
    metrics: dict[str, JsonValue] = Field(default_factory=dict)
    calibration: dict[str, JsonValue] = Field(default_factory=dict)
    details: dict[str, JsonValue] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The content hash: SHA-256 (hexadecimal) of the card, file digests included, without version and date."""
        content = self.model_dump(mode="python", exclude={"version", "created_at"})
        return sha256(_canonical(content).encode()).hexdigest()

    def sealed(self, files: Mapping[str, str]) -> "Card":
        """Return the card with these file digests and the version that follows from them."""
        card = self.model_copy(update={"files": dict(files)})
        return card.model_copy(update={"version": card.digest[:VERSION_LENGTH]})

    def to_text(self) -> str:
        """Return the text of ``card.json``."""
        content = self.model_dump(mode="python") | {"created_at": self.created_at.isoformat()}
        return json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n"


def new_card(**fields: Any) -> Card:
    """Return a card that has no files yet.

    Raises
    ------
    ModelError
        If a field is missing, unknown, not plain JSON or not finite.
    """
    try:
        card = Card(**fields)
        _canonical(card.model_dump(mode="python", exclude={"created_at"}))
    except ValidationError as error:
        raise ModelError(f"model card of {fields.get('name')!r}: {_lines(error)}") from None
    except ValueError as error:
        raise ModelError(f"model card of {fields.get('name')!r}: {error}") from None
    return card


def read_card(folder: Path) -> Card:
    """Read and check ``card.json`` of a package folder.

    Raises
    ------
    ModelError
        If it is missing, no card, or does not fit its own version.
    """
    path = folder / CARD_FILE
    try:
        if path.stat().st_size > MAX_CARD_BYTES:
            raise ModelError(f"{path}: larger than {MAX_CARD_BYTES} bytes, no model card")
        card = Card.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ModelError(f"{path}: missing, so {folder} is no model package") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        raise ModelError(f"{path}: damaged model card ({_lines(error)})") from None
    if card.version != card.digest[:VERSION_LENGTH]:
        raise ModelError(f"{path}: damaged model card (content gives version {card.digest[:12]}, not {card.version!r})")
    return card


def _canonical(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _lines(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'card'}: {e['msg']}" for e in error.errors())
