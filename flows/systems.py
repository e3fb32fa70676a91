"""The list of systems, one line each. Nothing of a system is imported before it is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from typing import Any

from core.contracts import System
from core.errors import SettingsError
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Entry:
    """Where the parts of a system are (``package.module:NAME``); training and calibration may be absent.

    ``needs`` is the setting (``section.name``) without which a site is not connected: its watch is then not served.
    """

    system: str
    train: str | None = None
    calibrate: str | None = None
    needs: str | None = None


SYSTEMS: Mapping[str, Entry] = {
    "flex": Entry(
        "inspection.flex.system:FLEX",
        train="inspection.flex.training:train",
        calibrate="inspection.flex.training:calibrate",
    ),
    "its": Entry(
        "dqm.its.system:ITS",
        needs="its.qcdb_url",
        train="dqm.its.training:train",
        calibrate="dqm.its.training:calibrate",
    ),
    "collimation": Entry(
        "accelerator.collimation.system:COLLIMATION",
        train="accelerator.collimation.teaching:train",
        calibrate="accelerator.collimation.teaching:calibrate",
    ),
    "schlieren": Entry(
        "accelerator.schlieren.system:SCHLIEREN",
        train="accelerator.schlieren.teaching:train",
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


def missing_setting(name: str, settings: Settings) -> str | None:
    """Return the environment variable that must be set before a system can be watched, None if nothing is missing."""
    needs = find_entry(name).needs
    if needs is None or attrgetter(needs)(settings) is not None:
        return None
    return f"SHIFTWATCH_{needs.replace('.', '__').upper()}"


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


def known_as(name: str) -> str:
    """Return the name under which the store knows a system; a site's own is told as ``package.module:NAME``."""
    return load_system(name).name if ":" in name else name


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
