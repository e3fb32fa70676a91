"""Overview: is anything wrong now, where, since when, what to do."""

from datetime import timedelta

import streamlit as st

from app.dashboard.access import displays, now, settings, store
from app.dashboard.panels import lately, tiles
from app.dashboard.panels.alarm_guidance import summons
from app.dashboard.panels.alarm_rows import urgency
from app.dashboard.states import Tile, most_urgent, tile
from app.dashboard.wording import zone
from core.store.views import AlarmView

WINDOW = timedelta(hours=8)
REFRESH_S = 5


def page() -> None:
    """Draw the page; it keeps itself up to date."""
    _live()


@st.fragment(run_every=REFRESH_S)
def _live() -> None:
    instant, known = now(), displays()
    alarms = [alarm for alarm in store().alarms() if alarm.needs_person(instant)]
    states = {state.system: state for state in store().overview(instant, WINDOW, tuple(known))}
    drawn = {
        name: tile(
            module.TITLE,
            states[name],
            [alarm for alarm in alarms if alarm.system == name],
            instant,
            silent_after_s=module.silent_after_s(settings()),
            next_step=module.next_step(settings()),
            when_silent=module.WHEN_SILENT,
        )
        for name, module in known.items()
    }
    first = most_urgent(list(drawn.values()))
    tiles.urgent(first, *_what_to_do(first, alarms))
    where = zone(st.context.timezone)
    for column, (name, shown) in zip(st.columns(max(2, len(drawn))), drawn.items(), strict=False):
        with column:
            tiles.draw(shown, states[name], known[name].PAGE, instant, where)
    for name in known:
        lately.draw(name, instant)


def _what_to_do(first: Tile | None, alarms: list[AlarmView]) -> tuple[str, AlarmView | None]:
    if first is None:
        return "", None
    mine = [alarm for alarm in alarms if alarm.system == first.system]
    if first.todo or not mine:
        return first.todo, None
    worst = min(mine, key=urgency)
    return summons(worst), worst
