"""Which tracking code scattered the protons of an xcoll loss map, from the types of its collimators."""

from collections.abc import Mapping
from typing import Any

ENGINES = ("everest", "fluka", "geant4")


def engine_of(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the condition ``engine`` where every collimator of the map is of one code, nothing otherwise.

    xcoll's types are ``EverestCollimator``, ``FlukaCollimator``, ``Geant4Collimator`` and the like of crystals.
    """
    collimators = found.get("collimator")
    types = collimators.get("type") if isinstance(collimators, Mapping) else None
    if not isinstance(types, list) or not types:
        return {}
    lower = {str(one).lower() for one in types}
    for engine in ENGINES:
        if all(one.startswith(engine) for one in lower):
            return {"engine": engine}
    return {}
