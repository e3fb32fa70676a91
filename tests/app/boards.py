"""Stores filled for the tests of the dashboard: judged boards with pictures, drawn cheaply or like real ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import cv2
import numpy as np
from numpy.typing import NDArray

from core.contracts import AlarmRule, Arrival, Settled
from core.observation import Observation
from core.store import Store
from core.verdict import Cause, Evidence, Measurement, Model, Quality, Region, Verdict, unreadable

Image = NDArray[np.uint8]
STAGE, SIDE = "PCB_POPULATION", "front"


@dataclass(frozen=True)
class Place:
    """A suspect place of a test board."""

    x: int
    y: int
    width: int
    height: int
    cause: str | None
    probability: float | None


@dataclass(frozen=True)
class Picture:
    """A test board: its image, the golden one, its suspect places."""

    image: Image
    golden: Image
    places: tuple[Place, ...]


def cheap_picture(count: int, seed: int = 0) -> Picture:
    """Return a small flat board with ``count`` squares on it."""
    rng = np.random.default_rng(seed)
    golden = np.full((240, 320, 3), 90, np.uint8)
    image = golden.copy()
    causes = ("Scratches_Wirebonding_pad", "Contamination_Solder_mask", "unknown", "Dusts")
    places = []
    for index in range(count):
        x, y = int(rng.integers(10, 280)), int(rng.integers(10, 200))
        image[y : y + 16, x : x + 16] = 220
        places.append(Place(x, y, 16, 16, causes[index % 4], round(0.9 - 0.1 * index, 2)))
    return Picture(image, golden, tuple(places))


def real_picture(defects: Sequence[str], seed: int, false_spots: int = 0) -> Picture:
    """Return a synthetic board as the scanner would show it, with the true places of its defects."""
    from inspection.flex.simulate.boards import design, photograph

    taken = photograph(design(1), np.random.default_rng(seed), defects, looseness=0.0)
    golden = photograph(design(1), np.random.default_rng(seed + 1000), (), looseness=0.0)
    rng = np.random.default_rng(seed)
    places = [
        Place(n.x, n.y, n.width, n.height, n.category, round(float(rng.uniform(0.55, 0.97)), 2)) for n in taken.labels
    ]
    for _ in range(false_spots):
        x, y = int(rng.integers(200, 1300)), int(rng.integers(200, 900))
        places.append(Place(x, y, 24, 24, "unknown", 0.41))
    return Picture(taken.image, golden.image, tuple(places))


def observed(image: Image, element: str, at: datetime) -> Observation:
    """Return the photo of a board as the source would read it."""
    raw = sha256(image.tobytes() + element.encode()).hexdigest()
    file = f"{element}_{STAGE}_Front.jpg"
    height, width = image.shape[:2]
    return Observation(
        system="flex",
        element=element,
        key=raw[:16],
        observed_at=at,
        origin=f"/scans/{file}",
        sha256=raw,
        conditions={
            "serial": element,
            "stage": STAGE,
            "side": SIDE,
            "component": "Quad_PCB",
            "width": width,
            "height": height,
            "file": file,
        },
        payload={"image": image},
    )


def judged(picture: Picture, element: str, quality: Quality, at: datetime) -> Settled:
    """Return a board as the watch would settle it, with all its evidence."""
    observation = observed(picture.image, element, at)
    regions = tuple(
        Region(
            {"x": p.x, "y": p.y, "width": p.width, "height": p.height},
            score=9.0 - index,
            p_value=0.001 * (index + 1),
            cause=Cause(p.cause, p.probability) if p.cause and p.probability is not None else None,
        )
        for index, p in enumerate(picture.places)
    )
    verdict = Verdict(
        quality=quality,
        score=9.0 if regions else 1.0,
        threshold=4.0,
        p_value=0.001 if regions else 0.4,
        regions=regions,
        measurements={
            "false_spots_expected": Measurement(1.0, 0.3, "spots/board"),
            "registration_residual": Measurement(0.4, None, "px"),
        },
        model=Model("synthetic", "0123456789ab"),
        evidence=_evidence(picture),
    )
    return settled(observation, verdict)


def settled(observation: Observation, verdict: Verdict) -> Settled:
    """Return both as the watch would hand them to the store, three seconds later."""
    arrival = Arrival(observation.sha256, observation.origin)
    return Settled(arrival, observation, verdict, observation.observed_at + timedelta(seconds=3))


def broken(name: str, reason: str, at: datetime) -> Settled:
    """Return a file that could not be read."""
    origin = f"/scans/{name}"
    return Settled(Arrival(sha256(name.encode()).hexdigest(), origin), None, unreadable(reason), at)


def fill(store: Store, settled: Sequence[Settled], alive_at: datetime | None = None) -> None:
    """Store what the watch would have stored, and its sign of life."""
    store.upgrade()
    store.record("flex", "folder", settled, AlarmRule())
    store.heartbeat("flex", "watch", alive_at or datetime.now(UTC), ok=True)


def cheap_store(store: Store) -> None:
    """Fill a store with one board of every kind."""
    now = datetime.now(UTC)
    boards = [
        judged(cheap_picture(0), "20UPGPQ2600001", Quality.GOOD, now - timedelta(minutes=9)),
        judged(cheap_picture(3, seed=3), "20UPGPQ2600002", Quality.BAD, now - timedelta(minutes=7)),
        judged(cheap_picture(1, seed=4), "20UPGPQ2600003", Quality.MEDIUM, now - timedelta(minutes=5)),
        broken("cut.jpg", "image file is truncated (12 bytes not processed)", now - timedelta(minutes=1)),
    ]
    fill(store, boards)


def _evidence(picture: Picture) -> dict[str, Evidence]:
    drawn = {"plain": picture.image, "board": _boxed(picture), "thumbnail": _small(picture.image, 320)}
    if picture.places:
        drawn["heat"] = _heat(picture)
    for index, place in enumerate(picture.places[:12], start=1):
        drawn[f"spot_{index}"] = _crop(picture.image, place)
        drawn[f"golden_{index}"] = _crop(picture.golden, place)
    return {name: Evidence(_jpeg(image), "image/jpeg") for name, image in drawn.items()}


def _boxed(picture: Picture) -> Image:
    image = picture.image.copy()
    for p in picture.places:
        cv2.rectangle(image, (p.x, p.y), (p.x + p.width, p.y + p.height), (255, 255, 255), 1)
    return image


def _heat(picture: Picture) -> Image:
    level = np.zeros(picture.image.shape[:2], np.float32)
    for p in picture.places:
        cv2.circle(level, (p.x + p.width // 2, p.y + p.height // 2), max(p.width, p.height), 1.0, -1)
    level = cv2.GaussianBlur(level, (0, 0), 12)
    colours = cv2.cvtColor(cv2.applyColorMap((255 * level).astype(np.uint8), cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    return cv2.addWeighted(picture.image, 0.5, colours, 0.7, 0)


def _crop(image: Image, place: Place) -> Image:
    half = max(32, place.width, place.height)
    x, y = place.x + place.width // 2, place.y + place.height // 2
    padded = cv2.copyMakeBorder(image, half, half, half, half, cv2.BORDER_REPLICATE)
    cut = padded[y : y + 2 * half, x : x + 2 * half]
    return cv2.resize(cut, (384, 384), interpolation=cv2.INTER_CUBIC)


def _small(image: Image, longest: int) -> Image:
    scale = longest / max(image.shape[:2])
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image


def _jpeg(image: Image) -> bytes:
    return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
