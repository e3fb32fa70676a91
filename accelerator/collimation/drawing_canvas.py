"""What the pictures of a loss map are made of: a canvas of palette places, its grid, texts, markers, and the PNG."""

import io
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from accelerator.collimation.drawing_colours import (
    EDGE,
    GRID,
    HALO,
    INK,
    INKS,
    PLATE,
    PLATE_INKS,
    RULE,
    Bytes,
    palette,
)
from accelerator.collimation.drawing_layout import LEFT, MAP_WIDTH, TEXT, WIDTH, Panel, Scale
from core.verdict import Evidence

_COMPRESSION = 1
_PLATE_MARGIN = 4
_MARK, _AWAY = 8, 12
"""Half the size of a marker that stands out, and how far from its middle its name is."""


def blank(panel: Panel, scale: Scale) -> Bytes:
    """Return a canvas with the grid of its scale and the powers of ten beside it."""
    return _frame(panel, scale.low).copy()


def png(canvas: Bytes) -> Evidence:
    """Return a canvas as a palette PNG with transparency."""
    colours, opacity = palette()
    image = Image.frombuffer("P", (canvas.shape[1], canvas.shape[0]), np.ascontiguousarray(canvas), "raw", "P", 0, 1)
    image.putpalette(colours)
    target = io.BytesIO()
    image.save(target, "PNG", compress_level=_COMPRESSION, transparency=opacity)
    return Evidence(target.getvalue(), "image/png")


def write(canvas: Bytes, text: str, x: int, y: int, anchor: str = "lm", size: int = TEXT) -> None:
    """Write text in the grey of the page; ``anchor`` is l, m or r and t, m or b, as in Pillow."""
    stamp = _text(text, size)
    put(canvas, np.where(stamp > 0, INK + stamp - 1, 0).astype(np.uint8), x, y, anchor)


class Plates:
    """Names on dark plates, each where it covers neither another name nor a marker that stands out."""

    def __init__(self, canvas: Bytes, taken: Sequence[tuple[int, int]] = (), bottom: int | None = None) -> None:
        self._canvas = canvas
        self._bottom = canvas.shape[0] if bottom is None else bottom
        self._boxes = [(x - _MARK, y - _MARK, x + _MARK, y + _MARK) for x, y in taken]

    def write(self, text: str, x: int, y: int, size: int = TEXT) -> None:
        """Write the name of a marker at (x, y) beside it, above or below; if there is no room, not at all."""
        stamp = _plate(text, size)
        tall, wide = stamp.shape
        for left, top in _around(x, y, wide, tall):
            found = (left, top, left + wide, top + tall)
            inside = left >= LEFT and left + wide <= WIDTH and top >= 0 and top + tall <= self._bottom
            if inside and not any(_overlap(found, other) for other in self._boxes):
                self._canvas[top : top + tall, left : left + wide] = stamp
                self._boxes.append(found)
                return


def _around(x: int, y: int, wide: int, tall: int) -> Iterator[tuple[int, int]]:
    """Places for a name, the best first."""
    for step in range(4):
        down = step * (tall + 4)
        yield x + _AWAY, y - tall // 2 - down
        yield x - _AWAY - wide, y - tall // 2 - down
        yield x + _AWAY, y - tall // 2 + down
        yield x - _AWAY - wide, y - tall // 2 + down
    for step in range(3):
        yield x - wide // 2, y - _AWAY - tall - step * (tall + 4)


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def put(canvas: Bytes, stamp: Bytes, x: int, y: int, anchor: str) -> None:
    """Lay a small picture over the canvas where it is not empty; what is outside is cut off."""
    tall, wide = stamp.shape
    left, top = _from(x, wide, anchor[0]), _from(y, tall, anchor[1])
    cut_left, cut_top = max(0, -left), max(0, -top)
    part = canvas[top + cut_top : top + tall, left + cut_left : left + wide]
    seen = stamp[cut_top : cut_top + part.shape[0], cut_left : cut_left + part.shape[1]]
    np.copyto(part, seen, where=seen > 0)


def box(canvas: Bytes, left: int, top: int, right: int, bottom: int, colour: int) -> None:
    """Fill a rectangle, the ends not included; one that is empty is a line of a pixel."""
    canvas[max(0, top) : max(top + 1, bottom), max(0, left) : max(left + 1, right)] = colour


@lru_cache(maxsize=64)
def marker(shape: str, colour: int, size: int, *, edged: bool = False) -> Bytes:
    """Return a marker: ``up`` or ``down`` triangle, ``square``, ``diamond``, ``dot``, ``ring``; ``edged``: outlined."""
    room = 3 if edged else 0
    across = size + 2 * room
    image = Image.new("L", (across, across))
    pen = ImageDraw.Draw(image)
    if edged:
        _shape(pen, shape, 0, across - 1, EDGE)
        _shape(pen, shape, 1, across - 2, HALO)
    _shape(pen, shape, room, across - 1 - room, colour)
    if shape == "ring":
        _shape(pen, "dot", room + 2, across - 3 - room, 0)
    return np.asarray(image)


def _shape(pen: ImageDraw.ImageDraw, shape: str, low: int, high: int, colour: int) -> None:
    middle = (low + high) / 2
    corners: dict[str, list[tuple[float, float]]] = {
        "up": [(low, high), (high, high), (middle, low)],
        "down": [(low, low), (high, low), (middle, high)],
        "diamond": [(middle, low), (high, middle), (middle, high), (low, middle)],
    }
    if shape in corners:
        pen.polygon(corners[shape], fill=colour)
    elif shape == "square":
        pen.rectangle((low, low, high, high), fill=colour)
    else:
        pen.ellipse((low, low, high, high), fill=colour)


@lru_cache(maxsize=32)
def _frame(panel: Panel, low: int) -> Bytes:
    canvas = np.zeros((panel.height, WIDTH), np.uint8)
    scale = Scale(low, panel)
    for power in range(low, 1):
        at = scale.y(10.0**power)
        canvas[at, LEFT : LEFT + MAP_WIDTH] = GRID if power > low else RULE
        if power % 2 == 0 or low > -6:
            write(canvas, "1" if power == 0 else f"1e{power}", LEFT - 8, min(at, panel.height - 8), "rm")
    return canvas


@lru_cache(maxsize=256)
def _text(text: str, size: int) -> Bytes:
    """The opacity of a text, from 0 (empty) to INKS."""
    font = ImageFont.load_default(size)
    left, _, right, _ = (int(at) for at in font.getbbox(text or " "))
    _, top, _, bottom = (int(at) for at in font.getbbox("Hp"))
    image = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(image).text((-left, -top), text, fill=255, font=font)
    grey = np.asarray(image).astype(np.int64)
    return np.where(grey > 8, 1 + grey * (INKS - 1) // 255, 0).astype(np.uint8)


@lru_cache(maxsize=256)
def _plate(text: str, size: int) -> Bytes:
    stamp = _text(text, size)
    tall, wide = stamp.shape
    found = np.full((tall + 2 * _PLATE_MARGIN, wide + 2 * _PLATE_MARGIN), PLATE, np.uint8)
    inside = found[_PLATE_MARGIN:-_PLATE_MARGIN, _PLATE_MARGIN:-_PLATE_MARGIN]
    np.copyto(inside, (PLATE_INKS + stamp - 1).astype(np.uint8), where=stamp > 0)
    return found


def _from(at: int, size: int, anchor: str) -> int:
    return at if anchor in "lt" else at - size if anchor in "rb" else at - size // 2
