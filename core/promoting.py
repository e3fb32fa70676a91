"""Who judges: promoting a version, going back to the one before, trying one in shadow, replaying the past with it."""

from collections.abc import Sequence

from core.desk import Deeds, Desk
from core.errors import ModelError
from core.shifts import Span
from core.store import replays
from core.store.views import Alias, AliasView
from core.verdict import Model


def promote(desk: Desk, system: str, model: Model, reason: str) -> None:
    """Make a version the champion; if it was the challenger, there is none any more.

    Raises
    ------
    ModelError
        No reason is given.
    NotAllowedError
        The person may not promote.
    """
    said = _reason(reason)
    before = _now(desk, system, model.name, Alias.CHALLENGER)
    desk.set_alias(system, model.name, Alias.CHAMPION, model.version, said)
    if before == model.version:
        desk.set_alias(system, model.name, Alias.CHALLENGER, None, f"is the champion now: {said}")


def roll_back(desk: Desk, system: str, name: str, reason: str) -> str:
    """Make the version champion again that was it before the present one; return it (errors as `promote`)."""
    said = _reason(reason)
    version = previous(desk.store.alias_history(system, name), name)
    if version is None:
        raise ModelError(f"{system}: {name} has had no other champion to go back to")
    desk.set_alias(system, name, Alias.CHAMPION, version, said)
    return version


def challenge(desk: Desk, system: str, name: str, version: str | None, reason: str) -> None:
    """Let a version judge in shadow (None: no longer any); errors as `promote`."""
    if version is not None and version == _now(desk, system, name, Alias.CHAMPION):
        raise ModelError(f"{name} {version} is the champion: it cannot challenge itself")
    desk.set_alias(system, name, Alias.CHALLENGER, version, _reason(reason))


def ask_replay(desk: Desk, system: str, model: Model, span: Span) -> int:
    """Enter a replay of a past span with another version; return its number (somebody must work it off).

    Raises
    ------
    ModelError
        There is no such version.
    StoreError
        One of this system is under way.
    NotAllowedError
        The person may not.
    """
    if not any((one.name, one.version) == (model.name, model.version) for one in desk.store.models(system)):
        raise ModelError(f"{system} has no model {model.name} {model.version}")
    deed = desk.deed(Deeds.REPLAY, f"{model.name} {model.version}", f"from {span.begins.isoformat()}", system)
    return replays.ask(desk.store.database, system, model, span, desk.person.name, deed.at, deed)


def previous(history: Sequence[AliasView], name: str) -> str | None:
    """Return the champion before the present one, None if there was none; going back twice goes back further."""
    versions: list[str] = []
    for change in history:
        if change.name != name or change.alias is not Alias.CHAMPION or change.version is None:
            continue
        if len(versions) > 1 and versions[-2] == change.version:
            versions.pop()  # went back
        elif not versions or versions[-1] != change.version:
            versions.append(change.version)
    return versions[-2] if len(versions) > 1 else None


def _now(desk: Desk, system: str, name: str, alias: Alias) -> str | None:
    known = desk.store.model(system, name, alias)
    return known.version if known else None


def _reason(reason: str) -> str:
    said = " ".join(reason.split())
    if not said:
        raise ModelError("say why: the reason is kept with the change")
    return said
