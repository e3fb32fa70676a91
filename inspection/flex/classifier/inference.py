"""Proposes the category of suspect regions with ONNX Runtime (no torch)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError
from core.inference import Session
from core.verdict import Cause
from inspection.flex.classifier.crops import Crop, stack

UNKNOWN = "unknown"
INPUTS, OUTPUTS = ("crops", "scale"), ("logits",)


@dataclass(frozen=True, slots=True)
class Classes:
    """What the outputs of a classifier mean.

    ``names``: one per output, the last one `UNKNOWN` (it was trained on places without defect); ``threshold``: a
    category is proposed only when its calibrated probability is at least this.
    """

    names: tuple[str, ...]
    threshold: float

    def __post_init__(self) -> None:
        if len(self.names) < 2 or self.names[-1] != UNKNOWN or not 0 <= self.threshold < 1:
            raise ModelError(f"classifier: impossible classes {self.names} with threshold {self.threshold}")

    def to_json(self) -> dict[str, Any]:
        """Return what the card of the model package keeps."""
        return {"names": list(self.names), "threshold": self.threshold}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Classes":
        """Read what `to_json` wrote.

        Raises
        ------
        core.errors.ModelError
            It is not that.
        """
        try:
            return cls(tuple(str(name) for name in content["names"]), float(content["threshold"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"classifier: its classes cannot be read ({error!r})") from None


def classify(session: Session, crops: Sequence[Crop], classes: Classes, batch: int = 64) -> list[Cause]:
    """Return the proposed cause of each crop, in order.

    The probability of a category is the calibrated one; that of ``unknown`` is one minus the best category's.

    Raises
    ------
    core.errors.ModelError
        The network does not fit the classes.
    """
    session.require(INPUTS, OUTPUTS)
    causes: list[Cause] = []
    for start in range(0, len(crops), batch):
        pixels, scale = stack(crops[start : start + batch])
        logits = session.run({"crops": pixels, "scale": scale})["logits"]
        if logits.shape[1] != len(classes.names):
            raise ModelError(f"{session.origin}: {logits.shape[1]} outputs for {len(classes.names)} classes")
        causes += decide(softmax(logits), classes)
    return causes


def decide(probabilities: NDArray[np.floating], classes: Classes) -> list[Cause]:
    """Return a category where one is likely enough, else ``unknown``; ``probabilities`` (N, classes)."""
    causes = []
    for row in probabilities:
        best = int(row[:-1].argmax())
        likely = float(row[best])
        sure = likely >= classes.threshold and likely > row[-1]
        causes.append(Cause(classes.names[best], likely) if sure else Cause(UNKNOWN, 1 - likely))
    return causes


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the probabilities of each row of ``logits`` (N, classes)."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
