"""Serial numbers of the ATLAS ITk production database; any other serial is fine, it just says nothing more."""

from dataclasses import dataclass
from typing import Any

import itksn


@dataclass(frozen=True, slots=True)
class Serial:
    """What an ATLAS serial number says: component, manufacturer (where the component has one) and number."""

    text: str
    component: str
    manufacturer: str | None
    number: str | None


def parse_serial(text: str) -> Serial | None:
    """Return what an ATLAS serial number says, or None for any other text."""
    try:
        parsed: Any = itksn.parse(text.encode("ascii"))
        identifier = parsed.identifier
        component = str(parsed.component_code)
    except Exception:  # construct raises many kinds, none of which matters: the text is no ATLAS serial number
        return None
    fields = dict(identifier.items()) if hasattr(identifier, "items") else {"number": identifier}
    makers = (str(value) for key, value in fields.items() if key.lower().endswith(("manufacturer", "vendor")))
    maker = next((name for name in makers if name.lower() != "none"), None)
    return Serial(text, component, maker, _number(fields.get("number")))


def _number(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("ascii", "replace")
    return None if value is None else str(value)
