"""A plain autoencoder as of CMS's calorimeter (arXiv 2309.10157 and 2308.16659), one network for each of three barrels.

Occupancy is corrected for luminosity (divided by the barrel's mean) and for the place (divided by the mean map of the
time line's history, dead cells 1). A convolutional autoencoder learns to rebuild nominal maps of other detectors. The
squared error of a cell is divided by its mean over nominal maps, and multiplied over the latest `CYCLES` cycles of the
run (their geometric mean, so that a run's first cycles count as well). The score is the largest in the detector.
Smaller than the ResNet of the paper, as the maps are: 9 x 48, 16 x 54 and 28 x 90 cells (the paper's are 34 x 72).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from benchmarks.its.seen import Floats, Judgement, Method, Seen, suspects
from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS, layer_of, layer_slice

BARRELS = ((0, 1, 2), (3, 4), (5, 6))
CYCLES = 3
LATENT = 4
_STEPS, _BATCH, _RATE = 600, 32, 2e-3
_SCALE = 0.02
"""Departures from 1 are divided by it: the networks see numbers of the order of 1."""


def images(row: Floats) -> tuple[Floats, ...]:
    """Return a row over all cells as one image per barrel: (9, 48), (16, 54), (28, 90); layers side by side."""
    maps = [row[layer_slice(of.number)].reshape(of.staves, of.cells).T for of in LAYERS]
    return tuple(np.concatenate([maps[layer] for layer in barrel], axis=1) for barrel in BARRELS)


def row_of(pictures: Sequence[Floats]) -> Floats:
    """Return the row over all cells of one image per barrel."""
    found = np.zeros(CELLS)
    for barrel, picture in zip(BARRELS, pictures, strict=True):
        start = 0
        for layer in barrel:
            staves = LAYERS[layer].staves
            found[layer_slice(layer)] = picture[:, start : start + staves].T.ravel()
            start += staves
    return found


class Network(nn.Module):
    """Three strided convolutions down to a quarter of the numbers or less, three up; padded to whole strides."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 8, 16, LATENT)
        self.down, self.up = nn.Sequential(), nn.Sequential()
        for inner, outer in pairwise(widths):
            self.down.extend([nn.Conv2d(inner, outer, 3, stride=2, padding=1), nn.ReLU()])
        for inner, outer in pairwise(reversed(widths)):
            self.up.extend([nn.ConvTranspose2d(inner, outer, 4, stride=2, padding=1), nn.ReLU()])
        del self.up[-1]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Rebuild images, (n, 1, rows, columns)."""
        rows, columns = image.shape[-2:]
        padded = nn.functional.pad(image, (0, -columns % 8, 0, -rows % 8))
        return self.up(self.down(padded))[..., :rows, :columns]


def train(pictures: Floats, seed: int) -> Network:
    """Return a network that rebuilds pictures, (n, rows, columns)."""
    torch.manual_seed(seed)
    network, data = Network(), torch.from_numpy(pictures[:, None].astype(np.float32))
    optimiser = torch.optim.Adam(network.parameters(), lr=_RATE)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(_STEPS):
        batch = data[torch.randint(len(data), (_BATCH,), generator=generator)]
        loss = nn.functional.mse_loss(network(batch), batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval()


def errors(networks: Sequence[Network], row: Floats) -> Floats:
    """Return the squared error of every cell of a corrected row, (CELLS,)."""
    found = []
    with torch.no_grad():
        for network, picture in zip(networks, images(row), strict=True):
            image = torch.from_numpy(picture[None, None].astype(np.float32))
            found.append(((network(image) - image) ** 2)[0, 0].numpy().astype(np.float64))
    return row_of(found)


def corrected(seen: Seen, usual: Floats) -> Floats:
    """Return occupation over the usual one and the barrel's mean, less 1, in units of `_SCALE`; 0 where dead."""
    alive = usual > 0
    ratio = np.divide(seen.occupation, usual, out=np.ones(CELLS), where=alive)
    for barrel in BARRELS:
        block = slice(layer_slice(barrel[0]).start, layer_slice(barrel[-1]).stop)
        ratio[block] /= max(float(ratio[block][alive[block]].mean()), 1e-12)
    return np.where(alive, ratio - 1, 0.0) / _SCALE


def usual_map(cycles: Sequence[Seen]) -> Floats:
    """Return the mean map of cycles, each divided by its mean; 0 for cells below 5 % of their layer's median."""
    mean = np.mean([seen.occupation / max(float(seen.occupation.mean()), 1e-12) for seen in cycles], axis=0)
    median = np.array([np.median(mean[layer_slice(of.number)]) for of in LAYERS])
    return np.where(mean > 0.05 * median[layer_of()], mean, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """Networks for one kind of beams, and the mean squared error of every cell over nominal maps."""

    networks: tuple[Network, ...]
    usual_error: Floats


@dataclass(slots=True, eq=False)
class Autoencoder:
    """Judges with the latest errors of the run in mind."""

    learnt: Learnt
    usual: Floats
    run: int = -1
    latest: list[Floats] = field(default_factory=list)

    def fork(self) -> "Autoencoder":
        return Autoencoder(self.learnt, self.usual)

    def judge(self, seen: Seen, *, good: bool) -> dict[str, Judgement]:
        del good
        run = int(seen.observation.conditions["run"] or 0)
        loss = np.log(errors(self.learnt.networks, corrected(seen, self.usual)) / self.learnt.usual_error + 1e-12)
        self.latest = [*(self.latest if run == self.run else []), loss][-CYCLES:]
        self.run = run
        product = np.exp(np.mean(self.latest, axis=0))
        return {PRODUCT: Judgement(float(product.max()), *suspects(product))}


def learn(cycles: Mapping[int, Sequence[Seen]], seed: int = 0) -> Learnt:
    """Return what nominal cycles teach, by detector; all of one kind of beams."""
    rows = [corrected(seen, usual_map(own)) for own in cycles.values() for seen in own]
    per_barrel = [np.array(pictures) for pictures in zip(*map(images, rows), strict=True)]
    networks = tuple(train(pictures, seed) for pictures in per_barrel)
    error = np.mean([errors(networks, row) for row in rows], axis=0)
    return Learnt(networks, np.maximum(error, 1e-6))


PRODUCT = "autoencoder x 3 cycles"


def method(learning: Mapping[str, Mapping[int, Sequence[Seen]]], taught: str) -> Method:
    """Return the method with networks learnt from cycles by kind of beams and detector."""

    @cache
    def learnt(beams: str) -> Learnt:
        return learn(learning[beams])

    def warmed(history: Sequence[Sequence[Seen]]) -> Autoencoder:
        cycles = [seen for run in history for seen in run]
        return Autoencoder(learnt(cycles[0].beams), usual_map(cycles))

    return Method("autoencoder", {PRODUCT: None}, warmed, ("autoencoder.py",), taught=taught)
