"""A tiny network and a package around it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.inference import ModelPackage, write_package

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def tiny_network() -> bytes:
    """Return an ONNX network: y = 2 x + 1 for x float32 (?, 3)."""
    onnx = pytest.importorskip("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "two"], ["double"]), helper.make_node("Add", ["double", "one"], ["y"])],
        "tiny",
        [helper.make_tensor_value_info("x", floats, ["n", 3])],
        [helper.make_tensor_value_info("y", floats, ["n", 3])],
        [helper.make_tensor("two", floats, [1], [2.0]), helper.make_tensor("one", floats, [1], [1.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


@pytest.fixture(scope="session")
def network() -> bytes:
    return tiny_network()


@pytest.fixture
def make(tmp_path: Path, network: bytes) -> Callable[..., ModelPackage]:
    """Write a package; keyword arguments change it."""

    def write(path: Path = tmp_path / "package", **changes: Any) -> ModelPackage:
        rng = np.random.default_rng(0)
        fields: dict[str, Any] = {
            "name": "tiny",
            "system": "flex",
            "created_at": AT,
            "seed": 7,
            "training_data": "ab" * 32,
            "networks": {"model.onnx": network},
            "arrays": {"golden.npz": {"x": rng.normal(size=(40, 50)), "labels": np.array(["a", "b"])}},
            "metrics": {"auroc": 0.9},
            "calibration": {"threshold": 1.25},
        }
        return write_package(path, **(fields | changes))

    return write
