"""A tiny training run: the loss falls, the package is whole, ONNX Runtime gives the answers of torch."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import InputError, ModelError
from core.inference import ModelPackage, Session, load_package
from inspection.flex.golden import training
from inspection.flex.golden.detector import find_places
from inspection.flex.golden.network import CentreNetwork, box_loss, decode_boxes, heat_loss
from inspection.flex.golden.pairs import write_pairs
from inspection.flex.golden.simulate import simulate_pair
from inspection.flex.golden.training import Schedule, align_pairs, export, fit, load_network, train_pairs

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def pairs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of twelve small simulated pairs."""
    folder = tmp_path_factory.mktemp("pairs")
    write_pairs(folder, [simulate_pair(f"p{i}", 50 + i, 200) for i in range(12)])
    return folder


@pytest.fixture(scope="module")
def trained(pairs_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    """A package trained on them for three steps."""
    return train_pairs(pairs_dir, tmp_path_factory.mktemp("out") / "package", steps=3, seed=4, created_at=AT)


def test_onnx_gives_the_answers_of_torch() -> None:
    """On sizes other than the one it was exported with, after training has moved the batch statistics."""
    torch.manual_seed(1)
    network = CentreNetwork()
    network.train()
    with torch.no_grad():
        network(torch.rand(4, 4, 64, 64))
    session = Session(export(network), "test")
    assert not network.training
    rng = np.random.default_rng(0)
    for height, width in ((64, 64), (96, 160), (240, 48)):
        channels = rng.integers(0, 256, (2, 4, height, width), dtype=np.uint8)
        with torch.no_grad():
            expected = network(torch.from_numpy(channels).float() / 255.0).numpy()
        found = session.run({"channels": channels})["heads"]
        assert found.shape == (2, 10, height // 4, width // 4)
        np.testing.assert_allclose(found, expected, atol=2e-4)


def test_a_package_is_whole(trained: ModelPackage, pairs_dir: Path) -> None:
    """It loads, says what it is, and its stored weights are those it runs with."""
    card = load_package(trained.path).card
    assert card.details["kind"] == "golden"
    assert card.metrics["pairs_learned"] == 10
    channels = np.random.default_rng(0).integers(0, 256, (1, 4, 64, 64), dtype=np.uint8)
    ran = trained.session().run({"channels": channels})["heads"]
    with torch.no_grad():
        loaded = load_network(trained)(torch.from_numpy(channels).float() / 255.0).numpy()
    np.testing.assert_allclose(ran, loaded, atol=0.05)


def test_learning_goes_on_from_a_package(trained: ModelPackage, pairs_dir: Path, tmp_path: Path) -> None:
    """And another network's weights are refused."""
    again = train_pairs(pairs_dir, tmp_path / "again", groups=["simulated"], steps=2, start=trained, created_at=AT)
    assert again.card.version != trained.card.version
    (tmp_path / "few").mkdir()
    write_pairs(tmp_path / "few", [simulate_pair("p", 1, 100)])
    with pytest.raises(InputError, match="at least 10"):
        train_pairs(tmp_path / "few", tmp_path / "never")


def test_weights_of_another_network_are_refused(trained: ModelPackage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text names the package."""
    monkeypatch.setattr(training, "CentreNetwork", lambda: torch.nn.Linear(2, 2))
    with pytest.raises(ModelError, match="another network"):
        load_network(trained)


@pytest.mark.slow
def test_it_learns_what_it_is_shown() -> None:
    """After sixty steps on one pair the defects of that pair rank above everything else."""
    pair = simulate_pair("p", 105, 320, grey_share=0.0, defects=8)
    assert len(pair.boxes) >= 3
    aligned = align_pairs([pair])
    network = fit(aligned, Schedule(steps=60, batch=4, crop_px=128, seed=1))
    found = find_places(Session(export(network), "test"), aligned[0].template, aligned[0].test)
    centres = (pair.boxes[:, :2] + pair.boxes[:, 2:]) / 2
    best = (found.boxes[: len(centres), :2] + found.boxes[: len(centres), 2:]) / 2
    near = np.linalg.norm(best[:, None] - centres[None], axis=2).min(1) < 15
    assert near.mean() >= 0.7


def test_losses_are_least_for_the_right_answer() -> None:
    """Centre loss near 0 for confident right logits, box loss 0 for the box itself and above 1 for one elsewhere."""
    heat = torch.zeros(1, 6, 8, 8)
    heat[0, 2, 3, 4] = 1.0
    weight = torch.ones(1, 1, 8, 8)
    right = torch.where(heat == 1.0, 9.0, -9.0)
    assert heat_loss(right, heat, weight) < 1e-3
    assert heat_loss(-right, heat, weight) > 1.0
    sides = torch.log(torch.tensor([3.0, 2.0, 4.0, 5.0])).view(1, 4, 1, 1).expand(1, 4, 8, 8)
    boxes = decode_boxes(sides)
    torch.testing.assert_close(boxes[0, :, 0, 1], torch.tensor([5.5 - 12, 1.5 - 8, 5.5 + 16, 1.5 + 20]))
    assert box_loss(sides, boxes, weight) == pytest.approx(0.0, abs=1e-5)
    assert box_loss(sides, boxes + 500.0, weight) > 1.0
    assert box_loss(sides, boxes, torch.zeros_like(weight)) == 0.0
