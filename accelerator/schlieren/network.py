"""The networks that read the channel off a compressed picture: a plain CNN and a residual one, each with its density.

A picture (n, 256, 16) in ADU goes in as it is; scaling is part of the network, so that what runs needs no more than
the file. What comes out is a normal law of channel and bench (`accelerator.schlieren.network_targets`).
"""

from enum import StrEnum

import torch
from torch import Tensor, nn

from accelerator.schlieren.features import COLUMNS, OFFSET_ADU, ROWS
from accelerator.schlieren.network_targets import target_names, target_ranges
from accelerator.schlieren.simulate.apparatus import Mask

TARGETS = len(target_names(Mask.KNIFE))
FACTORS = TARGETS * (TARGETS + 1) // 2
_LOG_SCALE = (-3.0, 9.0)


class Kind(StrEnum):
    """Architectures to compare."""

    PLAIN = "plain"
    RESIDUAL = "residual"


class ChannelNetwork(nn.Module):
    """Map pictures (n, 256, 16) to means and Cholesky factors of precision, both in units of the targets' ranges."""

    placing: Tensor

    def __init__(self, kind: Kind = Kind.PLAIN, width: int = 64) -> None:
        super().__init__()
        block = _plain if kind is Kind.PLAIN else _Residual
        inputs = 2 * COLUMNS
        self.body = nn.Sequential(
            nn.Conv1d(inputs, width, 7, 2, 3),
            nn.GELU(),
            block(width, width + width // 2),
            block(width + width // 2, 2 * width),
            nn.Conv1d(2 * width, width, 1),
            nn.GELU(),
            nn.Flatten(),
            nn.Linear(width * ROWS // 8, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, TARGETS + FACTORS),
        )
        rows, columns = torch.tril_indices(TARGETS, TARGETS)
        placing = torch.zeros(FACTORS, TARGETS * TARGETS)
        placing[torch.arange(FACTORS), rows * TARGETS + columns] = 1.0
        self.register_buffer("placing", placing)

    def forward(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean (n, 14) and L (n, 14, 14), lower triangular, with L L^T the precision matrix."""
        light = cells.transpose(1, 2) - OFFSET_ADU
        out = self.body(torch.cat((light / 500, light.sign() * torch.log1p(light.abs() / 5) / 3), 1))
        raw = (out[:, TARGETS:] @ self.placing).reshape(-1, TARGETS, TARGETS)
        diagonal = torch.eye(TARGETS, dtype=raw.dtype, device=raw.device)
        scale = torch.exp((raw * diagonal).sum(2).clamp(*_LOG_SCALE))
        factor = scale[:, None, :] * (raw * (1 - diagonal) + diagonal)
        return out[:, :TARGETS], factor


class PhysicalNetwork(nn.Module):
    """A network that answers in the units of the targets: what is exported."""

    middle: Tensor
    span: Tensor

    def __init__(self, network: ChannelNetwork, mask: Mask) -> None:
        super().__init__()
        self.network = network
        low, high = torch.tensor(list(target_ranges(mask).values()), dtype=torch.float32).T
        self.register_buffer("middle", (low + high) / 2)
        self.register_buffer("span", (high - low) / 2)

    def forward(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean (n, 14) and L (n, 14, 14) in physical units."""
        mean, factor = self.network(cells)
        return mean * self.span + self.middle, factor / self.span[:, None]


def negative_log_density(mean: Tensor, factor: Tensor, targets: Tensor) -> Tensor:
    """Return the mean negative logarithm of the normal density of targets, without its constant."""
    whitened = torch.einsum("nij,ni->nj", factor, targets - mean)
    return (0.5 * whitened.square().sum(1) - factor.diagonal(dim1=1, dim2=2).log().sum(1)).mean()


def _plain(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(inside, outside, 5, 2, 2), nn.GELU())


class _Residual(nn.Module):
    """Halve the rows, with a way past two convolutions (He et al. 2016)."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.past = nn.Conv1d(inside, outside, 2, 2)
        self.through = nn.Sequential(
            nn.Conv1d(inside, outside, 5, 2, 2), nn.GELU(), nn.Conv1d(outside, outside, 5, 1, 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = nn.functional.gelu(self.past(x) + self.through(x))
        return out
