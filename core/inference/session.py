"""One ONNX network, checked at its border: names, element types and shapes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from core.errors import ModelError

_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}

ort.create_and_register_allocator(
    ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT),
    ort.OrtArenaCfg(0, -1, -1, -1),  # no limit, ONNX Runtime's own steps
)


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, element type and shape of an input or output; a dimension is a number, or None where it is free."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.dtype}({', '.join('?' if n is None else str(n) for n in self.shape)})"

    def problem(self, array: NDArray[Any]) -> str | None:
        """Return why ``array`` does not fit, or None."""
        fits = len(array.shape) == len(self.shape) and all(
            wanted is None or wanted == got for wanted, got in zip(self.shape, array.shape, strict=True)
        )
        if fits and array.dtype == self.dtype:
            return None
        return f"input {self} was given {array.dtype}{array.shape}"


class Session:
    """A network that is ready to run on the CPU."""

    def __init__(self, content: bytes, origin: str, *, threads: int = 1) -> None:
        self.origin = origin
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Waiting threads sleep: on a machine that also runs a dashboard, spinning takes the cores from the others.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # One pool of memory for all networks, and no plan of it per input shape: a 17-megapixel board through four
        # networks in tiles takes 1.2 GB instead of 1.9, and a fifth less time, for new memory is slow to get.
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.enable_mem_pattern = False
        try:
            self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own exceptions share no base but Exception
            raise ModelError(f"{origin}: ONNX Runtime refuses it ({error})") from None
        self.inputs = tuple(_spec(node, origin) for node in self._session.get_inputs())
        self.outputs = tuple(_spec(node, origin) for node in self._session.get_outputs())

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run the network.

        Parameters
        ----------
        feeds
            One array per input, by name, with the element type and shape of ``inputs``.

        Returns
        -------
        dict
            One array per output, by name.

        Raises
        ------
        ModelError
            If a name, element type or shape does not fit, or the run itself fails.
        """
        self._check(feeds)
        try:
            results = self._session.run(None, {name: np.ascontiguousarray(a) for name, a in feeds.items()})
        except Exception as error:  # see above
            raise ModelError(f"{self.origin}: failed to run ({error})") from None
        return {spec.name: result for spec, result in zip(self.outputs, results, strict=True)}

    def require(self, inputs: Sequence[str] | None, outputs: Sequence[str] | None) -> None:
        """Check that the network has exactly these inputs, and at least these outputs.

        Raises
        ------
        ModelError
            If it has not; the text names both.
        """
        have_inputs, have_outputs = [s.name for s in self.inputs], [s.name for s in self.outputs]
        if inputs is not None and sorted(inputs) != sorted(have_inputs):
            raise ModelError(f"{self.origin}: inputs {have_inputs}, wanted {list(inputs)}")
        if outputs is not None and not set(outputs) <= set(have_outputs):
            raise ModelError(f"{self.origin}: outputs {have_outputs}, wanted {list(outputs)}")

    def _check(self, feeds: Mapping[str, NDArray[Any]]) -> None:
        if set(feeds) != {spec.name for spec in self.inputs}:
            raise ModelError(f"{self.origin}: wants inputs {[str(s) for s in self.inputs]}, was given {sorted(feeds)}")
        for spec in self.inputs:
            if problem := spec.problem(feeds[spec.name]):
                raise ModelError(f"{self.origin}: {problem}")


def _spec(node: Any, origin: str) -> TensorSpec:
    if node.type not in _DTYPES:
        raise ModelError(f"{origin}: {node.name} is of unsupported type {node.type}")
    shape = tuple(n if isinstance(n, int) and n >= 0 else None for n in node.shape)
    return TensorSpec(node.name, np.dtype(_DTYPES[node.type]), shape)
