"""What goes into a network and what comes out is checked by name, element type and shape."""

from collections.abc import Callable

import numpy as np
import pytest

from core.errors import ModelError
from core.inference import ModelPackage, Session

Make = Callable[..., ModelPackage]


def test_it_runs(make: Make) -> None:
    session = make().session("model.onnx", threads=2, inputs=["x"], outputs=["y"])
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(session.run({"x": x})["y"], 2 * x + 1)
    np.testing.assert_array_equal(session.run({"x": x[::-1]})["y"], 2 * x[::-1] + 1)
    assert [str(spec) for spec in session.inputs] == ["x float32(?, 3)"]


def test_sessions_are_lazy_and_kept(make: Make) -> None:
    package = make(networks={"model.onnx": b"no network"})
    with pytest.raises(ModelError, match=r"model\.onnx: ONNX Runtime refuses"):
        package.session()
    package = make(replace=True)
    assert package.session() is package.session()
    assert package.session() is not package.session(threads=2)


@pytest.mark.parametrize(
    ("feeds", "words"),
    [
        ({}, "wants inputs"),
        ({"z": np.zeros((1, 3), np.float32)}, "wants inputs"),
        ({"x": np.zeros((1, 3), np.float64)}, "float64"),
        ({"x": np.zeros((1, 4), np.float32)}, r"\(1, 4\)"),
        ({"x": np.zeros(3, np.float32)}, r"\(3,\)"),
    ],
)
def test_what_does_not_fit_is_named(network: bytes, feeds: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        Session(network, "somewhere/model.onnx").run(feeds)


def test_names_that_the_caller_relies_on(make: Make) -> None:
    package = make()
    with pytest.raises(ModelError, match=r"inputs \['x'\], wanted \['image'\]"):
        package.session(inputs=["image"])
    with pytest.raises(ModelError, match="outputs"):
        package.session(outputs=["features"])
