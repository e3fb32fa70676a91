"""Where everything is in the pictures of a loss map: the logarithmic scale, the ring, the zooms, the cascade.

The cascade gives every channel a column of its own, stage by stage in the order of the hierarchy: TCP, TCSG, TCLA, the
dispersion suppressor behind them, IR6, tertiary collimators, momentum cleaning, then the cold and the warm rest.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10

from accelerator.collimation.diagnosis import Channel

LEFT, RIGHT = 64, 6
MAP_WIDTH = 960
WIDTH = LEFT + MAP_WIDTH + RIGHT
TEXT = 17
"""Height of the letters in pixels."""
SECTIONS: tuple[tuple[str, str], ...] = (
    ("TCP", "TCP7"),
    ("TCSG", "TCSG7"),
    ("TCLA", "TCLA7"),
    ("DS", "ds7"),
    ("IR6", "TCSP TCDQ"),
    ("TCT", "TCT15 TCT2 TCT8"),
    ("IR3", "TCP3 TCSG3 TCLA3"),
    ("cold", "cold"),
    ("warm", "warm"),
)
"""Headings of the cascade, and the families (or kinds of group) under each."""
REST = "rest"
"""Heading of collimators outside of the hierarchy (debris, injection), of which only those that deviate are drawn."""
_SECTION_GAP = 8
_LETTER = 10
_LOWEST, _HIGHEST_FLOOR = -8, -4
_WIDEST = 34


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: its height, and the part of it that the logarithmic scale has, in pixels."""

    height: int
    top: int
    bottom: int
    """Distance of the scale from the lower edge."""

    @property
    def floor_y(self) -> int:
        """The row of the lowest value of the scale."""
        return self.height - self.bottom


RING = Panel(height=206, top=12, bottom=28)
ZOOM = Panel(height=276, top=20, bottom=28)
CASCADE = Panel(height=276, top=20, bottom=28)


@dataclass(frozen=True, slots=True)
class Scale:
    """A logarithmic scale from ``10**low`` to 1 in a panel."""

    low: int
    panel: Panel

    def y(self, value: float) -> int:
        """Return the row of a value; nothing and less than the lowest are at the foot."""
        if not isfinite(value) or value <= 0:
            return self.panel.floor_y
        share = min(1.0, max(0.0, (log10(value) - self.low) / -self.low))
        return round(self.panel.floor_y - share * (self.panel.floor_y - self.panel.top))


def lowest(values: Sequence[float]) -> int:
    """Return the power of ten that a scale begins with, so that what was seen is on it."""
    seen = [value for value in values if isfinite(value) and value > 0]
    least = floor(log10(min(seen))) if seen else _HIGHEST_FLOOR
    return min(_HIGHEST_FLOOR, max(_LOWEST, least))


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the ring that a picture shows: from ``begin_m`` on, ``length_m`` of it (it may pass s = 0)."""

    begin_m: float
    length_m: float
    ring_m: float

    def x(self, s_m: float) -> int | None:
        """Return the column of a position in the map (0 to MAP_WIDTH - 1), None if it is outside."""
        share = ((s_m - self.begin_m) % self.ring_m) / self.length_m
        return min(MAP_WIDTH - 1, int(share * MAP_WIDTH)) if share <= 1 else None


@dataclass(frozen=True, slots=True)
class Slot:
    """The column of one channel in the cascade, in pixels of the picture; ``index`` is its place in the diagnosis."""

    index: int
    left: int
    width: int

    @property
    def middle(self) -> int:
        """The column that its marker is in."""
        return self.left + self.width // 2


@dataclass(frozen=True, slots=True)
class Section:
    """The columns under one heading."""

    title: str
    left: int
    width: int
    slots: tuple[Slot, ...]


def sections(channels: Sequence[Channel], strange: Collection[int] = ()) -> list[Section]:
    """Return the columns of the cascade, heading by heading; a heading that nothing is under is left out.

    Channels in which nothing was seen and too little is expected to be drawn are left out; ``strange``: places of
    those that deviate.
    """
    foot = 10.0 ** lowest([one.observed for one in channels])
    live = [n for n, one in enumerate(channels) if one.observed > 0 or one.high > foot or n in strange]
    members = [(title, [n for n in live if kind_of(channels[n]) in names.split()]) for title, names in SECTIONS]
    placed = {n for _, found in members for n in found}
    members.append((REST, [n for n in strange if n not in placed]))
    there = [(title, found) for title, found in members if found]
    return _placed(there) if there else []


def _placed(there: Sequence[tuple[str, Sequence[int]]]) -> list[Section]:
    """Columns of one width; a section is at least as wide as its heading."""
    gaps, width = _SECTION_GAP * (len(there) - 1), _WIDEST
    while width > 4 and sum(_room(title, len(found), width) for title, found in there) + gaps > MAP_WIDTH:
        width -= 1
    used = sum(_room(title, len(found), width) for title, found in there)
    gap = min(3 * _SECTION_GAP, (MAP_WIDTH - used) // max(1, len(there) - 1))
    left, drawn = LEFT, []
    for title, found in there:
        room = _room(title, len(found), width)
        first = left + (room - width * len(found)) // 2
        drawn.append(
            Section(title, left, room, tuple(Slot(n, first + width * at, width) for at, n in enumerate(found)))
        )
        left += room + gap
    return drawn


def _room(title: str, count: int, width: int) -> int:
    return max(count * width, _LETTER * len(title) + 4)


def kind_of(channel: Channel) -> str:
    """Return the family of a collimator, or the kind of a group: ``ds7``, ``cold`` or ``warm``."""
    name = channel.name.lower()
    if "." in name:
        return channel.family
    if name.startswith("ir7 ds"):
        return "ds7"
    return "warm" if "warm" in name else "cold"


def has_band(channel: Channel) -> bool:
    """Whether it is known what is usual in a channel."""
    return channel.high > 0 and channel.high > channel.low


def is_collimator(channel: Channel) -> bool:
    """Whether a channel is one collimator, not a group of monitors."""
    return "." in channel.name
