"""Signs of life: which parts of the console give them, and after how long without one a part is late or dead."""

from datetime import timedelta

WATCH = "watch"
"""Takes in, judges and commits what a system's source offers."""
SCHEDULE = "schedule"
"""Starts the watch of a system: the serve process, and the Prefect server that it asks."""
POOL = "pool"
"""That workers of a pool on other hosts start the watch of a system: signed once, by who registered it there."""
MODEL = "model"
"""Whether the model that judges a system still is the one that it should be, and keeps what it promises."""
GUARD = "guard"
"""Lets time pass for alarms, finds dead watches, and sends notifications."""
RETENTION = "retention"
"""Removes what is older, or more, than the site wants to keep."""
BACKUP = "backup"
"""The last backup that `shiftwatch db backup` wrote as a whole."""
DISK = "disk"
"""Whether there is room on the disk of the home: signed by the guard."""
STARTERS = frozenset({SCHEDULE, POOL})
"""Where one of these is known, runs of a watch hand over to each other."""
NOTES = frozenset({BACKUP, POOL})
"""Signed once by a command that has ended since: no signs of life."""
CONSOLE = "console"
"""The name under which parts sign that serve all systems."""

BEAT_S = 5.0
"""How often a watch gives a sign of life, whatever it waits for or works at."""
LATE = timedelta(seconds=15)
"""Three signs in a row are missing."""
STUCK_S = 120.0
"""A watch that has not got on for so long, with one observation or one answer of its source, gives no more signs."""
LATE_HANDED_OVER = timedelta(seconds=75)
"""The same where runs hand over to each other: the next one needs a process of its own, and begins at a tick."""
DEAD = timedelta(seconds=180)
"""Nothing is being judged any more: an alarm."""
SCHEDULE_LATE = timedelta(seconds=20)
GUARD_LATE = timedelta(seconds=45)
MODEL_LATE = timedelta(hours=2)


def watch_late(*, handed_over: bool) -> timedelta:
    """Return after how long without a sign a watch is late; ``handed_over``: a schedule starts its runs."""
    return LATE_HANDED_OVER if handed_over else LATE
