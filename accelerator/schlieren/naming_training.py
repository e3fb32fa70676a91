"""Training of the classifier on examined shots, and the measure of how far its kinds reach."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.clues import NAMES
from accelerator.schlieren.naming import Kinds
from accelerator.schlieren.result import NOMINAL
from accelerator.schlieren.shot_library import NAMED, Library
from core.learning.fitting import Batch, fit, one_cycle, to_onnx
from core.learning.torchvision_guard import lightning

Floats = NDArray[np.float64]
_WIDTH = 64
_REACHED = 0.98
_ROOM = 1.1
_NARROWEST = 0.5
_FOLDS, _FEWEST = 5, 3


@dataclass(frozen=True, slots=True)
class NamingLesson:
    """How the classifier is trained; causes that are ``left_out`` are not taught."""

    steps: int = 2500
    batch: int = 128
    rate: float = 3e-3
    seed: int = 0
    left_out: tuple[Cause, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return (NOMINAL, *(cause.value for cause in NAMED if cause not in self.left_out))


class NamingNetwork(nn.Module):
    """Map clues (n, clues), evened, to one number for each name (n, names)."""

    def __init__(self, names: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(len(NAMES), _WIDTH),
            nn.GELU(),
            nn.Dropout(0.1),
            nn.Linear(_WIDTH, _WIDTH),
            nn.GELU(),
            nn.Linear(_WIDTH, names),
        )

    def forward(self, clues: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.body(clues)
        return logits


class NamingTraining(lightning.LightningModule):
    """Cross entropy; every name is shown equally often."""

    def __init__(self, network: NamingNetwork, lesson: NamingLesson) -> None:
        super().__init__()
        self.network, self.lesson = network, lesson

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Return the loss."""
        clues, wanted = batch
        loss: Tensor = nn.functional.cross_entropy(self.network(clues).float(), wanted, label_smoothing=0.02)
        return loss

    def configure_optimizers(self) -> Any:
        """AdamW with one cosine cycle."""
        return one_cycle(self.network.parameters(), self.lesson.rate, self.lesson.steps, decay=1e-2)


def train_naming(library: Library, lesson: NamingLesson) -> tuple[bytes, Kinds]:
    """Train the classifier on a library; return it as ONNX, and where its kinds are.

    Shots of which facts or instruments tell what is wrong never come to it, and are not taught.
    """
    numbers = labels(library, lesson.names)
    chosen = (numbers >= 0) & (library.sighted < 0)
    taught, numbers = library[chosen], numbers[chosen]
    kinds = find_kinds(taught, numbers)
    torch.manual_seed(lesson.seed)
    network = NamingNetwork(len(lesson.names))
    evened = kinds.evened(taught.clues)
    fit(NamingTraining(network, lesson), _batches(evened, numbers, lesson), lesson.steps, precision="32-true")
    example = {"clues": torch.zeros(2, len(NAMES))}
    free = {name: {0: "n"} for name in ("clues", "logits")}
    return to_onnx(network.eval(), example, ("logits",), free), kinds


def labels(library: Library, names: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of the name of each shot, -1 where it is none of them."""
    by_cause = [names.index(cause.value) if cause.value in names else -1 for cause in NAMED]
    return np.array([names.index(NOMINAL) if cause < 0 else by_cause[cause] for cause in library.causes], np.int64)


def find_kinds(library: Library, numbers: NDArray[np.int64]) -> Kinds:
    """Return where kinds (a name seen with one mask) are, clue by clue."""
    nominal = library.clues[library.causes < 0]
    spread = np.quantile(nominal, 0.9, axis=0) - np.quantile(nominal, 0.1, axis=0)
    middle, scale = np.median(nominal, axis=0), np.maximum(spread / 2.56, 0.02)
    none = np.zeros(0)
    evened = Kinds(middle, scale, none, none, none, none).evened(library.clues)
    found = []
    for number in np.unique(numbers):
        for stop in (False, True):
            group = evened[(numbers == number) & (library.stop == stop)]
            if len(group) >= _FEWEST:
                found.append((*_kind(group), float(number)))
    return Kinds(middle, scale, *(np.array(column, np.float64) for column in zip(*found, strict=True)))


def _kind(group: Floats) -> tuple[Floats, Floats, float]:
    """Middle, half width and reach; the reach is that of shots which the width was not made from."""
    low, high = _ends(group)
    left_out = []
    for fold in range(_FOLDS):
        mine = np.arange(len(group)) % _FOLDS == fold
        bottom, top = _ends(group[~mine])
        left_out.append((np.abs(group[mine] - (bottom + top) / 2) / ((top - bottom) / 2)).max(axis=1))
    reach = _ROOM * float(np.quantile(np.concatenate(left_out), _REACHED))
    return (low + high) / 2, (high - low) / 2, max(reach, 1.0)


def _ends(group: Floats) -> tuple[Floats, Floats]:
    low, high = np.asarray(group.min(axis=0), np.float64), np.asarray(group.max(axis=0), np.float64)
    more = np.maximum(_NARROWEST - (high - low) / 2, 0.0)
    return low - more, high + more


def _batches(evened: Floats, numbers: NDArray[np.int64], lesson: NamingLesson) -> Iterator[Batch]:
    rng = np.random.default_rng(lesson.seed + 0xBA7C)
    groups = [np.flatnonzero(numbers == number) for number in np.unique(numbers)]
    for _ in range(lesson.steps):
        chosen = [int(rng.choice(groups[int(rng.integers(len(groups)))])) for _ in range(lesson.batch)]
        yield torch.tensor(evened[chosen], dtype=torch.float32), torch.tensor(numbers[chosen])
