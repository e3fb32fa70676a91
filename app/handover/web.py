"""A report as one HTML page without anything outside it, to be read, printed or attached to a logbook entry."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from itertools import repeat

from app.handover.blocks import Block, Blocks, Heading, Items, Picture, Table, Text

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = (
    "body{font:15px/1.45 'DejaVu Sans',Arial,sans-serif;color:#1c2024;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.6rem}h2{font-size:1.15rem;margin:1.6rem 0 .4rem}"
    "table{border-collapse:collapse;width:100%;font-size:.9rem}"
    "th{text-align:left;font-weight:400;color:#5a626a;border-bottom:1px solid #9aa2aa}"
    "th,td{padding:.25rem .7rem .25rem 0;vertical-align:top;overflow-wrap:anywhere}"
    "td{border-bottom:1px solid #e2e6ea}.n{text-align:right;white-space:nowrap}"
    "img{width:100%}@media print{body{margin:0}h2{break-after:avoid}tr,img{break-inside:avoid}}"
)


def page(blocks: Blocks) -> str:
    """Return the report as a page of its own."""
    title = next((block.text for block in blocks if isinstance(block, Heading)), "Report")
    head = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><title>{escape(title)}</title>'
    )
    return f"{head}<style>{_STYLE}</style></head><body>{body(blocks)}</body></html>\n"


def body(blocks: Blocks) -> str:
    """Return what stands in the page."""
    return "".join(_block(block) for block in blocks)


def _block(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Text(text, strong):
            return f"<p><b>{escape(text)}</b></p>" if strong else f"<p>{escape(text)}</p>"
        case Items(items):
            return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"
        case Table():
            return _table(block)
        case Picture(_, content, about):
            return f'<img alt="{escape(about)}" src="data:image/png;base64,{b64encode(content).decode()}">'


def _table(table: Table) -> str:
    rows = [_row(table, table.heads, "th"), *(_row(table, row, "td") for row in table.rows)]
    shares = "".join(f'<col style="width:{width / sum(table.widths):.1%}">' for width in table.widths)
    head = f'<table class="plain"><colgroup>{shares}</colgroup><thead>{rows[0]}</thead>'
    return f"{head}<tbody>{''.join(rows[1:])}</tbody></table>"


def _row(table: Table, cells: Sequence[str], tag: str) -> str:
    looks = [' class="n number"' if place in table.numbers else "" for place in range(len(table.heads))]
    return f"<tr>{''.join(map(_cell, cells, looks, repeat(tag)))}</tr>"


def _cell(text: str, look: str, tag: str) -> str:
    return f"<{tag}{look}>{escape(text)}</{tag}>"
