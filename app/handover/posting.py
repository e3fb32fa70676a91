"""Posting a report to the site's logbook: a webhook that takes JSON, as those of Mattermost and many logbooks do."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from app.handover.facts import Facts
from core.errors import NotifyError, SettingsError
from core.settings import Settings

TIMEOUT_S = 15.0
LONGEST_TOLD = 200


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A file that goes with the entry."""

    name: str
    media_type: str
    content: bytes


def entry(facts: Facts, title: str, text: str, author: str, enclosed: tuple[Enclosed, ...]) -> Mapping[str, Any]:
    """Return the entry: ``text`` is Markdown; ``files`` are base64."""
    return {
        "title": title,
        "text": text,
        "author": author,
        "begins": facts.span.begins.isoformat(),
        "ends": facts.span.ends.isoformat(),
        "made_at": facts.made_at.isoformat(),
        "files": [
            {"name": one.name, "media_type": one.media_type, "content": b64encode(one.content).decode()}
            for one in enclosed
        ],
    }


def post(settings: Settings, content: Mapping[str, Any]) -> str:
    """Post an entry and return what the logbook answered, in short.

    Raises
    ------
    SettingsError
        No logbook is set.
    NotifyError
        It cannot be reached or refuses; the text says why and holds no token.
    """
    if settings.logbook_url is None:
        raise SettingsError("no logbook is set: SHIFTWATCH_LOGBOOK_URL is the webhook that takes reports")
    token = settings.logbook_token
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token is not None else {}
    where = httpx.URL(settings.logbook_url).host
    try:
        answer = httpx.post(settings.logbook_url, json=dict(content), headers=headers, timeout=TIMEOUT_S)
    except httpx.HTTPError as error:
        raise NotifyError(f"the logbook at {where} cannot be reached ({type(error).__name__})") from None
    told = " ".join(answer.text.split())[:LONGEST_TOLD]
    if not answer.is_success:
        raise NotifyError(f"the logbook at {where} refused the report: {answer.status_code} {told}".rstrip())
    return told
