"""Calibrate a taught product on its own good boards, each judged by what the others say is normal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.errors import CalibrationError
from core.inference import Session
from core.thresholds import SpotThreshold
from inspection.flex.learned.fusion import ALONG, JOINED_FROM, OFF_PADS, SUMS, TOGETHER, Fusion, Scale, add_up
from inspection.flex.learned.parts import PARTS, STRIDE, keep_inside, part_maps
from inspection.flex.learned.product import judged_area
from inspection.flex.learned.spots import find_spots
from inspection.flex.learned.stack import Stack

Float: TypeAlias = NDArray[np.float32]

HANDICAPS = {TOGETHER: 0.0, OFF_PADS: 0.5, ALONG: 0.1, "position": 0.5}
ALONE_DECADES = 2.0
"""How much rarer it must be than what the first sum finds. Parts not in `HANDICAPS` must be a hundred times rarer to
speak alone. All chosen, as the weights of the sums were, on development splits (learning boards only)."""
SPOTS_KEPT = 40
_SUSPICIOUS = 2.5


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Fusion of the parts, and the fused spots of each good board."""

    fusion: Fusion
    spots: SpotThreshold
    worst: tuple[float, ...]
    held_back: tuple[int, ...]
    learned_rate: float
    held_back_rate: float

    def suspicious(self) -> Iterator[tuple[int, float]]:
        """Yield golden boards (index, worst score) with a spot so rare that a person should look at it."""
        yield from ((i, worst) for i, worst in enumerate(self.worst) if worst > _SUSPICIOUS)

    def metrics(self) -> dict[str, Any]:
        """Return what the card tells of the calibration."""
        return {
            "good_boards": len(self.worst),
            "boards_held_back_from_training": len(self.held_back),
            "false_spots_per_learned_board": self.learned_rate,
            "false_spots_per_held_back_board": self.held_back_rate,
        }

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {"fusion": self.fusion.to_json(), "spots": self.spots.to_json()}


def calibrate_stack(
    stack: Stack, zones: NDArray[np.uint8], session: Session, learners: Sequence[int], judges: Sequence[int]
) -> Calibrated:
    """Judge every board by the others and count its spots.

    Parameters
    ----------
    zones
        (H, W) uint8 of `Zone` values; nothing is judged where it is `Zone.OUTSIDE`.
    learners, judges
        Boards that the spot network learned from, and boards that it never saw. Scores are scaled and the budget is
        fixed on all boards, unless the learners show fewer spots: then on the judges alone.
    """
    maps: dict[int, dict[str, Float]] = {}
    inside = judged_area(np.ones(zones.shape, np.bool_), zones)
    for index in range(len(stack)):
        expected = stack.without(index)
        parts = part_maps(np.asarray(stack.boards[index]), stack.coarse(index, expected), expected, session)
        keep_inside(parts, inside)
        maps[index] = {name: values.astype(np.float16) for name, values in parts.items()}
    scales: dict[str, Scale] = {}
    for name in PARTS:
        found = {i: _scores(parts[name]) for i, parts in maps.items()}
        with suppress(CalibrationError):  # a product without pads has no answers of the pad filters: the part is silent
            scales[name] = _scale(found, learners if name == "spots" else (), judges)
    for name, terms in SUMS.items():
        with suppress(CalibrationError):
            summed = {i: _scores(add_up(name, _surprises(parts, scales, terms), terms)) for i, parts in maps.items()}
            scales[name] = _scale(summed, learners, judges)
    handicaps = {name: HANDICAPS.get(name, ALONE_DECADES) for name in scales} | {OFF_PADS: HANDICAPS[OFF_PADS]}
    fusion = Fusion(scales, handicaps, SUMS)
    fused = {i: _scores(_fused(parts, fusion), joined=JOINED_FROM) for i, parts in maps.items()}
    rates = [_rate([fused[i] for i in group]) for group in (learners, judges)]
    trusted = range(len(stack)) if _agree(rates, len(learners), len(judges)) else judges
    return Calibrated(
        fusion,
        SpotThreshold.fit([fused[i] for i in trusted]),
        tuple(fused[i][0] if fused[i] else -9.0 for i in range(len(stack))),
        tuple(judges),
        *rates,
    )


def _scores(values: NDArray[np.floating], *, joined: float | None = None) -> list[float]:
    floor = float(values.min())
    found = find_spots(np.asarray(values, np.float32), STRIDE, floor + 1e-3, limit=SPOTS_KEPT, joined=joined)
    return [spot.score for spot in found]


def _scale(found: Mapping[int, Sequence[float]], learners: Sequence[int], judges: Sequence[int]) -> Scale:
    """Scale spots by those of all boards; by the judges' alone if the part shows fewer on boards it learned from."""
    everyone = Scale.fit(list(found.values()))
    if not learners:
        return everyone
    held = Scale.fit([found[i] for i in judges])
    rates = [
        _rate([held.surprise(np.asarray(found[i], np.float32)).tolist() for i in group]) for group in (learners, judges)
    ]
    return everyone if _agree(rates, len(learners), len(judges)) else held


def _surprises(parts: Mapping[str, Float], scales: Mapping[str, Scale], wanted: Iterable[str]) -> dict[str, Float]:
    return {name: scales[name].surprise(parts[name].astype(np.float32)) for name in wanted if name in scales}


def _fused(parts: dict[str, Float], fusion: Fusion) -> Float:
    wide = {name: values.astype(np.float32) for name, values in parts.items()}
    return fusion.fuse(wide)


def _rate(boards: Sequence[Sequence[float]]) -> float:
    """Spots per board above the level that the scales call one per board."""
    return sum(score >= 0 for one in boards for score in one) / max(1, len(boards))


def _agree(rates: Sequence[float], learners: int, judges: int) -> bool:
    """Whether boards learned from show no fewer spots than boards held back, within twice the counting error.

    Having learned from a board can only make it look better: if it shows more, it is another sort of board, and good.
    """
    learned, held = rates
    if not learners:
        return True
    error = np.sqrt(max(learned, 0.2) / learners + max(held, 0.2) / judges)
    return bool(held - learned <= 2 * error)
