"""Overview: is anything wrong now, where, since when, what to do. ``?wall=1`` is for a screen on the wall."""

from collections.abc import Mapping
from datetime import datetime

import streamlit as st

from app.dashboard import known, links
from app.dashboard.access import displays, now, settings
from app.dashboard.alarm_groups import urgency
from app.dashboard.known import Away, Known
from app.dashboard.live import away, listen, live
from app.dashboard.needs import needs
from app.dashboard.panels import lately, tiles, urgent
from app.dashboard.parts import Part, parts
from app.dashboard.states import CATCHING_UP, Tile, Tone, tile
from app.dashboard.strip import Strip, unknown_since
from app.dashboard.wording import zone
from core import space

REFRESH_S = 10
OLD_AFTER_S = 3.5 * REFRESH_S
WALL = "wall"
WALL_COLUMNS = 2


def page() -> None:
    """Draw the page; it keeps itself up to date."""
    wall = st.query_params.get(WALL) == "1"
    listen()
    with st.container(key="overview_wall" if wall else "overview"):
        _live(wall)
    if not wall:
        with st.container(key="overview_foot"):
            links.to(links.OVERVIEW, "For a screen on the wall", ":material/tv:", wall=1)


@live(REFRESH_S)
def _live(wall: bool) -> None:
    instant = now()
    found = known.look(instant)
    head, below = st.container(key="overview_head"), st.container(key="overview_body")  # each keeps its place
    with head:
        if isinstance(found, Away):
            away(found.why)
        else:
            _first(found, _tiles(found))
    last = found.last if isinstance(found, Away) else found
    if last is not None:
        with below:
            _below(last, instant, wall)


def _below(found: Known, instant: datetime, wall: bool) -> None:
    """Draw what was known at an instant, which is now or, if the database is away, some time ago."""
    fresh, shown = found.at == instant, _tiles(found)
    _grid(found, shown, instant, wall)
    urgent.foot(_parts(found) if fresh else (), instant, found.at, zone(st.context.timezone), OLD_AFTER_S)
    if fresh and not wall:
        for name in shown:
            lately.draw(name, found.newest[name], instant)


def _first(found: Known, shown: Mapping[str, Tile]) -> None:
    wanted = needs(shown, found.alarms, _parts(found))
    if not wanted and all(one.tone is Tone.EMPTY for one in shown.values()):
        urgent.nothing_yet()
        return
    quiet = [one.title for one in shown.values() if one.tone is Tone.QUIET and one.word != CATCHING_UP]
    urgent.draw(wanted, quiet, found.at, zone(st.context.timezone))


def _parts(found: Known) -> list[Part]:
    return parts([*found.states.values()], found.signs, found.channels, found.at, space.look(settings()))


def _grid(found: Known, shown: Mapping[str, Tile], instant: datetime, wall: bool) -> None:
    modules, where = displays(), zone(st.context.timezone)
    width = WALL_COLUMNS if wall else max(2, len(shown))
    names = list(shown)
    for first in range(0, len(names), width):
        row = names[first : first + width]
        for column, name in zip(st.columns(width), row, strict=False):
            own = [alarm for alarm in found.alarms if alarm.system == name]
            worst = min(own, key=urgency, default=None)
            with column:
                page_of = str(modules[name].PAGE)
                drawn = _strip(found, shown[name])
                tiles.draw(shown[name], drawn, worst, page_of, instant, where, read_at=found.at)


def _strip(found: Known, one: Tile) -> Strip:
    blind = [trouble.since for trouble in one.troubles if trouble.tone is Tone.BLIND and trouble.since is not None]
    drawn = found.strips[one.system]
    return unknown_since(drawn, min(blind)) if blind else drawn


def _tiles(found: Known) -> dict[str, Tile]:
    return {
        name: tile(
            module.TITLE,
            found.states[name],
            [alarm for alarm in found.alarms if alarm.system == name],
            found.at,
            silent_after_s=module.silent_after_s(settings()),
            next_step=module.next_step(settings()),
            when_silent=module.WHEN_SILENT,
        )
        for name, module in displays().items()
    }
