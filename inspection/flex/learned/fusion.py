"""One calibrated score from the parts: every part speaks in expected false spots per board.

Each part (spot network, context, per-position normality, autoencoder, pad filters) gives a map on its own scale. On
good boards that the part did not learn from, the spots of its map are counted: ``rate(score)`` is the expected number
of spots per good board at least that high. A part's *surprise* is ``-log10(rate)``: zero at one spot per board, and one
higher for each factor of ten rarer.

What several parts find a little strange is very strange together: the surprises of the parts in `SUMS` are added up
(Fisher's method of combining tests, 1932, with weights) and scaled like a part, for the parts are not independent. The
same holds for what is a little strange all along a line: a faint scratch is no stranger than dust at any one place, but
dust is not a millimetre long. So there are two sums: `TOGETHER` at one place and `ALONG` a segment of 60 px. A single
part may still speak alone where it is so sure that its surprise, less its handicap, exceeds theirs. Context and
autoencoder are in neither sum: the spot network sees both.

The sum at one place is at home on pads, whose filters it adds. Elsewhere it speaks only if it is surer
(`OFF_PADS`): off pads nearly all that it finds beyond the sum along lines is dust, print and notches of edges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import CalibrationError, ModelError
from inspection.flex.learned.lines import segments
from inspection.flex.learned.tiles import shared_out

Float: TypeAlias = NDArray[np.float32]

TOGETHER, ALONG = "together", "along"
OFF_PADS = "together off pads"
"""Handicap of the sum at one place where there are no pads; a product without it was taught by an older version."""


class Term(NamedTuple):
    """A part in a sum: what each decade of its surprise weighs, and the least that it counts (a quiet part's veto)."""

    weight: float
    least: float = -2.0


Terms: TypeAlias = Mapping[str, Term]
SUMS: Mapping[str, Terms] = {
    TOGETHER: {"spots": Term(2.0), "position": Term(1.0, -0.6), "pads": Term(1.0)},
    ALONG: {"spots": Term(2.0), "position": Term(1.0)},
}
"""The sums and the parts in them. Grained gold would make the pad filters loud along any line."""
JOINED_FROM = -0.5
"""Fused score, that of three spots per good board, from which what hangs together is one spot (`find_spots`)."""
_MOST = 4.0
_REACH = 5
_ALONG_STRIDE = 2
_ALONG_STEPS, _DIRECTIONS = 15, 12
_KNOTS = 33


@dataclass(frozen=True, slots=True)
class Scale:
    """Piecewise-linear map from a part's score to ``-log10`` of the expected false spots per board."""

    scores: tuple[float, ...]
    surprises: tuple[float, ...]

    @classmethod
    def fit(cls, spots: Sequence[Sequence[float]]) -> Self:
        """Calibrate on the spot scores of good boards.

        The rate at the k-th highest of all spots is k over the number of boards; beyond the highest the line through
        the highest tenth goes on (an exponential tail).

        Raises
        ------
        CalibrationError
            If the boards show fewer than 8 different spots.
        """
        pooled = np.sort(np.concatenate([np.asarray(one, np.float64) for one in spots]))[::-1]
        if len(np.unique(pooled)) < 8:
            raise CalibrationError(f"{len(pooled)} spots on {len(spots)} good boards are too few to calibrate a part")
        rank = np.searchsorted(-pooled, -pooled, side="right")  # equal scores share the rank of the last
        pick = np.unique(np.geomspace(1, len(pooled), _KNOTS).astype(int)) - 1
        scores, surprises = pooled[pick], -np.log10(rank[pick] / len(spots))
        slope = _tail_slope(pooled, len(spots))
        reach = 4.0
        scores = np.concatenate([[scores[0] + reach / slope], scores])
        surprises = np.concatenate([[surprises[0] + reach], surprises])
        keep = np.concatenate([[True], np.diff(scores) < 0])
        return cls(tuple(scores[keep][::-1].tolist()), tuple(surprises[keep][::-1].tolist()))

    def surprise(self, score: Float) -> Float:
        """Return the surprise of every value; linear beyond both ends, so that the order of low values is kept."""
        x, y = np.asarray(self.scores, np.float32), np.asarray(self.surprises, np.float32)
        inside = np.interp(score, x, y).astype(np.float32)
        low = np.float32((y[1] - y[0]) / max(x[1] - x[0], 1e-6))
        high = np.float32((y[-1] - y[-2]) / max(x[-1] - x[-2], 1e-6))
        beyond = low * np.minimum(score - x[0], 0) + high * np.maximum(score - x[-1], 0)
        return np.asarray(inside + beyond, np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {"scores": list(self.scores), "surprises": list(self.surprises)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave."""
        return cls(tuple(content["scores"]), tuple(content["surprises"]))


def _tail_slope(pooled: NDArray[np.float64], boards: int) -> float:
    """Decades of rarity per unit of score in the upper tail: mean excess over the score of one spot per board."""
    count = int(np.clip(boards, 8, max(8, len(pooled) // 4)))
    count = min(count, len(pooled) - 1)
    excess = float(np.mean(pooled[:count] - pooled[count]))
    return float(1.0 / (np.log(10) * max(excess, 1e-6)))


def add_up(name: str, surprises: Mapping[str, Float], terms: Terms) -> Float:
    """Return the sum ``name`` of `SUMS`; a part without surprises (a product without pads) adds nothing.

    Raises
    ------
    CalibrationError
        None of the parts has surprises.
    """
    return {TOGETHER: together, ALONG: along}[name](surprises, terms)


def together(surprises: Mapping[str, Float], terms: Terms) -> Float:
    """Return the weighted sum of the surprises of parts within a few pixels, each from its least up to 4 decades."""
    return _sum(surprises, terms, _REACH)


def along(surprises: Mapping[str, Float], terms: Terms) -> Float:
    """Return the mean of the weighted sum along the best segment through each place, but no more than the sum there.

    Segments are 15 samples long, 4 px of the reference grid apart (1 mm at 60 px/mm), in twelve directions; a sample is
    the most within 3 values of the map.
    """
    summed = _sum(surprises, terms, 1)
    spread = cv2.dilate(summed, np.ones((3, 3), np.uint8))
    coarse = np.ascontiguousarray(spread[::_ALONG_STRIDE, ::_ALONG_STRIDE])

    def mean_along(kernel: Float) -> Float:
        return np.asarray(cv2.filter2D(coarse, cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE), np.float32)

    best = np.full(coarse.shape, -np.inf, np.float32)
    for _, found in shared_out(mean_along, segments(_ALONG_STEPS, _DIRECTIONS)):
        np.maximum(best, found, out=best)
    np.minimum(best, coarse, out=best)
    return np.asarray(cv2.resize(best, summed.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _sum(surprises: Mapping[str, Float], terms: Terms, reach: int) -> Float:
    present = [name for name in terms if name in surprises]
    if not present:
        raise CalibrationError(f"none of {', '.join(terms)} is there to add up")
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))

    def term(name: str) -> Float:
        weight, least = terms[name]
        return np.asarray(weight * cv2.dilate(np.clip(surprises[name], least, _MOST), kernel), np.float32)

    return np.asarray(sum(found for _, found in shared_out(term, present)), np.float32)


def off_pads(answers: Float) -> NDArray[np.bool_]:
    """Return where no pad is within two places, given the answers of the pad filters (the least of all off pads)."""
    near = cv2.dilate((answers > answers.min()).astype(np.uint8), np.ones((5, 5), np.uint8))
    return np.asarray(near == 0)


@dataclass(frozen=True)
class Fusion:
    """How the parts become one score: scale and handicap (decades) of parts and sums, and the terms of the sums."""

    scales: Mapping[str, Scale]
    handicaps: Mapping[str, float]
    sums: Mapping[str, Terms]

    def fuse(self, maps: Mapping[str, Float]) -> Float:
        """Return the largest surprise at each place of the parts that have a scale; all maps have the same shape.

        Raises
        ------
        CalibrationError
            No part has a scale.
        """
        parts = [name for name in self.scales if name not in self.sums]
        surprises = dict(shared_out(lambda name: self.scales[name].surprise(maps[name]), parts))
        summed = {name: add_up(name, surprises, terms) for name, terms in self.sums.items() if name in self.scales}
        surprises.update(shared_out(lambda name: self.scales[name].surprise(summed[name]), summed))
        fused: Float | None = None
        for name, surprise in surprises.items():
            speaks = np.subtract(surprise, np.float32(self.handicaps[name]), out=surprise)
            if name == TOGETHER and "pads" in maps:
                handicap = np.float32(self.handicaps.get(OFF_PADS, 0.0))
                np.subtract(speaks, handicap, out=speaks, where=off_pads(maps["pads"]))
            fused = speaks if fused is None else np.maximum(fused, speaks, out=fused)
        if fused is None:
            raise CalibrationError("no part to fuse")
        return fused

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "scales": {name: scale.to_json() for name, scale in self.scales.items()},
            "handicaps": dict(self.handicaps),
            "sums": {sum_: {name: list(term) for name, term in terms.items()} for sum_, terms in self.sums.items()},
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any], origin: str) -> Self:
        """Read what `to_json` gave.

        Raises
        ------
        ModelError
            It was written by an older version.
        """
        try:
            scales = {name: Scale.from_json(scale) for name, scale in content["scales"].items()}
            sums = {
                sum_: {name: Term(*term) for name, term in terms.items()} for sum_, terms in content["sums"].items()
            }
            return cls(scales, dict(content["handicaps"]), sums)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"{origin}: made by another version of the program ({error}): run shiftwatch calibrate on it"
            ) from error
