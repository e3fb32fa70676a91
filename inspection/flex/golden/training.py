"""Train the centre-point detector on labelled pairs with Lightning, and write its model package."""

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import JsonValue
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from core.errors import InputError, ModelError
from core.inference import ModelPackage, Session, write_package
from core.learning import fitting
from core.learning.fitting import Batch
from core.learning.torchvision_guard import lightning
from inspection.flex.golden.alignment import align_template
from inspection.flex.golden.augment import crops
from inspection.flex.golden.calibration import calibrate
from inspection.flex.golden.decoding import STRIDE, Candidates
from inspection.flex.golden.detector import default_package, find_places
from inspection.flex.golden.evaluation import Report, Truth, report
from inspection.flex.golden.network import CentreNetwork, box_loss, heat_loss
from inspection.flex.golden.pairs import CAUSES, Pair, find_pairs, read_pair
from inspection.flex.golden.simulate import simulate_pair
from inspection.flex.golden.targets import draw_targets

_LOG = logging.getLogger(__name__)
_SETTLING_BATCHES = 60


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to learn."""

    steps: int = 2200
    batch: int = 12
    crop_px: int = 192
    rate: float = 3e-3
    seed: int = 0


def _batches(pairs: Sequence[Pair], schedule: Schedule) -> Iterator[Batch]:
    source = crops(pairs, schedule.crop_px, np.random.default_rng(schedule.seed))
    while True:
        batch = [next(source) for _ in range(schedule.batch)]
        targets = draw_targets(batch, schedule.crop_px // STRIDE, STRIDE)
        arrays = (targets.heat, targets.heat_weight, targets.boxes, targets.box_weight)
        yield torch.from_numpy(np.stack([crop.channels for crop in batch])), *map(torch.from_numpy, arrays)


class GoldenTraining(lightning.LightningModule):
    """One-cycle AdamW on centre and box loss; the averaged weights (`averaged`) are the result."""

    def __init__(self, network: CentreNetwork, schedule: Schedule) -> None:
        super().__init__()
        self.schedule = schedule
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        keep = 1.0 - min(max(0.002, 10.0 / schedule.steps), 0.5)
        self.averaged = AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(keep))  # type: ignore[no-untyped-call]
        self.losses: list[float] = []
        self.started = time.monotonic()

    def training_step(self, batch: tuple[Tensor, ...], index: int) -> Tensor:
        """Return the loss of one batch."""
        images, heat, heat_weight, boxes, box_weight = batch
        x = (images.float() / 255.0).contiguous(memory_format=torch.channels_last)
        heads = self.network(x).float()
        loss = heat_loss(heads[:, : len(CAUSES)], heat, heat_weight)
        loss = loss + 2.0 * box_loss(heads[:, len(CAUSES) :], boxes, box_weight)
        self.losses.append(float(loss.detach()))
        if index % 100 == 99:
            rate = (time.monotonic() - self.started) / len(self.losses)
            _LOG.info("step %d: loss %.3f, %.2f s a step", index + 1, float(np.mean(self.losses[-100:])), rate)
        return loss

    def on_train_batch_end(self, *_: object) -> None:
        """Follow the weights with their running average."""
        self.averaged.update_parameters(self.network)

    def configure_optimizers(self) -> Any:
        """AdamW with one cosine cycle."""
        return fitting.one_cycle(self.network.parameters(), self.schedule.rate, self.schedule.steps, decay=0.02)


def align_pairs(pairs: Iterable[Pair]) -> list[Pair]:
    """Return the pairs with each template laid on its test image."""
    return [changed(pair, template=align_template(pair.template, pair.test).template) for pair in pairs]


def fit(pairs: Sequence[Pair], schedule: Schedule, start: CentreNetwork | None = None) -> CentreNetwork:
    """Train on aligned pairs, from ``start`` if given; returns the averaged network in evaluation mode, in float32."""
    torch.manual_seed(schedule.seed)
    module = GoldenTraining(start or CentreNetwork(), schedule).train()
    fitting.fit(module, _batches(pairs, schedule), schedule.steps, clip=10.0)
    network = module.averaged.module
    assert isinstance(network, CentreNetwork)
    batches = _batches(pairs, changed(schedule, seed=schedule.seed + 1))
    return _settle(network.float(), islice(batches, min(_SETTLING_BATCHES, schedule.steps + 2)))


def _settle(network: CentreNetwork, batches: Iterator[tuple[Tensor, ...]]) -> CentreNetwork:
    """Measure the batch statistics of the averaged weights anew: those gathered on the way belong to older weights."""
    layers = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    network.train()
    with torch.no_grad():
        for batch in batches:
            network(batch[0].float() / 255.0)
    for layer in layers:
        layer.momentum = 0.1
    return network.eval()


class _Exported(nn.Module):
    """The network as it runs: takes the uint8 channels as they are."""

    def __init__(self, network: CentreNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, channels: Tensor) -> Tensor:
        heads: Tensor = self.network(channels.float() / 255.0)
        return heads


def export(network: CentreNetwork) -> bytes:
    """Return the network as ONNX: ``channels`` uint8 (N, 4, H, W) to ``heads`` float32 (N, 10, H/4, W/4)."""
    free = {0: "batch", 2: "height", 3: "width"}
    example = {"channels": torch.zeros(1, 4, 64, 64, dtype=torch.uint8)}
    return fitting.to_onnx(_Exported(network), example, ["heads"], {"channels": free, "heads": free})


def load_network(package: ModelPackage) -> CentreNetwork:
    """Return the network of a package, to learn on from there; raises `ModelError` if it holds another one."""
    weights = package.array("weights.npz")
    network = CentreNetwork()
    try:
        network.load_state_dict({name: torch.from_numpy(np.array(weights[name])) for name in weights})
    except RuntimeError as error:
        raise ModelError(f"{package.path}: weights of another network") from error
    return network.eval()


def train_pairs(
    pairs_dir: Path,
    out: Path,
    *,
    groups: Iterable[str] | None = None,
    seed: int = 0,
    steps: int = 1500,
    start: ModelPackage | None = None,
    name: str = "flex-golden",
    calibration_share: float = 0.08,
    created_at: datetime | None = None,
) -> ModelPackage:
    """Train on labelled pairs (see `pairs.find_pairs`) and write a model package to the folder ``out``.

    Parameters
    ----------
    groups
        Board groups to learn from; all if not given.
    steps
        Batches of 12 crops; 1500 take about 6 minutes of one core that multiplies bfloat16, four times that without.
    start
        Package to learn on from; the shipped one, which knows simulated pairs, if not given.
    calibration_share
        Share of the pairs, drawn at random, that is kept from learning to calibrate scores. They are boards of the same
        designs: on a new design the true rate of false spots is higher.

    Raises
    ------
    InputError
        A file is missing or damaged, or there are fewer than 10 pairs.
    """
    files = find_pairs(pairs_dir, groups)
    if len(files) < 10:
        raise InputError(pairs_dir, f"holds {len(files)} pairs; at least 10 are needed")
    digest = hashlib.sha256()
    for file in files:
        for path in (file.template, file.test, file.labels):
            digest.update(path.read_bytes())
    pairs = align_pairs(read_pair(file) for file in files)
    schedule = Schedule(steps=steps, seed=seed, rate=2e-3)
    return _train(
        pairs,
        out,
        schedule,
        start=load_network(start or default_package()),
        name=name,
        digest=digest.hexdigest(),
        calibration_share=calibration_share,
        created_at=created_at,
    )


def train_default(
    out: Path, *, seed: int = 0, steps: int = 2200, count: int = 400, created_at: datetime | None = None
) -> ModelPackage:
    """Train the package that is shipped: on ``count`` simulated pairs only."""
    pairs = align_pairs(simulate_pair(f"simulated {i}", seed * 1_000_000 + i) for i in range(count))
    digest = hashlib.sha256(b"".join(pair.template.tobytes() + pair.test.tobytes() for pair in pairs)).hexdigest()
    return _train(
        pairs,
        out,
        Schedule(steps=steps, seed=seed),
        start=None,
        name="flex-golden",
        digest=digest,
        calibration_share=0.1,
        created_at=created_at,
    )


def _train(
    pairs: Sequence[Pair],
    out: Path,
    schedule: Schedule,
    *,
    start: CentreNetwork | None,
    name: str,
    digest: str,
    calibration_share: float,
    created_at: datetime | None,
) -> ModelPackage:
    order = np.random.default_rng(schedule.seed).permutation(len(pairs))
    kept = max(round(calibration_share * len(pairs)), 2)
    learned, held = [pairs[i] for i in order[kept:]], [pairs[i] for i in order[:kept]]
    network = fit(learned, schedule, start)
    onnx = export(network)
    found, truth = find_all(Session(onnx, "model.onnx"), held)
    quality = report(found, truth)
    calibration = calibrate(found, truth, float(np.mean([pair.test.size for pair in held])) / 1e6)
    return write_package(
        out,
        name=name,
        system="flex",
        created_at=created_at or datetime.now(UTC),
        seed=schedule.seed,
        training_data=digest,
        networks={"model.onnx": onnx},
        arrays={"weights.npz": _weights(network)},
        metrics=_metrics(quality, len(learned)),
        calibration=calibration.to_json(),
        details={"kind": "golden", "causes": list(CAUSES), "stride": STRIDE, "steps": schedule.steps},
        replace=True,
    )


def find_all(session: Session, pairs: Sequence[Pair]) -> tuple[list[Candidates], list[Truth]]:
    """Run a network over aligned pairs; returns what it found and what is true."""
    found = [find_places(session, pair.template, pair.test) for pair in pairs]
    return found, [Truth(pair.boxes, pair.labels) for pair in pairs]


def _weights(network: CentreNetwork) -> dict[str, NDArray[np.generic]]:
    """Return the weights in half precision: a start for further learning, not what runs."""
    arrays = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    return {n: a.astype(np.float16) if a.dtype == np.float32 else np.atleast_1d(a) for n, a in arrays.items()}


def _metrics(quality: Report, learned: int) -> dict[str, JsonValue]:
    return {
        "pairs_learned": learned,
        "pairs_held_out": quality.images,
        "mean_average_precision_iou33": round(quality.mean_average_precision, 4),
        "average_precision": {k: None if np.isnan(v) else round(v, 4) for k, v in quality.average_precision.items()},
        "recall_at_quarter_false_per_image": round(quality.recall, 4),
    }
