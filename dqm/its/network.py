"""Names the cause of every cell: convolutions on the cells of each layer, with what the same stave and phi show.

Layers keep their own grids (staves x cells), joined to a ring along phi. Inner and outer barrel have weights of their
own. Besides its neighbours a cell sees the mean of its readout link, and what the three inner layers show at its phi
and side: beam background is at one phi in all of them, hardware is not.
"""

import numpy as np
import torch
from torch import Tensor, nn

from dqm.its.features import CHANNELS, CLASSES
from dqm.its.geometry import LAYERS, cell_positions
from dqm.its.layout import CELLS, INNER, layer_slice
from dqm.its.readout import links

RING_PHI, RING_Z = 24, 3
_SIDE_CM = 4.0


class CauseNetwork(nn.Module):
    """Map features (n, channels, cells of the detector) to logits (n, 1 + causes, cells); class 0 is nominal."""

    def __init__(self, channels: int = len(CHANNELS), width: int = 24, blocks: int = 2) -> None:
        super().__init__()
        self.entry = nn.Conv1d(channels, width, 1)
        self.of_layer = nn.Parameter(torch.zeros(len(LAYERS), width))
        self.blocks = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.ring = _Ring(width)
        self.out = nn.Sequential(nn.Conv1d(3 * width, 2 * width, 1), nn.ReLU(), nn.Conv1d(2 * width, CLASSES, 1))
        layer = np.concatenate([np.full(of.staves * of.cells, of.number) for of in LAYERS])
        self.layer: Tensor
        self.register_buffer("layer", torch.from_numpy(layer), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits."""
        x = torch.relu(self.entry(features) + self.of_layer[self.layer].T[None])
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.out(torch.cat((x, over_links(x), self.ring(x)), 1))
        return logits


class Probabilities(nn.Module):
    """The network as it is exported: probabilities instead of logits."""

    def __init__(self, network: CauseNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor) -> Tensor:
        """Return the probability of each class in each cell."""
        return torch.softmax(self.network(features), 1)


class _Block(nn.Module):
    """A residual step: a 3 x 3 convolution of each layer, and the mean of the link."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Conv2d(width, width, 3)
        self.outer = nn.Conv2d(width, width, 3)
        self.links = nn.Conv1d(width, width, 1)
        self.mix = nn.Conv1d(width, width, 1)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        parts = []
        for of in LAYERS:
            grid = x[:, :, layer_slice(of.number)].reshape(-1, x.shape[1], of.staves, of.cells)
            done = (self.inner if of.inner else self.outer)(around(grid))
            parts.append(done.flatten(2))
        mixed = torch.relu(torch.cat(parts, 2) + self.links(over_links(x)))
        return torch.relu(x + self.norm(self.mix(mixed)))


class _Ring(nn.Module):
    """What the inner barrel shows at a phi and side, (phi, z) in 24 x 3, and back to all cells."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3)
        self.second = nn.Conv2d(width, width, 3)
        self.gather: Tensor
        self.spread: Tensor
        gather, spread = ring_weights()
        self.register_buffer("gather", gather, persistent=False)
        self.register_buffer("spread", spread, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        ring = (x[:, :, :INNER] @ self.gather).reshape(-1, x.shape[1], RING_PHI, RING_Z)
        ring = torch.relu(self.second(around(torch.relu(self.first(around(ring))))))
        found: Tensor = ring.flatten(2)[:, :, self.spread]
        return found


def around(grid: Tensor) -> Tensor:
    """Pad (n, c, staves, cells) by one: a ring along the staves, zeros at the ends of a stave."""
    ring = torch.cat((grid[:, :, -1:], grid, grid[:, :, :1]), 2)
    return nn.functional.pad(ring, (1, 1))


def over_links(x: Tensor) -> Tensor:
    """Return for every cell the mean over the cells of its readout link; (n, c, CELLS) as ``x``."""
    parts = []
    for of in LAYERS:
        each = of.cells // links(of.number)
        grouped = x[:, :, layer_slice(of.number)].reshape(-1, x.shape[1], of.staves * links(of.number), each)
        parts.append(grouped.mean(3, keepdim=True).expand(-1, -1, -1, each).flatten(2))
    return torch.cat(parts, 2)


def ring_weights() -> tuple[Tensor, Tensor]:
    """Return how inner cells add up to the ring, (INNER, 72), columns summing to 1, and each cell's bin, (CELLS,)."""
    phi = np.concatenate([cell_positions(of.number).phi_rad.ravel() for of in LAYERS])
    z_cm = np.concatenate([cell_positions(of.number).z_cm.ravel() for of in LAYERS])
    part = np.digitize(z_cm, (-_SIDE_CM, _SIDE_CM))
    middles = (np.arange(RING_PHI) + 0.5) / RING_PHI * 2 * np.pi
    apart = np.abs((phi[:INNER, None] - middles + np.pi) % (2 * np.pi) - np.pi)
    near = np.exp(-0.5 * (apart / 0.2) ** 2)
    weights = np.zeros((INNER, RING_PHI, RING_Z), np.float32)
    for side in range(RING_Z):
        here = near * (part[:INNER] == side)[:, None]
        weights[:, :, side] = here / here.sum(0)
    place = np.minimum(phi / (2 * np.pi) * RING_PHI, RING_PHI - 1).astype(np.int64) * RING_Z + part
    assert place.shape == (CELLS,)
    return torch.from_numpy(weights.reshape(INNER, -1)), torch.from_numpy(place)
