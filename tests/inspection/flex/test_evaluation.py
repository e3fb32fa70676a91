"""The method behind the benchmark: variants share what was seen, and say what they would have said without that."""

import numpy as np
import pytest

pytest.importorskip("torch")

from inspection.flex.evaluation import OursFlex
from tests.inspection.flex.taught import photo


@pytest.fixture(scope="module")
def board():
    return photo(60, "burn").image


def method(taught, variant=""):
    made = OursFlex(variant, str(taught.package))
    made.fit([], 0)
    return made


def test_the_product_finds_the_burn_where_it_is(taught, board):
    values, spots = method(taught).score(board)
    assert values.shape == board.shape[:2]
    label = photo(60, "burn").labels[0]
    x, y, score = spots[0]
    assert label.x - 3 <= x <= label.x + label.width + 3
    assert label.y - 3 <= y <= label.y + label.height + 3
    assert score == max(spot[2] for spot in spots)


def test_what_one_variant_saw_another_takes_from_the_cache(taught, board, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first, first_spots = method(taught, "position").score(board)
    other = method(taught, "context")
    again = method(taught, "position")
    for one in (other, again):
        monkeypatch.setattr(one.product, "look", None)  # whoever looks again fails
    values, spots = again.score(board)
    assert np.array_equal(values, first)
    assert spots == first_spots
    assert not np.array_equal(other.score(board)[0], first)


@pytest.mark.parametrize("variant", OursFlex.VARIANTS)
def test_every_variant_has_a_say(taught, board, tmp_path_factory, monkeypatch, variant):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "variants"))
    values, _ = method(taught, variant).score(board)
    assert np.isfinite(values).all()
