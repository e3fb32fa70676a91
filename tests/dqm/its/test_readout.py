"""Links, lanes and labels of the readout, as the QC sources have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqm.its.geometry import LAYERS
from dqm.its.readout import (
    FEES,
    LANES,
    Link,
    cell_label,
    cell_of_lane,
    general_bin,
    link_of_bin,
    link_of_cell,
    links,
    readout_lane,
)

CELLS = [(layer.number, cell) for layer in LAYERS for cell in range(layer.cells)]


def test_the_fee_axis_has_432_bins() -> None:
    assert FEES == 432
    bins = [
        Link(of.number, stave, k).bin for of in LAYERS for stave in range(of.staves) for k in range(links(of.number))
    ]
    assert bins == list(range(432))


@given(st.integers(0, FEES - 1))
def test_bins_of_the_fee_axis_both_ways(place: int) -> None:
    assert link_of_bin(place).bin == place


@pytest.mark.parametrize("link", [Link(0, 0, 0), Link(2, 19, 2), Link(3, 0, 0), Link(4, 12, 1), Link(6, 47, 1)])
def test_the_bin_is_that_of_the_qc_task(link: Link) -> None:
    boundary = (0, 12, 28, 48, 72, 102, 144, 192)  # the formula of ITSFeeTask.cxx, in its words
    outer = int(link.layer >= 3)
    first = 3 * boundary[link.layer] - (boundary[link.layer] - boundary[3]) * outer
    assert link.bin == first + link.stave * (3 - outer) + link.link


def test_fee_ids() -> None:
    assert Link(6, 47, 1).fee_id == 0x612F
    assert Link(0, 3, 2).fee_id == 0x0203


@pytest.mark.parametrize("wrong", [-1, 432])
def test_bins_that_are_not_there(wrong: int) -> None:
    with pytest.raises(ValueError, match="no bin"):
        link_of_bin(wrong)


def test_links_that_are_not_there() -> None:
    with pytest.raises(ValueError, match="no link"):
        Link(3, 0, 2)
    with pytest.raises(ValueError, match="no stave"):
        Link(3, 24, 0)


@pytest.mark.parametrize(("layer", "cell"), CELLS)
def test_lanes_both_ways(layer: int, cell: int) -> None:
    lane = readout_lane(layer, cell)
    assert 0 <= lane < LANES
    assert cell_of_lane(layer, lane) == cell
    assert cell in link_of_cell(layer, 0, cell).cells


def test_lanes_that_are_not_used() -> None:
    assert [lane for lane in range(LANES) if cell_of_lane(3, lane) is None] == [
        0,
        1,
        2,
        11,
        12,
        13,
        14,
        15,
        16,
        25,
        26,
        27,
    ]
    assert all(cell_of_lane(6, lane) is not None for lane in range(LANES))
    with pytest.raises(ValueError, match="no cell 16"):
        readout_lane(3, 16)


def test_labels_are_those_of_the_qc_task() -> None:
    assert [cell_label(0, cell) for cell in (0, 8)] == ["Chip 0", "Chip 8"]
    middle = "HIC1L_B0_ln7 HIC1L_A8_ln6 HIC2L_B0_ln8 HIC2L_A8_ln5 HIC3L_B0_ln9 HIC3L_A8_ln4 HIC4L_B0_ln10 HIC4L_A8_ln3"
    upper = "HIC1U_B0_ln21 HIC1U_A8_ln20 HIC2U_B0_ln22 HIC2U_A8_ln19 HIC3U_B0_ln23 HIC3U_A8_ln18 HIC4U_B0_ln24"
    assert [cell_label(4, cell) for cell in range(16)] == [*middle.split(), *upper.split(), "HIC4U_A8_ln17"]
    assert [cell_label(6, cell) for cell in (13, 14, 27)] == ["HIC7L_A8_ln0", "HIC1U_B0_ln21", "HIC7U_A8_ln14"]


def test_general_occupancy_is_two_half_barrels() -> None:
    places = {general_bin(of.number, stave): (of.number, stave) for of in LAYERS for stave in range(of.staves)}
    assert len(places) == 192
    assert places[9, 7] == (0, 0)
    assert places[9, 6] == (0, 6)
    assert places[0, 13] == (6, 0)
    assert places[23, 0] == (6, 47)
    assert all(0 <= x < 24 and 0 <= y < 14 for x, y in places)
