"""``shiftwatch train``: teach a product (flex) or a model of cycles or chip hit maps (its); register it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import InputError, SettingsError
from core.settings import Settings, load_settings
from dqm.its.system import PIXELS

FIRST_REASON = "first version of this model"


@dataclass(frozen=True, slots=True)
class Lesson:
    """What to teach: photos (or pairs) of a product, or nominal cycles or runs of the ITS in ``folder``.

    Without a folder a model of ITS cycles is learnt from the simulator. ``region``: a mask of where boards are judged.
    """

    product: str
    folder: Path | None
    seed: int = 1
    pairs: bool = False
    refit: bool = False
    region: Path | None = None


def teach(system: str, lesson: Lesson, out: Path | None, *, report: Callable[[str], None]) -> Path:
    """Train a model package, register it, return its folder.

    Raises
    ------
    core.errors.ShiftwatchError
        Nothing to learn from, or the product's name cannot be a folder.
    """
    if system not in {"flex", "its", "collimation", "schlieren"}:
        raise SettingsError(
            f"train: no system called {system!r} can be taught; there is: collimation, flex, its, schlieren"
        )
    product = lesson.product
    if lesson.folder is None and system == "flex":
        raise SettingsError("train flex: name the folder with photos of good boards")
    if lesson.folder is not None and not lesson.folder.is_dir():
        raise InputError(lesson.folder, "no such folder")
    if product != Path(product).name or product.startswith("."):
        raise SettingsError(f"--product {product!r}: use a plain name without slashes")
    settings = load_settings()
    learn = _learning(system, product)
    package = learn(lesson, out or settings.site_models / system, report)
    register(system, product, package, settings, report)
    return package


def _learning(system: str, product: str) -> Callable[[Lesson, Path, Callable[[str], None]], Path]:
    if system in {"collimation", "schlieren"}:
        return _learn_patterns if system == "collimation" else _learn_channels
    return _train if system == "flex" else _learn_pixels if product == PIXELS else _learn_cycles


def register(
    system: str, product: str, package: Path, settings: Settings, report: Callable[[str], None] = lambda _: None
) -> None:
    """Enter the package into the store and keep it; the first version of a model becomes its champion."""
    from core.inference.package import load_package
    from core.store import Store
    from core.store.views import Alias
    from flows.choosing import enrol

    known = load_package(package)
    at = datetime.now(UTC)
    settings.home.mkdir(parents=True, exist_ok=True)
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
        enrol(system, known, settings, store, at, product)
        version, champion = known.model.version, store.model(system, product)
        if champion is None:
            store.set_alias(system, product, Alias.CHAMPION, version, "shiftwatch train", FIRST_REASON, at)
        elif champion.version != version:
            told = f"{product} {champion.version} judges until you type"
            report(f"{told}: shiftwatch models promote {system} {product} {version} --reason ...")


def _learn_cycles(lesson: Lesson, out: Path, report: Callable[[str], None]) -> Path:
    """Learn from nominal cycle files, or from the simulator alone; ``refit``: the thresholds only."""
    from dqm.its.training import calibrate, train

    if lesson.pairs or lesson.region is not None:
        raise SettingsError("train its: --pairs and --region are for photos of boards")
    if not lesson.refit:
        return train(lesson.product, lesson.folder, out, seed=lesson.seed, report=report)
    if lesson.folder is None:
        raise SettingsError("calibrate its: name the folder with cycle files of nominal runs")
    return calibrate(lesson.product, lesson.folder, out, seed=lesson.seed, report=report)


def _learn_patterns(lesson: Lesson, out: Path, report: Callable[[str], None]) -> Path:
    """Learn a model of LHC loss patterns, or (``refit``) let a site's nominal maps be what is nominal."""
    from accelerator.collimation import teaching

    if lesson.refit:
        if lesson.folder is None:
            raise SettingsError("calibrate collimation: name the folder with nominal loss maps")
        return teaching.calibrate(lesson.product, lesson.folder, out, seed=lesson.seed, report=report)
    return teaching.train(lesson.product, lesson.folder, out, seed=lesson.seed, report=report)


def _learn_channels(lesson: Lesson, out: Path, report: Callable[[str], None]) -> Path:
    """Learn to measure plasma channels, from the simulation alone."""
    from accelerator.schlieren import teaching

    if lesson.refit:
        raise SettingsError("calibrate schlieren: shots of a run have no truth to calibrate on; train it anew")
    return teaching.train(lesson.product, lesson.folder, out, seed=lesson.seed, report=report)


def _learn_pixels(lesson: Lesson, out: Path, report: Callable[[str], None]) -> Path:
    """Learn what chip hit maps of all runs in the folder look like."""
    from dqm.its.pixels.files import is_run, read_run
    from dqm.its.pixels.learning import learn, write_reference

    if lesson.folder is None or lesson.pairs or lesson.region is not None:
        raise SettingsError(f"train its --product {PIXELS}: name a folder with runs of hits (npz), and nothing else")
    runs = [read_run(path) for path in sorted(lesson.folder.glob("*.npz")) if is_run(path)]
    if not runs:
        raise InputError(lesson.folder, "holds no run of hits (npz with event, plane, column and row)")
    report(f"learning from {len(runs)} runs in {lesson.folder}")
    out.mkdir(parents=True, exist_ok=True)
    return write_reference(out / lesson.product, learn(runs), runs, replace=True).path


def _train(lesson: Lesson, out: Path, report: Callable[[str], None]) -> Path:
    product, folder, seed = lesson.product, lesson.folder, lesson.seed
    assert folder is not None
    out.mkdir(parents=True, exist_ok=True)
    if lesson.pairs:
        from inspection.flex.golden.training import train_pairs

        report(f"learning from the pairs in {folder}; this takes ten minutes or more")
        return train_pairs(folder, out / product, seed=seed, name=product).path
    from inspection.flex.training import train

    return Path(train(product, folder, out, seed=seed, report=report, refit=lesson.refit, region=lesson.region))
