"""Which files a backup holds: everything under the home that is needed to go on."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.backup.manifest import HOME, MODELS
from core.housekeeping import LOCK
from core.inbox import PARTIAL
from core.settings import Settings

BACKUPS = "backups"
INBOX = "inbox"
NOT_NEEDED = frozenset({"logs", "prefect", "drill", BACKUPS, LOCK})
"""Logs, Prefect's own history (deployments are made anew), the second memory of a drill that goes on, other backups."""
_BULKY = ("models", "versions", INBOX, "quarantine", "artefacts")
ASIDE = ".before-restore-"
RESTORING = ".restoring"


@dataclass(frozen=True, slots=True)
class Found:
    """A file to keep, and its name in the backup."""

    name: str
    path: Path


def roots(settings: Settings) -> dict[str, Path]:
    """Return the folders of a backup by their name in it."""
    home, models = settings.home.absolute(), settings.site_models.absolute()
    return {HOME: home} if models.is_relative_to(home) else {HOME: home, MODELS: models}


def needed(settings: Settings, database: Path | None, *, inputs: bool) -> Iterator[Found]:
    """Yield what is needed to go on: what detectors remember first, artefacts last.

    Parameters
    ----------
    database
        The file of an SQLite database, which is dumped and not copied.
    inputs
        Whether inputs that lie under the home (inboxes, quarantine) are kept.
    """
    for label, root in roots(settings).items():
        for entry in _order(root):
            if _is_needed(entry, settings, database, inputs=inputs):
                top = Path(entry.path)
                yield from _below(f"{label}/{entry.name}", top) if top.is_dir() else _one(f"{label}/{entry.name}", top)


def is_bulky(found: Found) -> bool:
    """Whether a file is large and never changes; what is not, a detector may replace at any moment."""
    label, top, *_ = found.name.split("/")
    return label != HOME or top in _BULKY


def _order(root: Path) -> list["os.DirEntry[str]"]:
    def rank(entry: "os.DirEntry[str]") -> tuple[int, str]:
        return (_BULKY.index(entry.name) + 1 if entry.name in _BULKY else 0, entry.name)

    return sorted(os.scandir(root), key=rank) if root.is_dir() else []


def _is_needed(entry: "os.DirEntry[str]", settings: Settings, database: Path | None, *, inputs: bool) -> bool:
    if entry.name in NOT_NEEDED or ASIDE in entry.name or entry.name.startswith("."):
        return False
    if not inputs and entry.name in {INBOX, settings.quarantine.name}:
        return False
    path = Path(entry.path).absolute()
    return database is None or path.parent != database.parent or not path.name.startswith(database.name)


def _below(name: str, folder: Path) -> Iterator[Found]:
    """Files that are being written have hidden names, or names of unfinished copies; linked folders stay outside."""
    for entry in sorted(os.scandir(folder), key=lambda one: one.name):
        if entry.name.startswith(".") or entry.name.lower().endswith(PARTIAL):
            continue
        own = f"{name}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _below(own, Path(entry.path))
        else:
            yield from _one(own, Path(entry.path))


def _one(name: str, path: Path) -> Iterator[Found]:
    if path.is_file():
        yield Found(name, path)
