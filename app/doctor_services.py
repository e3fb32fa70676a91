"""The doctor's look at what answers over a network: database, QCDB, Prefect, notifications; and at their clocks."""

import os
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from email.utils import parsedate_to_datetime

import httpx
from sqlalchemy import text as sql
from sqlalchemy.exc import SQLAlchemyError

from app.finding import Finding, error, fine, warning
from core.errors import SourceError
from core.settings import Settings
from core.store import Store

QCDB_PATIENCE_S = 5.0
PREFECT_PATIENCE_S = 5.0
PREFECT = "http://127.0.0.1:4200/api"
NOTICEABLE, TOO_FAR = timedelta(seconds=5), timedelta(seconds=60)
"""Clocks that differ by more: times on pages look odd; cycles and alarms are put in a wrong order."""
_NO_QCDB = ("answers no JSON", "no list (status", "answers no list")


def qcdb(settings: Settings) -> Iterator[Finding]:
    """Ask the QCDB for one object."""
    from dqm.its.qcdb.client import QcdbClient

    subject, url = "QCDB (its)", str(settings.its.qcdb_url)
    folder = f"{settings.its.provenance}/ITS/MO"
    try:
        with QcdbClient(url, timeout_s=QCDB_PATIENCE_S, attempts=1) as client:
            listed = client.browse(f"{folder}/.*", limit=1)
    except SourceError as problem:
        if any(words in str(problem) for words in _NO_QCDB):
            yield error(subject, f"{url} answers, but is no QCDB: {problem}", "correct its.qcdb_url (host and port)")
        else:
            yield error(subject, str(problem), "is its.qcdb_url right, is the QCDB up, does a firewall or proxy block?")
        return
    if listed.versions:
        yield fine(subject, f"{url} answers")
    else:
        yield warning(subject, f"{url} answers, but lists no object of {folder}", "is its.provenance right?")
    if listed.answered_at is not None:
        yield clock("QCDB", listed.answered_at)


def database_clock(store: Store) -> Iterator[Finding]:
    """Compare our clock with that of a database server."""
    if store.database.engine.dialect.name != "postgresql":
        return
    try:
        with store.database.engine.connect() as connection:
            at = connection.execute(sql("SELECT clock_timestamp()")).scalar_one()
    except SQLAlchemyError as problem:
        yield error("clock (database)", f"{type(problem).__name__}", "see the line of the store")
        return
    yield clock("database", at)


def clock(of: str, at: datetime) -> Finding:
    """Compare our clock with what another one just said."""
    apart = datetime.now(UTC) - at.astimezone(UTC)
    side = "ahead of" if apart > timedelta() else "behind"
    text = f"ours is {abs(apart.total_seconds()):.1f} s {side} that of the {of}"
    advice = "let both machines take their time from NTP (timedatectl set-ntp true)"
    if abs(apart) > TOO_FAR:
        return error(f"clock ({of})", text, advice)
    return warning(f"clock ({of})", text, advice) if abs(apart) > NOTICEABLE else fine(f"clock ({of})", text)


def prefect() -> Iterator[Finding]:
    """Ask Prefect's API whether it lives, and whether it lets us in."""
    subject, url = "scheduler (Prefect)", (os.environ.get("PREFECT_API_URL") or PREFECT).rstrip("/")
    user, _, password = os.environ.get("PREFECT_API_AUTH_STRING", "").partition(":")
    try:
        with httpx.Client(timeout=PREFECT_PATIENCE_S, auth=(user, password) if user else None) as client:
            client.get(f"{url}/health").raise_for_status()
            answer = client.get(f"{url}/admin/version")
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        text = f"{url} does not answer as Prefect does ({type(problem).__name__})"
        yield error(subject, text, "start it: shiftwatch up, or prefect server start; or correct PREFECT_API_URL")
        return
    if answer.status_code in {401, 403}:
        advice = "set PREFECT_API_AUTH_STRING to what the server has as PREFECT_SERVER_API_AUTH_STRING"
        yield error(subject, f"{url} refuses the password (status {answer.status_code})", advice)
    elif answer.status_code != 200:
        yield error(subject, f"{url} is no API of Prefect (status {answer.status_code})", "correct PREFECT_API_URL")
    else:
        yield fine(subject, f"{url} answers (Prefect {str(answer.json())[:20]})")
        if "Date" in answer.headers:
            yield clock("Prefect server", parsedate_to_datetime(answer.headers["Date"]))


def channels(settings: Settings) -> Iterator[Finding]:
    """See whether each address is one that notifications can be sent to; nothing of an address is said."""
    if not settings.notify.channels:
        return
    from apprise import Apprise

    from flows.systems import SYSTEMS

    for name, channel in settings.notify.channels.items():
        subject = f"notification channel ({name})"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its plugins import what Python 3.13 no longer has
            is_understood = Apprise().add(channel.url.get_secret_value())
        if not is_understood:
            advice = f"see github.com/caronc/apprise for notify.channels.{name}.url, such as mailto:// or mmosts://"
            yield error(subject, "its address is none that is understood", advice)
            continue
        unknown = [one for one in channel.systems if one not in SYSTEMS]
        for one in unknown:
            near = get_close_matches(one, SYSTEMS, 1)
            advice = f"did you mean {near[0]}?" if near else f"there is: {', '.join(SYSTEMS)}"
            yield warning(subject, f"there is no system {one}: nothing of it will be sent", advice)
        if not unknown:
            yield fine(subject, f"its address is understood; sent: {', '.join(channel.severities)}")
    if settings.notify.console_url is None:
        yield warning("notifications", "messages will hold no link to the alarm", "set notify.console_url")
