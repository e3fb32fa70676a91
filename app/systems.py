"""The monitored systems by name, loaded when first asked for."""

from core.contracts import System
from core.errors import SettingsError


def find_system(name: str) -> System:
    """Return the system called ``name``.

    Raises
    ------
    SettingsError
        There is none; the text lists those there are.
    """
    from flows.systems import SYSTEMS, load_system

    if name not in SYSTEMS:
        raise SettingsError(f"no system called {name!r}; there is: {', '.join(sorted(SYSTEMS))}")
    return load_system(name)
