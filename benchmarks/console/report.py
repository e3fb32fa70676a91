"""The figures as Markdown, beside what they shall be."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MEDIAN_MS, P95_MS = 300.0, 800.0
_PAGE_HEADS = ("page", "refreshes every", "median ms", "95 % ms", "server CPU ms", "kB", "errors", "load", "")


def table(found: Mapping[str, Any]) -> str:
    """Return the tables of one store."""
    return "\n".join(line for part, one in found.items() for line in _part(part, one["about"], one["figures"]))


def _part(name: str, about: Mapping[str, Any], figures: Any) -> Iterator[str]:
    where = f"{about['database']}, {about['observations']} verdicts"
    yield f"**{name}**: {where}, revision {about['revision']}, {about['run']}"
    yield ""
    if name == "pages":
        yield from _table(_PAGE_HEADS, [_page_row(one) for one in figures])
    else:
        rows = figures if isinstance(figures, list) else [figures]
        yield from _table(tuple(rows[0]), [tuple(str(cell) for cell in one.values()) for one in rows])
    yield ""


def _page_row(one: Mapping[str, Any]) -> tuple[str, ...]:
    over = one["median_ms"] > MEDIAN_MS or one["p95_ms"] > P95_MS
    return (
        one["page"],
        f"{one['every_s']:.0f} s" if one["every_s"] else "",
        f"{one['median_ms']:.0f}",
        f"{one['p95_ms']:.0f}",
        f"{one['cpu_ms']:.0f}",
        f"{one['kilobytes']:.0f}",
        str(one["errors"]),
        str(one["load"]),
        "over" if over else "",
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"| --- |{' ---: |' * (len(heads) - 1)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
