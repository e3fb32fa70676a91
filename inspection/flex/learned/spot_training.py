"""Train the spot network on lessons, from the shipped weights or from nothing."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core.learning.fitting import Batch, fit, one_cycle, to_onnx
from core.learning.torchvision_guard import lightning
from inspection.flex.learned.lessons import ACCEPTED, DEFECT, Lessons
from inspection.flex.learned.spot_network import COARSE_CHANNELS, IMAGE_CHANNELS, SpotNetwork

_BATCH = 8
_DEFECT_WEIGHT = 4.0
_ACCEPTED_WEIGHT = 3.0


class Spotting(lightning.LightningModule):
    """One-cycle AdamW on cross-entropy, with weight on defects and on the accepted blemishes of good boards."""

    def __init__(self, network: SpotNetwork, steps: int, rate: float) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.steps, self.rate = steps, rate

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Return the loss of one batch."""
        image, coarse, truth = batch
        logits = self.network(image.contiguous(memory_format=torch.channels_last), coarse).float()
        defect = (truth == DEFECT).float()
        weight = 1 + _DEFECT_WEIGHT * defect + _ACCEPTED_WEIGHT * (truth == ACCEPTED).float()
        return functional.binary_cross_entropy_with_logits(logits, defect, weight=weight)

    def configure_optimizers(self) -> Any:
        """AdamW with one cosine cycle."""
        return one_cycle(self.network.parameters(), self.rate, self.steps)


def train_spots(
    lessons: Lessons, *, steps: int, seed: int, start: dict[str, np.ndarray] | None = None, rate: float = 3e-3
) -> SpotNetwork:
    """Return the trained network in evaluation mode; ``start`` holds weights by name to begin from."""
    torch.manual_seed(seed)
    network = SpotNetwork()
    if start is not None:
        network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in start.items()})
    fit(Spotting(network, steps, rate), _batches(lessons, seed), steps)
    return network.eval()


def weights_of(network: SpotNetwork) -> dict[str, np.ndarray]:
    """Return the weights by name, for `train_spots`."""
    return {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}


def export_spots(network: SpotNetwork) -> bytes:
    """Return the network as ONNX: ``image``, ``coarse`` to ``logits`` float32."""
    example = {
        "image": torch.zeros(1, IMAGE_CHANNELS, 128, 160),
        "coarse": torch.zeros(1, COARSE_CHANNELS, 32, 40),
    }
    free = {"image": {2: "h", 3: "w"}, "coarse": {2: "h4", 3: "w4"}, "logits": {2: "h2", 3: "w2"}}
    return to_onnx(network.to(memory_format=torch.contiguous_format), example, ["logits"], free)  # type: ignore[call-overload]


def _batches(lessons: Lessons, seed: int) -> Iterator[Batch]:
    rng = np.random.default_rng(seed)
    while True:
        pick = np.sort(rng.integers(0, len(lessons.truth), _BATCH))
        image = torch.from_numpy(lessons.image[pick].astype(np.float32))
        coarse = torch.from_numpy(lessons.coarse[pick].astype(np.float32))
        truth = torch.from_numpy(lessons.truth[pick].astype(np.float32))[:, None]
        batch: Batch = (image, coarse, truth)
        for axis in (2, 3):
            if rng.random() < 0.5:
                batch = tuple(one.flip(axis) for one in batch)
        if rng.random() < 0.5:
            batch = tuple(one.transpose(2, 3).contiguous() for one in batch)
        yield batch
