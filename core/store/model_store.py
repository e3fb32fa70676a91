"""The store's side of models: which versions there are, and which one judges or is compared."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.store import audit, registry
from core.store.audit import Deed
from core.store.engine import Database
from core.store.views import Alias, AliasView, ModelView


class ModelStore:
    """Part of ``core.store.Store``: every method is one transaction; ``StoreError`` if the database refuses."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def register_model(
        self, system: str, name: str, version: str, digest: str, path: str, card: Mapping[str, Any], at: datetime
    ) -> ModelView:
        """Register a model version; the same version with the same digest changes nothing, with another is an error."""
        with self.database.writing(system) as session:
            return registry.register(session, system, name, version, digest=digest, path=path, card=card, at=at)

    def set_alias(
        self,
        system: str,
        name: str,
        alias: Alias,
        version: str | None,
        author: str,
        reason: str,
        at: datetime,
        deed: Deed | None = None,
    ) -> None:
        """Point ``champion`` or ``challenger`` to a version (None: to none); every change is kept."""
        with self.database.writing(system) as session:
            registry.set_alias(session, system, name, alias, version=version, author=author, reason=reason, at=at)
            audit.write(session, deed, system)

    def aliases(self, system: str) -> list[AliasView]:
        """Return what each alias points to now."""
        with self.database.reading() as session:
            return registry.aliases(session, system)

    def alias_history(self, system: str, name: str | None = None) -> list[AliasView]:
        """Return every change of an alias, oldest first."""
        with self.database.reading() as session:
            return registry.alias_history(session, system, name)

    def models(self, system: str) -> list[ModelView]:
        """Return the registered versions, newest first, with their aliases."""
        with self.database.reading() as session:
            return registry.models(session, system)

    def model(self, system: str, name: str, alias: Alias = Alias.CHAMPION) -> ModelView | None:
        """Return the version that an alias of a model points to."""
        with self.database.reading() as session:
            return registry.resolve(session, system, name, alias)
