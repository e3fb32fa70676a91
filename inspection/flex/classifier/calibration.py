"""Makes the classifier's probabilities true, decides when it must say "unknown", and measures how good it is."""

import numpy as np
from numpy.typing import NDArray

from inspection.flex.classifier.inference import Classes, softmax
from inspection.flex.classifier.samples import NAMES

_KEPT_KNOWN = 0.90


def best_temperature(logits: NDArray[np.float32], target: NDArray[np.int64]) -> float:
    """Return the temperature of least log loss (Guo et al. 2017).

    Parameters
    ----------
    logits
        (N, classes) of samples that the network was not trained on.
    target
        (N,) numbers of the true classes.
    """
    rows = np.arange(len(logits))
    temperatures = np.geomspace(0.4, 4, 60)
    losses = [-np.log(softmax(logits / t)[rows, target] + 1e-12).mean() for t in temperatures]
    return float(temperatures[int(np.argmin(losses))])


def classes_of(logits: NDArray[np.float32], target: NDArray[np.int64]) -> Classes:
    """Return the classes with the threshold that nine in ten of the right answers reach (0.2 to 0.9)."""
    chances = softmax(logits)
    best = chances[:, :-1].argmax(axis=1)
    right = best == target
    threshold = float(np.quantile(chances[right, best[right]], 1 - _KEPT_KNOWN)) if right.any() else 0.5
    return Classes(NAMES, round(min(max(threshold, 0.2), 0.9), 4))


def scatter(
    features: NDArray[np.float32], target: NDArray[np.int64], known: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return how features scatter about their classes: whitening (F, F) and class means (classes, F).

    Classes with fewer than 5 samples are left out (all samples count as one class when none is left); a twentieth of
    the mean variance is added to every direction.
    """
    groups = [features[target == number] for number in range(known)]
    groups = [group for group in groups if len(group) >= 5] or [features]
    centres = np.stack([group.mean(axis=0) for group in groups])
    rest = np.concatenate([group - centre for group, centre in zip(groups, centres, strict=True)]).astype(np.float64)
    covariance = rest.T @ rest / len(rest)
    covariance += (0.05 * np.trace(covariance) / len(covariance) + 1e-9) * np.eye(len(covariance))
    whitening = np.linalg.cholesky(np.linalg.inv(covariance))
    return whitening.astype(np.float32), centres.astype(np.float32)


def measure(chances: NDArray[np.float64], target: NDArray[np.int64], classes: Classes) -> dict[str, float]:
    """Return accuracy among the known, share answered, accuracy of the answers, and calibration error (15 bins)."""
    known = target < len(classes.names) - 1
    best, likely = chances[:, :-1].argmax(axis=1), chances[:, :-1].max(axis=1)
    right = best == target
    answered = (likely >= classes.threshold) & (likely > chances[:, -1])
    bins = np.minimum((likely[known] * 15).astype(int), 14)
    gaps = [
        abs(likely[known][bins == b].mean() - right[known][bins == b].mean()) * (bins == b).mean()
        for b in range(15)
        if (bins == b).any()
    ]
    per_class = [right[target == t].mean() for t in np.unique(target[known])]
    return {
        "accuracy": float(right[known].mean()),
        "balanced_accuracy": float(np.mean(per_class)),
        "answered": float(answered[known].mean()),
        "accuracy_answered": float(right[known & answered].mean()) if (known & answered).any() else 0.0,
        "unknown_on_nothing": float((~answered[~known]).mean()) if (~known).any() else 1.0,
        "calibration_error": float(np.sum(gaps)),
    }
