"""Convolutional autoencoder: learns to rebuild what is normal; what it cannot rebuild is not."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from core.learning.fitting import Batch, fit, one_cycle
from core.learning.torchvision_guard import lightning


class ConvAutoencoder(nn.Module):
    """Map (n, channels, H, W) to itself through a bottleneck at 1/8 of the resolution; H, W multiples of 8."""

    def __init__(self, channels: int = 3, width: int = 16, code: int = 8) -> None:
        super().__init__()
        wide = 2 * width
        self.encoder = nn.Sequential(
            _down(channels, width), _down(width, wide), _down(wide, wide), nn.Conv2d(wide, code, 1)
        )
        self.decoder = nn.Sequential(_up(code, wide), _up(wide, wide), _up(wide, width), nn.Conv2d(width, channels, 1))

    def forward(self, image: Tensor) -> Tensor:
        rebuilt: Tensor = self.decoder(self.encoder(image))
        return rebuilt


class Rebuilding(lightning.LightningModule):
    """Denoising training (Vincent et al. 2010): random patches are erased, the clean picture must come back."""

    def __init__(self, network: ConvAutoencoder, steps: int, rate: float = 3e-3) -> None:
        super().__init__()
        self.network = network
        self.steps, self.rate = steps, rate

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Return the mean squared error against the clean pictures."""
        (clean,) = batch
        rebuilt = self.network(_erase(clean))
        return nn.functional.mse_loss(rebuilt.float(), clean)

    def configure_optimizers(self) -> Any:
        """AdamW with one cosine cycle."""
        return one_cycle(self.network.parameters(), self.rate, self.steps)


def train_autoencoder(batches: Iterable[Batch], steps: int, *, channels: int = 3, seed: int = 0) -> ConvAutoencoder:
    """Train on batches of one tensor (n, channels, H, W), about unit size; returns the network in evaluation mode."""
    torch.manual_seed(seed)
    module = Rebuilding(ConvAutoencoder(channels), steps)
    fit(module, batches, steps)
    return module.network.eval()


def _down(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 5, 2, 2, bias=False), nn.BatchNorm2d(outside), nn.ReLU(inplace=True)
    )


def _up(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2.0, mode="nearest"),
        nn.Conv2d(inside, outside, 3, padding=1, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )


def _erase(clean: Tensor) -> Tensor:
    """Return a copy with two random rectangles per picture replaced by another picture's pixels there."""
    noisy, other = clean.clone(), clean.roll(1, 0)
    height, width = clean.shape[2:]
    for index in range(len(clean)):
        for _ in range(2):
            rows, columns = (int(torch.randint(2, max(3, side // 5), ())) for side in (height, width))
            top, left = int(torch.randint(0, height - rows, ())), int(torch.randint(0, width - columns, ()))
            box = (index, slice(None), slice(top, top + rows), slice(left, left + columns))
            noisy[box] = other[box]
    return noisy
