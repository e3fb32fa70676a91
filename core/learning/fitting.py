"""A quiet, seeded Lightning run on one CPU, and the export of what it learned."""

import io
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from core.learning.torchvision_guard import lightning

Batch: TypeAlias = tuple[Tensor, ...]
Precision: TypeAlias = Literal["bf16-mixed", "32-true"]

_ADVICE = (".*does not have many workers.*", ".*lr_scheduler.step.*", ".*isinstance.treespec, LeafSpec.*")


class _Stream(IterableDataset[Batch]):
    def __init__(self, batches: Iterable[Batch]) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches)


def fit(
    module: lightning.LightningModule,
    batches: Iterable[Batch],
    steps: int,
    *,
    clip: float = 1.0,
    precision: Precision | None = None,
) -> None:
    """Train ``module`` for ``steps`` batches; it ends in evaluation mode, in float32.

    The caller seeds torch and its own batches. ``precision`` is `fastest_precision` unless given.
    """
    with _quiet():
        trainer = lightning.Trainer(
            max_steps=steps,
            accelerator="cpu",
            devices=1,
            precision=precision or fastest_precision(),
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
    """Keep Lightning's advice and the exporter's notes off the terminal.

    One process feeds one CPU, Lightning steps schedules once per batch, and the old exporter is the one that works.
    """
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric", "torch.onnx")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for advice in _ADVICE:
                warnings.filterwarnings("ignore", message=advice)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def fastest_precision() -> Precision:
    """Return bfloat16 where this processor multiplies it in hardware (AMX, AVX-512), else float32.

    Told by the processor, not by a clock, so that one machine always learns the same.
    """
    with suppress(OSError):
        if {"amx_bf16", "avx512_bf16"} & set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split()):
            return "bf16-mixed"
    return "32-true"


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
    with _quiet(), warnings.catch_warnings():
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


def one_cycle(parameters: Iterable[nn.Parameter], rate: float, steps: int, *, decay: float = 1e-4) -> Any:
    """Return Lightning's description of AdamW with one cosine cycle of the learning rate."""
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps + 1, pct_start=0.1)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}
