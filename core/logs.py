"""Logs of all parts: lines for people, or (``SHIFTWATCH_LOG_FORMAT=json``) one JSON object a line for collectors.

An object has ``time`` (UTC), ``level``, ``part``, ``logger``, ``message``, and where they are known ``system``,
``element``, ``key``, ``origin``, ``flow_run`` and ``exception``. A line is never longer than what Docker keeps in one
piece, and holds no secret: neither what variables and files of secrets hold, nor what stands where addresses have their
passwords.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

FORMAT, LEVEL, PART = "SHIFTWATCH_LOG_FORMAT", "SHIFTWATCH_LOG_LEVEL", "SHIFTWATCH_PART"
JSON = "json"
PREFECT = Path(__file__).with_name("prefect_logging.yml")
"""Prefect's configuration of logs with the same lines; ``PREFECT_LOGGING_CONFIG_PATH`` names it."""
LONGEST_LINE = 16_000
"""Docker's json-file driver cuts lines at 16 KiB."""
LONGEST_MESSAGE, LONGEST_TRACE = 3000, 6000
HIDDEN = "***"
_PLAIN = "%(asctime)s %(levelname)s %(message)s"
_SECRET_NAMES = re.compile(r"PASSWORD|SECRET|TOKEN|AUTH_STRING|CHANNELS|APIKEY|API_KEY")
_SHORTEST_SECRET = 6
_URLS = re.compile(r'"url"\s*:\s*"([^"]+)"')
_IN_ADDRESSES = re.compile(r"(?<=://)[^\s/@'\"]+(?=@)")
_CREDENTIALS = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=:-]{6,}", re.IGNORECASE)
_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


@contextmanager
def about(**what: str) -> Iterator[None]:
    """Let every line written within say what it is about: ``system``, ``element``, ``key``, ``origin``."""
    token = _about.set({**_about.get(), **what})
    try:
        yield
    finally:
        _about.reset(token)


def wants_json() -> bool:
    """Whether lines are to be JSON objects."""
    return os.environ.get(FORMAT, "").lower() == JSON


def configure(part: str) -> None:
    """Write logs to standard error from now on, in the form that is asked for; child processes do likewise.

    Uncaught errors and warnings of Python become lines like any other.
    """
    level = os.environ.get(LEVEL, "INFO").upper()
    known = level if level in logging.getLevelNamesMapping() else "INFO"
    if not wants_json():
        logging.basicConfig(level=known, format=_PLAIN)
        return
    os.environ.setdefault(PART, part)
    os.environ.setdefault("PREFECT_LOGGING_CONFIG_PATH", str(PREFECT))
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(part))
    logging.basicConfig(level=known, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for every request
    logging.captureWarnings(capture=True)
    sys.excepthook = _last_words


@cache
def adopt(part: str) -> None:
    """Let a server that set up its logs itself (Streamlit) write the same lines, if JSON is asked for."""
    if not wants_json():
        return
    configure(part)
    lines = JsonLines(part)
    for known in list(logging.root.manager.loggerDict.values()):
        for handler in known.handlers if isinstance(known, logging.Logger) else ():
            if isinstance(handler, logging.StreamHandler):
                handler.setFormatter(lines)


class JsonLines(logging.Formatter):
    """Makes one JSON object of a record. ``part``: of the console that writes."""

    def __init__(self, part: str | None = None) -> None:
        super().__init__()
        self.part = part or os.environ.get(PART, "")
        self.secrets = secrets_in(os.environ)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        for share in (1, 4, 16):
            line = json.dumps(self._told(record, share), default=str)
            if len(line) <= LONGEST_LINE:
                break
        return line[:LONGEST_LINE]

    def _told(self, record: logging.LogRecord, share: int) -> dict[str, Any]:
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "part": self.part,
            "logger": record.name,
            "message": self._cleaned(_message(record), LONGEST_MESSAGE // share),
        }
        about = {**_about.get(), **_of_prefect(record)}
        told |= {name: self._cleaned(value, 300 // share) for name, value in about.items()}
        if record.exc_info and record.exc_info[1] is not None:
            kind, trace = type(record.exc_info[1]).__name__, self.formatException(record.exc_info)
            told["exception"] = {
                "type": kind,
                "message": self._cleaned(str(record.exc_info[1]), LONGEST_MESSAGE // share),
                "trace": self._cleaned(trace, LONGEST_TRACE // share, end=True),
            }
        return told

    def _cleaned(self, text: str, longest: int, *, end: bool = False) -> str:
        """Return text without secrets; of a long one the beginning, or the ``end``."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        text = _CREDENTIALS.sub(rf"\1 {HIDDEN}", _IN_ADDRESSES.sub(HIDDEN, text))
        if len(text) <= longest:
            return text
        return f"… {text[-longest:]}" if end else f"{text[:longest]} … ({len(text)} letters)"


def secrets_in(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return what must never be written, longest first: variables called like secrets, and files of secrets."""
    named = {name: value for name, value in variables.items() if not name.upper().endswith(("_FILE", "_SECRETS"))}
    found = {value for name, value in named.items() if _SECRET_NAMES.search(name.upper())}
    found |= {url for value in found for url in _URLS.findall(value)}
    folder = variables.get("SHIFTWATCH_SECRETS")
    with suppress(OSError):
        found |= {path.read_text(errors="replace").strip() for path in Path(folder).iterdir()} if folder else set()
    found |= {value.partition(":")[2] for value in found if ":" in value}
    return tuple(sorted((value for value in found if len(value) >= _SHORTEST_SECRET), key=len, reverse=True))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # a wrong call of a logger must not take its line away
        return f"{record.msg} ({error})"


def _of_prefect(record: logging.LogRecord) -> dict[str, str]:
    name = getattr(record, "flow_run_name", None)
    return {"flow_run": str(name)} if isinstance(name, str) and name != "<unknown>" else {}


def _last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("shiftwatch").critical("ended by an error: %s", error, exc_info=(kind, error, trace))
