"""A system that is quick and honest: small camera frames in files, some with a spot, found by a box over the noise.

It stands for what a backfill itself costs: reading a file, a verdict of a millisecond, rows and a table of evidence.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from scipy.ndimage import uniform_filter
from scipy.special import erfc

from core.clock import SystemClock
from core.contracts import AlarmRule, Arrival, System
from core.errors import InputError
from core.inbox import Inbox
from core.observation import Observation
from core.settings import Settings
from core.verdict import Evidence, Measurement, Model, Quality, Region, Verdict

NAME = "spots"
BEGAN = datetime(2026, 2, 1, tzinfo=UTC)
SIDE, LEVEL, SPOT, BOX = 48, 40.0, 60, 3
EVERY = 20
"""One frame of so many has a spot."""
THRESHOLD = 6.0


def write_frames(folder: Path, first: int, count: int) -> None:
    """Write frames ``first`` to ``first + count``; the name says nothing of what is in them."""
    for number in range(first, first + count):
        rng = np.random.default_rng((20260201, number))
        frame = rng.poisson(LEVEL, (SIDE, SIDE))
        if has_spot(number):
            row, column = rng.integers(BOX, SIDE - BOX, 2)
            frame[row : row + BOX, column : column + BOX] += SPOT
        part = folder / f"{number // 1000:04d}"
        part.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        at = (BEGAN + timedelta(seconds=number)).timestamp()
        np.savez(content, frame=frame.astype(np.uint8), number=number, at=at)
        (part / f"{number:06d}.npz").write_bytes(content.getvalue())


def has_spot(number: int) -> bool:
    """Whether a frame was given a spot (the truth, which no file tells)."""
    return number % EVERY == 7


class FrameSource:
    """All frames below HOME/inbox/spots."""

    name = "inbox"

    def __init__(self, settings: Settings) -> None:
        folder = settings.home / "inbox" / NAME
        self._inbox = Inbox(folder, SystemClock(), settle_s=0.0, wanted=lambda name: name.endswith(".npz"))

    def arrivals(self, settled: Callable[[Sequence[str]], set[str]]) -> Iterator[Arrival]:
        """Yield frames that are not settled, oldest first."""
        return self._inbox.arrivals(settled)

    def read(self, arrival: Arrival) -> Observation:
        """Read one frame (InputError if it is none)."""
        content = self._inbox.path(arrival).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                frame, number, at = file["frame"], int(file["number"]), float(file["at"])
        except (ValueError, KeyError, OSError) as error:
            raise InputError(arrival.origin, f"is no frame ({error})") from None
        seen_at = datetime.fromtimestamp(at, UTC)
        told = {"frame": number}
        return Observation(
            NAME, "camera", f"{number}_{digest[:12]}", seen_at, arrival.origin, digest, told, {"image": frame}
        )


class BoxDetector:
    """Compares every box of nine pixels with the noise of its frame."""

    def judge(self, observation: Observation) -> Verdict:
        """Return where the brightest box is, and how probable it is by chance."""
        frame = observation.payload["image"].astype(float)
        level = float(np.median(frame))
        pulls = (uniform_filter(frame, BOX) - level) * BOX / np.sqrt(max(level, 1.0))
        row, column = np.unravel_index(int(pulls.argmax()), pulls.shape)
        score = float(pulls[row, column])
        p_value = float(min(1.0, frame.size * erfc(score / np.sqrt(2)) / 2))
        is_bad = score > THRESHOLD
        region = Region({"row": int(row), "column": int(column)}, score, p_value)
        told = {"score": score, "row": int(row), "column": int(column), "level": level}
        return Verdict(
            Quality.BAD if is_bad else Quality.GOOD,
            score,
            THRESHOLD,
            p_value,
            regions=(region,) if is_bad else (),
            measurements={"level": Measurement(level, float(frame.std() / frame.size**0.5), "counts")},
            model=Model("box", "1"),
            evidence={"box": Evidence(json.dumps(told).encode(), "application/json")} if is_bad else {},
        )


SPOTS = System(
    name=NAME,
    title="Spots",
    source=FrameSource,
    detector=lambda _: BoxDetector(),
    read_file=lambda path, settings: FrameSource(settings).read(Arrival(path.name, str(path))),
    rule=AlarmRule(),
    guidance=lambda _: "",
    silent_after_s=lambda _: None,
)
