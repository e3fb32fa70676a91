"""Neighbouring cells of one cause are one place, others are not."""

import numpy as np
import pytest

from dqm.its.causes import Cause
from dqm.its.explaining import Explained
from dqm.its.features import CAUSES, CLASSES
from dqm.its.layout import CELLS, cell_of
from dqm.its.places import FLOOR, find_places, link_of, neighbours, no_evidence

from .made_pulls import nominal, scaled


def test_nominal_cells_rarely_make_a_place() -> None:
    found = [len(find_places(nominal(seed), no_evidence())) for seed in range(20)]
    assert sum(found) <= 6  # 3816 cells x 3 quantities x 7e-6 is 0.08 a cycle


def test_a_dead_stave_is_one_place_and_a_hot_chip_elsewhere_another() -> None:
    stave = [cell_of(f"L4_29/lane {lane}") for lane in range(16)]
    pulls = scaled(scaled(nominal(), stave, 0.0), [cell_of("L1_03/2")], 3.0)
    dead, hot = sorted(find_places(pulls, no_evidence()), key=lambda place: place.ratio)
    assert dead.cells.tolist() == stave
    assert dead.ratio == pytest.approx(0.0, abs=0.01)
    assert hot.cells.tolist() == [cell_of("L1_03/2")]


def test_a_dead_lane_is_seen_however_strong_background_is() -> None:
    dead = cell_of("L4_12/lane 7")
    pulls = scaled(nominal(), [dead], 0.0)
    strong = Explained(np.zeros((3, CELLS)), np.full((3, CELLS), 500.0))
    named = no_evidence()
    named[1 + CAUSES.index(Cause.DEAD_LANE), dead] = 1.0
    (place,) = find_places(pulls, named, strong)
    assert place.cells.tolist() == [dead]


def test_loss_goes_round_the_ring_of_staves() -> None:
    chips = [cell_of(f"L0_{stave:02d}/{chip}") for stave in (11, 0) for chip in range(9)]
    (place,) = find_places(scaled(nominal(), chips, 0.6), no_evidence())
    assert place.cells.tolist() == sorted(chips)


def test_a_dead_lane_in_a_stave_that_loses_a_third_is_a_place_of_its_own() -> None:
    stave = [cell_of(f"L3_05/lane {lane}") for lane in range(16)]
    pulls = scaled(scaled(nominal(), stave, 0.67), [stave[4]], 0.0)
    dead, loss = sorted(find_places(pulls, no_evidence()), key=lambda place: place.cells.size)
    assert dead.cells.tolist() == [stave[4]]
    assert loss.cells.size == 15


def test_neighbours_of_one_named_cause_are_one_place_whatever_they_lose_or_gain() -> None:
    chips = [cell_of(f"L2_07/{chip}") for chip in range(2, 6)]
    pulls = scaled(nominal(), chips[:2], 0.7)
    pulls = scaled(pulls, chips[2:], 1.4)
    named = np.full((CLASSES, CELLS), 0.01)
    named[1 + CAUSES.index(Cause.BLINDED_CHIPS)] = 0.9
    assert [place.cells.tolist() for place in find_places(pulls, named)] == [chips]
    assert len(find_places(pulls, _apart(chips))) == 2


def _apart(chips: list[int]) -> np.ndarray:
    named = np.full((CLASSES, CELLS), 0.01)
    named[1 + CAUSES.index(Cause.READOUT_LOSS), chips[:2]] = 0.9
    named[1 + CAUSES.index(Cause.NOISY_CHIP), chips[2:]] = 0.9
    return named


def test_a_link_that_loses_a_little_everywhere_is_seen_though_none_of_its_cells_is() -> None:
    cells = np.flatnonzero(link_of() == link_of()[cell_of("L6_20/lane 3")]).tolist()
    pulls = nominal()
    pulls.occupation[cells] = -2.5
    pulls.ratio[cells] = 1 - 2.5 * 0.003
    assert np.abs(pulls.occupation[cells]).max() < FLOOR
    (place,) = find_places(pulls, no_evidence())
    assert set(place.cells) <= set(cells)
    assert place.cells.size == len(cells) == 14
    assert place.strength == pytest.approx(2.5 * np.sqrt(14), rel=0.01)


def test_flags_of_the_readout_are_compared_with_the_loss() -> None:
    (place,) = find_places(scaled(nominal(), [2000], 0.8, fault=0.2), no_evidence())
    assert place.flagged == pytest.approx(1.0, abs=0.05)
    (place,) = find_places(scaled(nominal(), [2000], 0.8), no_evidence())
    assert place.flagged == 0.0


def test_neighbours_touch_and_no_pair_is_twice() -> None:
    one, other = neighbours()
    pairs = {tuple(sorted(pair)) for pair in zip(one.tolist(), other.tolist(), strict=True)}
    assert len(pairs) == one.size
    assert (cell_of("L0_00/3"), cell_of("L0_11/3")) in pairs
    assert (cell_of("L0_00/3"), cell_of("L0_00/6")) not in pairs
