"""A small drawn panel that has what the benchmark looks for on the real one: copper, a dark part, gold pads, steel."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.flex.boards import Image

COPPER, DARK, BROWN, GOLD, STEEL = (130, 60, 30), (14, 12, 12), (48, 24, 18), (190, 155, 112), (120, 115, 118)


def draw_panel(seed: int, shift: tuple[int, int] = (0, 0)) -> Image:
    """One panel (520, 760, 3) with sensor noise of its own, moved by whole pixels."""
    panel = np.full((520, 760, 3), COPPER, np.uint8)
    x, y = shift
    cv2.rectangle(panel, (60 + x, 50 + y), (700 + x, 470 + y), DARK, -1)
    cv2.circle(panel, (230 + x, 260 + y), 170, BROWN, -1)
    for column in range(4):
        for row in range(4):
            left, top = 120 + 60 * column + x, 150 + 60 * row + y
            cv2.rectangle(panel, (left, top), (left + 36, top + 36), GOLD, -1)
    cv2.rectangle(panel, (480 + x, 110 + y), (650 + x, 420 + y), STEEL, -1)
    soft = cv2.GaussianBlur(panel, (0, 0), 1.0).astype(np.float32)
    noise = np.random.default_rng(seed).normal(0, 1, soft.shape) * (0.6 + 0.15 * np.sqrt(soft))
    return np.clip(np.round(soft + noise), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def panels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as the real one: flex98/main with nine panels."""
    root = tmp_path_factory.mktemp("panels")
    folder = root / "flex98" / "main"
    folder.mkdir(parents=True)
    for number in range(9):
        picture = draw_panel(number, (number % 3 - 1, number % 2))
        cv2.imwrite(str(folder / f"flex_{number:03d}.jpg"), picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    return root
