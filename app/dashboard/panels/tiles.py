"""The tiles of the overview, readable across a room."""

from datetime import datetime, tzinfo
from html import escape

import streamlit as st

from app.dashboard import links, strip
from app.dashboard.panels.alarm_words import of_watch, told
from app.dashboard.states import CATCHING_UP, Tile, Tone
from app.dashboard.strip import Strip
from app.dashboard.wording import QUALITY, age, ago, clock_time, plural
from core.store.views import AlarmView


def draw(
    tile: Tile, drawn: Strip, worst: AlarmView | None, page: str, now: datetime, where: tzinfo, *, read_at: datetime
) -> None:
    """Draw one tile and the way from it to what it speaks of; one that was read long ago says so."""
    with st.container(key=f"tile_{tile.system}", height="stretch"):
        st.html(_head(tile, drawn, worst, now, where, read_at=read_at))
        st.html(strip.html(drawn, where))
        st.html(_foot(drawn))
        with st.container(horizontal=True, key=f"ways_{tile.system}"):
            if tile.open_alarms:
                links.to(links.ALARMS, "Alarms", ":material/notifications:", system=tile.system)
            if any(one.tone is Tone.STALE for one in tile.troubles):
                links.to(links.MODELS, "Model", ":material/model_training:", models_of=tile.system)
            links.to(page, "Open", ":material/arrow_forward:")


def _head(tile: Tile, drawn: Strip, worst: AlarmView | None, now: datetime, where: tzinfo, *, read_at: datetime) -> str:
    known = f" (known at {read_at.astimezone(where):%H:%M:%S})" if read_at != now else ""
    newest = [] if tile.newest is None else [f"newest data {ago(tile.newest, now)}"]
    lines = [f'<div class="tile-since">{escape(_since(tile, drawn, read_at, where))}</div>']
    if worst is not None and not of_watch(worst):
        lines.append(f'<div class="tile-what">{escape(told(worst))}</div>')
    lines.append(f'<div class="tile-line">{escape(", ".join([*newest, *_counts(tile)]))}</div>')
    lines += [f'<div class="tile-also">{escape(words)}</div>' for words in _also(tile, read_at)]
    if tile.todo:
        lines.append(f'<div class="tile-todo">{escape(tile.todo).replace("`", "")}</div>')
    look = tile.tone if read_at == now else "old"
    return (
        f'<section class="tile {look}" aria-label="{escape(tile.title)}: {escape(tile.word)}{escape(known)}">'
        f'<div class="tile-title">{escape(tile.title)}<small>{escape(known)}</small></div>'
        f'<div class="tile-word">{escape(tile.word)}</div>{"".join(lines)}</section>'
    )


def _since(tile: Tile, drawn: Strip, now: datetime, where: tzinfo) -> str:
    since = tile.since
    if tile.tone is Tone.CALM:
        since = drawn.calm_since()
        if since is None or since <= drawn.begins + strip.STEP:
            return "for 8 hours or longer" if since is not None else "\N{NO-BREAK SPACE}"
    if since is None:
        return "\N{NO-BREAK SPACE}"
    if tile.word == CATCHING_UP:
        return f"at {clock_time(since, now, where)}, {age(since, now)} behind"
    return f"since {clock_time(since, now, where)}, {age(since, now)}"


def _counts(tile: Tile) -> list[str]:
    """How many alarms are open where the large letters say something else, and how many nobody has taken."""
    words = [] if tile.tone in {Tone.ALARM, Tone.NOTICE} else [plural(tile.open_alarms, "alarm")]
    taken = "nobody has answered" if tile.unseen == tile.open_alarms else f"{tile.unseen} not answered"
    if not tile.open_alarms:
        return []
    return [*words, "all answered" if not tile.unseen else taken]


def _also(tile: Tile, now: datetime) -> list[str]:
    """What else is wrong; alarms are counted already, and that no data comes follows from a blind watch."""
    rest = [one for one in tile.troubles[1:] if one.tone in {Tone.BLIND, Tone.STALE}]
    return [f"{one.word}{f' for {age(one.since, now)}' if one.since is not None else ''}" for one in rest]


def _foot(drawn: Strip) -> str:
    counts = ", ".join(f"{count} {QUALITY[quality]}" for quality, count in drawn.counts if count)
    return f'<div class="tile-counts">{escape(counts) or "nothing in the last 8 hours"}</div>'
