"""What one look at store, disk and scheduler found: everything that is measured now rather than counted."""

import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from app.metrics.scheduler import FlowRuns
from core.settings import Settings
from core.store import Store, gauges, performance
from core.store.gauges import Newest, OpenAlarms, Outbox
from core.store.overview import observed_systems
from core.store.views import Heartbeat

IN_CHARGE = "in_charge"
REASON = ".reason.json"


@dataclass(frozen=True, slots=True)
class ModelRole:
    """A version of a model, and what it is used for (``in_charge``: it gave the newest verdict; or an alias)."""

    system: str
    name: str
    version: str
    role: str


@dataclass(frozen=True, slots=True)
class Stored:
    """How things stand by the store."""

    systems: tuple[str, ...]
    newest: Mapping[str, Newest]
    alarms: tuple[OpenAlarms, ...]
    models: tuple[ModelRole, ...]
    signs: tuple[Heartbeat, ...]
    outbox: Mapping[str, Outbox]
    database_bytes: int


@dataclass(frozen=True, slots=True)
class Disk:
    """Room on the disk of a folder."""

    free_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Around:
    """How things stand beside the store; known also while the database is away."""

    disks: Mapping[str, Disk] = field(default_factory=dict)
    quarantined: Mapping[str, int] = field(default_factory=dict)
    scheduler_up: bool | None = None
    flow_runs: FlowRuns | None = None


def stored(
    store: Store, settings: Settings, watched: Collection[str], now: datetime, left: Collection[str] = ()
) -> Stored:
    """Ask the store. Of systems that the site ``left``, which keep their last signs for ever, nothing is told.

    Raises
    ------
    core.errors.StoreError
        The database does not answer, or has no tables.
    """
    with store.database.reading() as session:
        systems = tuple(sorted({*watched, *observed_systems(session)} - {*left}))
        found = {system: gauges.newest(session, system) for system in systems}
        alarms = tuple(one for one in gauges.open_alarms(session, now) if one.system not in left)
        outbox = gauges.outbox(session, list(settings.notify.channels))
    models = tuple(one for system in systems for one in _models(store, system))
    newest = {system: one for system, one in found.items() if one is not None}
    signs = tuple(sign for sign in store.heartbeats() if sign.system not in left)
    return Stored(systems, newest, alarms, models, signs, outbox, gauges.size_bytes(store.database))


def _models(store: Store, system: str) -> list[ModelRole]:
    last = performance.last(store.database, system)
    found = [] if last is None else [ModelRole(system, last.model.name, last.model.version, IN_CHARGE)]
    for model in store.models(system):
        found += [ModelRole(system, model.name, model.version, alias.value) for alias in model.aliases]
    return found


def folders(settings: Settings) -> dict[str, Path]:
    """Return the folders whose disks matter, by the name under which they are told."""
    return {
        "home": settings.home,
        "inbox_flex": settings.flex_inbox,
        "inbox_collimation": settings.collimation_inbox,
        "inbox_schlieren": settings.schlieren_inbox,
    }


def disks(settings: Settings) -> dict[str, Disk]:
    """Return the room on each disk; folders that do not exist (yet) have none."""
    found = {}
    for name, folder in folders(settings).items():
        try:
            usage = shutil.disk_usage(folder)
        except OSError:
            continue
        found[name] = Disk(usage.free, usage.total)
    return found


def quarantined(settings: Settings) -> dict[str, int]:
    """Return how many unusable inputs are kept, by system."""
    found = {}
    try:
        with os.scandir(settings.quarantine) as listed:
            systems = [entry for entry in listed if entry.is_dir()]
        for system in systems:
            with os.scandir(system.path) as files:
                found[system.name] = sum(file.name.endswith(REASON) for file in files)
    except OSError:
        return found
    return found
