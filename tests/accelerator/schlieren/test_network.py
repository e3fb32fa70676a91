"""The networks: they learn, say how sure they are, and run as ONNX as they do in torch."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from accelerator.schlieren.network import TARGETS, ChannelNetwork, Kind, PhysicalNetwork, negative_log_density  # noqa: E402
from accelerator.schlieren.network_targets import target_names, target_ranges  # noqa: E402
from accelerator.schlieren.network_training import Lesson, export, train_network  # noqa: E402
from accelerator.schlieren.simulate.apparatus import Mask  # noqa: E402
from accelerator.schlieren.training_simulation import draw, pictures  # noqa: E402


@pytest.mark.parametrize("kind", list(Kind))
def test_networks_run_as_onnx(kind):
    import onnxruntime

    torch.manual_seed(0)
    network = ChannelNetwork(kind, width=8).eval()
    generator = torch.Generator().manual_seed(3)
    cells = pictures(draw(3, generator), Mask.STOP, generator)
    session = onnxruntime.InferenceSession(export(network, Mask.STOP), providers=["CPUExecutionProvider"])
    mean, factor = session.run(None, {"cells": cells.numpy()})
    with torch.no_grad():
        expected = PhysicalNetwork(network, Mask.STOP)(cells)
    assert mean == pytest.approx(expected[0].numpy(), rel=1e-4, abs=1e-3)
    assert factor == pytest.approx(expected[1].numpy(), rel=1e-3, abs=1e-4)
    assert np.all(np.triu(factor, 1) == 0)
    assert np.all(np.diagonal(factor, axis1=1, axis2=2) > 0)


def test_density_is_that_of_a_normal_law():
    factor = torch.tensor([[[2.0, 0.0], [0.5, 1.5]]])
    mean, at = torch.tensor([[0.3, -0.2]]), torch.tensor([[0.1, 0.4]])
    precision = factor[0] @ factor[0].T
    law = torch.distributions.MultivariateNormal(mean[0], precision_matrix=precision)
    constant = float(np.log(2 * np.pi))
    assert float(negative_log_density(mean, factor, at)) == pytest.approx(
        -float(law.log_prob(at[0])) - constant, abs=1e-5
    )


@pytest.mark.slow
def test_a_tiny_network_learns():
    lesson = Lesson(steps=240, batch=32, width=12, rate=3e-3, fixed_share=0.7, unusual_share=0.0)
    network = train_network(lesson)
    generator = torch.Generator().manual_seed(99)
    drawn = draw(200, generator)
    low, high = np.array(list(target_ranges(lesson.mask).values())).T
    with torch.no_grad():
        mean, _ = network(pictures(drawn, lesson.mask, generator))
    error = (mean.numpy() - (drawn.targets(lesson.mask).numpy() - (low + high) / 2) / ((high - low) / 2)).std(0)
    assert error[0] < 0.35  # uniform: 0.58
    assert error[1] < 0.48


@pytest.mark.parametrize("mask", list(Mask))
def test_targets_are_in_the_order_of_their_names(mask):
    drawn = draw(5, torch.Generator().manual_seed(1))
    told = dict(zip(target_names(mask), drawn.targets(mask).T, strict=True))
    assert len(told) == TARGETS
    assert torch.equal(told["core_radius_um"], drawn.values["core_radius_um"])
    assert torch.allclose(told["electrons"], drawn.values["electrons"] * drawn.values["gain_adu"])
    for name, (low, high) in target_ranges(mask).items():
        assert low <= float(told[name].min()) <= float(told[name].max()) <= high, name
