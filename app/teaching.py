"""``shiftwatch train``: teach a product and register the version that came of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from core.errors import InputError, SettingsError
from core.settings import Settings, load_settings

FIRST_REASON = "first version of this model"


def teach(
    system: str,
    product: str,
    folder: Path,
    out: Path | None,
    *,
    seed: int,
    pairs: bool,
    report: Callable[[str], None],
    refit: bool = False,
) -> Path:
    """Train a model package from ``folder``, register it, return its folder.

    Raises
    ------
    core.errors.ShiftwatchError
        Nothing to learn from, or the product's name cannot be a folder.
    """
    if system != "flex":
        raise SettingsError(f"train: no system called {system!r} can be taught; there is: flex")
    if not folder.is_dir():
        raise InputError(folder, "no such folder")
    if product != Path(product).name or product.startswith("."):
        raise SettingsError(f"--product {product!r}: use a plain name without slashes")
    settings = load_settings()
    package = _train(
        product, folder, out or settings.site_models / system, seed=seed, pairs=pairs, refit=refit, report=report
    )
    register(system, product, package, settings)
    return package


def register(system: str, product: str, package: Path, settings: Settings) -> None:
    """Enter the package into the store; the first version of a model becomes its champion."""
    from core.inference.package import load_package
    from core.store import Store
    from core.store.views import Alias

    known = load_package(package)
    at = datetime.now(UTC)
    settings.home.mkdir(parents=True, exist_ok=True)
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
        version, card = known.model.version, known.card.model_dump(mode="json")
        store.register_model(system, product, version, known.card.digest, str(package.absolute()), card, at)
        if store.model(system, product) is None:
            store.set_alias(system, product, Alias.CHAMPION, version, "shiftwatch train", FIRST_REASON, at)


def _train(
    product: str, folder: Path, out: Path, *, seed: int, pairs: bool, refit: bool, report: Callable[[str], None]
) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    if pairs:
        from inspection.flex.golden.training import train_pairs

        report(f"learning from the pairs in {folder}; this takes ten minutes or more")
        return train_pairs(folder, out / product, seed=seed, name=product).path
    from inspection.flex.training import train

    return Path(train(product, folder, out, seed=seed, report=report, refit=refit))
