"""The pictures of a verdict show what they say they show."""

import cv2
import numpy as np
import pytest

from inspection.flex.pictures import BOARD_PX, MOST_SPOTS, THUMBNAIL_PX, board_pictures, jpeg, spot_pictures
from inspection.flex.registration import Registration


def decoded(evidence):
    return cv2.imdecode(np.frombuffer(evidence.content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def textured(shape, seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(20, 230, (shape[0] // 12 + 2, shape[1] // 12 + 2, 3)).astype(np.float32)
    return np.clip(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


def lying(homography, shape):
    return Registration(np.asarray(homography, np.float64), shape, 0.9, 0.9, 1.0, 0.1)


def test_colours_stay_as_they_are():
    image = np.zeros((64, 64, 3), np.uint8)
    image[:] = (200, 90, 30)
    assert decoded(jpeg(image))[32, 32] == pytest.approx((200, 90, 30), abs=4)


@pytest.mark.parametrize("shape", [(300, 400), (900, 3600), (4000, 500), (40, 3000)])
def test_large_boards_are_shown_smaller(shape):
    pictures = {name: decoded(e) for name, e in board_pictures(textured(shape), [], None).items()}
    assert set(pictures) == {"plain", "board", "thumbnail"}
    long = max(shape)
    assert max(pictures["plain"].shape) == min(long, BOARD_PX)
    assert pictures["board"].shape == pictures["plain"].shape
    assert max(pictures["thumbnail"].shape) == min(long, THUMBNAIL_PX)
    ratio = pictures["plain"].shape[0] / pictures["plain"].shape[1]
    assert ratio == pytest.approx(shape[0] / shape[1], rel=0.05)


def test_boxes_are_drawn_around_the_place_and_not_on_it():
    image = np.full((400, 500, 3), 60, np.uint8)
    pictures = board_pictures(image, [(200, 150, 60, 40)], None)
    marked, plain = decoded(pictures["board"]).astype(int), decoded(pictures["plain"]).astype(int)
    drawn = np.abs(marked - plain).max(axis=2) > 30
    rows, columns = np.nonzero(drawn[100:250, 150:320])
    assert rows.min() + 100 < 150
    assert rows.max() + 100 > 190
    assert columns.min() + 150 < 200
    assert columns.max() + 150 > 260
    inside = (slice(153, 187), slice(205, 255))
    assert np.abs(marked[inside] - plain[inside]).max() < 25
    assert np.ptp(plain) < 4


@pytest.mark.parametrize("box", [(0, 0, 5, 5), (495, 395, 5, 5), (300, 0, 200, 200)])
def test_boxes_at_the_border_are_drawn(box):
    image = np.full((400, 500, 3), 60, np.uint8)
    pictures = board_pictures(image, [box] * 3, None)
    assert not np.array_equal(decoded(pictures["board"]), decoded(pictures["plain"]))


def test_heat_brightens_what_is_hot():
    image = np.full((200, 300, 3), 90, np.uint8)
    heat = np.zeros((20, 30), np.float32)
    heat[15, 5] = 1.0
    shown = decoded(board_pictures(image, [], heat)["heat"]).astype(int).sum(axis=2)
    assert shown.shape == (200, 300)
    assert shown[155, 55] > shown[40, 200] + 150


def test_close_ups_show_the_same_place_of_board_and_golden_board():
    """The board lies shifted and turned by a quarter under the scanner."""
    golden = textured((300, 400))
    image = np.ascontiguousarray(np.rot90(golden, -1))  # (400, 300): golden (x, y) is at (299 - y, x)
    to_reference = [[0, 1, 0], [-1, 0, 299], [0, 0, 1]]
    places = [(180, 130, 20, 16), (2, 3, 10, 10), (380, 280, 15, 15)]
    pictures = spot_pictures(image, golden, lying(to_reference, (300, 400)), None, places)
    for number in (1, 2, 3):
        spot, shown = decoded(pictures[f"spot_{number}"]), decoded(pictures[f"golden_{number}"])
        assert spot.shape == shown.shape
        assert min(spot.shape[:2]) >= 256
        assert np.abs(spot.astype(int) - shown).mean() < 3
    x, y, width, height = places[0]
    side, pixels = 96, decoded(pictures["golden_1"]).shape[0]
    top, left = y + height // 2 - side // 2, x + width // 2 - side // 2
    wanted = cv2.resize(golden[top : top + side, left : left + side], (pixels, pixels), interpolation=cv2.INTER_CUBIC)
    assert np.abs(decoded(pictures["golden_1"]).astype(int) - wanted).mean() < 4


def test_close_ups_follow_the_bending():
    golden = textured((300, 400))
    image = np.roll(golden, 5, axis=1)
    flow = np.zeros((9, 12, 2), np.float32)
    flow[..., 0] = 5.0  # what the golden board shows at x, the photo shows at x + 5
    place = [(180, 130, 20, 16)]
    bent, straight = (
        decoded(spot_pictures(image, golden, lying(np.eye(3), (300, 400)), f, place)["spot_1"]) for f in (flow, None)
    )
    shown = decoded(spot_pictures(image, golden, lying(np.eye(3), (300, 400)), None, place)["golden_1"]).astype(int)
    assert np.abs(bent - shown).mean() < 3
    assert np.abs(straight - shown).mean() > 10


def test_only_the_worst_spots_get_close_ups():
    golden = textured((120, 160))
    places = [(10 + 4 * i, 20, 8, 8) for i in range(MOST_SPOTS + 5)]
    pictures = spot_pictures(golden, golden, lying(np.eye(3), (120, 160)), None, places)
    assert set(pictures) == {f"{kind}_{n}" for kind in ("spot", "golden") for n in range(1, MOST_SPOTS + 1)}
    assert spot_pictures(golden, golden, lying(np.eye(3), (120, 160)), None, []) == {}


def test_a_long_spot_is_shown_whole():
    golden = np.full((400, 600, 3), 40, np.uint8)
    golden[195:205, 100:400] = 220
    shown = decoded(spot_pictures(golden, golden, lying(np.eye(3), (400, 600)), None, [(100, 195, 300, 10)])["spot_1"])
    bright = (shown.mean(axis=2) > 130).any(axis=0)
    assert 0.25 < bright.mean() < 0.45
    assert not bright[:20].any()
    assert not bright[-20:].any()
