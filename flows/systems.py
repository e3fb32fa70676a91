"""The list of systems, one line each. Nothing of a system is imported before it is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from core.contracts import System
from core.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Entry:
    """Where the parts of a system are (``package.module:NAME``); training and calibration may be absent."""

    system: str
    train: str | None = None
    calibrate: str | None = None


SYSTEMS: Mapping[str, Entry] = {
    "flex": Entry(
        "inspection.flex.system:FLEX", "inspection.flex.training:train", "inspection.flex.training:calibrate"
    ),
}


def find_entry(name: str) -> Entry:
    """Return the entry of a system, by its name or (a site's own system, a test) as ``package.module:NAME``.

    Raises
    ------
    SettingsError
        If there is none; the text lists those there are.
    """
    if ":" in name:
        return Entry(name)
    if name not in SYSTEMS:
        raise SettingsError(f"no system called {name!r}; there is: {', '.join(sorted(SYSTEMS))}")
    return SYSTEMS[name]


def load_system(name: str) -> System:
    """Import a system.

    Raises
    ------
    SettingsError
        If there is none of this name, or it cannot be imported.
    """
    system = load(find_entry(name).system)
    if not isinstance(system, System):
        raise SettingsError(f"{name}: {system!r} is no System")
    return system


def load(target: str) -> Any:
    """Import what ``package.module:NAME`` names.

    Raises
    ------
    SettingsError
        If it is not there.
    """
    module, _, attribute = target.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(f"{target}: cannot be imported ({error})") from error
