"""What a report is made of, whatever it is written as. All text is plain: each writer makes it safe in its own way."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a part; level 1 is that of the report."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; ``strong``: what must not be missed."""

    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; ``numbers`` are the columns set to the right, ``widths`` the shares of the columns on a page."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    widths: Sequence[float]
    numbers: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn picture (PNG) and what it shows in words."""

    name: str
    content: bytes
    about: str


Block = Heading | Text | Items | Table | Picture
Blocks = tuple[Block, ...]
