"""Lets a CUDA build of torchvision be imported beside a CPU build of torch.

torchmetrics, and so Lightning, imports torchvision when it is installed. A torchvision built for CUDA then fails
beside a CPU torch, because two operators that it wants to extend were never declared. Declaring them first is enough;
nothing here uses them. So Lightning is imported here, after that, and everybody takes it from here.
"""

import importlib.metadata

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[torch.library.Library] = []


def declare_missing_operators() -> bool:
    """Declare torchvision's operators where a mismatched build would fail; return whether that was needed."""
    if _declared or torch.version.cuda is not None:
        return False
    try:
        importlib.metadata.version("torchvision")
    except importlib.metadata.PackageNotFoundError:
        return False
    if hasattr(torch.ops.torchvision, "nms"):
        return False
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for schema in _SCHEMAS:
        library.define(schema)  # type: ignore[no-untyped-call]
    _declared.append(library)
    return True


declare_missing_operators()

import lightning  # noqa: E402

__all__ = ["declare_missing_operators", "lightning"]
