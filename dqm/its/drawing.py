"""Pictures of one cycle, drawn at detection time: occupancy, pull, a thumbnail, and the figures behind them.

A picture has 8 bits per pixel and a palette with transparency (`drawing_colours`): all of them together take some
milliseconds, and each serves the light and the dark page (docs/decisions/0016).
"""

import io
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from core.verdict import Evidence, Quality, Region
from dqm.its import drawing_figures
from dqm.its.drawing_colours import (
    INK,
    INKS,
    Bytes,
    occupancy_levels,
    occupancy_palette,
    pull_levels,
    pull_palette,
)
from dqm.its.drawing_figures import Drawable
from dqm.its.drawing_layout import LEFT, MAP_WIDTH, WIDTH, cells_of, column_edges, grid, height, panels
from dqm.its.drawing_outlines import marks
from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS, Bools, Floats, Ints, layer_slice

THUMBNAIL_WIDTH = 192
_COMPRESSION = 1
_THUMBNAIL_GAP = 3


def draw(pulls: Drawable, regions: Sequence[Region]) -> dict[str, Evidence]:
    """Return ``pull``, ``occupancy`` and ``thumbnail`` (PNG) and ``cells`` (npz) of one cycle.

    The first 12 regions are outlined by the cells that ``where["cells"]`` names, else by their element.
    """
    valid = np.asarray(pulls.valid, bool)
    pull = pull_levels(np.where(valid, pulls.occupation, np.nan))
    occupancy = occupancy_levels(np.where(valid, in_medians(pulls.observed, valid), np.nan))
    lines = marks((cells_of(region.where), region.where.get("quality") != Quality.MEDIUM) for region in regions)
    return {
        "pull": _picture(pull, lines, pull_palette()),
        "occupancy": _picture(occupancy, lines, occupancy_palette()),
        "thumbnail": _thumbnail(pull),
        "cells": drawing_figures.write(pulls),
    }


def in_medians(observed: Floats, valid: Bools) -> NDArray[np.float64]:
    """Return every cell in units of the median of its layer, (CELLS,); NaN in a layer where that is 0."""
    found = np.full(CELLS, np.nan)
    for layer in LAYERS:
        own = layer_slice(layer.number)
        seen = observed[own][valid[own]]
        if seen.size and (median := float(np.median(seen))) > 0:
            found[own] = observed[own] / median
    return found


def _picture(levels: Bytes, lines: Bytes | None, palette: tuple[bytes, bytes]) -> Evidence:
    canvas = _frame().copy()
    rows = np.append(levels, np.uint8(0))[_native(MAP_WIDTH, separated=True)]
    for panel, own in zip(panels(), np.split(rows, _native_edges()), strict=True):
        canvas[panel.top : panel.top + panel.height, LEFT : LEFT + MAP_WIDTH] = np.repeat(own, panel.row_height, axis=0)
    if lines is not None:
        np.copyto(canvas, lines, where=lines > 0)
    return _png(canvas, palette)


def _thumbnail(levels: Bytes) -> Evidence:
    rows = np.append(levels, np.uint8(0))[_native(THUMBNAIL_WIDTH, separated=False)]
    parts = [
        np.pad(np.repeat(own, 2 if panel.rows == 9 else 3, axis=0), ((0, _THUMBNAIL_GAP), (0, 0)))
        for panel, own in zip(panels(), np.split(rows, _native_edges()), strict=True)
    ]
    return _png(np.concatenate(parts)[:-_THUMBNAIL_GAP], pull_palette())


def _png(canvas: Bytes, palette: tuple[bytes, bytes]) -> Evidence:
    image = Image.frombuffer("P", (canvas.shape[1], canvas.shape[0]), np.ascontiguousarray(canvas), "raw", "P", 0, 1)
    image.putpalette(palette[0])
    target = io.BytesIO()
    image.save(target, "PNG", compress_level=_COMPRESSION, transparency=palette[1])
    return Evidence(target.getvalue(), "image/png")


@cache
def _native(width: int, *, separated: bool) -> Ints:
    """The cell at every pixel of every row of cells, (49, width); ``CELLS`` on the lines between staves."""
    parts = []
    for panel in panels():
        rows = np.repeat(grid(panel.layer), np.diff(column_edges(panel.columns, width)), axis=1)
        if separated:
            rows[:, column_edges(LAYERS[panel.layer].staves, width)[1:-1] - 1] = CELLS
        parts.append(rows)
    return np.concatenate(parts)


def _native_edges() -> Ints:
    return np.cumsum([panel.rows for panel in panels()])[:-1]


@cache
def _frame() -> Bytes:
    """The parts that are the same in every picture: names of layers, sides and phi, as palette places."""
    grey = Image.new("L", (WIDTH, height()))
    pen, font, small = ImageDraw.Draw(grey), ImageFont.load_default(16), ImageFont.load_default(14)
    for panel in panels():
        pen.text((0, panel.top + panel.height / 2), f"L{panel.layer}", fill=255, font=font, anchor="lm")
        pen.text((LEFT - 8, panel.top), "A", fill=255, font=small, anchor="rt")
        pen.text((LEFT - 8, panel.top + panel.height), "C", fill=255, font=small, anchor="rb")
    for quarter in range(5):
        at = (LEFT + quarter * MAP_WIDTH // 4, height() - 2)
        text = f"{90 * quarter}°" if quarter else "phi 0°"
        pen.text(at, text, fill=255, font=small, anchor=f"{'lmmmr'[quarter]}b")
    ink = np.asarray(grey).astype(np.int64) * (INKS - 1) // 255
    return np.where(ink > 0, INK + ink, 0).astype(np.uint8)
