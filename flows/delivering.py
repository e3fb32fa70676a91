"""Delivering one message through Apprise, which knows mail, Mattermost, webhooks and a hundred more.

Only the guard imports it. Nothing of a channel's address (tokens, passwords) is in what it raises or logs.
"""

import logging
import re
import warnings
from urllib.parse import unquote, urlsplit

from apprise import Apprise, AppriseAsset, NotifyFormat
from apprise.logger import LogCapture, logger

from core.errors import NotifyError

_WORDS = re.compile(r"[^\s/?&=:@,]{4,}")
_HARMLESS = frozenset({"json", "jsons", "http", "https", "mailto", "mailtos", "mmost", "mmosts", "localhost"})
LONGEST = 300
_ROOMS = ("mmost", "mmosts")
_MARKUP = re.compile(r"([\\`*~|\[\]])")
_OURS = {"app_id": "shiftwatch", "app_desc": "shiftwatch", "app_url": "", "image_url_mask": "", "image_url_logo": ""}
"""How messages are signed: without a picture that everybody's chat would fetch from Apprise's site."""


def deliver(url: str, title: str, body: str) -> None:
    """Send one message; blocks for some seconds at most (Apprise's own time limits).

    Raises
    ------
    NotifyError
        If the address is none, or the message was not taken; the text says why, without the address.
    """
    receiver = Apprise(asset=AppriseAsset(**_OURS))  # type: ignore[arg-type]
    if urlsplit(url).scheme in _ROOMS:
        title, body = _literal(title), _literal(body)
    logger.propagate = False  # its lines may hold addresses
    with LogCapture(level=logging.WARNING, fmt="%(message)s") as said:  # type: ignore[no-untyped-call]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its plugins import what Python 3.13 no longer has
            known = receiver.add(url)
        if not known:
            raise NotifyError("the address of the channel is none that Apprise knows")
        try:
            taken = receiver.notify(body=body, title=title, body_format=NotifyFormat.TEXT)
        except Exception as error:  # plugins of all kinds: whatever it is, it must not end the guard
            raise NotifyError(scrubbed(f"{type(error).__name__}: {error}", url)) from None
        if not taken:
            raise NotifyError(scrubbed(said.getvalue().strip(), url) or "not taken, without a reason")


def _literal(text: str) -> str:
    """Return text that a chat with Markdown shows as it is: a name from outside makes no link and calls nobody."""
    return _MARKUP.sub(r"\\\1", text).replace("@", "@\N{ZERO WIDTH SPACE}")


def scrubbed(text: str, url: str) -> str:
    """Return ``text`` without any part of an address that might be a secret, on one line."""
    parts = urlsplit(url)
    secret = f"{parts.netloc} {parts.path} {parts.query} {parts.fragment}"
    found = _WORDS.findall(secret)
    words = {*found, *map(unquote, found)} - _HARMLESS
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, "…")
    return " ".join(text.split())[:LONGEST]
