"""The synthetic flex board: a made-up but plausible layout, fully given by its design seed.

It copies no product. Like the ITk pixel flexes it has rows of gold wire-bond pads along its edges, fine traces under
the solder mask, vias, passive components and a connector on footprints, dowel holes, fiducials, a stiffener and text.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from inspection.flex.simulate.shapes import Layer, Shape, disc, outline, rectangle, stroke, text

WIDTH_MM, HEIGHT_MM = 26.7, 20.0
Colour = tuple[float, float, float]

# Colours of the layers (RGB, 0 to 255) as a line scanner shows them; three common solder masks or coverlays.
_COMMON: dict[Layer, Colour] = {
    Layer.PANEL: (17, 15, 15), Layer.STIFFENER: (124, 116, 113), Layer.PAD: (167, 134, 97),
    Layer.LAND: (162, 130, 94),
    Layer.RING: (158, 126, 90), Layer.SILK: (176, 172, 160), Layer.SOLDER: (128, 127, 129),
    Layer.SHADOW: (0, 0, 0), Layer.TERMINAL: (142, 141, 142), Layer.BODY: (47, 43, 42),
    Layer.MARK: (96, 94, 92), Layer.HOLE: (11, 10, 10),
}  # fmt: skip
_MASKS: tuple[dict[Layer, Colour], ...] = (
    {Layer.BOARD: (66, 38, 25), Layer.COPPER: (104, 61, 34), Layer.OPENING: (44, 24, 16)},
    {Layer.BOARD: (27, 52, 38), Layer.COPPER: (45, 82, 52), Layer.OPENING: (58, 44, 26)},
    {Layer.BOARD: (96, 58, 26), Layer.COPPER: (146, 86, 44), Layer.OPENING: (60, 34, 18)},
)


@dataclass(frozen=True, slots=True, eq=False)
class BoardDesign:
    """What all boards of one product share: outlines by layer and their colours."""

    seed: int
    width_mm: float
    height_mm: float
    shapes: tuple[Shape, ...]
    colours: dict[Layer, Colour]

    @property
    def name(self) -> str:
        """Name for people and file names."""
        return f"SYN{self.seed:04d}"


def design(seed: int) -> BoardDesign:
    """Return the board design of this seed; the same seed always gives the same board."""
    rng = np.random.default_rng([seed, 98])
    shapes = [rectangle(Layer.BOARD, (WIDTH_MM / 2, HEIGHT_MM / 2), (WIDTH_MM - 1.2, HEIGHT_MM - 1.2), 1.4)]
    shapes += _ears(rng)
    shapes += _hatch(rng)
    for side in (-1, 1):
        shapes += _pad_row(rng, side)
    shapes += _parts(rng)
    shapes += _holes_and_fiducials()
    shapes += text(f"SW-FLEX {seed:04d}", (9.4, HEIGHT_MM - 1.75), 0.62)
    colours = _COMMON | _MASKS[int(rng.integers(len(_MASKS)))]
    return BoardDesign(seed, WIDTH_MM, HEIGHT_MM, tuple(shapes), colours)


def _ears(rng: Generator) -> Iterator[Shape]:
    """Yield cut-outs of the outline (part of the panel again) and the stiffener."""
    for side in (0.0, WIDTH_MM):
        y = float(rng.uniform(3.4, 4.2))
        yield rectangle(Layer.HOLE, (side, y), (2.6, 1.0), 0.4)
        yield rectangle(Layer.HOLE, (side, HEIGHT_MM - y), (2.6, 1.0), 0.4)
    yield rectangle(Layer.STIFFENER, (13.35, 2.9), (float(rng.uniform(6.6, 7.6)), 2.9), 0.3)


def _hatch(rng: Generator) -> Iterator[Shape]:
    """Yield the hatched ground plane under the mask, above and below the traces."""
    pitch, width = float(rng.uniform(0.62, 0.8)), float(rng.uniform(0.16, 0.22))
    for top, bottom in ((1.3, 2.7), (HEIGHT_MM - 3.1, HEIGHT_MM - 2.1)):
        for left, right in ((4.2, 9.0), (17.7, 22.5)) if top < 5 else ((4.2, 22.5),):
            height = bottom - top
            for x in np.arange(left, right - height, pitch):
                yield stroke(Layer.COPPER, [(x, top), (x + height, bottom)], width)
                yield stroke(Layer.COPPER, [(x + height, top), (x, bottom)], width)
            frame = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
            yield stroke(Layer.COPPER, frame, width * 1.3)


def _pad_row(rng: Generator, side: int) -> Iterator[Shape]:
    """Yield the wire-bond pads of one edge, their mask openings and the traces that lead inwards."""
    pitch = float(rng.uniform(0.56, 0.68))
    size = (float(rng.uniform(0.85, 1.05)), float(rng.uniform(0.36, 0.43)))
    middle = WIDTH_MM / 2
    edge = middle + side * (middle - 2.3)
    per_group, groups = 6, 3
    trace = float(rng.uniform(0.085, 0.12))
    for group in range(groups):
        centre = HEIGHT_MM * (0.29 + 0.21 * group)
        if group != 1:
            span = (size[0] + 0.22, pitch * per_group + 0.05)
            yield rectangle(Layer.OPENING, (edge, centre), span, 0.12)
        for number in range(per_group):
            offset = number - (per_group - 1) / 2
            y = centre + offset * pitch
            if group == 1:
                yield rectangle(Layer.OPENING, (edge, y), (size[0] + 0.16, size[1] + 0.13), 0.06)
            yield rectangle(Layer.PAD, (edge, y), size, 0.05)
            yield from _fan_in(edge, side, (y, centre + offset * 0.3), rank=abs(offset), number=number, width=trace)


def _fan_in(
    edge: float, side: int, heights: tuple[float, float], *, rank: float, number: int, width: float
) -> Iterator[Shape]:
    """Yield one trace from a pad: straight, 45 degrees into the bus, straight to its via."""
    y, bus = heights
    bend = edge - side * (0.8 + 0.12 * (2.5 - rank))
    after = bend - side * abs(bus - y)
    end = edge - side * (4.6 + 0.42 * ((number * 2) % 5))
    yield stroke(Layer.COPPER, [(edge - side * 0.4, y), (bend, y), (after, bus), (end, bus)], width)
    yield disc(Layer.COPPER, (end, bus), 0.13)
    yield disc(Layer.MARK, (end, bus), 0.045)


def _parts(rng: Generator) -> list[Shape]:
    """Return the passives, the chip in the middle and the connector on the stiffener, and the traces between."""
    shapes: list[Shape] = []
    part = 0
    for row in range(4):
        for column in range(5):
            x, y = 9.2 + column * 2.05 + rng.uniform(-0.15, 0.15), 6.2 + row * 2.7 + rng.uniform(-0.2, 0.2)
            if 1 <= row <= 2 and 1 <= column <= 3:
                continue
            shapes += _passive(rng, (float(x), float(y)), part, bool(rng.random() < 0.85))
            part += 1
    shapes += _chip((13.35, 10.25), part)
    shapes += _connector((13.35, 2.9), part + 1)
    return shapes


def _passive(rng: Generator, centre: tuple[float, float], part: int, mounted: bool) -> Iterator[Shape]:
    """Yield a two-terminal component: gold footprint, solder, shadow, body with tinned ends, its name, one trace."""
    x, y = centre
    length, width = (1.0, 0.5) if rng.random() < 0.6 else (1.25, 0.68)
    upright = bool(rng.random() < 0.5)

    def box(layer: Layer, dx: float, dy: float, size: tuple[float, float], *, corner: float, number: int) -> Shape:
        if upright:
            return rectangle(layer, (x + dy, y + dx), (size[1], size[0]), corner, number)
        return rectangle(layer, (x + dx, y + dy), size, corner, number)

    for end in (-1, 1):
        yield box(Layer.OPENING, end * length / 2, 0, (0.62, width + 0.26), corner=0.06, number=-1)
        yield box(Layer.LAND, end * length / 2, 0, (0.5, width + 0.12), corner=0.05, number=-1)
        start = (x, y + end * length / 2) if upright else (x + end * length / 2, y)
        stop = (start[0] + end * 0.45, start[1] + 0.75)
        yield stroke(Layer.COPPER, [start, (start[0], start[1] + 0.3), stop], 0.12)
        if mounted:
            yield box(Layer.SOLDER, end * length / 2, 0, (0.44, width + 0.04), corner=0.12, number=part)
    yield from text(f"{'RC'[int(rng.integers(2))]}{part + 1}", (x - 0.35, y - width - 0.62), 0.34)
    if mounted:
        yield box(Layer.SHADOW, 0.03, 0.05, (length, width), corner=0.03, number=part)
        yield box(Layer.BODY, 0, 0, (length, width), corner=0.03, number=part)
        for end in (-1, 1):
            yield box(Layer.TERMINAL, end * (length / 2 - 0.1), 0, (0.22, width), corner=0.04, number=part)


def _chip(centre: tuple[float, float], part: int) -> Iterator[Shape]:
    """Yield a leadless chip with terminals on four sides."""
    x, y = centre
    for turn in range(4):
        cos, sin = (1, 0, -1, 0)[turn], (0, 1, 0, -1)[turn]
        for offset in np.arange(-1.0, 1.01, 0.4):
            dx, dy = 1.55 * cos - offset * sin, 1.55 * sin + offset * cos
            size = (0.5, 0.22) if cos else (0.22, 0.5)
            yield rectangle(Layer.OPENING, (x + dx, y + dy), (size[0] + 0.1, size[1] + 0.1), 0.03)
            yield rectangle(Layer.LAND, (x + dx, y + dy), size, 0.03)
            yield stroke(Layer.COPPER, [(x + dx, y + dy), (x + dx * 1.45, y + dy * 1.45)], 0.11)
            yield rectangle(Layer.SOLDER, (x + dx * 0.98, y + dy * 0.98), size, 0.08, part)
    yield rectangle(Layer.SHADOW, (x + 0.05, y + 0.07), (3.0, 3.0), 0.05, part)
    yield rectangle(Layer.BODY, (x, y), (3.0, 3.0), 0.05, part)
    yield disc(Layer.MARK, (x - 1.15, y - 1.15), 0.12, part)


def _connector(centre: tuple[float, float], part: int) -> Iterator[Shape]:
    """Yield the data connector: a body with two rows of contacts."""
    x, y = centre
    for offset in np.arange(-2.4, 2.41, 0.4):
        for row in (-1, 1):
            yield rectangle(Layer.SOLDER, (x + offset, y + row * 0.82), (0.2, 0.4), 0.05, part)
    yield rectangle(Layer.SHADOW, (x + 0.05, y + 0.08), (5.8, 1.4), 0.08, part)
    yield rectangle(Layer.BODY, (x, y), (5.8, 1.4), 0.08, part)
    yield rectangle(Layer.MARK, (x, y), (5.2, 0.35), 0.05, part)


def _holes_and_fiducials() -> Iterator[Shape]:
    """Yield a dowel hole with its gold ring in each corner and three fiducials."""
    for x in (1.9, WIDTH_MM - 1.9):
        for y in (1.8, HEIGHT_MM - 1.8):
            yield disc(Layer.OPENING, (x, y), 0.95)
            yield disc(Layer.RING, (x, y), 0.82)
            yield disc(Layer.HOLE, (x, y), 0.6)
    for x, y in ((4.6, 3.6), (WIDTH_MM - 4.6, 3.6), (4.6, HEIGHT_MM - 3.9)):
        yield disc(Layer.OPENING, (x, y), 0.5)
        yield disc(Layer.LAND, (x, y), 0.25)
        yield outline(Layer.SILK, [(x - 0.75, y - 0.7), (x - 0.55, y - 0.7), (x - 0.75, y - 0.5)])
