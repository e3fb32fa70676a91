"""What happened in several systems at once, as lines of the shift report."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from app import across_words as say
from app.across import Told


def lines(told: Told, at: Callable[[datetime], str]) -> Iterator[str]:
    """Yield a line for what is possibly connected, each with its evidence; one if that cannot be told."""
    alarms = {one.id: one for one in told.alarms}
    for one in told.found.connected:
        because = " ".join(say.evidence(one, alarms, lambda at_s: at(datetime.fromtimestamp(at_s, UTC))))
        numbers = ", ".join(str(onset.alarm_id) for onset in one.alarms)
        listed = f" Alarms {numbers}." if numbers else ""
        yield f"{say.headline(one)}: possibly connected, {say.rarity(one)}. {because}{listed}"
    if not told.found.connected:
        yield say.TOO_SHORT if say.cannot_tell(told.found) else say.NOTHING
