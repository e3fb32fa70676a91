"""The network keeps the geometry: rings of staves, links, the ring of the inner barrel; ONNX gives the same."""

import numpy as np
import torch

from core.inference import Session
from dqm.its.cause_training import Taught, batches, export_causes, train_causes, turn, weigh
from dqm.its.features import CAUSES, CHANNELS, CLASSES
from dqm.its.layout import CELLS, INNER, cell_of, layer_of
from dqm.its.network import CauseNetwork, Probabilities, over_links, ring_weights
from dqm.its.places import link_of


def test_onnx_gives_what_torch_gives_for_any_number_of_cycles() -> None:
    torch.manual_seed(0)
    network = CauseNetwork(width=8).eval()
    session = Session(export_causes(network), "causes.onnx")
    for count in (1, 3):
        features = np.random.default_rng(count).standard_normal((count, len(CHANNELS), CELLS)).astype(np.float32)
        with torch.no_grad():
            expected = Probabilities(network)(torch.from_numpy(features)).numpy()
        found = session.run({"features": features})["probabilities"]
        assert found.shape == (count, CLASSES, CELLS)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_chip_moves_its_neighbours_and_not_the_outer_barrel_far_away() -> None:
    torch.manual_seed(0)
    network = CauseNetwork(width=8).eval()
    quiet = torch.zeros(1, len(CHANNELS), CELLS)
    loud = quiet.clone()
    loud[0, :, cell_of("L6_20/lane 3")] = 3.0
    with torch.no_grad():
        moved = (network(loud) - network(quiet))[0].abs().amax(0).numpy() > 1e-6
    for near in ("L6_20/lane 3", "L6_21/lane 3", "L6_19/lane 4", "L6_20/lane 12"):
        assert moved[cell_of(near)]
    assert not moved[layer_of() < 6].any()
    assert not moved[cell_of("L6_40/lane 3")]


def test_links_are_those_of_the_readout() -> None:
    values = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 1, CELLS)))
    found = over_links(values)[0, 0].numpy()
    count = np.bincount(link_of())
    np.testing.assert_allclose(found, (np.bincount(link_of(), values[0, 0].numpy()) / count)[link_of()])


def test_the_ring_averages_chips_and_gives_every_cell_a_bin() -> None:
    gather, spread = ring_weights()
    np.testing.assert_allclose(gather.sum(0).numpy(), 1.0, rtol=1e-5)
    back = gather.numpy() @ np.eye(72)[:, spread[:INNER].numpy()]
    assert (np.diag(back) > 0).all()


def test_turning_moves_whole_layers_and_changes_no_cell_twice() -> None:
    rng = np.random.default_rng(0)
    for mirrored in (False, True):
        order = turn(rng, mirrored)
        assert np.array_equal(np.sort(order), np.arange(CELLS))
        assert np.array_equal(layer_of()[order], layer_of())


def test_every_fault_weighs_the_same() -> None:
    classes, faults = np.zeros(CELLS, np.int64), np.zeros(CELLS, np.int64)
    classes[:90], faults[:90] = 3, 1
    classes[100], faults[100] = 4, 2
    classes[200] = -1
    weights = weigh(classes, faults)
    assert np.isclose(weights[:90].sum(), 1)
    assert weights[100] == 1
    assert weights[200] == 0
    assert np.isclose(weights[classes == 0].sum(), 1)


def test_it_learns_to_tell_an_obvious_cause() -> None:
    """A chip whose first channel is high is noisy, one whose second is high is dead; 40 steps suffice."""
    rng = np.random.default_rng(1)
    features = 0.1 * rng.standard_normal((32, len(CHANNELS), CELLS)).astype(np.float32)
    classes, faults = np.zeros((32, CELLS), np.int8), np.zeros((32, CELLS), np.int8)
    for cycle in range(32):
        for channel, cell in enumerate(rng.integers(0, INNER, 2)):
            features[cycle, channel, cell] = 3.0
            classes[cycle, cell], faults[cycle, cell] = 3 + channel, 1 + channel
    taught = Taught(features.astype(np.float16), classes, faults)
    network = train_causes(taught, 40, seed=1, width=8)
    with torch.no_grad():
        named = network(torch.from_numpy(features[:8]))[:, 1:].argmax(1).numpy() + 1
    faulty = classes[:8] > 0
    assert (named[faulty] == classes[:8][faulty]).mean() > 0.9


def test_batches_exchange_the_sides_where_they_mirror() -> None:
    a, c = (1 + CAUSES.index(cause) for cause in CAUSES[:2])
    features = np.zeros((8, len(CHANNELS), CELLS), np.float16)
    features[:, 0, cell_of("L0_00/0")] = 1.0  # chip 0 is at side A
    classes, faults = np.zeros((8, CELLS), np.int8), np.zeros((8, CELLS), np.int8)
    classes[:, cell_of("L0_00/0")], faults[:, cell_of("L0_00/0")] = a, 1
    x, y, _ = next(batches(Taught(features, classes, faults), np.random.default_rng(0)))
    chips = np.array([int(one[0, :INNER].argmax()) % 9 for one in x])
    told = np.array([int(one[one > 0][0]) for one in y])
    assert set(chips.tolist()) == {0, 8}
    assert np.array_equal(told, np.where(chips == 0, a, c))
