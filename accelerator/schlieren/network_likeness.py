"""The autoencoder: it rebuilds pictures like those it learnt from; what it cannot rebuild is unlike any of them.

It works on light made even in its noise, 8 sqrt(light + 9): in that measure the photons and the reading of a cell of 16
pixels have a standard deviation of 1 wherever it is (Anscombe, Biometrika 35 (1948) 246).
"""

import torch
from torch import Tensor, nn

from accelerator.schlieren.features import COLUMNS, OFFSET_ADU, ROWS

_READ_E2 = 9.0
_SCALE = 100.0
_BEND = 4


class LikenessNetwork(nn.Module):
    """Map pictures (n, 256, 16) in ADU to how badly they are rebuilt: mean squared error in units of the noise (n,)."""

    def __init__(self, width: int = 48, code: int = 32) -> None:
        super().__init__()
        deep = ROWS // 2**_BEND
        self.encode = nn.Sequential(
            nn.Conv1d(COLUMNS, width, 7, 2, 3),
            nn.GELU(),
            nn.Conv1d(width, width, 5, 2, 2),
            nn.GELU(),
            nn.Conv1d(width, width, 5, 2, 2),
            nn.GELU(),
            nn.Conv1d(width, width, 5, 2, 2),
            nn.GELU(),
            nn.Flatten(),
            nn.Linear(width * deep, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, code),
        )
        self.decode = nn.Sequential(
            nn.Linear(code, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width * deep),
            nn.GELU(),
            nn.Unflatten(1, (width, deep)),
            nn.ConvTranspose1d(width, width, 4, 2, 1),
            nn.GELU(),
            nn.ConvTranspose1d(width, width, 4, 2, 1),
            nn.GELU(),
            nn.ConvTranspose1d(width, width, 4, 2, 1),
            nn.GELU(),
            nn.ConvTranspose1d(width, COLUMNS, 4, 2, 1),
        )

    def errors(self, cells: Tensor) -> Tensor:
        """Return the errors of every cell in units of the noise (n, 16, 256)."""
        light = (cells.transpose(1, 2) - OFFSET_ADU).clamp(min=-_READ_E2)
        even = 8 * torch.sqrt(light + _READ_E2 + 0.375)
        rebuilt: Tensor = self.decode(self.encode(even / _SCALE)) * _SCALE
        return rebuilt - even

    def forward(self, cells: Tensor) -> Tensor:
        """Return the mean squared error (n,)."""
        squared: Tensor = (self.errors(cells) ** 2).mean((1, 2))
        return squared
