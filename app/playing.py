"""``python -m app.playing``: begin the demo's shift for simulators that run in containers of their own.

It makes the watched folders, waits until every watch gives signs of life, writes the file that all simulators wait for
(``--show``), and ends. A shift that was begun before goes on.
"""

import argparse
import sys
import time
from collections.abc import Sequence

from app.demo import show
from app.story import truth
from core.clock import SystemClock
from core.errors import ShiftwatchError
from core.settings import Settings, load_settings
from core.signs import DEAD, WATCH
from core.store import Store
from flows.systems import SYSTEMS

PATIENCE_S = 600.0
LOOK_S = 1.0


def begin(settings: Settings, speed: float, patience_s: float = PATIENCE_S) -> bool:
    """Begin the shift; False if it was begun before. A machine that is too slow for its watches begins anyway."""
    for inbox in (settings.flex_inbox, settings.collimation_inbox, settings.schlieren_inbox):
        inbox.mkdir(parents=True, exist_ok=True)
    path = settings.home / truth.FILE
    if path.exists():
        return False
    with Store.open(settings.url, settings.artefacts) as store:
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline and not _all_watched(store):
            time.sleep(LOOK_S)
    played = show(speed)
    truth.write(path, played.playback, played.seed)
    return True


def _all_watched(store: Store) -> bool:
    fresh = SystemClock().now() - DEAD
    return {beat.system for beat in store.heartbeats() if beat.flow == WATCH and beat.at > fresh} >= set(SYSTEMS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Begin, and end."""
    parser = argparse.ArgumentParser(prog="python -m app.playing", description=__doc__)
    parser.add_argument(
        "--pace", type=float, default=20.0, help="so many times as fast until it has caught up; 1: never"
    )
    options = parser.parse_args(arguments)
    try:
        begun = begin(load_settings(), options.pace)
    except ShiftwatchError as error:
        print(error, file=sys.stderr)
        return 1
    print("the shift begins" if begun else "the shift that was begun goes on")
    return 0


if __name__ == "__main__":
    sys.exit(main())
