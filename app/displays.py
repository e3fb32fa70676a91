"""The ``display`` module of every system there is: its words for alarms and observations, without its detector."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from core.coincidence.followed import Followed, Modes

FIELDS = ("dqm", "inspection", "accelerator")


@cache
def displays() -> dict[str, ModuleType]:
    """Return the modules by name of their system."""
    found = [import_module(name) for name in _names(FIELDS)]
    return {str(module.SYSTEM): module for module in found}


def title(system: str) -> str:
    """Return what people call a system."""
    module = displays().get(system)
    return str(module.TITLE) if module else system


def causes(system: str) -> Mapping[str, str]:
    """Return the causes that a system knows, by name with plain words, as far as its display lists them."""
    module = displays().get(system)
    return dict(getattr(module, "CAUSES", {}))


def followed(system: str) -> tuple[Followed, ...]:
    """Return the numbers of a system that are compared with those of others."""
    return tuple(getattr(displays().get(system), "FOLLOWED", ()))


def beam(system: str) -> tuple[Followed, ...]:
    """Return what a system tells of the beams."""
    return tuple(getattr(displays().get(system), "BEAM", ()))


def modes(system: str) -> Modes | None:
    """Return where a system tells the mode of the machine, None if it does not."""
    found: Modes | None = getattr(displays().get(system), "MODES", None)
    return found


def _names(fields: Iterable[str]) -> Iterable[str]:
    for field in fields:
        try:
            package = import_module(field)
        except ModuleNotFoundError:
            continue
        for module in iter_modules(package.__path__):
            if any((Path(folder) / module.name / "display.py").is_file() for folder in package.__path__):
                yield f"{field}.{module.name}.display"
