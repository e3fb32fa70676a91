"""A quiet, seeded Lightning run on one CPU, and the export of what it learned."""

import io
import logging
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from core.learning.torchvision_guard import lightning

Batch: TypeAlias = tuple[Tensor, ...]


class _Stream(IterableDataset[Batch]):
    def __init__(self, batches: Iterable[Batch]) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches)


def fit(module: lightning.LightningModule, batches: Iterable[Batch], steps: int, *, clip: float = 1.0) -> None:
    """Train ``module`` for ``steps`` batches; it ends in evaluation mode, in float32.

    The caller seeds torch and its own batches.
    """
    with warnings.catch_warnings(), _quiet():
        # One process feeds one CPU, and Lightning steps schedules once per batch: neither is a mistake here.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
        warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
        trainer = lightning.Trainer(
            max_steps=steps,
            accelerator="cpu",
            devices=1,
            precision=fastest_precision(),
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            gradient_clip_val=clip,
        )
        trainer.fit(module, DataLoader(_Stream(batches), batch_size=None))
    module.float().eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's advertisements and device lists out of the log."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def fastest_precision() -> Literal["bf16-mixed", "32-true"]:
    """Return bfloat16 where this processor multiplies it clearly faster than float32."""
    layer, image = nn.Conv2d(48, 48, 3, padding=1), torch.zeros(4, 48, 64, 64)

    def seconds(enabled: bool) -> float:
        best = float("inf")
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            for _ in range(4):
                start = time.perf_counter()
                layer(image)
                best = min(best, time.perf_counter() - start)
        return best

    return "bf16-mixed" if seconds(True) < 0.8 * seconds(False) else "32-true"


def to_onnx(
    network: nn.Module,
    example: Mapping[str, Tensor],
    outputs: Sequence[str],
    free: Mapping[str, Mapping[int, str]],
) -> bytes:
    """Return ``network`` in evaluation mode as ONNX.

    Parameters
    ----------
    example
        One tensor per input, in the order of ``forward``.
    outputs
        Names of the outputs.
    free
        Names of the dimensions that may change, per input and output.
    """
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own deprecation
        torch.onnx.export(
            network.cpu().float().eval(),
            tuple(example.values()),
            file,  # type: ignore[arg-type]  # a file works, the annotation forgot it
            input_names=list(example),
            output_names=list(outputs),
            dynamic_axes={name: dict(axes) for name, axes in free.items()},
            opset_version=17,
            dynamo=False,
        )
    network.eval()  # torch.onnx.export puts modules back into their own training flag
    return file.getvalue()


def one_cycle(parameters: Iterable[nn.Parameter], rate: float, steps: int) -> Any:
    """Return Lightning's description of AdamW with one cosine cycle of the learning rate."""
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=1e-4)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps + 1, pct_start=0.1)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}
