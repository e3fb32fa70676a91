"""Counting pieces names the six classes on drawings where nothing is in doubt."""

import numpy as np
import pytest
from numpy.typing import NDArray

from inspection.flex.golden.decoding import Candidates
from inspection.flex.golden.pairs import CAUSES
from inspection.flex.golden.topology import counted_cause, name_places

CHANGES = {
    "open": (np.s_[28:44, 60:66], 255),
    "short": (np.s_[38:72, 60:66], 0),
    "mousebite": (np.s_[28:36, 60:68], 255),
    "spur": (np.s_[38:52, 60:66], 0),
    "copper": (np.s_[50:58, 60:70], 0),
    "pin-hole": (np.s_[86:94, 60:70], 255),
}


def _bars() -> NDArray[np.uint8]:
    image = np.full((120, 130), 255, np.uint8)
    image[30:42] = 0
    image[70:110] = 0
    return image


def _box(change: tuple[slice, slice]) -> NDArray[np.float32]:
    rows, columns = change
    return np.array([columns.start - 10, rows.start - 10, columns.stop + 10, rows.stop + 10], np.float32)


@pytest.mark.parametrize("aside", [0, 1, -1])
@pytest.mark.parametrize("cause", CAUSES)
def test_each_class_by_its_definition(cause: str, aside: int) -> None:
    """Also when the test lies one pixel aside, and with metal and gap exchanged."""
    test = _bars()
    place, level = CHANGES[cause]
    test[place] = level
    moved = np.roll(test, aside, 0)
    assert counted_cause(_bars(), moved, _box(place)) == cause
    dual = dict(zip(CAUSES, (CAUSES[i] for i in (1, 0, 3, 2, 5, 4)), strict=True))[cause]
    assert counted_cause(255 - _bars(), 255 - moved, _box(place)) == dual


def test_nothing_changed_says_nothing() -> None:
    """Nor does a place outside the image or a shift of one pixel."""
    box = _box(np.s_[60:66, 60:66])
    assert counted_cause(_bars(), _bars(), box) is None
    assert counted_cause(_bars(), np.roll(_bars(), 1, 0), _box(np.s_[85:95, 60:66])) is None
    assert counted_cause(_bars(), _bars(), np.array([500, 500, 520, 520], np.float32)) is None


def test_an_unsure_network_follows_the_count_and_a_sure_one_does_not() -> None:
    """The score of the place stays what it was."""
    test = _bars()
    place, level = CHANGES["open"]
    test[place] = level
    classes = np.array([[0.3, 0.0, 0.5, 0.0, 0.0, 0.0], [0.001, 0.0, 0.95, 0.0, 0.0, 0.0]], np.float32)
    places = Candidates(np.stack([_box(place)] * 2), classes)
    named = name_places(places, _bars(), test)
    assert [CAUSES[i] for i in named.labels] == ["open", "mousebite"]
    np.testing.assert_allclose(named.scores, places.scores)
