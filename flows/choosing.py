"""Which model judges a system: the champion that the store names, out of the archive of versions; else the installed.

A model that ships with the program is the champion until a person promotes another; a newer release then follows by
itself. What was trained at the site judges once it is promoted (the first version of a model is, by itself).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.contracts import System
from core.errors import ModelError
from core.inference.archive import keep
from core.inference.package import ModelPackage, load_package
from core.settings import Settings
from core.store import Store
from core.store.views import Alias, AliasView, ModelView
from core.verdict import Model

MACHINE = "shiftwatch"
FOLLOWS = "installed with the program"


@dataclass(frozen=True, slots=True)
class Choice:
    """The settings with which a system's detector is made, and its model; both None for a system without models."""

    settings: Settings
    model: Model | None = None
    challenger: Model | None = None
    challenger_settings: Settings | None = None
    trouble: str | None = None


def archive(settings: Settings) -> Path:
    """Return where every version is kept."""
    return settings.home / "versions"


def enrol(
    system: str, package: ModelPackage, settings: Settings, store: Store, at: datetime, name: str | None = None
) -> ModelView:
    """Keep a package and register its version (under another name, if one is given); what is registered stays."""
    path = keep(package, archive(settings))
    card = package.card.model_dump(mode="json")
    return store.register_model(
        system, name or package.card.name, package.card.version, package.card.digest, str(path.absolute()), card, at
    )


def choose(system: System, settings: Settings, store: Store, at: datetime) -> Choice:
    """Return which model judges now, and which one beside it; enrol the installed one if it is not known yet.

    A champion whose package is missing or damaged is told as a trouble, and the installed model judges.
    """
    if system.find_model is None:
        return Choice(settings)
    try:
        installed = load_package(system.find_model(settings))
        enrol(system.name, installed, settings, store, at)
    except ModelError:
        return Choice(settings)  # the detector itself says what is missing, or does without
    name = installed.card.name
    _follow(system.name, installed, settings, store, at)
    known = {alias: model for model in store.models(system.name) if model.name == name for alias in model.aliases}
    champion, trouble = _usable(known.get(Alias.CHAMPION))
    pinned = settings if champion is None else _pinned(settings, system.name, champion.path)
    model = installed.model if champion is None else Model(champion.name, champion.version)
    challenger, lost = _usable(known.get(Alias.CHALLENGER))
    if challenger is None or (challenger.name, challenger.version) == (model.name, model.version):
        return Choice(pinned, model, trouble=trouble or lost)
    beside = Model(challenger.name, challenger.version)
    return Choice(pinned, model, beside, _pinned(settings, system.name, challenger.path), trouble or lost)


def pointers(store: Store, system: str) -> Mapping[tuple[str, Alias], str | None]:
    """Return what the aliases of a system point to: when this changes, detectors are made anew."""
    return {(one.name, one.alias): one.version for one in store.aliases(system)}


def _follow(system: str, installed: ModelPackage, settings: Settings, store: Store, at: datetime) -> None:
    """Let the installed model be champion where none is, or where the last was so only because it came along."""
    name, version = installed.card.name, installed.card.version
    changes = [one for one in store.alias_history(system, name) if one.alias is Alias.CHAMPION]
    last = changes[-1] if changes else None
    if last is not None and (last.version == version or not _came_along(last) or _is_of_site(installed, settings)):
        return
    store.set_alias(system, name, Alias.CHAMPION, version, MACHINE, FOLLOWS, at)


def _came_along(last: AliasView) -> bool:
    return (last.author, last.reason) == (MACHINE, FOLLOWS)


def _is_of_site(package: ModelPackage, settings: Settings) -> bool:
    return package.path.absolute().is_relative_to(settings.site_models.absolute())


def _usable(model: ModelView | None) -> tuple[ModelView | None, str | None]:
    if model is None:
        return None, None
    try:
        load_package(model.path)
    except ModelError as error:
        return None, f"{model.name} {model.version} cannot judge, the installed model does: {error}"
    return model, None


def _pinned(settings: Settings, system: str, path: str) -> Settings:
    return settings.model_copy(update={"pinned": {**settings.pinned, system: Path(path)}})
