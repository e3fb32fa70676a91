"""The autoencoder learns to rebuild what is usual, and the same again from the same seed."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from core.inference import Session  # noqa: E402
from core.learning import autoencoder, fitting  # noqa: E402
from core.learning.autoencoder import ConvAutoencoder, train_autoencoder  # noqa: E402
from core.learning.fitting import fastest_precision, to_onnx  # noqa: E402
from core.learning.torchvision_guard import declare_missing_operators  # noqa: E402

STEPS = 40


@pytest.fixture(autouse=True)
def one_precision(monkeypatch):
    """Which precision is fastest is measured: on a busy machine two runs could differ."""
    monkeypatch.setattr(fitting, "fastest_precision", lambda: "32-true")


def stripes(seed, count=4):
    """Pictures of vertical stripes of period 8, wherever they begin: what is usual."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        phase = torch.rand(count, 1, 1, 1, generator=generator) * 8
        x = torch.arange(48).float()
        yield (torch.sin((x + phase) * torch.pi / 4).expand(count, 3, 48, 48).contiguous(),)


@pytest.fixture(scope="module")
def trained():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "fastest_precision", lambda: "32-true")
        return train_autoencoder(stripes(0), STEPS, seed=1)


def error(network, picture):
    with torch.no_grad():
        return float((network(picture) - picture).square().mean())


def test_it_rebuilds_what_is_usual_and_not_what_is_not(trained):
    (usual,) = next(stripes(9))
    across = usual.transpose(2, 3).contiguous()
    torch.manual_seed(0)
    assert error(trained, usual) < 0.6 * error(ConvAutoencoder().eval(), usual)
    assert error(trained, usual) < 0.7 * error(trained, across)


def test_the_same_seed_gives_the_same_network():
    runs = [train_autoencoder(stripes(0), 3, seed=1).state_dict() for _ in range(2)]
    other = train_autoencoder(stripes(0), 3, seed=2).state_dict()
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])
    assert any(not torch.equal(runs[0][name], other[name]) for name in other)


def test_it_comes_back_ready_to_run(trained):
    assert not trained.training
    assert all(p.dtype == torch.float32 for p in trained.parameters())
    assert trained(torch.zeros(2, 3, 64, 40)).shape == (2, 3, 64, 40)
    assert ConvAutoencoder(channels=5).eval()(torch.zeros(1, 5, 16, 24)).shape == (1, 5, 16, 24)


def test_erasing_takes_from_another_picture_and_leaves_the_clean_one():
    torch.manual_seed(3)
    clean = torch.arange(3).float()[:, None, None, None].expand(3, 2, 40, 48).contiguous()
    before = clean.clone()
    noisy = autoencoder._erase(clean)
    assert torch.equal(clean, before)
    for index in range(3):
        share = float((noisy[index] != index).float().mean())
        assert 0 < share < 0.2
        assert set(noisy[index].unique().tolist()) == {float(index), float((index - 1) % 3)}


def test_export_runs_at_any_size_and_keeps_evaluation_mode(trained):
    free = {"image": {0: "n", 2: "h", 3: "w"}, "rebuilt": {0: "n", 2: "h", 3: "w"}}
    content = to_onnx(trained, {"image": torch.zeros(1, 3, 32, 32)}, ["rebuilt"], free)
    assert not trained.training
    session = Session(content, "autoencoder.onnx")
    for shape in ((1, 3, 48, 48), (2, 3, 24, 64)):
        picture = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
        with torch.no_grad():
            wanted = trained(torch.from_numpy(picture)).numpy()
        assert np.abs(session.run({"image": picture})["rebuilt"] - wanted).max() < 1e-4


def test_too_few_batches_end_the_training_early():
    (batch,) = next(stripes(0))
    network = train_autoencoder([(batch,)] * 2, 5, seed=1)
    assert not network.training


def test_the_precision_is_one_that_lightning_knows():
    assert fastest_precision() in {"bf16-mixed", "32-true"}


def test_operators_are_declared_once():
    declare_missing_operators()
    assert declare_missing_operators() is False
