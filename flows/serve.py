"""``python -m flows.serve``: keep the watch of every system running, through Prefect."""

import argparse
import logging
import os
import sys
import threading
import time
from collections.abc import Sequence

from core import logs
from core.clock import SystemClock
from core.errors import SettingsError, ShiftwatchError, StoreError
from core.settings import Settings, load_settings
from core.signs import POOL
from core.store import Store
from flows.leaving import leave_by_signals
from flows.schedule import Schedule, answer, tell
from flows.systems import SYSTEMS, find_entry, known_as, missing_setting

DEFAULTS = {
    "PREFECT_API_URL": "http://127.0.0.1:4200/api",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "flows,core,inspection,dqm",
}

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m flows.serve", description=__doc__)
    parser.add_argument("--system", action="append", metavar="NAME", help="watch only this one (repeatable)")
    parser.add_argument("--window", type=float, metavar="SECONDS", help="length of a run (default: the settings)")
    parser.add_argument("--server-timeout", type=float, default=120, metavar="SECONDS", help="how long to wait for it")
    parser.add_argument(
        "--no-recover", action="store_true", help="leave unfinished runs alone: another process serves the same systems"
    )
    options = parser.parse_args(arguments)
    if logs.wants_json():  # else what Prefect sets up is made for people
        logs.configure("worker")
    stop = threading.Event()
    try:
        for name in options.system or ():
            find_entry(name)
        settings = load_settings()
        systems = connected(options.system, settings)
        window_s = options.window or settings.window_s
        for name, value in DEFAULTS.items():
            os.environ.setdefault(name, value)
        give_signs(systems, settings, os.environ["PREFECT_API_URL"], stop)
        wait_for_server(os.environ["PREFECT_API_URL"], options.server_timeout)
    except ShiftwatchError as error:
        stop.set()
        _tell(str(error))
        return 1
    # Only now: Prefect reads the variables above when it is imported.
    from flows.deploying import serve

    serve(systems, window_s, recover=not options.no_recover)
    return 0


def give_signs(systems: Sequence[str], settings: Settings, url: str, stop: threading.Event) -> None:
    """Let the store know, from now on until ``stop`` is set, whether the Prefect server of this process answers."""
    store, names = Store.open(settings.url, settings.artefacts), [known_as(name) for name in systems]
    try:
        for name in names:
            store.forget_sign(name, POOL)
    except StoreError as refused:
        log.warning("the store does not know that the watches are served: %s", refused)
    tell(Schedule(store, names, url, SystemClock()), stop)


def connected(asked: Sequence[str] | None, settings: Settings) -> list[str]:
    """Return the systems to watch: those asked for, or all that this site is connected to.

    Raises
    ------
    SettingsError
        If one was asked for that this site is not connected to; the text names the setting.
    """
    chosen: list[str] = []
    for name in asked or SYSTEMS:
        variable = missing_setting(name, settings)
        if variable is None:
            chosen.append(name)
        elif asked:
            raise SettingsError(f"{name} is not connected: set {variable}")
        else:
            _tell(f"{name} is not connected and not watched: {variable} is not set")
    return chosen


def _tell(line: str) -> None:
    if logs.wants_json():
        log.warning("%s", line)
    else:
        print(line, file=sys.stderr)


def wait_for_server(url: str, timeout_s: float) -> None:
    """Wait until the Prefect server answers.

    Raises
    ------
    ShiftwatchError
        If it does not within ``timeout_s``.
    """
    deadline = time.monotonic() + timeout_s
    while (why := answer(url)) is not None:
        if time.monotonic() > deadline:
            raise ShiftwatchError(f"{url}: no Prefect server answers ({why}); start one with `prefect server start`")
        time.sleep(0.5)


if __name__ == "__main__":
    leave_by_signals()
    sys.exit(main())
