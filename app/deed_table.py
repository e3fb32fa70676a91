"""The trail of deeds as a table to take home: one line each, cells that a spreadsheet takes for what they are."""

import csv
import io
from collections.abc import Sequence

from core.store.views import AuditView

HEADS = ("at", "author", "role", "via", "deed", "system", "subject", "note", "allowed")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(deeds: Sequence[AuditView]) -> bytes:
    """Return deeds as CSV with a byte-order mark, times as ISO 8601 in UTC.

    A cell that a spreadsheet would run as a formula begins with an apostrophe (OWASP, CSV injection).
    """
    made = io.StringIO(newline="")
    writer = csv.writer(made)
    writer.writerow(HEADS)
    for deed in deeds:
        words = (deed.author, deed.role, deed.via, deed.deed, deed.system, deed.subject, deed.note)
        cells = (_inert(word) for word in words)
        writer.writerow((deed.at.isoformat(), *cells, "yes" if deed.allowed else "no"))
    return made.getvalue().encode("utf-8-sig")


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
