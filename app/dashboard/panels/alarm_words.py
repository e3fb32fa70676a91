"""An alarm in a few words, without markup: the place and what is wrong there."""

from app.dashboard.access import displays
from app.dashboard.wording import shortened
from core.store.views import AlarmView

LONGEST = 64


def told(alarm: AlarmView, most: int = LONGEST) -> str:
    """Return where it is and what is wrong."""
    module = displays().get(alarm.system)
    if module is None:
        return shortened(f"{alarm.element}: {alarm.message}", most)
    name, words = str(module.alarm_name(alarm)), str(module.alarm_words(alarm))
    return shortened(words if words.startswith(name) else f"{name}: {words}", most)


def of_watch(alarm: AlarmView) -> bool:
    """Whether an alarm is about the watch itself or its source, not about what is watched."""
    return alarm.observation_id is None and not alarm.kind
