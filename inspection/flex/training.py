"""Teach a product from good boards: no defect is needed, eight boards are enough, more make it better."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, mkstemp

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import CalibrationError, InputError
from core.inference import Session, load_package
from core.learning.autoencoder import train_autoencoder
from core.learning.fitting import Batch, to_onnx
from inspection.flex.images import read_image
from inspection.flex.learned.calibration import Calibrated, calibrate_stack
from inspection.flex.learned.lessons import CROP_PX, MARGIN_PX, make_lessons
from inspection.flex.learned.normality import median_board
from inspection.flex.learned.parts import Networks
from inspection.flex.learned.rebuilding import scaled
from inspection.flex.learned.region import judged_zones, read_region
from inspection.flex.learned.saving import NETWORKS, Taught, Weights, save_product
from inspection.flex.learned.spot_training import export_spots, train_spots, weights_of
from inspection.flex.learned.stack import Stack, build_stack, half_tiles, measure_filters, measure_rebuilding
from inspection.flex.registration import lay, prepare
from inspection.flex.simulate.zones import Zone

Report = Callable[[str], None]
Image = NDArray[np.uint8]

FEWEST_BOARDS = 8
_REFERENCES = 3
SMALLEST_PX = CROP_PX + 2 * MARGIN_PX
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"})


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to compute: the defaults take some minutes for 32 boards of 4 megapixels on two cores."""

    lessons: int = 2000
    spot_steps: int = 3000
    rebuilding_steps: int = 250
    held_back: float = 0.25


def train(
    product: str,
    golden_dir: Path | str,
    out: Path | str,
    *,
    seed: int = 0,
    report: Report = print,
    effort: Effort | None = None,
    max_megapixels: float = 64.0,
    refit: bool = False,
    region: Path | None = None,
) -> Path:
    """Teach ``product`` from the photos of good boards in ``golden_dir``.

    Parameters
    ----------
    product
        Name of the product; its package is written to ``out / product``.
    golden_dir
        Folder with photos of at least eight good boards of one design and side.
    out
        Folder of model packages.
    report
        Called with a line of text at each step.
    refit
        Keep the networks of the product's present package and renew only what is normal and the thresholds.
    region
        Mask painted over one of the photos and called like it (``board3.jpg``, ``board3.png``): boards are judged
        where it is bright. Without it the part is found on its panel or desk.

    Returns
    -------
    Path
        The package.

    Raises
    ------
    core.errors.InputError
        Fewer than eight photos can be used; the text names each and the reason.
    """
    paths = find_photos(Path(golden_dir))
    with TemporaryDirectory(prefix="shiftwatch-train-") as folder:
        target = Path(out) / product
        return teach_paths(
            product,
            paths,
            target,
            Path(folder),
            seed=seed,
            report=report,
            effort=effort,
            max_megapixels=max_megapixels,
            refit=refit,
            region=region,
        )


def calibrate(product: str, golden_dir: Path | str, out: Path | str, *, seed: int = 0, report: Report = print) -> Path:
    """Renew what is normal and the thresholds of a taught product from all photos in ``golden_dir``; keep its networks.

    Raises
    ------
    core.errors.InputError
        As `train`.
    """
    return train(product, golden_dir, out, seed=seed, report=report, refit=True)


def teach_paths(
    product: str,
    paths: Sequence[Path],
    target: Path,
    folder: Path,
    *,
    seed: int = 0,
    report: Report = print,
    effort: Effort | None = None,
    max_megapixels: float = 64.0,
    refit: bool = False,
    region: Path | None = None,
) -> Path:
    """Teach from these photos and write the package to ``target``; large arrays go to ``folder`` meanwhile."""
    painted = None if region is None else _painted_over(region, paths)
    laid, used = lay_boards(paths, folder, report, max_megapixels, painted)
    shape = (laid.shape[1], laid.shape[2])
    mask = None if region is None else read_region(region, shape, max_megapixels)
    effort = effort or Effort()
    return teach(product, laid, used, target, folder, seed=seed, report=report, effort=effort, refit=refit, region=mask)


def teach(
    product: str,
    laid: NDArray[np.uint8],
    used: Sequence[Path],
    target: Path,
    folder: Path,
    *,
    seed: int,
    report: Report,
    effort: Effort,
    refit: bool = False,
    region: NDArray[np.bool_] | None = None,
) -> Path:
    """Learn from boards that lie on one grid, (N, H, W, 3) uint8, judge in ``region`` (H, W), write the package."""
    report(f"learning what is normal from {len(laid)} boards of {laid.shape[2]}x{laid.shape[1]} pixels")
    features = Session(NETWORKS.features(), "features.onnx")
    stack = build_stack(laid, features, folder, seed)
    zones = judged_zones(stack.sums.normality().golden, region)
    report(f"judging {np.mean(zones != Zone.OUTSIDE):.0%} of the picture")
    stack = measure_filters(stack, zones)
    learned = (_kept(stack, used, target, report) if refit else None) or _learn(
        stack, zones, features, seed, effort, report
    )
    report(
        f"calibrating on {len(learned.judges)} boards not learned from, {len(learned.learners)} judged by the others"
    )
    spots = Session(learned.spots, "spots.onnx")
    calibrated = calibrate_stack(stack, zones, spots, learned.learners, learned.judges)
    taught = Taught(
        stack.expectation(), zones, learned.rebuilding, learned.spots, learned.weights, calibrated,
        tuple(used[i].name for i in learned.learners),
    )  # fmt: skip
    package = save_product(
        target, product, taught, boards=used, seed=seed, created_at=datetime.now(UTC), digest=_digest(used)
    )
    for line in summary(calibrated, used):
        report(line)
    report(f"wrote {package.path} (version {package.card.version})")
    return package.path


@dataclass(frozen=True, slots=True, eq=False)
class _Learned:
    """Networks, and which boards they learned from or never saw."""

    rebuilding: bytes
    spots: bytes
    weights: Weights
    learners: Sequence[int]
    judges: Sequence[int]


def _learn(
    stack: Stack, zones: NDArray[np.uint8], features: Session, seed: int, effort: Effort, report: Report
) -> _Learned:
    report("training the autoencoder")
    rebuilding = train_rebuilding(stack, effort, seed)
    session = Session(rebuilding, "rebuilding.onnx")
    measure_rebuilding(stack, session)
    learners, judges = _hold_back(len(stack), effort.held_back, seed)
    report(f"training the spot network on simulated defects on {len(learners)} boards")
    per_board = max(1, -(-effort.lessons // len(learners)))
    lessons = make_lessons(stack, learners, zones, Networks(features, session, features), per_board, seed)
    network = train_spots(lessons, steps=effort.spot_steps, seed=seed, start=NETWORKS.spot_weights())
    return _Learned(rebuilding, export_spots(network), weights_of(network), learners, judges)


def _kept(stack: Stack, used: Sequence[Path], target: Path, report: Report) -> _Learned | None:
    """Return the networks of the product's present package; None if there is none, or no board is new to it."""
    if not (target / "card.json").exists():
        return None
    package = load_package(target)
    known = set(package.card.details.get("learned_from", []))  # type: ignore[arg-type]
    learners = [i for i, path in enumerate(used) if path.name in known]
    judges = [i for i, path in enumerate(used) if path.name not in known]
    if len(judges) < 2:
        report("nearly no board is new: the networks are trained again")
        return None
    report(f"keeping the networks of version {package.card.version}")
    rebuilding, spots = ((package.path / name).read_bytes() for name in ("rebuilding.onnx", "spots.onnx"))
    measure_rebuilding(stack, Session(rebuilding, "rebuilding.onnx"))
    arrays = package.array("weights.npz")
    return _Learned(rebuilding, spots, {name: np.asarray(arrays[name]) for name in arrays}, learners, judges)


def find_photos(folder: Path) -> list[Path]:
    """Return the photos in a folder, sorted by name.

    Raises
    ------
    core.errors.InputError
        There is no such folder, or it holds fewer than eight photos.
    """
    if not folder.is_dir():
        raise InputError(folder, "no such folder of golden boards")
    photos = sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    if len(photos) < FEWEST_BOARDS:
        raise InputError(folder, f"holds {len(photos)} photos; at least {FEWEST_BOARDS} good boards are needed")
    return photos


def _painted_over(region: Path, paths: Sequence[Path]) -> Path:
    for path in paths:
        if path.stem == region.stem:
            return path
    raise InputError(region, "no photo has the mask's name: call it like the photo that it was painted over")


def lay_boards(
    paths: Sequence[Path], folder: Path, report: Report, max_megapixels: float, first: Path | None = None
) -> tuple[NDArray[np.uint8], list[Path]]:
    """Lay all photos on the grid of ``first`` or the most typical one; those that do not fit are reported and left out.

    Raises
    ------
    core.errors.InputError
        Fewer than eight fit, or they are too small to learn from.
    """
    references = [first] if first else _references(paths, max_megapixels)
    fits: list[_Fit] = []
    for reference in references:
        fits.append(_lay_on(read_image(reference, max_megapixels), paths, folder, max_megapixels))
        if 2 * len(fits[-1].used) > len(paths):
            break
    best = max(fits, key=_Fit.size)
    for problem in best.problems:
        report(f"left out: {problem}")
    if len(best.used) < FEWEST_BOARDS:
        raise InputError(
            paths[0].parent,
            f"only {len(best.used)} of {len(paths)} photos can be used, {FEWEST_BOARDS} are needed: "
            + "; ".join(best.problems),
        )
    # Once more, on the golden board: that is what boards to be judged will be laid on, and the laying must be the same.
    golden = median_board(best.laid[: len(best.used)])
    again = _lay_on(golden, best.used, folder, max_megapixels)
    return again.laid[: len(again.used)], again.used


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """The photos that fit one reference."""

    laid: NDArray[np.uint8]
    used: list[Path]
    problems: list[str]

    def size(self) -> int:
        return len(self.used)


def _references(paths: Sequence[Path], max_megapixels: float) -> Iterator[Path]:
    """Yield the most typical photo, then the next: a photo that does not belong can be the most typical one."""
    left, chosen = list(paths), typical(paths, max_megapixels)
    for _ in range(_REFERENCES):
        yield chosen
        left.remove(chosen)
        try:
            chosen = typical(left, max_megapixels)
        except InputError:  # no other is readable
            return


def _lay_on(picture: Image, paths: Sequence[Path], folder: Path, max_megapixels: float) -> _Fit:
    if min(picture.shape[:2]) < SMALLEST_PX:
        size = f"{picture.shape[1]}x{picture.shape[0]}"
        raise InputError(paths[0].parent, f"boards of {size} pixels: at least {SMALLEST_PX} are needed each way")
    grid = prepare(picture)
    file = Path(mkstemp(".npy", "laid-", folder)[1])
    laid = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=(len(paths), *picture.shape))
    used: list[Path] = []
    problems: list[str] = []
    for path in paths:
        try:
            laid[len(used)] = lay(read_image(path, max_megapixels), grid, origin=str(path)).aligned
            used.append(path)
        except InputError as error:
            problems.append(str(error))
    return _Fit(laid, used, problems)


def typical(paths: Sequence[Path], max_megapixels: float) -> Path:
    """Return the readable photo whose sharpness is nearest the upper quartile: neither blurred nor an outlier.

    Raises
    ------
    core.errors.InputError
        None is readable.
    """
    sharpness: dict[Path, float] = {}
    for path in paths:
        with _skip_unreadable():
            gray = cv2.cvtColor(read_image(path, max_megapixels), cv2.COLOR_RGB2GRAY)
            sharpness[path] = float(cv2.Laplacian(gray, cv2.CV_32F).var())
    if not sharpness:
        raise InputError(paths[0].parent if paths else "golden boards", "none of the photos can be read")
    wanted = float(np.quantile(list(sharpness.values()), 0.75))
    return min(sharpness, key=lambda path: (abs(sharpness[path] - wanted), path.name))


def summary(calibrated: Calibrated, used: Sequence[Path]) -> Iterator[str]:
    """Yield what a person wants to know after training, first of all golden boards that look suspicious."""
    for index, worst in calibrated.suspicious():
        yield f"look at {used[index].name}: its worst spot is {worst:.1f} decades rarer than one per good board"
    try:
        threshold = calibrated.spots.threshold(1.0)
        low, high = calibrated.spots.interval(threshold)
        yield f"one false spot per board at score {threshold:.2f} (90 % interval {low:.2f} to {high:.2f} spots)"
    except CalibrationError as error:
        yield f"no threshold for one false spot per board: {error}"


@contextmanager
def _skip_unreadable() -> Iterator[None]:
    try:
        yield
    except InputError:
        return


def train_rebuilding(stack: Stack, effort: Effort, seed: int) -> bytes:
    """Train the autoencoder on tiles of the boards; returns it as ONNX, ``image`` to ``rebuilt``."""

    def batches() -> Iterator[Batch]:
        for tiles in half_tiles(stack, 128, 8, seed):
            yield (torch.from_numpy(np.concatenate([scaled(tile) for tile in tiles])),)

    network = train_autoencoder(batches(), effort.rebuilding_steps, seed=seed)
    free = {"image": {2: "h", 3: "w"}, "rebuilt": {2: "h", 3: "w"}}
    return to_onnx(network, {"image": torch.zeros(1, 3, 64, 80)}, ["rebuilt"], free)


def _hold_back(count: int, share: float, seed: int) -> tuple[list[int], list[int]]:
    """Split boards into those that the spot network learns from and those held back for calibration."""
    order = np.random.default_rng(seed).permutation(count)
    held = max(2, round(share * count))
    return sorted(int(i) for i in order[held:]), sorted(int(i) for i in order[:held])


def _digest(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
