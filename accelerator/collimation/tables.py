"""The tables that the package ships (``data/README.md`` names source and licence of each), read once."""

import csv
from functools import cache
from importlib import resources
from typing import TypeAlias

Row: TypeAlias = dict[str, str]


@cache
def rows(name: str) -> tuple[Row, ...]:
    """Return the rows of ``data/NAME.csv`` as text by column."""
    text = resources.files(__package__).joinpath("data", f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))
