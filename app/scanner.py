"""A simulated scanner: draws photos of synthetic boards and drops them into a folder, as a real one would."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import SettingsError

PRODUCT_SEED = 1
"""Design of the board that the shipped model ``synthetic`` has learned."""

FIRST_NUMBER = 26_00100
STAGES = ("PCB_RECEPTION", "PCB_POPULATION")
PLAIN_DEFECTS = ("mask_particle", "fibre", "pad_stain", "mask_missing", "solder_spill", "burn", "mask_bubble", "crack")
GROSS_DEFECTS = ("burn", "mask_missing", "solder_spill", "crack", "component_missing")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One file that the scanner will drop: its name, what is on it, and whether it breaks off half-way."""

    name: str
    defects: tuple[str, ...]
    seed: int
    story: str
    is_broken: bool = False

    def write(self, folder: Path) -> Path:
        """Draw the photo and drop it: written beside, then renamed, so that it appears at once and whole."""
        folder.mkdir(parents=True, exist_ok=True)
        content = photo(self.defects, self.seed)
        if self.is_broken:
            content = content[: len(content) // 3]
        part = folder / f".{self.name}.part"
        part.write_bytes(content)
        target = folder / self.name
        return part.replace(target)


def shift(seed: int) -> Iterator[Delivery]:
    """Yield the deliveries of an endless, eventful shift."""
    rng = np.random.default_rng(seed)
    plots: Sequence[tuple[int, bool]] = (
        (0, False),
        (3, False),
        (0, False),
        (1, False),
        (0, True),
        (0, False),
        (5, False),
    )
    number = int(rng.integers(0, 90_000))
    while True:
        for count, is_broken in plots:
            number += 1
            yield delivery(number, count, rng, is_broken=is_broken)


def rehearsal() -> list[Delivery]:
    """Return the few deliveries of ``demo --once``: two good boards, two bad ones, one file cut short."""
    rng = np.random.default_rng(20_261_122)
    plots = ((0, False), (4, False), (0, True), (0, False), (5, False))
    return [delivery(number, count, rng, is_broken=is_broken) for number, (count, is_broken) in enumerate(plots)]


def delivery(number: int, count: int, rng: np.random.Generator, *, is_broken: bool = False) -> Delivery:
    """Return one delivery with ``count`` defects drawn by ``rng``; the first is one nobody overlooks."""
    kinds = [str(rng.choice(GROSS_DEFECTS if nth == 0 else PLAIN_DEFECTS)) for nth in range(count)]
    story = "file cut short" if is_broken else (", ".join(kinds).replace("_", " ") or "good board")
    name = f"20UPGPQ{FIRST_NUMBER + number:07d}_{rng.choice(STAGES)}_Front.jpg"
    return Delivery(name, tuple(kinds), int(rng.integers(2**31)), story, is_broken)


def draw_boards(system: str, out: Path, *, count: int, defects: int, seed: int) -> Iterator[Path]:
    """Write ``count`` photos into ``out`` and yield their paths.

    Raises
    ------
    SettingsError
        The system has no photos to draw.
    """
    if system != "flex":
        raise SettingsError(f"simulate: no system called {system!r} can be drawn; there is: collimation, flex, its")
    rng = np.random.default_rng(seed)
    for number in range(count):
        yield delivery(number, defects, rng).write(out)


def photo(defects: Sequence[str], seed: int) -> bytes:
    """Return a JPEG of a board of the demo's product."""
    import cv2

    from inspection.flex.simulate.boards import design, photograph

    taken = photograph(design(PRODUCT_SEED), np.random.default_rng(seed), defects)
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(taken.image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 94])
    if not done:
        raise SettingsError("the photo could not be encoded as JPEG")
    return bytes(encoded.tobytes())
