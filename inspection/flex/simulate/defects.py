"""Draws named ITk-like defects on any board picture, real or synthetic, with their masks.

Light is what decides what a defect looks like: films and grooves change the reflectance by a factor, opaque things
replace it, and all of it is then blurred by the scanner's optics. On a synthetic board `lay` works on the reflectance
before the scan. On a finished picture `draw` separates surface and noise, changes the surface by a film that is
blurred with a point spread of 0.7 to 1.2 px sigma, and puts the noise back as it belongs to the new grey level
(`inspection.flex.simulate.scanner.noise_sigma`): a defect is neither smoother nor sharper nor noisier than its
surroundings, and pixels outside it keep their exact value.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from core.errors import InputError
from inspection.flex.simulate import surface_flaws
from inspection.flex.simulate.kinds import CATEGORIES, KINDS, Kind
from inspection.flex.simulate.placing import REFERENCE_PX_PER_MM, Box, Drawn, Label, Mask, find
from inspection.flex.simulate.scanner import noise_sigma

__all__ = [
    "CATEGORIES", "KINDS", "Kind", "Label", "Mask", "draw", "draw_patch", "lay", "possible", "sprinkle_dust", "union",
]  # fmt: skip


def union(masks: Sequence[Mask], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return all masks together on a picture of this shape, (H, W) bool."""
    whole = np.zeros(shape[:2], np.bool_)
    for mask in masks:
        rows, columns = mask.pixels.shape
        whole[mask.y : mask.y + rows, mask.x : mask.x + columns] |= mask.pixels
    return whole


def possible(zones: NDArray[np.uint8]) -> tuple[str, ...]:
    """Return the names of the kinds for which this board has a zone."""
    present = set(np.unique(zones).tolist())
    return tuple(name for name, kind in KINDS.items() if present & {int(z) for z in kind.zones})


def lay(
    surface: NDArray[np.float32],
    zones: NDArray[np.uint8],
    rng: Generator,
    kind: str,
    count: int = 1,
    *,
    px_per_mm: float = REFERENCE_PX_PER_MM,
) -> tuple[list[Mask], list[Label]]:
    """Put defects on a noise-free surface that is still to be scanned; the surface is changed in place.

    Parameters
    ----------
    surface
        (H, W, 3) float32 reflectance in grey levels.
    zones, rng, kind, count, px_per_mm, Raises
        As for `draw`.
    """
    found: list[Drawn] = []
    for _ in range(count):
        drawn = find(lambda box: surface[box], zones, rng, _named(kind), px_per_mm=px_per_mm)
        surface[drawn.box] += drawn.change
        found.append(drawn)
    return [d.mask for d in found], [d.label for d in found]


def draw(
    image: NDArray[np.uint8],
    zones: NDArray[np.uint8],
    rng: Generator,
    kind: str,
    count: int = 1,
    *,
    px_per_mm: float = REFERENCE_PX_PER_MM,
) -> tuple[NDArray[np.uint8], list[Mask], list[Label]]:
    """Draw ``count`` defects of one kind on a picture.

    Parameters
    ----------
    image
        (H, W, 3) uint8 RGB, left as it is.
    zones
        (H, W) uint8 of `inspection.flex.simulate.zones.Zone`.
    rng
        Draws place, size, contrast and form; the same state gives the same defects.
    kind
        Name of one of `KINDS`.
    px_per_mm
        Resolution: sizes of defects scale with it.

    Returns
    -------
    image
        A copy with the defects; equal to the input outside of their (slightly larger) footprint.
    masks, labels
        One per defect, in the order in which they were drawn.

    Raises
    ------
    core.errors.InputError
        No such kind, zones of another shape, or the board has no place for it.
    """
    if image.ndim != 3 or image.shape[2] != 3 or zones.shape != image.shape[:2]:
        raise InputError(kind, f"image {image.shape} and zones {zones.shape} do not fit together")
    out = image.copy()
    masks: list[Mask] = []
    labels: list[Label] = []
    for _ in range(count):
        box, patch, mask, label = draw_patch(out, zones, rng, kind, px_per_mm=px_per_mm)
        out[box] = patch
        masks.append(mask)
        labels.append(label)
    return out, masks, labels


def draw_patch(
    image: NDArray[np.uint8],
    zones: NDArray[np.uint8],
    rng: Generator,
    kind: str | Kind,
    *,
    px_per_mm: float = REFERENCE_PX_PER_MM,
) -> tuple[Box, NDArray[np.uint8], Mask, Label]:
    """Draw one defect as `draw` does, but return only the window (rows, columns) and its new pixels: no big copies."""
    sigma = float(rng.uniform(0.7, 1.2))
    wanted = kind if isinstance(kind, Kind) else _named(kind)
    drawn = find(lambda box: _without_noise(image[box]), zones, rng, wanted, px_per_mm=px_per_mm, sigma=sigma)
    return drawn.box, _put_on(image[drawn.box], drawn.change), drawn.mask, drawn.label


def sprinkle_dust(
    surface: NDArray[np.float32], zones: NDArray[np.uint8], rng: Generator, px_per_mm: float, mean: float = 5.0
) -> None:
    """Put on the dust that a good board has: Poisson, by default 5 grains of 1.5 to 5 px and 10 to 45 % contrast."""
    natural = Kind("natural", "", KINDS["dust"].zones, (1.5, 5.0), (0.10, 0.45), surface_flaws.particle)
    for _ in range(int(rng.poisson(mean))):
        surface_change = find(lambda box: surface[box], zones, rng, natural, px_per_mm=px_per_mm, visible=0.5)
        surface[surface_change.box] += surface_change.change


def _named(kind: str) -> Kind:
    if kind not in KINDS:
        raise InputError(kind, f"no such defect; there are {', '.join(KINDS)}")
    return KINDS[kind]


def _without_noise(window: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(cv2.medianBlur(window, 5), np.float32)


def _put_on(window: NDArray[np.uint8], seen: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the window with the change (as the optics show it) and the noise that belongs to the new grey levels."""
    surface = _without_noise(window)
    noise = window - surface
    usual = 1.4826 * float(np.median(np.abs(noise)))
    strong = np.abs(seen) > 0.3 * np.maximum(surface, 8)
    limit = 3.5 * np.maximum(noise_sigma(surface), usual)
    noise = np.where(strong, np.clip(noise, -limit, limit), noise)
    after = np.clip(surface + seen, 0, 255)
    noise = noise * noise_sigma(after) / noise_sigma(surface)
    result = np.clip(np.rint(after + noise), 0, 255).astype(np.uint8)
    return np.where(np.abs(seen) < 0.05, window, result)
