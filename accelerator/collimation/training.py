"""Teaches the networks of a model of loss patterns, on draws from its templates."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn

from accelerator.collimation import ensemble
from accelerator.collimation.features import Layout, layout_of
from accelerator.collimation.hypotheses import Hypotheses
from accelerator.collimation.network import PatternAutoencoder, PosteriorNetwork
from accelerator.collimation.templates import Key, Table
from core.learning.fitting import Batch, fit, one_cycle, to_onnx
from core.learning.torchvision_guard import lightning

Report = Callable[[str], None]
TABLES_PER_BATCH = 4
IMPOSSIBLE = -30.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to compute; the defaults take some ten minutes on one core."""

    posterior_steps: int = 4000
    rebuilding_steps: int = 500
    per_table: int = 96
    width: int = 256
    nominal_draws: int = 2000
    fault_draws: int = 150


class Inferring(lightning.LightningModule):
    """Cross entropy of which setting is wrong, and the likelihood of how much for the one that is."""

    def __init__(self, network: PosteriorNetwork, steps: int, rate: float = 2e-3) -> None:
        super().__init__()
        self.network = network
        self.steps, self.rate = steps, rate

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Return the loss of one batch: features, classes, sizes, which classes are possible."""
        features, classes, sizes, possible = batch
        logits, mean, log_sigma = (part.float() for part in self.network(features))
        loss = nn.functional.cross_entropy(logits + possible, classes)
        wrong = classes > 0
        if wrong.any():
            own = (classes[wrong] - 1)[:, None]
            mu, spread = mean[wrong].gather(1, own)[:, 0], log_sigma[wrong].gather(1, own)[:, 0]
            loss = loss + 0.5 * (((sizes[wrong] - mu) / spread.exp()) ** 2 / 2 + spread).mean()
        return loss

    def configure_optimizers(self) -> Any:
        """AdamW with one cosine cycle."""
        return one_cycle(self.network.parameters(), self.rate, self.steps)


class Rebuilding(lightning.LightningModule):
    """Denoising: some pulls are set to zero, all must come back."""

    def __init__(self, network: PatternAutoencoder, steps: int, rate: float = 3e-3) -> None:
        super().__init__()
        self.network = network
        self.steps, self.rate = steps, rate

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Return the mean squared error against the whole pattern."""
        (pulls,) = batch
        return nn.functional.mse_loss(self.network(nn.functional.dropout(pulls, 0.1)).float(), pulls)

    def configure_optimizers(self) -> Any:
        """AdamW with one cosine cycle."""
        return one_cycle(self.network.parameters(), self.rate, self.steps)


def train_posterior(
    tables: Mapping[Key, Table], layout: Layout, hypotheses: Hypotheses, effort: Effort, seed: int
) -> bytes:
    """Return the network that infers settings errors, as ONNX: ``features`` to ``logits``, ``size``, ``log_sigma``."""
    torch.manual_seed(seed)
    network = PosteriorNetwork(layout.inputs, len(hypotheses.names), effort.width)
    module = Inferring(network, effort.posterior_steps)
    stream = lessons(tables, layout, hypotheses, effort.per_table, np.random.default_rng(seed))
    fit(module, stream, effort.posterior_steps, precision="32-true")
    names = ("logits", "size", "log_sigma")
    free = {name: {0: "n"} for name in ("features", *names)}
    return to_onnx(network, {"features": torch.zeros(1, layout.inputs)}, list(names), free)


def train_rebuilding(tables: Mapping[Key, Table], layout: Layout, effort: Effort, seed: int) -> bytes:
    """Return the autoencoder of nominal patterns as ONNX: ``pulls`` to ``rebuilt``."""
    torch.manual_seed(seed)
    network = PatternAutoencoder(len(layout.channels))

    def batches() -> Iterator[Batch]:
        rng = np.random.default_rng(seed + 1)
        while True:
            drawn = [ensemble.draw(table, effort.per_table, rng, faulty=0.0) for table in _some(tables, rng)]
            parts = [layout.pulls(layout.features(one.readings, one.table)) for one in drawn]
            yield (torch.from_numpy(np.concatenate(parts)),)

    fit(Rebuilding(network, effort.rebuilding_steps), batches(), effort.rebuilding_steps, precision="32-true")
    free = {"pulls": {0: "n"}, "rebuilt": {0: "n"}}
    return to_onnx(network, {"pulls": torch.zeros(1, len(layout.channels))}, ["rebuilt"], free)


def lessons(
    tables: Mapping[Key, Table], layout: Layout, hypotheses: Hypotheses, per_table: int, rng: Generator
) -> Iterator[Batch]:
    """Yield batches for ever: features, classes (0: nominal), sizes in units, and what is impossible for the logits."""
    places = {key: hypotheses.places(table) for key, table in tables.items()}
    while True:
        parts: list[tuple[Any, ...]] = []
        for table in _some(tables, rng):
            own, drawn = places[table.key], ensemble.draw(table, per_table, rng)
            classes = np.where(drawn.fault < 0, 0, 1 + own[drawn.fault])
            sizes = drawn.change / hypotheses.units[np.maximum(classes - 1, 0)]
            possible = np.tile(impossible(own, len(hypotheses.names)), (per_table, 1))
            parts.append((layout.features(drawn.readings, table), classes, sizes.astype(np.float32), possible))
        yield tuple(torch.from_numpy(np.concatenate(column)) for column in zip(*parts, strict=True))


def impossible(places: NDArray[np.int64], hypotheses: int) -> NDArray[np.float32]:
    """Return what to add to the logits: nothing for nominal and the faults of a table, much less for all others."""
    found = np.full(1 + hypotheses, IMPOSSIBLE, np.float32)
    found[0] = 0.0
    found[1 + places[places >= 0]] = 0.0
    return found


def _some(tables: Mapping[Key, Table], rng: Generator) -> list[Table]:
    everything = list(tables.values())
    return [everything[i] for i in rng.integers(len(everything), size=min(TABLES_PER_BATCH, len(everything)))]


def prepare(tables: Mapping[Key, Table]) -> tuple[Layout, Hypotheses]:
    """Return the inputs and the hypotheses of networks for these tables."""
    return layout_of(tables), Hypotheses.of(tables)  # type: ignore[arg-type]
