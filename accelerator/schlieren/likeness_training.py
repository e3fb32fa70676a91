"""Training of the autoencoder on nominal pictures that are drawn as they are needed."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from accelerator.schlieren.features import COLUMNS, ROWS
from accelerator.schlieren.network_likeness import LikenessNetwork
from accelerator.schlieren.network_training import Lesson, Progress, batches
from accelerator.schlieren.simulate.apparatus import Mask
from core.learning.fitting import Batch, fit, one_cycle, to_onnx
from core.learning.torchvision_guard import lightning


@dataclass(frozen=True, slots=True)
class LikenessLesson:
    """How an autoencoder is trained."""

    mask: Mask = Mask.KNIFE
    steps: int = 4000
    batch: int = 96
    rate: float = 2e-3
    width: int = 48
    seed: int = 0


class LikenessTraining(lightning.LightningModule):
    """Least absolute errors beyond the noise, squares within it."""

    def __init__(self, network: LikenessNetwork, lesson: LikenessLesson) -> None:
        super().__init__()
        self.network, self.lesson = network, lesson

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Return the loss."""
        errors = self.network.errors(batch[0]).float()
        return torch.nn.functional.huber_loss(errors, torch.zeros_like(errors), delta=5.0)

    def configure_optimizers(self) -> Any:
        """AdamW with one cosine cycle."""
        return one_cycle(self.network.parameters(), self.lesson.rate, self.lesson.steps)


def train_likeness(lesson: LikenessLesson, told: Progress = lambda _: None) -> LikenessNetwork:
    """Train an autoencoder; ``told`` hears the number of each step."""
    torch.manual_seed(lesson.seed)
    network = LikenessNetwork(lesson.width)
    pictured = Lesson(
        mask=lesson.mask, steps=lesson.steps, batch=lesson.batch, seed=lesson.seed + 0xAE, unusual_share=0
    )
    fit(LikenessTraining(network, lesson), batches(pictured, told), lesson.steps, precision="32-true")
    return network.eval()


def export_likeness(network: LikenessNetwork) -> bytes:
    """Return the network as ONNX: ``cells`` (n, 256, 16) to ``unlikeness`` (n,)."""
    free = {name: {0: "n"} for name in ("cells", "unlikeness")}
    return to_onnx(network, {"cells": torch.zeros(2, ROWS, COLUMNS)}, ("unlikeness",), free)
