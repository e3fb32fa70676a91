"""Trains the classifier of known defects with Lightning, calibrates when it must say "unknown", exports it to ONNX."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from core.learning.fitting import fit, to_onnx
from core.learning.torchvision_guard import lightning
from inspection.flex.classifier.calibration import best_temperature, classes_of, measure, scatter
from inspection.flex.classifier.inference import INPUTS, OUTPUTS, Classes, softmax
from inspection.flex.classifier.network import Guarded, RegionClassifier, prepare
from inspection.flex.classifier.samples import NAMES, Ground, Samples, draw_samples, synthetic_ground
from inspection.flex.simulate.defects import KINDS

_WITHIN_LIMIT = 0.96


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A trained classifier: network, what is exported of it (both in evaluation mode), its classes, how good it is."""

    network: RegionClassifier = field(repr=False)
    guarded: Guarded = field(repr=False)
    classes: Classes
    metrics: dict[str, float]


def train_classifier(
    grounds: Sequence[Ground],
    seed: int = 0,
    *,
    samples: int = 8000,
    epochs: int = 10,
    kinds: Sequence[str] = tuple(KINDS),
    start: RegionClassifier | None = None,
    threads: int = 1,
) -> Trained:
    """Train on simulated defects drawn on good boards.

    The last ground (or, when there is only one, the last quarter of its boards) is held out: temperature, limit and
    threshold are set there and the metrics measured there.

    Parameters
    ----------
    grounds
        Good boards laid on their golden board; `synthetic_grounds` makes some, a site gives its own.
    samples, epochs
        How many crops are drawn and how often each is seen. The defaults take about 5 minutes on one core.
    kinds
        The kinds of defects to teach.
    start
        A network to go on from (with fewer epochs): how a site adapts the shipped one.
    threads
        Cores that torch may use meanwhile; one is no slower on a machine that does other work, and gives the same
        network everywhere.

    Raises
    ------
    core.errors.InputError
        No kind fits on the boards, or they are not of one size.
    """
    learn, held = _hold_out(tuple(grounds))
    rng = np.random.default_rng([seed, 1])
    training = draw_samples(learn, rng, samples, kinds)
    validation = draw_samples(held, rng, max(150, samples // 6), kinds)
    with _cores(threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = start if start is not None else RegionClassifier(len(NAMES))
        _fit(network, training, epochs, seed=seed)
        return _calibrated(network.eval(), training, validation)


def synthetic_grounds(seed: int = 0, designs: int = 6, boards_each: int = 4, width: int = 1600) -> list[Ground]:
    """Return grounds of synthetic designs; the last is what `train_classifier` holds out."""
    return [synthetic_ground(1000 * seed + number, boards_each, width) for number in range(1, designs + 1)]


def export_classifier(trained: Trained, path: Path) -> None:
    """Write an ONNX file: ``crops`` (N, 8, 64, 64) uint8, ``scale`` (N, 1) float32 -> ``logits`` (N, classes).

    The logits are those of `Guarded`.
    """
    example = dict(zip(INPUTS, (torch.zeros(2, 8, 64, 64, dtype=torch.uint8), torch.zeros(2, 1)), strict=True))
    path.write_bytes(to_onnx(trained.guarded, example, OUTPUTS, {name: {0: "batch"} for name in (*INPUTS, *OUTPUTS)}))


def probabilities(trained: Trained, samples: Samples) -> NDArray[np.float64]:
    """Return the class probabilities (N, classes) of samples."""
    return softmax(answers(trained.guarded, samples))


def answers(network: Callable[[Tensor, Tensor], Tensor], samples: Samples) -> NDArray[np.float32]:
    """Return what a network (of crops and scale) says of samples, in portions of 256."""
    parts = []
    with torch.no_grad():
        for start in range(0, len(samples.target), 256):
            stop = start + 256
            crops = torch.from_numpy(samples.crops[start:stop])
            parts.append(network(crops, torch.from_numpy(samples.scale[start:stop])).numpy())
    return np.concatenate(parts)


class _Lesson(lightning.LightningModule):
    """Cross-entropy on augmented crops, AdamW with one cycle of the learning rate."""

    def __init__(self, network: RegionClassifier, steps: int, seed: int) -> None:
        super().__init__()
        self.network = network
        self.steps = steps
        self.generator = torch.Generator().manual_seed(seed)

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], _: int) -> Tensor:
        crops, scale, target = batch
        planes = prepare(_light(crops, self.generator), scale)
        logits = self.network.judge(self.network.features(_turn(planes, self.generator)), scale)
        return nn.functional.cross_entropy(logits, target, label_smoothing=0.03)

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.network.parameters(), lr=3e-3, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=self.steps, pct_start=0.2)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _fit(network: RegionClassifier, samples: Samples, epochs: int, *, seed: int) -> None:
    data = TensorDataset(*(torch.from_numpy(a) for a in (samples.crops, samples.scale, samples.target)))
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(data, batch_size=64, shuffle=True, drop_last=len(data) > 64, generator=order)
    steps = epochs * len(loader)
    batches = (tuple(batch) for _ in range(epochs) for batch in loader)
    fit(_Lesson(network, steps, seed), batches, steps, clip=5.0, precision="32-true")


def _light(crops: Tensor, generator: torch.Generator) -> Tensor:
    """Return crops of other lamps and materials: both pictures times one gain a colour, the board 3 % more or less."""
    count = len(crops)
    common = torch.exp(0.25 * torch.randn(count, 3, 1, 1, generator=generator))
    drift = 1 + 0.03 * torch.randn(count, 1, 1, 1, generator=generator)
    values = crops.to(torch.float32)
    board = (values[:, 0:3] * common * drift).clamp(0, 255)
    golden = (values[:, 3:6] * common).clamp(0, 255)
    return torch.cat((board, golden, values[:, 6:8]), dim=1)


def _turn(planes: Tensor, generator: torch.Generator) -> Tensor:
    """Return the batch turned by a quarter turn and mirrored, or not."""
    quarter, mirror = (int(v) for v in torch.randint(0, 4, (2,), generator=generator))
    turned = torch.rot90(planes, quarter, (2, 3))
    return turned.flip(3) if mirror % 2 else turned


def _hold_out(grounds: tuple[Ground, ...]) -> tuple[tuple[Ground, ...], tuple[Ground, ...]]:
    if len(grounds) > 1:
        return grounds[:-1], grounds[-1:]
    only = grounds[0]
    if len(only.boards) < 2:
        return grounds, grounds
    kept = max(1, len(only.boards) * 3 // 4)
    return (
        (Ground(only.boards[:kept], only.golden, only.zones, only.px_per_mm),),
        (Ground(only.boards[kept:], only.golden, only.zones, only.px_per_mm),),
    )


def _calibrated(network: RegionClassifier, training: Samples, validation: Samples) -> Trained:
    temperature = best_temperature(answers(network, validation), validation.target)

    def features(crops: Tensor, scale: Tensor) -> Tensor:
        return network.features(prepare(crops, scale))

    whitening, centres = scatter(answers(features, training), training.target, len(NAMES) - 1)
    guarded = Guarded(network, temperature, torch.from_numpy(whitening), torch.from_numpy(centres)).eval()
    known = validation.target < len(NAMES) - 1
    apart = answers(lambda crops, scale: guarded.distance(features(crops, scale)), validation)
    guarded.limit = float(np.quantile(apart[known], _WITHIN_LIMIT))
    logits = answers(guarded, validation)
    classes = classes_of(logits, validation.target)
    return Trained(network, guarded, classes, measure(softmax(logits), validation.target, classes))


@contextmanager
def _cores(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
