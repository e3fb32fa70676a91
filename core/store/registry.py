"""Model versions and the aliases that say which one judges."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from core.errors import StoreError
from core.store.models import AliasChangeRow, ModelVersionRow
from core.store.types import word
from core.store.views import Alias, AliasView, ModelView


def register(
    session: Session,
    system: str,
    name: str,
    version: str,
    *,
    digest: str,
    path: str,
    card: Mapping[str, Any],
    at: datetime,
) -> ModelView:
    """Register a model version, once."""
    row = _version(session, system, name, version)
    if row is None:
        row = ModelVersionRow(
            system=system, name=name, version=version, digest=digest, path=path, card=dict(card), registered_at=at
        )
        session.add(row)
        session.flush()
    elif row.digest != digest:
        raise StoreError(f"{system} model {name} {version} is registered with other content; give it a new version")
    return _view(row, _pointers(session, system))


def set_alias(
    session: Session,
    system: str,
    name: str,
    alias: Alias,
    *,
    version: str | None,
    author: str,
    reason: str,
    at: datetime,
) -> None:
    """Point an alias to a version, or to none."""
    if not author.strip():
        raise StoreError("an alias is only changed in the name of an author")
    row = None if version is None else _version(session, system, name, version)
    if row is None and version is not None:
        raise StoreError(f"{system} has no model {name} {version}")
    session.add(
        AliasChangeRow(
            system=system,
            name=name,
            alias=word(Alias, alias),
            model_version_id=row.id if row else None,
            author=author,
            reason=reason,
            at=at,
        )
    )


def aliases(session: Session, system: str) -> list[AliasView]:
    """Return what each alias points to now."""
    newest = select(func.max(AliasChangeRow.id)).where(AliasChangeRow.system == system)
    newest = newest.group_by(AliasChangeRow.name, AliasChangeRow.alias)
    changes = _alias_views(session, _changes(system).where(AliasChangeRow.id.in_(newest)))
    return [change for change in changes if change.version is not None]


def alias_history(session: Session, system: str, name: str | None) -> list[AliasView]:
    """Return every change of an alias, oldest first."""
    query = _changes(system)
    return _alias_views(session, query if name is None else query.where(AliasChangeRow.name == name))


def models(session: Session, system: str) -> list[ModelView]:
    """Return the registered versions, newest first."""
    pointers = _pointers(session, system)
    query = select(ModelVersionRow).where(ModelVersionRow.system == system).order_by(ModelVersionRow.id.desc())
    return [_view(row, pointers) for row in session.scalars(query)]


def resolve(session: Session, system: str, name: str, alias: Alias) -> ModelView | None:
    """Return the version that an alias points to."""
    return next((m for m in models(session, system) if m.name == name and alias in m.aliases), None)


def _version(session: Session, system: str, name: str, version: str) -> ModelVersionRow | None:
    query = select(ModelVersionRow).where(
        ModelVersionRow.system == system, ModelVersionRow.name == name, ModelVersionRow.version == version
    )
    return session.scalar(query)


def _changes(system: str) -> Select[tuple[AliasChangeRow, str]]:
    return (
        select(AliasChangeRow, ModelVersionRow.version)
        .outerjoin(ModelVersionRow, ModelVersionRow.id == AliasChangeRow.model_version_id)
        .where(AliasChangeRow.system == system)
        .order_by(AliasChangeRow.id)
    )


def _alias_views(session: Session, query: Select[tuple[AliasChangeRow, str]]) -> list[AliasView]:
    return [
        AliasView(row.id, row.system, row.name, row.alias, version, row.author, row.reason, row.at)
        for row, version in session.execute(query).tuples()
    ]


def _pointers(session: Session, system: str) -> dict[tuple[str, str | None], tuple[Alias, ...]]:
    pointers: dict[tuple[str, str | None], tuple[Alias, ...]] = {}
    for change in aliases(session, system):
        place = (change.name, change.version)
        pointers[place] = (*pointers.get(place, ()), change.alias)
    return pointers


def _view(row: ModelVersionRow, pointers: Mapping[tuple[str, str | None], tuple[Alias, ...]]) -> ModelView:
    return ModelView(
        id=row.id,
        system=row.system,
        name=row.name,
        version=row.version,
        digest=row.digest,
        path=row.path,
        card=row.card,
        registered_at=row.registered_at,
        aliases=pointers.get((row.name, row.version), ()),
    )
