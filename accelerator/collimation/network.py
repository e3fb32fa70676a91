"""The two networks: one that gives the posterior over settings errors, and an autoencoder of nominal patterns.

The autoencoder is the 1-D convolutional one of pylossmap_ml (Coyle, EPFL: filters 16 and 32, stride 2) on the pulls of
a few dozen channels along the beam instead of 3595 monitors.
"""

import torch
from torch import Tensor, nn

from accelerator.collimation.features import CONTEXT, PER_CHANNEL

LOG_SIGMA = (-5.0, 1.5)


class PosteriorNetwork(nn.Module):
    """Map features (n, inputs) to logits (n, 1 + hypotheses), sizes and their log sigma (n, hypotheses).

    Class 0 is nominal; sizes are in units of the largest that was taught.
    """

    def __init__(self, inputs: int, hypotheses: int, width: int = 256, blocks: int = 2) -> None:
        super().__init__()
        self.entry = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.logits = nn.Linear(width, 1 + hypotheses)
        self.sizes = nn.Linear(width, 2 * hypotheses)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits, sizes and log sigma."""
        x = torch.relu(self.entry(features))
        for block in self.blocks:
            x = block(x)
        size, spread = self.sizes(x).chunk(2, 1)
        return self.logits(x), size, spread.clamp(*LOG_SIGMA)


class PatternAutoencoder(nn.Module):
    """Map pulls (n, channels) to themselves through a bottleneck."""

    def __init__(self, channels: int, width: int = 16, code: int = 8) -> None:
        super().__init__()
        self.channels = channels
        self.padded = -(-channels // 8) * 8
        self.encoder = nn.Sequential(
            nn.Conv1d(1, width, 9, 2, 4), nn.ReLU(), nn.Conv1d(width, 2 * width, 7, 2, 3), nn.ReLU()
        )
        steps = self.padded // 4
        self.inside = nn.Sequential(
            nn.Flatten(), nn.Linear(2 * width * steps, code), nn.ReLU(), nn.Linear(code, 2 * width * steps), nn.ReLU()
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose1d(2 * width, width, 4, 2, 1), nn.ReLU(), nn.ConvTranspose1d(width, 1, 4, 2, 1)
        )
        self.shape = (2 * width, steps)

    def forward(self, pulls: Tensor) -> Tensor:
        """Return the rebuilt pulls."""
        x = nn.functional.pad(pulls, (0, self.padded - self.channels))[:, None]
        x = self.inside(self.encoder(x)).reshape(-1, *self.shape)
        rebuilt: Tensor = self.decoder(x)[:, 0, : self.channels]
        return rebuilt


class _Block(nn.Module):
    """A residual step of width to width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        done: Tensor = x + self.second(torch.relu(self.first(self.norm(x))))
        return done


def inputs_of(channels: int) -> int:
    """Return the number of inputs for a layout of so many channels."""
    return PER_CHANNEL * channels + CONTEXT
