"""Pictures of a cycle: every cell is drawn where it is, in the colour of its value, fast enough for every cycle."""

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.verdict import Evidence, Region
from dqm.its import drawing_figures
from dqm.its.drawing import draw
from dqm.its.drawing_colours import FEWER, MORE
from dqm.its.drawing_layout import WIDTH, boxes, cells_of, grid, height, panels
from dqm.its.geometry import LAYERS, cell_positions
from dqm.its.layout import CELLS, cell_of, layer_slice


def pulls(**arrays: NDArray[Any]) -> Any:
    """Return the pulls of a healthy cycle, with some arrays changed."""
    zero, one = np.zeros(CELLS, np.float32), np.ones(CELLS, np.float32)
    usual = dict.fromkeys(("occupation", "size", "hits", "long", "fault"), zero)
    ones = dict.fromkeys(("observed", "expected"), one)
    return SimpleNamespace(**{**usual, **ones, "valid": np.ones(CELLS, bool), **arrays})


def one_cell(name: str, value: float) -> NDArray[np.float32]:
    values = np.zeros(CELLS, np.float32)
    values[cell_of(name)] = value
    return values


def pixels(evidence: Evidence) -> NDArray[np.uint8]:
    """Return a picture as (height, width, red green blue alpha)."""
    assert evidence.media_type == "image/png"
    return np.asarray(Image.open(io.BytesIO(evidence.content)).convert("RGBA"))


def middle(name: str) -> tuple[int, int]:
    """Return row and column of the middle of a cell in the picture."""
    left, top, width, tall = boxes()[cell_of(name)]
    return int(top + tall // 2), int(left + width // 2)


def test_boxes_cover_each_layer_once_and_nothing_else() -> None:
    covered = np.zeros((height(), WIDTH), int)
    for left, top, width, tall in boxes():
        covered[top : top + tall, left : left + width] += 1
    assert covered.max() == 1
    for panel in panels():
        assert covered[panel.top : panel.top + panel.height, 52:1012].all()
    assert covered.sum() == sum(panel.height for panel in panels()) * 960


@pytest.mark.parametrize("layer", range(7))
def test_a_cell_is_drawn_at_its_phi_and_side(layer: int) -> None:
    """Against the geometry: phi rises to the right by a stave at most off, z falls from top to bottom."""
    at = cell_positions(layer)
    left, top, width, _ = boxes()[layer_slice(layer)].T
    phi_drawn = (left + width / 2 - 52) / 960 * 2 * np.pi
    apart = (phi_drawn - at.phi_rad.ravel() + np.pi) % (2 * np.pi) - np.pi
    assert np.abs(apart).max() < 2 * np.pi / LAYERS[layer].staves / 2
    assert abs(np.degrees(apart.mean())) < 1.5
    z = at.z_cm.ravel()
    rows = np.unique(top)
    means = [z[top == row].mean() for row in rows]
    assert all(np.diff(means) < -1)


def test_the_grid_holds_every_cell_of_a_layer_once() -> None:
    for of in LAYERS:
        assert sorted(grid(of.number).ravel()) == list(range(*layer_slice(of.number).indices(CELLS)))


@pytest.mark.parametrize("name", ["L0_00/0", "L2_19/8", "L3_00/lane 0", "L4_12/lane 7", "L6_47/lane 27"])
def test_too_many_is_orange_too_few_is_blue_and_healthy_is_a_thin_grey(name: str) -> None:
    row, column = middle(name)
    assert pixels(draw(pulls(occupation=one_cell(name, 300)), ())["pull"])[row, column].tolist() == [*MORE, 255]
    assert pixels(draw(pulls(occupation=one_cell(name, -300)), ())["pull"])[row, column].tolist() == [*FEWER, 255]
    red, green, blue, alpha = pixels(draw(pulls(occupation=one_cell(name, 2)), ())["pull"])[row, column].tolist()
    assert max(red, green, blue) - min(red, green, blue) < 20
    assert 0 < alpha < 128
    faint, strong = (pixels(draw(pulls(occupation=one_cell(name, n)), ())["pull"])[row, column][3] for n in (4, 15))
    assert alpha + 30 < faint < strong - 30


def test_a_place_without_data_is_a_hole_in_both_pictures() -> None:
    valid = np.ones(CELLS, bool)
    valid[cell_of("L5_03/lane 8")] = False
    evidence = draw(pulls(valid=valid, occupation=one_cell("L5_03/lane 8", 9)), ())
    for name in ("pull", "occupancy"):
        assert pixels(evidence[name])[middle("L5_03/lane 8")][3] == 0
        assert pixels(evidence[name])[middle("L5_03/lane 9")][3] > 0


def test_occupancy_is_dark_where_nothing_is_and_bright_where_there_is_twice_as_much() -> None:
    observed = np.ones(CELLS, np.float32)
    observed[[cell_of("L3_01/lane 1"), cell_of("L3_02/lane 1")]] = 0, 5
    shown = pixels(draw(pulls(observed=observed), ())["occupancy"]).astype(int)
    none, twice, usual = (shown[middle(f"L3_0{stave}/lane 1")][:3] @ (0.2126, 0.7152, 0.0722) for stave in (1, 2, 3))
    assert none + 60 < usual < twice - 60


def test_a_region_is_outlined_around_its_cells_and_not_on_them() -> None:
    region = Region({"element": "L4_12", "cells": "L4_12/lane_7 L4_12/lane_5"}, 5.0)
    plain, outlined = (pixels(draw(pulls(), found)["pull"]) for found in ((), (region,)))
    changed = (plain != outlined).any(axis=2)
    assert changed.any()
    for name in ("L4_12/lane 7", "L4_12/lane 5"):
        left, top, width, tall = boxes()[cell_of(name)]
        assert not changed[top : top + tall, left : left + width].any()
        assert changed[top : top + tall, left - 8 : left + width + 8].any()
    rows, columns = np.nonzero(changed)
    assert np.ptp(rows) < 60
    assert np.ptp(columns) < 60


def test_the_line_around_what_is_only_worth_a_look_is_thinner() -> None:
    where = {"element": "L4_12/lane 7", "cells": "L4_12/lane_7"}
    plain = pixels(draw(pulls(), ())["pull"])
    drawn = [
        (pixels(draw(pulls(), (Region({**where, "quality": quality}, 5.0),))["pull"]) != plain).any(axis=2).sum()
        for quality in ("BAD", "MEDIUM")
    ]
    assert 0 < drawn[1] < drawn[0]


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ({"element": "L3_07"}, 16),
        ({"element": "L4_12/lane 7"}, 1),
        ({"element": "inner barrel A", "cells": "L0_00/0 L0_00/1 L0_00/0"}, 2),
        ({"element": "x", "cells": "L9_00/0 L0_00/99 nonsense"}, 0),
        ({}, 0),
    ],
)
def test_cells_of_a_region(where: dict[str, str], count: int) -> None:
    assert len(cells_of(where)) == count


def test_strange_values_are_drawn_too() -> None:
    values = np.full(CELLS, np.nan, np.float32)
    values[:3] = np.inf, -np.inf, 1e30
    evidence = draw(
        pulls(occupation=values, observed=values, expected=values), [Region({"element": "L0_00/0"}, 1.0)] * 99
    )
    assert set(evidence) == {"pull", "occupancy", "thumbnail", "cells"}
    assert np.isfinite(drawing_figures.read(evidence["cells"].content)["ratio"]).all()


def test_figures_survive_their_file() -> None:
    observed = np.linspace(0, 3, CELLS, dtype=np.float32)
    made = pulls(observed=observed, expected=np.full(CELLS, 0.5, np.float32), valid=observed > 0)
    stored = drawing_figures.read(draw(made, ())["cells"].content)
    np.testing.assert_allclose(stored["observed"], observed, atol=1e-3)
    np.testing.assert_allclose(stored["ratio"][1:], observed[1:] / 0.5, atol=2e-3)
    assert stored["ratio"][0] == 1
    assert stored["valid"].sum() == CELLS - 1


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not an npz" * 50])
def test_a_damaged_file_of_figures_is_an_error_that_says_so(content: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        drawing_figures.read(content)


def test_the_pictures_of_a_noisy_cycle_stay_small() -> None:
    rng = np.random.default_rng(5)
    noisy = pulls(occupation=rng.normal(0, 2, CELLS), observed=rng.poisson(50, CELLS).astype(np.float32))
    evidence = draw(noisy, [Region({"element": f"L{layer}_01"}, 5.0) for layer in range(7)])
    assert sum(len(one.content) for one in evidence.values()) < 250_000
