"""ONNX Runtime sessions and model packages: what a running system imports (no torch)."""

from core.inference.card import Card
from core.inference.package import ModelPackage, find_package, load_package
from core.inference.session import Session, TensorSpec
from core.inference.writing import write_package

__all__ = ["Card", "ModelPackage", "Session", "TensorSpec", "find_package", "load_package", "write_package"]
