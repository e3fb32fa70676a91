"""A simulated scanner: draws photos of synthetic boards and drops them into a folder, as a real one would."""

import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np

from app.story import delivering, script
from app.story.delivering import Delivery
from core.errors import SettingsError

PRODUCT_SEED = 1
"""Design of the board that the shipped model ``synthetic`` has learned."""

FIRST_NUMBER = 26_00100
STAGES = ("PCB_RECEPTION", "PCB_POPULATION")
PLAIN_DEFECTS = ("mask_particle", "fibre", "pad_stain", "mask_missing", "solder_spill", "burn", "mask_bubble", "crack")
GROSS_DEFECTS = ("burn", "mask_missing", "solder_spill", "crack", "component_missing")


@dataclass(frozen=True, slots=True)
class Board:
    """One file that the scanner will drop: its name, what is on it, and whether it breaks off half-way."""

    name: str
    defects: tuple[str, ...]
    seed: int
    story: str
    is_broken: bool = False

    @property
    def serial(self) -> str:
        """The serial number that the name begins with."""
        return self.name.split("_", 1)[0]

    def write(self, folder: Path, at: datetime | None = None) -> Path:
        """Draw the photo and drop it: written beside, then renamed, so that it appears at once and whole.

        ``at``: when it is said to be taken (the time of the file).
        """
        folder.mkdir(parents=True, exist_ok=True)
        content = photo(self.defects, self.seed)
        if self.is_broken:
            content = content[: len(content) // 3]
        part = folder / f".{self.name}.part"
        part.write_bytes(content)
        if at is not None:
            os.utime(part, (at.timestamp(), at.timestamp()))
        target = folder / self.name
        return part.replace(target)


def boards(seed: int, shift: int = 0) -> list[Board]:
    """Return the boards of a shift, by the script."""
    rng = np.random.default_rng([seed, shift])
    first = int(rng.integers(0, 90_000))
    return [
        delivery(
            first + number,
            script.BOARDS.get(number, ()),
            rng,
            is_broken=number == script.CUT_SHORT,
        )
        for number in range(script.board_count(script.SHIFT_S))
    ]


def deliveries(began_at: datetime, seed: int) -> Iterator[Delivery]:
    """Yield the photos of the boards of shift after shift, without end."""
    for shift in itertools.count():
        for number, board in enumerate(boards(seed, shift)):
            at = began_at + timedelta(seconds=shift * script.SHIFT_S + script.board_at_s(number))
            yield Delivery(at, board.story, partial(board.write, at=at))


def delivery(number: int, defects: Sequence[str], rng: np.random.Generator, *, is_broken: bool = False) -> Board:
    """Return one board with these defects; where they are is drawn by ``rng``."""
    story = "file cut short" if is_broken else (", ".join(defects).replace("_", " ") or "good board")
    name = f"20UPGPQ{FIRST_NUMBER + number:07d}_{rng.choice(STAGES)}_Front.jpg"
    return Board(name, tuple(defects), int(rng.integers(2**31)), story, is_broken)


def drawn(count: int, rng: np.random.Generator) -> tuple[str, ...]:
    """Draw so many defects of a board; the first is one nobody overlooks."""
    return tuple(str(rng.choice(GROSS_DEFECTS if nth == 0 else PLAIN_DEFECTS)) for nth in range(count))


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
        yield delivery(number, drawn(defects, rng), rng).write(out)


def photo(defects: Sequence[str], seed: int) -> bytes:
    """Return a JPEG of a board of the demo's product."""
    import cv2

    from inspection.flex.simulate.boards import design, photograph

    taken = photograph(design(PRODUCT_SEED), np.random.default_rng(seed), defects)
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(taken.image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 94])
    if not done:
        raise SettingsError("the photo could not be encoded as JPEG")
    return bytes(encoded.tobytes())


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill the watched folder until SIGINT or SIGTERM."""
    return delivering.run("app.scanner", __doc__, lambda show: deliveries(show.playback.began_at, show.seed), arguments)


if __name__ == "__main__":
    sys.exit(main())
