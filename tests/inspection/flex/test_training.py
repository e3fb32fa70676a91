"""Teaching a product from photos, from the first file to the package."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from core.errors import InputError, RegistrationError  # noqa: E402
from core.inference import load_package  # noqa: E402
from inspection.flex import training  # noqa: E402
from inspection.flex.learned import saving  # noqa: E402
from inspection.flex.learned.product import Product  # noqa: E402
from inspection.flex.learned.saving import ShippedNetworks  # noqa: E402
from inspection.flex.training import Effort, find_photos, lay_boards, train, typical  # noqa: E402
from tests.inspection.flex.taught import other_product, photo, save  # noqa: E402


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "golden"
    folder.mkdir()
    return folder


def test_the_package_is_written_where_it_was_asked_for(taught):
    assert taught.package == taught.models / "flex" / "tiny"
    package = load_package(taught.package)
    card = package.card
    assert (card.name, card.system, card.seed) == ("flex-tiny", "flex", 3)
    assert card.details["boards"] == [f"good_{i}.png" for i in range(8)]
    assert len(card.details["learned_from"]) == 6
    assert set(card.details["learned_from"]) < set(card.details["boards"])
    assert card.metrics["good_boards"] == 8
    assert card.metrics["boards_held_back_from_training"] == 2
    product = Product(package)
    assert product.golden.shape == (524, 700, 3)
    assert product.zones.shape == (524, 700)
    assert product.threshold.observations in {2, 8}


def test_the_person_is_told_of_each_step_and_of_what_was_left_out(taught):
    left_out = [line for line in taught.told if line.startswith("left out")]
    assert len(left_out) == 2
    assert any("damaged.jpg" in line and "not a JPEG" in line for line in left_out)
    assert any("another.png" in line and "reference" in line for line in left_out)
    assert not any("notes.txt" in line for line in taught.told)
    assert any("8 boards of 700x524" in line for line in taught.told)
    assert any("false spot" in line for line in taught.told)
    assert taught.told[-1].startswith("wrote ")


def test_the_golden_board_is_what_the_photos_show(taught):
    golden = Product(load_package(taught.package)).golden.astype(float)
    reference = photo(0).image.astype(float)
    assert abs(golden.mean() - reference.mean()) < 6
    assert golden.std() == pytest.approx(reference.std(), rel=0.1)


def test_the_networks_that_ship_are_those_that_were_asked_for(untrained_base, taught):
    shipped = ShippedNetworks(untrained_base)
    weights = shipped.spot_weights()
    assert weights is not None
    assert "head.weight" in weights
    package = load_package(taught.package)
    assert package.card.files["classes.onnx"] == shipped.package().card.files["classes.onnx"]
    assert (taught.package / "features.onnx").read_bytes() == saving.NETWORKS.features()
    learned = np.asarray(package.array("weights.npz")["head.weight"])
    assert not np.array_equal(learned, weights["head.weight"])
    assert ShippedNetworks(Path("nowhere")).spot_weights() is None


def test_no_folder_and_too_few_photos(photos):
    with pytest.raises(InputError, match="no such folder"):
        find_photos(photos / "missing")
    with pytest.raises(InputError, match="holds 0 photos; at least 8"):
        train("x", photos, photos / "out")
    for number in range(7):
        (photos / f"{number}.JPG").write_bytes(b"x")
    (photos / "text.txt").write_text("x")
    (photos / "folder.png").mkdir()
    with pytest.raises(InputError, match="holds 7 photos"):
        find_photos(photos)
    (photos / "8.tif").write_bytes(b"x")
    assert [path.name for path in find_photos(photos)][:2] == ["0.JPG", "1.JPG"]


def test_photos_that_cannot_be_read_at_all(photos, tmp_path):
    for number in range(8):
        (photos / f"{number}.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match="none of the photos can be read"):
        train("x", photos, tmp_path / "out", report=lambda line: None)
    assert not (tmp_path / "out").exists()


def test_too_few_that_can_be_used_names_each_reason(photos, tmp_path):
    image = photo(0, width=440).image
    for number in range(3):
        save(photos / f"good_{number}.png", image)
    for number in range(4):
        (photos / f"empty_{number}.png").write_bytes(b"")
    save(photos / "other.png", other_product(shape=image.shape[:2]))
    told: list[str] = []
    with pytest.raises(InputError, match="only 3 of 8 photos can be used") as caught:
        lay_boards(find_photos(photos), tmp_path, told.append, 64.0)
    for name in ("empty_0.png", "empty_3.png", "other.png"):
        assert name in str(caught.value)
    assert len(told) == 5


def test_a_photo_of_another_product_is_never_the_reference(photos, tmp_path, monkeypatch):
    """The sharpest photo may be the one that does not belong."""
    image = photo(0, width=440).image
    for number in range(8):
        save(photos / f"good_{number}.png", image)
    stranger = save(photos / "another.png", other_product(shape=image.shape[:2]))
    order = [stranger, *(path for path in find_photos(photos) if path != stranger)]
    monkeypatch.setattr(training, "typical", lambda paths, _: next(path for path in order if path in paths))

    def like_the_reference(image, grid, *, origin):
        if np.abs(image.astype(int) - grid).mean() > 1:
            raise RegistrationError(origin, "does not match the reference")
        return SimpleNamespace(aligned=image)

    monkeypatch.setattr(training, "prepare", lambda reference: reference)
    monkeypatch.setattr(training, "lay", like_the_reference)
    told: list[str] = []
    laid, used = lay_boards(find_photos(photos), tmp_path, told.append, 64.0)
    assert stranger not in used
    assert laid.shape == (8, *image.shape)


def test_a_mask_must_be_called_like_a_photo_and_fit_it(photos, tmp_path):
    image = photo(0, width=440).image
    for number in range(8):
        save(photos / f"good_{number}.png", image)
    told: list[str] = []
    with pytest.raises(InputError, match="no photo has the mask's name"):
        train("x", photos, tmp_path, report=told.append, region=save(tmp_path / "other.png", image))
    with pytest.raises(InputError, match="the photo it was painted over 440x"):
        train("x", photos, tmp_path, report=told.append, region=save(tmp_path / "good_3.png", image[:-1]))
    with pytest.raises(InputError, match="nothing would be judged"):
        train("x", photos, tmp_path, report=told.append, region=save(tmp_path / "good_3.png", 0 * image))


def test_boards_too_small_to_learn_from_are_refused_at_once(photos, tmp_path):
    image = photo(0, width=400).image
    for number in range(8):
        save(photos / f"{number}.png", image)
    with pytest.raises(InputError, match="at least 320"):
        train("x", photos, tmp_path / "out", report=lambda line: None, effort=Effort(8, 1, 1))


def test_the_typical_photo_is_neither_blurred_nor_an_outlier(photos):
    rng = np.random.default_rng(0)
    paths = []
    for name, contrast in (("blurred", 2), ("usual_a", 30), ("usual_b", 33), ("usual_c", 36), ("noisy", 90)):
        noise = rng.normal(128, contrast, (64, 80, 3))
        paths.append(save(photos / f"{name}.png", np.clip(noise, 0, 255).astype(np.uint8)))
    (photos / "bad.png").write_bytes(b"")
    assert typical([*paths, photos / "bad.png"], 64.0).name == "usual_c.png"


def test_boards_are_held_back_by_seed():
    learners, judges = training._hold_back(20, 0.25, 1)
    assert (len(learners), len(judges)) == (15, 5)
    assert sorted(learners + judges) == list(range(20))
    assert training._hold_back(20, 0.25, 1) == (learners, judges)
    assert training._hold_back(20, 0.25, 2) != (learners, judges)
    assert len(training._hold_back(8, 0.01, 1)[1]) == 2
