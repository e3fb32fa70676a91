"""Training samples of the classifier: simulated defects on good boards, seen as a detector would box them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from core.errors import InputError
from inspection.flex.classifier.crops import Box, Crop, cut, stack
from inspection.flex.classifier.inference import UNKNOWN
from inspection.flex.classifier.oddities import ODD
from inspection.flex.simulate import boards, defects
from inspection.flex.simulate.zones import Zone

NAMES: tuple[str, ...] = (*defects.CATEGORIES, UNKNOWN)
_NOTHING_SHARE, _ODD_SHARE = 0.08, 0.14


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """One product to draw on: good boards laid on their golden board.

    ``boards`` each (H, W, 3) uint8 RGB, ``golden`` the same shape, ``zones`` (H, W) uint8 of `Zone`.
    """

    boards: tuple[NDArray[np.uint8], ...] = field(repr=False)
    golden: NDArray[np.uint8] = field(repr=False)
    zones: NDArray[np.uint8] = field(repr=False)
    px_per_mm: float = 60.0
    pads: NDArray[np.bool_] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.golden.shape[:2] != self.zones.shape or any(b.shape != self.golden.shape for b in self.boards):
            raise InputError("classifier", "boards, golden board and zones are not of one size")
        if not self.boards:
            raise InputError("classifier", "no good board to draw on")
        object.__setattr__(self, "pads", self.zones == Zone.PAD)


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Crops with their truth.

    ``crops`` (N, 8, 64, 64) uint8, ``scale`` (N, 1) float32, ``target`` (N,) class numbers, ``kinds`` the names of what
    was drawn (``""``: nothing, ``odd``: an oddity).
    """

    crops: NDArray[np.uint8] = field(repr=False)
    scale: NDArray[np.float32] = field(repr=False)
    target: NDArray[np.int64] = field(repr=False)
    kinds: tuple[str, ...] = field(repr=False)


def synthetic_ground(design_seed: int, count: int, width: int = 1600) -> Ground:
    """Return ``count`` good synthetic boards of one design; the golden board is the drawing as the optics show it."""
    product = boards.design(design_seed)
    photos = (
        boards.photograph(product, np.random.default_rng([design_seed, n]), width=width, registered=True)
        for n in range(count)
    )
    images = tuple(photo.image for photo in photos)
    drawing, zones = boards.drawing(product, width)
    golden = np.asarray(cv2.GaussianBlur(drawing, (0, 0), 1.0), np.uint8)
    return Ground(images, golden, zones, width / product.width_mm)


def draw_samples(
    grounds: Sequence[Ground], rng: Generator, count: int, kinds: Sequence[str] = tuple(defects.KINDS)
) -> Samples:
    """Draw samples of ``kinds`` and of what is none of them.

    8 % show a good place and 14 % something odd that is no defect of the list (both are to be called unknown), the
    others a category drawn uniformly, then one of its kinds.

    Raises
    ------
    core.errors.InputError
        None of the kinds fits on the boards.
    """
    menus = [_menu(ground, kinds) for ground in grounds]
    if not any(menus):
        raise InputError("classifier", "none of the kinds of defects fits on these boards")
    crops: list[Crop] = []
    targets: list[int] = []
    named: list[str] = []
    canvases = [[board.copy() for board in ground.boards] for ground in grounds]
    while len(crops) < count:
        which = int(rng.integers(len(grounds)))
        canvas = canvases[which][int(rng.integers(len(canvases[which])))]
        made = _one(canvas, grounds[which], rng, menus[which])
        if made is not None:
            crops.append(made[0])
            targets.append(NAMES.index(made[1]))
            named.append(made[2])
    pixels, scale = stack(crops)
    return Samples(pixels, scale, np.array(targets, np.int64), tuple(named))


def _one(
    canvas: NDArray[np.uint8], ground: Ground, rng: Generator, menu: dict[str, list[str]]
) -> tuple[Crop, str, str] | None:
    """Return a crop, its class and the kind of its defect (``""``: nothing, ``odd``); None when it does not fit."""
    draw = rng.random()
    if draw < _NOTHING_SHARE or not menu:
        return _nothing(canvas, ground, rng), UNKNOWN, ""
    if draw < _NOTHING_SHARE + _ODD_SHARE:
        made = _drawn(canvas, ground, rng, ODD, ground.zones)
        return (made[0], UNKNOWN, ODD.name) if made else None
    category = list(menu)[int(rng.integers(len(menu)))]
    kind = defects.KINDS[str(rng.choice(menu[category]))]
    zones = ground.zones
    if category == kind.category_on_pad:
        zones = np.where(ground.pads, np.uint8(Zone.PAD), np.uint8(Zone.OUTSIDE))
    made = _drawn(canvas, ground, rng, kind, zones)
    return (*made, kind.name) if made else None


def _menu(ground: Ground, kinds: Sequence[str]) -> dict[str, list[str]]:
    """Return the kinds that this ground has a zone for, by category."""
    menu: dict[str, list[str]] = {}
    for name in defects.possible(ground.zones):
        if name in kinds:
            kind = defects.KINDS[name]
            for category in {kind.category, kind.category_on_pad or kind.category}:
                menu.setdefault(category, []).append(name)
    return dict(sorted(menu.items()))


def _drawn(
    canvas: NDArray[np.uint8], ground: Ground, rng: Generator, kind: defects.Kind, zones: NDArray[np.uint8]
) -> tuple[Crop, str] | None:
    """Return a crop with a defect and its category; the canvas is as before afterwards."""
    try:
        window, patch, _, label = defects.draw_patch(canvas, zones, rng, kind, px_per_mm=ground.px_per_mm)
    except InputError:
        return None
    before = canvas[window].copy()
    canvas[window] = patch
    crop = _seen(canvas, ground, rng, (label.x, label.y, label.width, label.height))
    canvas[window] = before
    return crop, label.category


def _nothing(canvas: NDArray[np.uint8], ground: Ground, rng: Generator) -> Crop:
    """Return a place where the board is good, half of them on the edge of something."""
    height, width = canvas.shape[:2]
    x, y = int(rng.integers(width)), int(rng.integers(height))
    for _ in range(20):
        if ground.zones[y, x] != Zone.OUTSIDE:
            break
        x, y = int(rng.integers(width)), int(rng.integers(height))
    size = np.exp(rng.uniform(np.log(5), np.log(60), 2)).astype(int)
    return _seen(canvas, ground, rng, (x, y, int(size[0]), int(size[1])))


def _seen(canvas: NDArray[np.uint8], ground: Ground, rng: Generator, box: Box) -> Crop:
    """Cut the region as a detector boxes it: shifted by up to a fifth, 0.7 to 1.5 times as large; half through JPEG."""
    x, y, width, height = box
    new_width, new_height = (max(4, round(v * float(rng.uniform(0.7, 1.5)))) for v in (width, height))
    new_x = round(x + width / 2 - new_width / 2 + float(rng.uniform(-0.2, 0.2)) * width)
    new_y = round(y + height / 2 - new_height / 2 + float(rng.uniform(-0.2, 0.2)) * height)
    crop = cut(canvas, ground.golden, ground.pads, (new_x, new_y, new_width, new_height))
    if rng.random() < 0.5:
        picture = np.ascontiguousarray(crop.pixels[:3].transpose(1, 2, 0))
        content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(88, 99))])[1]
        decoded = cv2.imdecode(content, cv2.IMREAD_COLOR)
        if decoded is not None:
            crop.pixels[:3] = decoded.transpose(2, 0, 1)
    return crop
