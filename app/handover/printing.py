"""A report as PDF (A4), through fpdf2, with fonts of our own: it needs no browser and nothing of the system."""

from datetime import datetime
from io import BytesIO
from pathlib import Path

from fpdf import FPDF, FontFace
from fpdf.enums import TableBordersLayout

from app.handover.blocks import Block, Blocks, Heading, Items, Picture, Table, Text

FONTS = Path(__file__).parent / "fonts"
FAMILY = "DejaVu"
_SIZES = {1: 17, 2: 12, 3: 10.5}
_BODY, _SMALL, _LINE_MM = 9.5, 8.5, 5.0
_KEPT_TOGETHER_MM = 35
"""A heading is not left alone at the foot of a page."""
_GREY, _RULE = (90, 98, 106), (200, 206, 212)
_NOT_THERE = "\N{WHITE SQUARE}"


class _Document(FPDF):
    """A4 pages with their number and the report's name at the foot."""

    name = ""

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font(FAMILY, size=7.5)
        self.set_text_color(*_GREY)
        self.cell(0, 5, f"{self.name}    {self.page_no()} / {{nb}}", align="C")


def pdf(blocks: Blocks, made_at: datetime) -> bytes:
    """Return the report as a PDF file; letters that its fonts lack become a square."""
    document = _Document(format="A4")
    document.add_font(FAMILY, "", FONTS / "DejaVuSans.ttf")
    document.add_font(FAMILY, "B", FONTS / "DejaVuSans-Bold.ttf")
    document.set_margins(16, 14)
    document.set_auto_page_break(True, 16)
    document.set_creation_date(made_at)
    document.name = _known(document, next((block.text for block in blocks if isinstance(block, Heading)), "Report"))
    document.set_title(document.name)
    document.set_lang("en")
    document.add_page()
    for block in blocks:
        _draw(document, block)
    return bytes(document.output())


def _draw(document: _Document, block: Block) -> None:
    document.set_text_color(28, 32, 36)
    match block:
        case Heading(text, level):
            if document.will_page_break(_KEPT_TOGETHER_MM):
                document.add_page()
            document.ln(1 if level == 1 else 3)
            _write(document, text, _SIZES[level], "B")
        case Text(text, strong):
            _write(document, text, _BODY, "B" if strong else "")
        case Items(items):
            for item in items:
                _write(document, f"\N{BULLET} {item}", _BODY, "")
        case Table():
            _table(document, block)
        case Picture(_, content, about):
            document.image(BytesIO(content), w=document.epw, alt_text=about)
    document.ln(1.5)


def _write(document: _Document, text: str, size: float, style: str) -> None:
    document.set_font(FAMILY, style, size)
    document.multi_cell(0, size * 0.52, _known(document, text), align="L", new_x="LMARGIN", new_y="NEXT")


def _table(document: _Document, table: Table) -> None:
    document.set_font(FAMILY, "", _SMALL)
    document.set_draw_color(*_RULE)
    aligned = tuple("RIGHT" if place in table.numbers else "LEFT" for place in range(len(table.heads)))
    with document.table(
        col_widths=tuple(table.widths),
        text_align=aligned,
        line_height=_LINE_MM - 0.6,
        padding=(0.7, 1.4),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=FontFace(emphasis="", color=_GREY),
    ) as drawn:
        for cells in (table.heads, *table.rows):
            row = drawn.row()
            for cell in cells:
                row.cell(_known(document, cell))


def _known(document: _Document, text: str) -> str:
    """The text with what its fonts lack replaced; unbroken words are kept short enough for a column."""
    glyphs = document.fonts[FAMILY.lower()].cmap  # type: ignore[union-attr]
    plain = " ".join(text.split())
    return "".join(letter if ord(letter) in glyphs else _NOT_THERE for letter in plain)
