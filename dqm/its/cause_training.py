"""Teaches the network that names causes: on simulated cycles with faults, turned and mirrored."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn

from core.learning.fitting import Batch, fit, one_cycle, to_onnx
from core.learning.torchvision_guard import lightning
from dqm.its.background import SIDES
from dqm.its.features import CAUSES, CHANNELS, NOMINAL
from dqm.its.geometry import LAYERS
from dqm.its.labels import IGNORED
from dqm.its.layout import CELLS, FIRST
from dqm.its.lesson_making import Taught
from dqm.its.network import CauseNetwork, Probabilities

BATCH = 8
_NOMINAL_WEIGHT = 1.0


class Naming(lightning.LightningModule):
    """Cross entropy in which every fault counts as much, whatever its size, and all nominal cells of a cycle as one."""

    def __init__(self, network: CauseNetwork, steps: int, rate: float = 4e-3) -> None:
        super().__init__()
        self.network = network
        self.steps, self.rate = steps, rate

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Return the loss of one batch: features, classes, weights."""
        features, classes, weights = batch
        logits = self.network(features)
        loss = nn.functional.cross_entropy(logits.float(), classes.clamp(min=0), reduction="none")
        return (loss * weights).sum() / weights.sum()

    def configure_optimizers(self) -> Any:
        """AdamW with one cosine cycle."""
        return one_cycle(self.network.parameters(), self.rate, self.steps)


def train_causes(taught: Taught, steps: int, seed: int, width: int = 24) -> CauseNetwork:
    """Return the network that has learned from these cycles, in evaluation mode."""
    torch.manual_seed(seed)
    module = Naming(CauseNetwork(width=width), steps)
    fit(module, batches(taught, np.random.default_rng(seed)), steps)
    return module.network.eval()


def export_causes(network: CauseNetwork) -> bytes:
    """Return the network as ONNX: ``features`` (n, channels, CELLS) to ``probabilities`` (n, classes, CELLS)."""
    example = {"features": torch.zeros(1, len(CHANNELS), CELLS)}
    free = {"features": {0: "n"}, "probabilities": {0: "n"}}
    return to_onnx(Probabilities(network), example, ["probabilities"], free)


def batches(taught: Taught, rng: Generator) -> Iterator[Batch]:
    """Yield batches for ever, in random order."""
    while True:
        order = rng.permutation(len(taught))
        for first in range(0, len(order) - BATCH + 1, BATCH):
            parts = [_turned(taught, int(i), rng) for i in order[first : first + BATCH]]
            features, classes, weights = (np.stack(part) for part in zip(*parts, strict=True))
            yield torch.from_numpy(features), torch.from_numpy(classes), torch.from_numpy(weights)


def weigh(classes: NDArray[np.integer], faults: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return the weight of every cell, shape (CELLS,): 1 per fault over its cells, 1 over all nominal cells."""
    weights = np.zeros(CELLS, np.float32)
    nominal = classes == NOMINAL
    weights[nominal] = _NOMINAL_WEIGHT / max(int(nominal.sum()), 1)
    for number in np.unique(faults[faults > 0]):
        own = (faults == number) & (classes > 0)
        weights[own] = 1 / max(int(own.sum()), 1)
    weights[classes == IGNORED] = 0
    return weights


def _turned(
    taught: Taught, number: int, rng: Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
    """One cycle as it would look if the detector were turned by a quarter, or mirrored along z or in phi."""
    mirrored = bool(rng.random() < 0.5)
    order = turn(rng, mirrored)
    classes = taught.classes[number][order].astype(np.int64)
    if mirrored:
        a, c = (1 + CAUSES.index(side) for side in SIDES)
        classes = np.where(classes == a, c, np.where(classes == c, a, classes))
    weights = weigh(classes, taught.faults[number][order])
    return taught.features[number][:, order].astype(np.float32), classes, weights


def turn(rng: Generator, mirrored: bool) -> NDArray[np.int64]:
    """Return from which cell each cell takes its contents, shape (CELLS,).

    The inner layers turn together by quarters, for background goes through all of them; an outer layer by any number of
    staves. ``mirrored`` exchanges the sides; half of the time phi is turned round as well.
    """
    quarter, backwards = int(rng.integers(4)), bool(rng.random() < 0.5)
    found = []
    for of in LAYERS:
        grid = FIRST[of.number] + np.arange(of.staves * of.cells).reshape(of.staves, of.cells)
        grid = grid[::-1] if backwards else grid
        steps = quarter * of.staves // 4 if of.inner else int(rng.integers(of.staves))
        grid = np.roll(grid, steps, axis=0)
        if mirrored:
            grid = grid[:, ::-1] if of.inner else _modules_turned(grid, of.modules)
        found.append(grid.ravel())
    return np.concatenate(found)


def _modules_turned(grid: NDArray[np.int64], modules: int) -> NDArray[np.int64]:
    """Modules of each half stave in the other order along z, the two lanes of a module as they were."""
    return grid.reshape(-1, 2, modules, 2)[:, :, ::-1].reshape(grid.shape)
