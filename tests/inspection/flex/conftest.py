"""One product taught from eight tiny boards, shared by the tests of training, detector, verdict and pictures."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.settings import FlexSettings, Settings

PRODUCT = "tiny"


@dataclass(frozen=True)
class TaughtProduct:
    """Where it was taught from and to, and what the person was told meanwhile."""

    photos: Path
    models: Path
    package: Path
    told: tuple[str, ...]
    settings: Settings


@pytest.fixture(scope="session")
def untrained_base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The package of shipped networks, replaced by one that knows nothing, for the whole session."""
    pytest.importorskip("torch")
    from inspection.flex.learned import saving
    from tests.inspection.flex.taught import write_base

    folder = write_base(tmp_path_factory.mktemp("base") / "base")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saving.NETWORKS, "folder", folder)
        yield folder


@pytest.fixture(scope="session")
def taught(untrained_base: Path, tmp_path_factory: pytest.TempPathFactory) -> TaughtProduct:
    """Eight good photos, a damaged file, a photo of another product and a text, taught as product ``tiny``."""
    from inspection.flex.training import train
    from tests.inspection.flex.taught import EFFORT, other_product, photo, save

    home = tmp_path_factory.mktemp("taught")
    photos = home / "golden"
    photos.mkdir()
    for number in range(8):
        save(photos / f"good_{number}.png", photo(number).image)
    (photos / "damaged.jpg").write_bytes(b"\xff\xd8 no picture at all")
    save(photos / "another.png", other_product())
    (photos / "notes.txt").write_text("not a photo")
    told: list[str] = []
    package = train(PRODUCT, photos, home / "models" / "flex", seed=3, report=told.append, effort=EFFORT)
    settings = Settings(home=home, flex=FlexSettings(product=PRODUCT))
    return TaughtProduct(photos, home / "models", package, tuple(told), settings)
