"""Names of staves, chips and lanes, read and written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqm.its.geometry import LAYERS
from dqm.its.names import Place, cell_name, mask, parse


@st.composite
def places(draw: st.DrawFn) -> Place:
    layer = draw(st.sampled_from(LAYERS))
    cell = draw(st.none() | st.integers(0, layer.cells - 1))
    return Place(layer.number, draw(st.integers(0, layer.staves - 1)), cell)


@given(places())
def test_names_both_ways(place: Place) -> None:
    assert parse(str(place)) == place


@given(st.text(max_size=20) | st.from_regex(r"L\d_\d\d(/(lane )?\d+)?", fullmatch=True))
def test_any_text_is_a_name_or_is_refused(text: str) -> None:
    try:
        place = parse(text)
    except ValueError:
        return
    assert parse(str(place)) == place


def test_the_three_forms() -> None:
    assert str(Place(0, 3)) == "L0_03"
    assert cell_name(0, 3, 4) == "L0_03/4"
    assert cell_name(4, 12, 7) == "L4_12/lane 7"


@pytest.mark.parametrize(
    "wrong", ["", "L7_00", "L0_12", "L0_03/9", "L0_3", "L4_12/7", "L0_03/lane 4", "L4_12/lane 16", "L0_03/4 ", "L٣_00"]
)
def test_wrong_names_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"no (layer|stave|chip|lane)|have|not the name"):
        parse(wrong)


def test_a_mask_covers_staves_and_cells() -> None:
    masks = mask(["L0_03", "L4_12/lane 7", "L1_00/8"])
    assert [found.shape for found in masks] == [(layer.cells, layer.staves) for layer in LAYERS]
    assert [int(found.sum()) for found in masks] == [9, 1, 0, 0, 1, 0, 0]
    assert masks[0][:, 3].all()
    assert masks[4][7, 12]
    assert masks[1][8, 0]
    assert not np.any(mask([])[0])


def test_a_mask_of_an_unknown_layer_is_refused() -> None:
    with pytest.raises(ValueError, match="no layer 9"):
        mask(["L9_00"])
