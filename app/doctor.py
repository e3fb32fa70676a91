"""``shiftwatch doctor``: what is configured, reachable, stale; for each what is wrong and what to do about it."""

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.doctor_places import places
from app.doctor_services import channels, database_clock, prefect, qcdb
from app.finding import Finding, Level, error, fine, warning
from core.errors import ShiftwatchError
from core.settings import ImpossibleSettingsError, Settings, load_settings
from core.signs import BACKUP, CONSOLE, DEAD, GUARD, GUARD_LATE, MODEL, RETENTION
from core.store import Store
from core.store.views import Heartbeat

START_WATCH = "start it: shiftwatch up, or python -m flows.serve"


def examine(file: Path | None = None) -> list[Finding]:
    """Look at everything, with the settings of a file if one is named; what fails becomes a finding, never an error."""
    try:
        settings = load_settings(file)
    except ImpossibleSettingsError as problem:
        return [error("settings", one, "correct it; nothing starts before") for one in problem.problems]
    except ShiftwatchError as problem:
        return [error("settings", str(problem), "correct it; nothing starts before")]
    read = f"{file} is read" if file else "shiftwatch.toml is read" if Path("shiftwatch.toml").exists() else "no file"
    return [
        fine("settings", f"{read}, home is {settings.home.absolute()}"),
        *places(settings),
        *_store(settings),
        *_sources(settings),
        *channels(settings),
        *prefect(),
    ]


def _sources(settings: Settings) -> Iterator[Finding]:
    yield _model(settings, "flex", f"product {settings.flex.product} is ready")
    variable = _unconnected(settings)
    if variable is not None:
        yield fine("QCDB (its)", f"not connected and not watched: {variable} is not set (like http://host:8083)")
    else:
        yield from qcdb(settings)
        yield _model(settings, "its", "ready")
    yield _model(settings, "collimation", "ready")
    yield _model(settings, "schlieren", "ready")


def _store(settings: Settings) -> Iterator[Finding]:
    try:
        with Store.open(settings.url, settings.artefacts) as store:
            if not store.is_current():
                yield error("store", "tables are missing or old", "type: shiftwatch db upgrade")
                return
            yield fine("store", _without_password(settings.url))
            yield from database_clock(store)
            yield from _watches(store, watched(settings))
            yield from _signs(store, settings)
            yield from _channels(store, settings)
    except ShiftwatchError as problem:
        advice = "is database_url right, does the server run, is the password (database_password) the server's?"
        yield error("store", " ".join(str(problem).split()), advice)


def _channels(store: Store, settings: Settings) -> Iterator[Finding]:
    """How notifications get through; nothing of an address is said."""
    for state in store.channels(list(settings.notify.channels)):
        sent = f"last message {state.last_sent_at:%Y-%m-%d %H:%M:%S} UTC" if state.last_sent_at else "no message so far"
        text, subject = f"{sent}, {state.waiting} waiting", f"notifications ({state.channel})"
        if state.failing_since:
            text += f"; failing since {state.failing_since:%Y-%m-%d %H:%M:%S} UTC: {state.error}"
            yield error(subject, text, f"correct notify.channels.{state.channel}.url, or wait for its server")
        else:
            yield fine(subject, text)


def _watches(store: Store, watched: Collection[str]) -> Iterator[Finding]:
    now = datetime.now(UTC)
    for state in store.overview(now, systems=watched):
        beat, subject = state.heartbeat, f"watch ({state.system})"
        if beat is None:
            yield warning(subject, "never ran", START_WATCH)
            continue
        text = f"last sign of life {beat.at:%Y-%m-%d %H:%M:%S} UTC{'' if beat.ok else f', failed: {beat.detail}'}"
        if not beat.ok:
            yield error(subject, text, "remove the cause that it tells; it goes on by itself")
        elif now - beat.at >= DEAD:
            yield error(subject, text, START_WATCH)
        else:
            yield fine(subject, text)


def _signs(store: Store, settings: Settings) -> Iterator[Finding]:
    """The guard, retention, and models that do not keep what they promised, as far as they are known of; the backup."""
    now = datetime.now(UTC)
    beats = store.heartbeats()
    yield _backup(beats, now, timedelta(hours=settings.backup.overdue_h))
    for beat in beats:
        if (beat.system, beat.flow) == (CONSOLE, GUARD):
            text = f"last sign of life {beat.at:%Y-%m-%d %H:%M:%S} UTC{'' if beat.ok else f', failed: {beat.detail}'}"
            is_well = beat.ok and now - beat.at < GUARD_LATE
            yield fine("guard", text) if is_well else error("guard", text, "start it: python -m flows.guarding")
        elif (beat.system, beat.flow) == (CONSOLE, RETENTION):
            yield _retention(beat, now, timedelta(hours=2 * settings.retention.every_h))
        elif beat.flow == MODEL and not beat.ok:
            subject = f"model in charge ({beat.system})"
            yield warning(subject, beat.detail, "see the Models page: calibrate, train or promote another")


def _backup(beats: Collection[Heartbeat], now: datetime, patience: timedelta) -> Finding:
    last = next((beat for beat in beats if (beat.system, beat.flow) == (CONSOLE, BACKUP)), None)
    advice = "every night, to another machine: shiftwatch db backup FOLDER"
    if last is None:
        return warning("backup", "none was made so far", advice)
    text = f"last one {last.at:%Y-%m-%d %H:%M:%S} UTC: {last.detail}"
    return warning("backup", text, advice) if now - last.at > patience else fine("backup", text)


def _retention(beat: Heartbeat, now: datetime, patience: timedelta) -> Finding:
    advice = "the worker does it every retention.every_h; by hand: shiftwatch db retain"
    last = f"last round {beat.last_success_at:%Y-%m-%d %H:%M:%S} UTC" if beat.last_success_at else "no round succeeded"
    if not beat.ok:
        return error("retention", f"{last}; failed: {beat.detail}", advice)
    is_late = now - beat.at > patience
    return warning("retention", last, advice) if is_late else fine("retention", f"{last}: {beat.detail}")


def watched(settings: Settings) -> list[str]:
    """Return the systems whose watch is served: all that are connected."""
    from flows.systems import SYSTEMS, missing_setting

    return [name for name in SYSTEMS if missing_setting(name, settings) is None]


def worst(findings: Collection[Finding]) -> Level:
    """Return the worst level of all."""
    return max((one.level for one in findings), key=list(Level).index, default=Level.OK)


def _unconnected(settings: Settings) -> str | None:
    from flows.systems import missing_setting

    return missing_setting("its", settings)


def _model(settings: Settings, system: str, text: str) -> Finding:
    def made() -> str:
        from flows.systems import load_system

        load_system(system).detector(settings)
        return text

    return _tried(f"model ({system})", made, f"type: shiftwatch train {system} --help")


def _tried(subject: str, look: Callable[[], str], advice: str) -> Finding:
    try:
        return fine(subject, look())
    except (ShiftwatchError, ImportError) as problem:
        return error(subject, str(problem), advice)


def _without_password(url: str) -> str:
    from sqlalchemy.engine import make_url

    return make_url(url).render_as_string(hide_password=True)
