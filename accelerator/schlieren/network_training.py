"""Training of the networks on pictures that are drawn as they are needed; an ONNX file comes out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from accelerator.schlieren.features import COLUMNS, ROWS
from accelerator.schlieren.network import ChannelNetwork, Kind, PhysicalNetwork, negative_log_density
from accelerator.schlieren.network_targets import UNUSUAL
from accelerator.schlieren.simulate.apparatus import Mask
from accelerator.schlieren.simulate.plan import CHANNELS
from accelerator.schlieren.training_simulation import draw, pictures
from core.learning.fitting import Batch, fit, one_cycle, to_onnx
from core.learning.torchvision_guard import lightning

Progress: TypeAlias = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Lesson:
    """How a network is trained.

    ``fixed_share``: first part of the steps in which the error is taken as constant, so that means come first;
    ``unusual_share``: part of each batch whose channels are drawn from `UNUSUAL`.
    """

    mask: Mask = Mask.KNIFE
    kind: Kind = Kind.PLAIN
    steps: int = 2000
    batch: int = 128
    rate: float = 1e-3
    fixed_share: float = 0.15
    unusual_share: float = 0.2
    width: int = 64
    seed: int = 0


class ChannelTraining(lightning.LightningModule):
    """Maximum likelihood of targets under the network's normal law."""

    def __init__(self, network: ChannelNetwork, lesson: Lesson) -> None:
        super().__init__()
        self.physical, self.lesson = PhysicalNetwork(network, lesson.mask), lesson

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the negative log density; at first the error itself instead."""
        cells, targets = batch
        mean, factor = self.physical.network(cells)
        wanted = (targets - self.physical.middle) / self.physical.span
        if index < self.lesson.fixed_share * self.lesson.steps:
            return 10 * torch.nn.functional.smooth_l1_loss(mean.float(), wanted)
        return negative_log_density(mean.float(), factor.float(), wanted)

    def configure_optimizers(self) -> Any:
        """AdamW with one cosine cycle."""
        return one_cycle(self.physical.parameters(), self.lesson.rate, self.lesson.steps)


def train_network(lesson: Lesson, told: Progress = lambda _: None) -> ChannelNetwork:
    """Train a network; ``told`` hears the number of each step."""
    torch.manual_seed(lesson.seed)
    network = ChannelNetwork(lesson.kind, lesson.width)
    fit(ChannelTraining(network, lesson), batches(lesson, told), lesson.steps, precision="32-true")
    return network.eval()


def batches(lesson: Lesson, told: Progress) -> Iterator[Batch]:
    """Yield pictures and targets of a lesson, drawn as they are needed."""
    generator = torch.Generator().manual_seed(lesson.seed + 0x5C11)
    unusual = round(lesson.batch * lesson.unusual_share)
    parts = [(lesson.batch - unusual, CHANNELS), (unusual, UNUSUAL)]
    for step in range(lesson.steps):
        told(step)
        with torch.no_grad():
            drawn = [draw(count, generator, channels) for count, channels in parts if count]
            cells = torch.cat([pictures(one, lesson.mask, generator) for one in drawn])
            yield cells, torch.cat([one.targets(lesson.mask) for one in drawn])


def export(network: ChannelNetwork, mask: Mask) -> bytes:
    """Return the network as ONNX: ``cells`` (n, 256, 16) to ``mean`` (n, 14) and ``factor`` (n, 14, 14)."""
    example = {"cells": torch.zeros(2, ROWS, COLUMNS)}
    free = {name: {0: "n"} for name in ("cells", "mean", "factor")}
    return to_onnx(PhysicalNetwork(network, mask), example, ("mean", "factor"), free)
