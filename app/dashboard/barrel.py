"""The picture of the barrel with what is laid over it: numbers, the chosen region, and the figures of each stave."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqm.its.display import Incident
from dqm.its.drawing_layout import LEFT, WIDTH, boxes, column_edges, height, panels
from dqm.its.geometry import LAYERS
from dqm.its.layout import layer_slice, name

Figures = Mapping[str, NDArray[np.float32]]
_MOST_NUMBERS = 12
_BADGE = 26
_SPOT, _AROUND = 40, 8
"""A region of up to so many pixels gets a square frame, at this distance."""


class Edge(NamedTuple):
    """A straight line in pixels of the picture."""

    left: int
    top: int
    right: int
    bottom: int


def html(
    picture: bytes,
    alt: str,
    incidents: Sequence[Incident],
    chosen: int | None,
    figures: Figures | None,
    followed: Sequence[int] = (),
) -> str:
    """Return the picture (PNG) and its overlay, placed in percent of it, so that it fits at every size."""
    source = f"data:image/png;base64,{b64encode(picture).decode()}"
    over = [_staves(figures) if figures else ""]
    if chosen is not None:
        over += [_edge(edge, "edge") for edge in frame(incidents[chosen].cells)]
    over += [_edge(edge, "edge followed") for edge in frame(followed)]
    over += [_badge(one, one.index == chosen) for one in incidents[:_MOST_NUMBERS] if one.cells]
    return f'<div class="barrel"><img src="{source}" alt="{escape(alt)}">{"".join(over)}</div>'


def frame(cells: Sequence[int]) -> list[Edge]:
    """Return the line that shows a region: around it, or around the spot if it is too small for a line on its rim."""
    if not cells:
        return []
    own = boxes()[list(cells)]
    left, top = own[:, :2].min(axis=0).tolist()
    right, bottom = (own[:, :2] + own[:, 2:]).max(axis=0).tolist()
    if max(right - left, bottom - top) > _SPOT:
        return outline(cells)
    left, top, right, bottom = left - _AROUND, top - _AROUND, right + _AROUND, bottom + _AROUND
    flat = [Edge(left, at, right, at) for at in (top, bottom)]
    return flat + [Edge(at, top, at, bottom) for at in (left, right)]


def outline(cells: Iterable[int]) -> list[Edge]:
    """Return the line around cells in pixels: every edge that only one of them has, those in a row as one."""
    flat, steep = _Sides(), _Sides()
    for left, top, width, tall in boxes()[list(cells)].tolist():
        for across, along in ((top, left), (top + tall, left)):
            flat.toggle(across, along, along + width)
        for across, along in ((left, top), (left + width, top)):
            steep.toggle(across, along, along + tall)
    across = [Edge(low, at, high, at) for at, low, high in flat.joined()]
    return across + [Edge(at, low, at, high) for at, low, high in steep.joined()]


class _Sides:
    """Edges in one direction, by the line they lie on."""

    def __init__(self) -> None:
        self._edges: set[tuple[int, int, int]] = set()

    def toggle(self, line: int, low: int, high: int) -> None:
        self._edges ^= {(line, low, high)}

    def joined(self) -> list[tuple[int, int, int]]:
        found: list[tuple[int, int, int]] = []
        for line, low, high in sorted(self._edges):
            if found and found[-1][0] == line and found[-1][2] == low:
                found[-1] = (line, found[-1][1], high)
            else:
                found.append((line, low, high))
        return found


def _edge(edge: Edge, look: str) -> str:
    box = _place(edge.left, edge.top, edge.right - edge.left, edge.bottom - edge.top)
    return f'<i class="{look}" style="{box}"></i>'


def _badge(incident: Incident, chosen: bool) -> str:
    """The number of an incident, beside the first layer that it touches."""
    own = boxes()[list(incident.cells)]
    first = own[own[:, 1] < own[:, 1].min() + 80]
    left, top = int((first[:, 0] + first[:, 2]).max()) + 14, int(first[:, 1].min())
    if left + _BADGE > WIDTH:
        left = int(first[:, 0].min()) - 14 - _BADGE
    look = " now" if chosen else ""
    return f'<b class="badge{look}" style="{_place(left, top)}">{incident.number}</b>'


def _staves(figures: Figures) -> str:
    """Invisible boxes, one per stave, that tell its figures when the pointer rests on them."""
    parts = []
    for panel in panels():
        edges = LEFT + column_edges(LAYERS[panel.layer].staves)
        for stave, (left, right) in enumerate(pairwise(edges.tolist())):
            box = _place(left, panel.top, right - left, panel.height)
            parts.append(f'<i class="stave" style="{box}" title="{escape(told(figures, panel.layer, stave))}"></i>')
    return "".join(parts)


def _place(left: int, top: int, width: int | None = None, tall: int | None = None) -> str:
    found = [f"left:{100 * left / WIDTH:.2f}%;top:{100 * top / height():.2f}%"]
    if width is not None and tall is not None:
        found.append(f"width:{100 * width / WIDTH:.2f}%;height:{100 * tall / height():.2f}%")
    return ";".join(found)


def told(figures: Figures, layer: int, stave: int) -> str:
    """Return what one stave's worst cell shows, in words."""
    of = LAYERS[layer]
    first = layer_slice(layer).start + stave * of.cells
    own = slice(first, first + of.cells)
    valid = figures["valid"][own] > 0
    if not valid.any():
        return f"L{layer}_{stave:02d}: no data or masked"
    pulls = np.where(valid, figures["occupation"][own], 0.0)
    worst = int(np.abs(pulls).argmax())
    at = first + worst
    lines = [
        name(at),
        f"{figures['observed'][at]:.3g} clusters per frame and chip, expected {figures['expected'][at]:.3g}",
        f"{figures['ratio'][at]:.2f} times what is expected ({pulls[worst]:+.1f} sigma)",
    ]
    return "\n".join(lines + _others(figures, at))


def _others(figures: Figures, at: int) -> list[str]:
    found = [
        f"{word} {figures[key][at]:+.1f} sigma"
        for key, word in (("size", "cluster size"), ("hits", "hits"), ("long", "long clusters"))
        if abs(figures[key][at]) >= 3
    ]
    if figures["fault"][at] > 0.01:
        found.append(f"readout says FAULT in {100 * figures['fault'][at]:.0f} % of the time")
    return found
