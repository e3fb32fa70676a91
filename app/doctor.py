"""``shiftwatch doctor``: what is configured, reachable, stale."""

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import ShiftwatchError
from core.settings import Settings, load_settings
from core.signs import CONSOLE, DEAD, GUARD, GUARD_LATE, MODEL
from core.store import Store

QCDB_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    good: bool
    text: str


def examine() -> list[Finding]:
    """Look at everything; whatever fails becomes a finding, never an error."""
    try:
        settings = load_settings()
    except ShiftwatchError as error:
        return [Finding("settings", good=False, text=str(error))]
    return [
        Finding("settings", good=True, text=f"home is {settings.home.absolute()}"),
        _folder("home", settings.home),
        _folder("scanner folder (flex)", settings.flex_inbox),
        _folder("pictures", settings.artefacts),
        *_store(settings),
        _tried("model (flex)", lambda: _model(settings, "flex", f"product {settings.flex.product} is ready")),
        *_its(settings),
        _folder("folder of losses (collimation)", settings.collimation_inbox),
        _tried("model (collimation)", lambda: _model(settings, "collimation", "ready")),
        _folder("folder of shots (schlieren)", settings.schlieren_inbox),
        _tried("model (schlieren)", lambda: _model(settings, "schlieren", "ready")),
        _prefect(),
    ]


def _folder(subject: str, path: Path) -> Finding:
    if not path.exists():
        return Finding(subject, good=False, text=f"{path} does not exist yet; `shiftwatch up` makes it")
    if not path.is_dir() or not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return Finding(subject, good=False, text=f"{path} is not a folder that can be written")
    return Finding(subject, good=True, text=str(path.absolute()))


def _store(settings: Settings) -> Iterator[Finding]:
    try:
        with Store.open(settings.url, settings.artefacts) as store:
            if not store.is_current():
                yield Finding("store", good=False, text="tables are missing or old; type: shiftwatch db upgrade")
                return
            yield Finding("store", good=True, text=_without_password(settings.url))
            yield from _watches(store, watched(settings))
            yield from _signs(store)
            yield from _channels(store, settings)
    except ShiftwatchError as error:
        yield Finding("store", good=False, text=str(error))


def _channels(store: Store, settings: Settings) -> Iterator[Finding]:
    """How notifications get through; nothing of an address is said."""
    for state in store.channels(list(settings.notify.channels)):
        sent = f"last message {state.last_sent_at:%Y-%m-%d %H:%M:%S} UTC" if state.last_sent_at else "no message so far"
        failing = f"; failing since {state.failing_since:%Y-%m-%d %H:%M:%S} UTC: {state.error}"
        text = f"{sent}, {state.waiting} waiting{failing if state.failing_since else ''}"
        yield Finding(f"notifications ({state.channel})", good=state.failing_since is None, text=text)


def _watches(store: Store, watched: Collection[str]) -> Iterator[Finding]:
    now = datetime.now(UTC)
    for state in store.overview(now, systems=watched):
        beat = state.heartbeat
        if beat is None:
            yield Finding(f"watch ({state.system})", good=False, text="never ran; start it with `shiftwatch up`")
            continue
        fresh = beat.ok and now - beat.at < DEAD
        text = f"last sign of life {beat.at:%Y-%m-%d %H:%M:%S} UTC{'' if beat.ok else f', failed: {beat.detail}'}"
        yield Finding(f"watch ({state.system})", good=fresh, text=text)


def _signs(store: Store) -> Iterator[Finding]:
    """The guard, and models that do not keep what they promised, as far as both are known of."""
    now = datetime.now(UTC)
    for beat in store.heartbeats():
        if (beat.system, beat.flow) == (CONSOLE, GUARD):
            text = f"last sign of life {beat.at:%Y-%m-%d %H:%M:%S} UTC{'' if beat.ok else f', failed: {beat.detail}'}"
            yield Finding("guard", good=beat.ok and now - beat.at < GUARD_LATE, text=text)
        elif beat.flow == MODEL and not beat.ok:
            yield Finding(f"model in charge ({beat.system})", good=False, text=beat.detail)


def _its(settings: Settings) -> Iterator[Finding]:
    """A site without a QCDB needs nothing of this; one with a QCDB needs all of it."""
    variable = _unconnected(settings)
    if variable is not None:
        text = f"not connected and not watched: {variable} is not set (like http://host:8083)"
        yield Finding("QCDB (its)", good=True, text=text)
        return
    yield _tried("QCDB (its)", lambda: _qcdb(settings))
    yield _tried("model (its)", lambda: _model(settings, "its", "ready"))


def watched(settings: Settings) -> list[str]:
    """Return the systems whose watch is served: all that are connected."""
    from flows.systems import SYSTEMS, missing_setting

    return [name for name in SYSTEMS if missing_setting(name, settings) is None]


def _unconnected(settings: Settings) -> str | None:
    from flows.systems import missing_setting

    return missing_setting("its", settings)


def _qcdb(settings: Settings) -> str:
    from dqm.its.qcdb.client import QcdbClient

    url = str(settings.its.qcdb_url)
    with QcdbClient(url, timeout_s=QCDB_PATIENCE_S, attempts=1) as client:
        listed = client.browse(f"{settings.its.provenance}/ITS/MO/.*", limit=1)
    return f"{url} answers" + ("" if listed.versions else f", but lists no object of {settings.its.provenance}/ITS/MO")


def _model(settings: Settings, system: str, text: str) -> str:
    from flows.systems import load_system

    load_system(system).detector(settings)
    return text


def _prefect() -> Finding:
    from app.supervision import answers

    url = os.environ.get("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    good = answers(f"{url}/health")
    return Finding("scheduler (Prefect)", good=good, text=f"{url} {'answers' if good else 'does not answer'}")


def _tried(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, good=True, text=look())
    except (ShiftwatchError, ImportError) as error:
        return Finding(subject, good=False, text=str(error))


def _without_password(url: str) -> str:
    from sqlalchemy.engine import make_url

    return make_url(url).render_as_string(hide_password=True)
