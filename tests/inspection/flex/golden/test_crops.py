"""Training crops and what the network should answer on them."""

import numpy as np

from inspection.flex.golden.augment import DUAL, Crop, crop_pair, crops
from inspection.flex.golden.pairs import CAUSES, Pair
from inspection.flex.golden.targets import draw_targets


def _spotted() -> Pair:
    template = np.full((300, 300), 255, np.uint8)
    test = template.copy()
    boxes = []
    for y, x in ((60, 60), (60, 200), (210, 130)):
        test[y - 6 : y + 7, x - 9 : x + 10] = 0
        boxes.append((x - 19, y - 16, x + 19, y + 16))
    return Pair("p", "g", template, test, np.array(boxes, np.float32), np.full(3, CAUSES.index("copper")))


def test_boxes_follow_the_pixels_through_flips_turns_and_sizes() -> None:
    """The centre of every box is on its spot; exchanged polarity exchanges the class."""
    rng = np.random.default_rng(0)
    polarities = set()
    for _ in range(60):
        crop = crop_pair(_spotted(), 128, rng)
        for box, label in zip(crop.boxes, crop.labels, strict=True):
            x, y = np.clip(((box[:2] + box[2:]) / 2).round().astype(int), 0, 127)
            assert label in {CAUSES.index("copper"), CAUSES.index("pin-hole")}
            channel = 2 if label == CAUSES.index("copper") else 3
            if 4 < x < 123 and 4 < y < 123:
                assert crop.channels[channel, y, x] > 127
            polarities.add(int(label))
    assert len(polarities) == 2


def test_metal_and_gap_are_dual() -> None:
    """Exchanging twice changes nothing; each class goes to its partner."""
    assert DUAL[DUAL].tolist() == list(range(6))
    assert [CAUSES[i] for i in DUAL] == ["short", "open", "spur", "mousebite", "pin-hole", "copper"]


def test_crops_are_reproducible() -> None:
    """Same seed, same crops, in size and content."""
    first, second = (crops([_spotted()], 96, np.random.default_rng(5)) for _ in range(2))
    for _ in range(5):
        one, other = next(first), next(second)
        assert one.channels.shape == (4, 96, 96)
        np.testing.assert_array_equal(one.channels, other.channels)


def test_targets_peak_at_the_centre_and_ignore_cut_boxes() -> None:
    """One cell is exactly 1; cells of a box cut by the border do not count as empty."""
    crop = Crop(
        np.zeros((4, 64, 64), np.uint8),
        np.array([[10, 20, 40, 44]], np.float32),
        np.array([2]),
        np.array([[50, -20, 70, 12]], np.float32),
    )
    targets = draw_targets([crop], 16, 4)
    assert np.argwhere(targets.heat == 1.0).tolist() == [[0, 2, 8, 6]]
    np.testing.assert_array_equal(targets.boxes[0, :, 7, 6], (10, 20, 40, 44))
    assert targets.heat_weight[0, 0, 1, 14] == 0.0
    assert targets.heat_weight[0, 0, 7, 6] == 1.0
    assert targets.box_weight[0, 0, 0, 0] == 0.0
