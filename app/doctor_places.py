"""The doctor's look at places: folders, disks and buckets."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from app.finding import Finding, error, fine, warning
from core.errors import StoreError
from core.placing import Bucket
from core.settings import Settings

GB = 1e9
NEARLY, FULL = 0.1, 0.01
PROBE = b"shiftwatch doctor was here"
INBOXES = {
    "flex": ("scanner folder (flex)", "flex_inbox"),
    "collimation": ("folder of losses (collimation)", "collimation_inbox"),
    "schlieren": ("folder of shots (schlieren)", "schlieren_inbox"),
}


def places(settings: Settings) -> Iterator[Finding]:
    """Look at the home, what is watched, and where pictures go."""
    yield own_folder("home", settings.home)
    yield disk(settings)
    for system, (subject, name) in INBOXES.items():
        configured = getattr(settings, system).inbox
        yield watched_folder(subject, getattr(settings, name), f"{system}.inbox" if configured else None)
    yield pictures(settings)


def own_folder(subject: str, path: Path) -> Finding:
    """Look at a folder that the program makes and writes."""
    if not path.exists():
        return warning(subject, f"{path} does not exist yet", "nothing: `shiftwatch up` makes it")
    if not path.is_dir():
        return error(subject, f"{path} is no folder", "name another folder")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return error(subject, f"{path} cannot be written by {_me()}", f"chown {os.getuid()} {path}")
    return fine(subject, str(path.absolute()))


def watched_folder(subject: str, path: Path, setting: str | None) -> Finding:
    """Look at a folder that somebody else fills; ``setting``: the name of what names it, None for the default."""
    if setting is None:
        return own_folder(subject, path)
    if not path.exists():
        return error(subject, f"{path} does not exist", f"mount it, or correct {setting}")
    if not path.is_dir():
        return error(subject, f"{path} is no folder", f"name the folder that the files arrive in as {setting}")
    if not os.access(path, os.R_OK | os.X_OK):
        return error(subject, f"{path} cannot be read by {_me()}", f"give user {os.getuid()} the right to read it")
    if not os.access(path, os.W_OK):
        advice = "nothing, unless old inputs are to be removed (retention.*.inputs_days)"
        return warning(subject, f"{path.absolute()} can be read, but not written by {_me()}", advice)
    return fine(subject, str(path.absolute()))


def disk(settings: Settings) -> Finding:
    """Look at the free space where the home is, or will be."""
    home = settings.home.absolute()
    place = next(one for one in (home, *home.parents) if one.exists())
    usage = shutil.disk_usage(place)
    share = usage.free / usage.total
    text = f"{usage.free / GB:.1f} GB free of {usage.total / GB:.0f} GB at {place}"
    if usage.free < settings.disk.full_gb * GB or share < FULL:
        return error("disk", text, "remove files or enlarge the disk: nothing can be stored when it is full")
    if usage.free < settings.disk.warn_gb * GB or share < NEARLY:
        return warning("disk", text, "shorten what is kept ([retention]), or enlarge the disk")
    return fine("disk", text)


def pictures(settings: Settings) -> Finding:
    """Look at where pictures go; a bucket is asked to keep and to give back a few bytes."""
    place = settings.artefacts
    if not isinstance(place, Bucket):
        return own_folder("pictures", place)
    from core.store.remote_artefacts import RemoteArtefacts

    kept = RemoteArtefacts(place)
    try:
        kept.get(kept.put(PROBE, "text/plain"))
    except StoreError as problem:
        advice = "see artefact_store.url, endpoint_url, access_key and secret_key, and that the bucket exists"
        return error("pictures", str(problem), advice)
    return fine("pictures", f"{place} keeps what it is given")


def _me() -> str:
    return f"user {os.getuid()}"
