"""A report as Markdown. Names, notes and causes come from outside: nothing in them is markup."""

from pathlib import Path

from app.handover.blocks import Block, Blocks, Heading, Items, Picture, Table, Text

_MARKUP = frozenset("\\`*_{}[]<>|#~&$!")


def markdown(blocks: Blocks, pictures: str = "") -> str:
    """Return the report; pictures are links to files beside it in the folder ``pictures``, or told in words."""
    return "\n\n".join(_block(block, pictures) for block in blocks) + "\n"


def save_pictures(blocks: Blocks, folder: Path) -> None:
    """Write the pictures that the report links to.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    for block in blocks:
        if isinstance(block, Picture):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{block.name}.png").write_bytes(block.content)


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, in one line."""
    return "".join(f"\\{letter}" if letter in _MARKUP else letter for letter in " ".join(text.split()))


def _block(block: Block, pictures: str) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {escaped(text)}"
        case Text(text, strong):
            return f"**{escaped(text)}**" if strong else escaped(text)
        case Items(items):
            return "\n".join(f"- {escaped(item)}" for item in items)
        case Table():
            return _table(block)
        case Picture(name, _, about):
            return f"![{escaped(about)}]({pictures}/{name}.png)" if pictures else escaped(f"(Picture: {about})")


def _table(table: Table) -> str:
    rule = ["---:" if place in table.numbers else "---" for place in range(len(table.heads))]
    rows = [[escaped(cell) for cell in row] for row in (table.heads, *table.rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))
