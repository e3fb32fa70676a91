"""What was imported stays: Streamlit collects garbage after every run, and need not look through all of it."""

import gc
from functools import cache

from app.displays import displays


@cache
def freeze() -> None:
    """Take all that is there now out of the garbage collector's sight; once per process, when the store is opened.

    Streamlit runs a full collection at the end of every run of a page or fragment
    (``ScriptRunner._on_script_finished``). With half a million objects of libraries that took 60 ms of the 70 that a
    small fragment needs; without them it takes one or two.
    """
    displays()
    gc.collect()
    gc.freeze()
