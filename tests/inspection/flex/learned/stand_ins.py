"""Sessions that need no network: small local operations with the same borders as the real ones."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Run = Callable[[dict[str, NDArray[Any]]], dict[str, NDArray[Any]]]


class StandIn:
    """A session whose answer is a function of its feeds; it keeps the shapes that it was asked for."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.seen: list[tuple[int, ...]] = []

    def run(self, feeds: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        self.seen.append(feeds["image"].shape)
        return self._run(feeds)


def features() -> StandIn:
    """24 and 40 features that are smoothed mixtures of the colours, at stride 4 and 8."""
    rng = np.random.default_rng(11)
    mixtures = {name: rng.normal(0, 0.02, (count, 3)).astype(np.float32) for name, count in (("4", 24), ("8", 40))}

    def run(feeds: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        picture = np.ascontiguousarray(feeds["image"][0].transpose(1, 2, 0))
        found = {}
        for name, matrix in mixtures.items():
            size = (picture.shape[1] // int(name), picture.shape[0] // int(name))
            small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            found[f"stride{name}"] = np.ascontiguousarray(np.tanh(small @ matrix.T).transpose(2, 0, 1)[None])
        return found

    return StandIn(run)


def rebuilding(picture: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None) -> StandIn:
    """Rebuild a picture by blurring it, or as given."""

    def blurred(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), 2.0), np.float32)

    chosen = picture or blurred
    return StandIn(lambda feeds: {"rebuilt": np.stack([chosen(plane) for plane in feeds["image"][0]])[None]})
