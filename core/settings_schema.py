"""The schema of the settings, as editors and checkers of TOML read it: ``deploy/settings.schema.json``."""

import json
from typing import Any

from core.settings import Settings


def schema() -> dict[str, Any]:
    """Return the JSON schema of ``shiftwatch.toml``."""
    found = Settings.model_json_schema()
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    found["title"] = "Settings of shiftwatch"
    found["description"] = "One TOML file, shiftwatch.toml; checked by: shiftwatch doctor --settings FILE"
    return found


def schema_text() -> str:
    """Return it as it is published."""
    return json.dumps(schema(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
