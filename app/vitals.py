"""``python -m app.vitals PART``: whether a part of the console gives signs of life. Exit status 0 or 1, and why.

What a container engine asks, and whoever else wants to know from outside. Parts that answer HTTP are asked for an
answer, the others are known by their signs in the store.
"""

import argparse
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from core.errors import ShiftwatchError

ANSWERS = {
    "dashboard": "http://127.0.0.1:8501/_stcore/health",
    "prefect-server": "http://127.0.0.1:4200/api/health",
}
SIGNS = ("worker", "guard", "store")


def trouble(part: str, now: datetime) -> str | None:
    """Return what is wrong with a part, None if nothing is."""
    if part in ANSWERS:
        return _silence(ANSWERS[part])
    from core.settings import load_settings
    from core.signs import CONSOLE, GUARD, GUARD_LATE, SCHEDULE, SCHEDULE_LATE
    from core.store import Store

    settings = load_settings()
    with Store.open(settings.url, settings.artefacts) as store:
        if part == "store":
            return None if store.is_current() else "the tables are missing or old"
        beats = store.heartbeats()
    if part == "guard":
        found = {beat.system: beat.at for beat in beats if beat.flow == GUARD and beat.system == CONSOLE}
        return _late(found, now, GUARD_LATE)
    return _late({beat.system: beat.at for beat in beats if beat.flow == SCHEDULE}, now, SCHEDULE_LATE)


def _late(signs: dict[str, datetime], now: datetime, patience: timedelta) -> str | None:
    """Whether no system has a fresh sign: those that this site no longer watches keep their last one for ever."""
    newest = max(signs.values(), default=None)
    if newest is None:
        return "no sign of life so far"
    return None if now - newest <= patience else f"no sign of life since {newest:%Y-%m-%d %H:%M:%S} UTC"


def _silence(url: str) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=4):  # noqa: S310 our own address in this container
            return None
    except (urllib.error.URLError, OSError) as error:
        return f"{url}: {getattr(error, 'reason', error)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Look once."""
    parser = argparse.ArgumentParser(prog="python -m app.vitals", description=__doc__)
    parser.add_argument("part", choices=sorted({*ANSWERS, *SIGNS}))
    options = parser.parse_args(arguments)
    try:
        wrong = trouble(options.part, datetime.now(UTC))
    except ShiftwatchError as error:
        wrong = str(error)
    print(wrong or "ok")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
