"""What cannot be rebuilt: a pattern too faint for any cell alone is strange, noise and what all cells share are not."""

from dataclasses import replace

import numpy as np
import pytest

from core.inference import Session, load_package
from dqm.its.detector import SHIPPED, SHIPPED_MODELS
from dqm.its.explaining import Explained
from dqm.its.layout import CELLS, COLUMNS, FIRST_COLUMN, Bools, cell_of, column_of, layer_of
from dqm.its.looking import REBUILDING_FILE
from dqm.its.places import FLOOR, departures
from dqm.its.pulls import Pulls
from dqm.its.strange import IMAGE, PHI, REBUILT, RING, ROWS, around, canvas, on_canvas, rest

from .made_pulls import nominal

EVERYWHERE: Bools = np.ones(CELLS, bool)


@pytest.fixture(scope="module")
def rebuilding() -> Session:
    return load_package(SHIPPED_MODELS / SHIPPED).session(REBUILDING_FILE, inputs=[IMAGE], outputs=[REBUILT])


def strangeness(rebuilding: Session, pulls: Pulls) -> np.ndarray:
    return around(rest(rebuilding, canvas(pulls, EVERYWHERE)), EVERYWHERE)


def checked(seed: int, pull: float) -> Pulls:
    """Cells of half a stave of layer 5 and its neighbours, alternately high and low in all quantities."""
    pulls = nominal(seed)
    cells = [cell_of(f"L5_{stave:02d}/lane {lane}") for stave in (10, 11, 12) for lane in range(10)]
    sign = np.where(np.arange(len(cells)) % 2, 1.0, -1.0).astype(np.float32)
    new = {name: np.array(getattr(pulls, name)) for name in ("occupation", "size", "hits")}
    for values in new.values():
        values[cells] = np.clip(values[cells], -0.5, 0.5) + pull * sign
    return replace(pulls, **new)


def test_every_cell_is_on_the_canvas_and_the_ring_goes_on(rebuilding: Session) -> None:
    cells = on_canvas()
    assert cells.shape == (COLUMNS, PHI)
    assert np.array_equal(np.unique(cells), np.arange(CELLS))
    assert np.array_equal(cells[:, RING:], cells[:, : PHI - RING])
    picture = canvas(nominal(), EVERYWHERE)
    assert picture.shape == (3, ROWS, PHI)
    assert not picture[:, COLUMNS:].any()
    row = FIRST_COLUMN[5] + 7
    assert np.all(column_of()[cells[row]] == row)
    assert np.all(layer_of()[cells[row]] == 5)


def test_cells_that_are_not_shown_are_blank() -> None:
    shown = EVERYWHERE.copy()
    shown[100:200] = False
    picture = canvas(nominal(), shown)
    hidden = np.isin(on_canvas(), np.arange(100, 200))
    assert not picture[:, :COLUMNS][:, hidden].any()
    assert np.all(around(np.ones(CELLS), shown) == shown)


def test_a_pattern_that_no_cell_shows_by_itself_is_strange(rebuilding: Session) -> None:
    usual = np.array([strangeness(rebuilding, nominal(seed)).max() for seed in range(20)])
    found = np.array([strangeness(rebuilding, checked(seed, 3.0)).max() for seed in range(20)])
    near = cell_of("L5_11/lane 5")
    assert all(departures(checked(seed, 3.0), Explained.nothing())[near] < FLOOR for seed in range(20))
    assert np.median(found) > usual.max()
    where = int(strangeness(rebuilding, checked(0, 3.0)).argmax())
    assert layer_of()[where] == 5
