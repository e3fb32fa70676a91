"""Marks that nobody has named: random forms and random ways to change the light, far broader than any list of defects.

They keep the spot network from knowing only the named kinds. Forms: patch (smooth noise cut at a random level), ring
(its outline) and line (a random walk). Light: a factor on the reflectance (films, grooves), scattered light added to
it (scratched coverlay, fibres, dust), or the material of a place nearby (opens, shorts, torn mask; CutPaste, Li et al.
2021), with some colour; edges are blurred by the optics.
"""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Float: TypeAlias = NDArray[np.float32]
Image: TypeAlias = NDArray[np.uint8]

CHANGED_DN = 2.0
_BORDER_PX = 40
_TRANSPLANT_SHARE = 0.2


def strange_mark(picture: Image, rng: Generator) -> tuple[Image, NDArray[np.bool_]]:
    """Draw one mark on a crop (H, W, 3) uint8 RGB; returns the crop and where it changed by more than 2 DN.

    Statistics: patch, ring and line equally likely; patch radius 3 to 30 px and ring radius 8 to 60 px
    (log-uniform), line length 12 to 220 px and width 1 to 12 px (log-uniform); blur 0.7 to 1.5 px; four in ten marks
    multiply the reflectance by exp(+-0.08..0.7), four in ten add 4 to 60 DN (log-uniform, three in four brighter), with
    8 % of colour; two in ten show what lies 8 to 80 px (log-uniform) away.
    """
    shape = (picture.shape[0], picture.shape[1])
    form = (_patch, _ring, _line)[int(rng.integers(3))]
    cover = cv2.GaussianBlur(form(shape, rng), (0, 0), float(rng.uniform(0.7, 1.5)))[..., None]
    before = picture.astype(np.float32)
    tint = np.exp(rng.normal(0, 0.08, 3)).astype(np.float32)
    light = rng.random()
    if light < _TRANSPLANT_SHARE:
        after = _transplant(before, rng)
    elif light < 0.5 * (1 + _TRANSPLANT_SHARE):
        after = before * np.exp(rng.choice([-1, 1]) * rng.uniform(0.08, 0.7)).astype(np.float32) * tint
    else:
        after = before + rng.choice([-1, 1, 1, 1]) * _log_uniform(rng, 4, 60) * tint
    mixed = before + cover * (after - before)
    out = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    changed = np.abs(out.astype(np.int16) - picture).max(axis=2) > CHANGED_DN
    return out, changed


def _transplant(picture: Float, rng: Generator) -> Float:
    """Return the picture moved aside: at every place the material of another one."""
    angle, far = rng.uniform(0, 2 * np.pi), _log_uniform(rng, 8, 80)
    move = np.array([[1, 0, far * np.cos(angle)], [0, 1, far * np.sin(angle)]], np.float32)
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(cv2.warpAffine(picture, move, size, borderMode=cv2.BORDER_REFLECT), np.float32)


def _log_uniform(rng: Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _centre(shape: tuple[int, int], rng: Generator) -> NDArray[np.float64]:
    return rng.uniform(_BORDER_PX, np.array(shape) - _BORDER_PX)


def _blob(shape: tuple[int, int], rng: Generator, radius: float) -> Float:
    """Return a blob of random outline, 1 inside."""
    grain = max(2, round(radius * rng.uniform(0.4, 1.2)))
    coarse = rng.standard_normal((shape[0] // grain + 2, shape[1] // grain + 2)).astype(np.float32)
    noise = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    row, column = _centre(shape, rng)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    hill = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * radius**2))
    return np.asarray(0.35 * noise + 2 * hill > 1.2, np.float32)


def _patch(shape: tuple[int, int], rng: Generator) -> Float:
    return _blob(shape, rng, _log_uniform(rng, 3, 30)) * np.float32(rng.uniform(0.5, 1.0))


def _ring(shape: tuple[int, int], rng: Generator) -> Float:
    blob = _blob(shape, rng, _log_uniform(rng, 8, 60)).astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    rim = blob - cv2.erode(blob, kernel, iterations=int(rng.integers(1, 4)))
    return np.asarray(rim + np.float32(rng.uniform(0, 0.3)) * blob, np.float32).clip(0, 1)


def _line(shape: tuple[int, int], rng: Generator) -> Float:
    length = _log_uniform(rng, 12, 220)
    count = max(2, round(length / 2))
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, rng.choice([0.005, 0.05, 0.2]), count))
    steps = 2.0 * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    row, column = _centre(shape, rng)
    points = np.cumsum(steps, axis=0) - steps.sum(axis=0) / 2 + (column, row)
    canvas = np.zeros((shape[0] * 2, shape[1] * 2), np.uint8)
    width = max(1, round(2 * _log_uniform(rng, 1.0, 12.0)))
    cv2.polylines(canvas, [np.rint(points * 16 * 2).astype(np.int32)], False, 255, width, cv2.LINE_AA, shift=4)
    cover = cv2.resize(canvas, (shape[1], shape[0]), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    gaps = cv2.resize(rng.uniform(0.4, 1.3, (8, 8)).astype(np.float32), (shape[1], shape[0]))
    return np.asarray((cover * gaps).clip(0, 1), np.float32)
