"""The row of all cells is that of the simulation, of the names and of the maps."""

import numpy as np
import pytest

from dqm.its import layout
from dqm.its.geometry import LAYERS
from dqm.its.simulate import cells


def test_order_is_that_of_the_simulation():
    assert (layout.CELLS, layout.INNER) == (cells.CELLS, cells.INNER)
    assert np.array_equal(layout.layer_of(), cells.layers())
    assert np.array_equal(layout.stave_of_cell(), cells.staves())
    assert np.array_equal(layout.chips_per_cell(), cells.chips_per_cell())
    assert all(np.array_equal(*pair) for pair in zip(layout.readout_places(), cells.readout_places(), strict=True))
    row = np.random.default_rng(1).random(layout.CELLS)
    maps = [cells.as_map(row, of.number) for of in LAYERS]
    assert np.array_equal(layout.flatten(maps), row)
    assert all(np.array_equal(one, two) for one, two in zip(layout.unflatten(row), maps, strict=True))


def test_names_lead_there_and_back():
    places = [0, 8, 9, layout.INNER - 1, layout.INNER, 2000, layout.CELLS - 1]
    assert [layout.cell_of(layout.name(place)) for place in places] == places
    assert layout.name(layout.CELLS - 1) == "L6_47/lane 27"
    assert layout.name(1015) == cells.name(1015) == "L4_12/lane 7"
    with pytest.raises(ValueError, match="a stave, not a cell"):
        layout.cell_of("L0_03")


def test_cells_of_a_column_lie_at_one_z_and_go_round():
    columns, z, phi = layout.column_of(), layout.z_cm(), layout.phi_rad()
    assert columns.max() + 1 == layout.COLUMNS == sum(of.cells for of in LAYERS)
    for column in range(layout.COLUMNS):
        chosen = columns == column
        layer = layout.column_layer()[column]
        assert set(layout.layer_of()[chosen]) == {layer}
        assert np.ptp(z[chosen]) == 0
        assert np.unique(phi[chosen].round(6)).size == LAYERS[layer].staves
