"""Training of the networks on pictures that are drawn as they are needed; an ONNX file comes out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from accelerator.schlieren.features import COLUMNS, ROWS
from accelerator.schlieren.network import ChannelNetwork, Kind, negative_log_density, target_ranges
from accelerator.schlieren.simulate.apparatus import Mask
from accelerator.schlieren.training_simulation import draw, pictures
from core.learning.fitting import Batch, fit, one_cycle, to_onnx
from core.learning.torchvision_guard import lightning


@dataclass(frozen=True, slots=True)
class Lesson:
    """How a network is trained.

    ``fixed_share``: first part of the steps in which the error is taken as constant, so that means come first.
    """

    mask: Mask = Mask.KNIFE
    kind: Kind = Kind.PLAIN
    steps: int = 2000
    batch: int = 128
    rate: float = 1e-3
    fixed_share: float = 0.15
    width: int = 64
    seed: int = 0


class ChannelTraining(lightning.LightningModule):
    """Maximum likelihood of targets under the network's normal law."""

    middle: Tensor
    span: Tensor

    def __init__(self, network: ChannelNetwork, lesson: Lesson) -> None:
        super().__init__()
        self.network, self.lesson = network, lesson
        low, high = torch.tensor(list(target_ranges().values()), dtype=torch.float32).T
        self.register_buffer("middle", (low + high) / 2)
        self.register_buffer("span", (high - low) / 2)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the negative log density; at first the squared error instead."""
        cells, targets = batch
        mean, factor = self.network(cells)
        wanted = (targets - self.middle) / self.span
        if index < self.lesson.fixed_share * self.lesson.steps:
            return 10 * torch.nn.functional.mse_loss(mean.float(), wanted)
        return negative_log_density(mean.float(), factor.float(), wanted)

    def configure_optimizers(self) -> Any:
        """AdamW with one cosine cycle."""
        return one_cycle(self.network.parameters(), self.lesson.rate, self.lesson.steps)


def train_network(lesson: Lesson, told: Callable[[int], None] = lambda _: None) -> ChannelNetwork:
    """Train a network; ``told`` hears the number of each step."""
    torch.manual_seed(lesson.seed)
    network = ChannelNetwork(lesson.kind, lesson.width)
    fit(ChannelTraining(network, lesson), _batches(lesson, told), lesson.steps, precision="32-true")
    return network.eval()


def _batches(lesson: Lesson, told: Callable[[int], None]) -> Iterator[Batch]:
    generator = torch.Generator().manual_seed(lesson.seed + 0x5C11)
    for step in range(lesson.steps):
        told(step)
        with torch.no_grad():
            drawn = draw(lesson.batch, generator)
            yield pictures(drawn, lesson.mask, generator), drawn.targets()


def export(network: ChannelNetwork) -> bytes:
    """Return the network as ONNX: ``cells`` (n, 256, 16) to ``mean`` (n, 5) and ``factor`` (n, 5, 5)."""
    example = {"cells": torch.zeros(2, ROWS, COLUMNS)}
    free = {name: {0: "n"} for name in ("cells", "mean", "factor")}
    return to_onnx(network, example, ("mean", "factor"), free)
