"""Photographs of synthetic boards, with or without defects, with what is true of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inspection.flex.simulate import defects, scanner
from inspection.flex.simulate.defects import Label
from inspection.flex.simulate.layout import BoardDesign, design
from inspection.flex.simulate.pose import draw_pose, laid_straight
from inspection.flex.simulate.render import render

__all__ = ["BoardDesign", "Photo", "design", "drawing", "photograph"]


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """One scan and its truth: ``image`` (H, W, 3) uint8 RGB, ``zones`` (H, W) uint8, a mask and a label per defect."""

    image: NDArray[np.uint8] = field(repr=False)
    zones: NDArray[np.uint8] = field(repr=False)
    masks: list[defects.Mask] = field(repr=False)
    labels: list[Label]


def photograph(
    design: BoardDesign,
    rng: Generator,
    defects_wanted: Sequence[str] = (),
    *,
    width: int = 1600,
    looseness: float = 1.0,
    registered: bool = False,
    quality: int = 94,
) -> Photo:
    """Make one board of this design, put the defects on it and scan it.

    Parameters
    ----------
    design
        The product.
    rng
        Draws everything that differs between two boards.
    defects_wanted
        Names of kinds (see `inspection.flex.simulate.defects.KINDS`), one entry per defect.
    width
        Width of the picture in px (4760 gives 17 megapixels); 1600 px are 60 px/mm.
    registered
        The board lies on its drawing up to 0.3 px, as after a registration; everything else varies as usual.
    looseness
        Size of the mechanical variation: 1 is a normal board, 0 lies exactly as drawn.
    quality
        JPEG quality of the file.

    Raises
    ------
    core.errors.InputError
        A kind is unknown.
    """
    px_per_mm = width / design.width_mm
    pose = draw_pose(design, rng, looseness)
    if registered:
        pose = laid_straight(pose, rng, 0.3 / px_per_mm)
    surface, zones = render(design, pose, rng, width)
    defects.sprinkle_dust(surface, zones, rng, px_per_mm)
    masks: list[defects.Mask] = []
    labels: list[Label] = []
    for kind in defects_wanted:
        found, named = defects.lay(surface, zones, rng, kind, px_per_mm=px_per_mm)
        masks += found
        labels += named
    image = scanner.through_jpeg(scanner.scan(surface, rng), quality)
    return Photo(image, zones, masks, labels)


def drawing(design: BoardDesign, width: int = 1600) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the ideal picture of a design (no variation, no noise) and its zones: a template."""
    rng = np.random.default_rng(0)
    surface, zones = render(design, draw_pose(design, rng, 0.0), rng, width)
    return np.clip(np.rint(surface), 0, 255).astype(np.uint8), zones
