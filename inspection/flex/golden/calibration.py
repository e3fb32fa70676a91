"""What a score means: expected false places per area, and how sure the class is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import CalibrationError
from core.thresholds import SpotThreshold
from inspection.flex.golden.decoding import Candidates, intersection_over_union, logit
from inspection.flex.golden.evaluation import Truth, hits_of

_FLOOR = 0.02
_MOST_SPOTS = 4000
_FEWEST_SPOTS = 8


@dataclass(frozen=True, slots=True)
class Calibration:
    """False places counted on ``megapixels`` per image, as log-odds; ``temperature`` of the class probabilities."""

    spots: SpotThreshold
    megapixels: float
    temperature: float

    def threshold(self, false_spots: float, megapixels: float) -> float:
        """Return the score (0 to 1) from which an image of this size shows ``false_spots`` false places on average.

        The lowest score counted if even that shows fewer; raises `CalibrationError` for what the data cannot promise.
        """
        if not false_spots > 0:
            raise CalibrationError(f"false spots per board: {false_spots} is not positive")
        budget = false_spots * self.megapixels / megapixels
        lowest = float(logit(_FLOOR))
        if budget >= float(self.spots.false_spots(lowest)):
            return _FLOOR
        return float(1.0 / (1.0 + np.exp(-max(self.spots.threshold(budget), lowest))))

    def false_spots(self, scores: NDArray[np.float32], megapixels: float) -> NDArray[np.float64]:
        """Return the expected number of false places on an image of this size with at least each score (N,)."""
        per_image = np.asarray(self.spots.false_spots(logit(scores).astype(np.float64)), dtype=np.float64)
        return per_image * megapixels / self.megapixels

    def class_probabilities(self, classes: NDArray[np.float32]) -> NDArray[np.float64]:
        """Turn class scores (N, 6) into probabilities (N, 6) that add up to 1."""
        return _softmax(_logarithm(classes) / self.temperature)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON for the card of the package."""
        return {"false_places": self.spots.to_json(), "megapixels": self.megapixels, "temperature": self.temperature}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Calibration":
        """Read what `to_json` gave; raises `CalibrationError` if it is something else."""
        try:
            spots = SpotThreshold.from_json(content["false_places"])
            return cls(spots, float(content["megapixels"]), float(content["temperature"]))
        except (KeyError, TypeError, ValueError) as error:
            raise CalibrationError(f"no calibration of golden-image mode: {error!r}") from error


def calibrate(found: Sequence[Candidates], truth: Sequence[Truth], megapixels: float) -> Calibration:
    """Count the false places of labelled images that were not learned from, and fit the class temperature on the hits.

    A place is false if it touches no labelled box by an overlap of 0.33; each image has ``megapixels``.
    """
    spots, classes, labels = [], [], []
    for places, true in zip(found, truth, strict=True):
        overlaps = intersection_over_union(places.boxes, true.boxes)
        hits = hits_of(overlaps, places.scores)
        false = places.scores[~hits & (places.scores >= _FLOOR)]
        spots.append(np.round(logit(false).astype(np.float64), 3).tolist()[: max(_MOST_SPOTS // len(found), 5)])
        classes.append(places.classes[hits])
        labels.append(true.labels[overlaps[hits].argmax(1)] if hits.any() else np.empty(0, np.int64))
    temperature = _fit_temperature(np.concatenate(classes), np.concatenate(labels))
    return Calibration(SpotThreshold.fit(_enough(spots)), megapixels, temperature)


def _enough(spots: list[list[float]]) -> list[list[float]]:
    """Add invented false places just above the floor until there are as many as a threshold needs: a promise kept."""
    missing = _FEWEST_SPOTS - sum(map(len, spots))
    invented = [float(logit(_FLOOR)) + 0.1 * i for i in range(max(missing, 0))]
    return [spots[0] + invented, *spots[1:]]


def _fit_temperature(classes: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the temperature of least log loss (Guo et al., arXiv 1706.04599)."""
    if not len(labels):
        return 1.0

    def loss(log_temperature: float) -> float:
        probabilities = _softmax(_logarithm(classes) / np.exp(log_temperature))
        return float(-np.log(probabilities[np.arange(len(labels)), labels] + 1e-12).mean())

    from scipy.optimize import minimize_scalar  # half a second to import, and only learning needs it

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 3.0), method="bounded").x))


def _logarithm(classes: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(np.log(np.maximum(classes.astype(np.float64), 1e-6)))


def _softmax(values: NDArray[np.floating]) -> NDArray[np.float64]:
    shifted = np.exp(values.astype(np.float64) - values.max(-1, keepdims=True, initial=-np.inf))
    return np.asarray(shifted / shifted.sum(-1, keepdims=True))
