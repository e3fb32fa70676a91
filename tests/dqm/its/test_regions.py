"""Background takes the cells that it explains; what it does not explain stays a place; nominal cycles show nothing."""

from dataclasses import replace

import numpy as np
import pytest

from dqm.its.background import FAINT, Scales, told_share
from dqm.its.features import CAUSES, CLASSES
from dqm.its.incidents import Check, Kind
from dqm.its.layout import CELLS, INNER, cell_of, layer_slice, name
from dqm.its.places import no_evidence
from dqm.its.regions import find_regions

from .made_pulls import nominal, scaled, with_background

SCALES = replace(Scales.unit(), floor=5.0)


def broken(*cells: int) -> np.ndarray:
    """Probabilities by which these cells are dead chips and all others nominal."""
    found = np.full((CLASSES, CELLS), 0.001)
    found[0] = 0.99
    found[:, list(cells)] = 0.001
    found[1 + CAUSES.index("dead chip"), list(cells)] = 0.99
    return found


def test_a_nominal_cycle_shows_no_background() -> None:
    for seed in range(10):
        assert not [
            s for s in find_regions(nominal(seed), no_evidence(), SCALES).sightings if s.kind is Kind.BACKGROUND
        ]


@pytest.mark.parametrize("side", [0, 1])
def test_background_is_one_region_of_its_core_and_nothing_else_is_called(side: int) -> None:
    seen = find_regions(with_background(nominal(), side, 20, 1, 0.2), broken(), SCALES)
    (sighting,) = seen.sightings
    assert sighting.kind is Kind.BACKGROUND
    assert sighting.scores[Check.BACKGROUND] > 20
    assert 20 < sighting.cells.size < 120
    assert int(sighting.evidence.argmax()) == 1 + side
    assert sighting.ratio == pytest.approx(1.1, abs=0.07)
    assert seen.held.all()


def test_a_dead_chip_in_background_is_a_place_too() -> None:
    chip = cell_of("L0_06/4")
    pulls = scaled(with_background(nominal(), 0, 20, 1, 0.2), [chip], 0.0)
    kinds = {s.kind: s for s in find_regions(pulls, broken(chip), SCALES).sightings}
    assert set(kinds) == {Kind.BACKGROUND, Kind.PLACE}
    assert name(kinds[Kind.PLACE].worst) == "L0_06/4"


def test_only_what_departs_far_is_held() -> None:
    pulls = scaled(nominal(), [2000], 0.5)
    seen = find_regions(pulls, no_evidence(), SCALES)
    assert np.flatnonzero(seen.held).tolist() == [2000]
    assert not find_regions(nominal(), no_evidence(), SCALES).held.any()


def test_what_cannot_be_rebuilt_is_unknown_unless_it_is_a_place_already() -> None:
    rest = np.zeros(CELLS)
    near = [cell_of(f"L5_10/lane {lane}") for lane in (5, 6, 7)]
    rest[near] = [8.0, 12.0, 7.0]
    (sighting,) = find_regions(nominal(), no_evidence(), SCALES, lambda shown: np.where(shown, rest, 0.0)).sightings
    assert sighting.kind is Kind.UNKNOWN
    assert sighting.cells.tolist() == near
    assert sighting.scores == {Check.STRANGE: 12.0}
    (sighting,) = find_regions(
        scaled(nominal(), [near[1]], 0.3), no_evidence(), SCALES, lambda shown: np.where(shown, rest, 0.0)
    ).sightings
    assert sighting.kind is Kind.PLACE


def test_masked_cells_are_never_regions() -> None:
    pulls = scaled(nominal(), [3], 0.0)
    pulls.valid[3] = False
    assert not find_regions(pulls, no_evidence(), SCALES, lambda shown: np.where(shown, 0.0, 99.0)).sightings
    assert pulls.valid[:INNER].sum() == INNER - 1


def test_background_too_faint_to_matter_is_no_region_however_sure() -> None:
    """Here the error of the share is some 1e-3, and all quantities are said to be a hundred times as sure."""
    pulls = with_background(nominal(), 0, 20, 1, 0.01)
    plain = find_regions(pulls, no_evidence(), SCALES)
    assert [one.kind for one in plain.sightings] == [Kind.BACKGROUND]
    share = told_share(pulls, plain.background, SCALES)
    sure, less_sure = (replace(SCALES, gain=factor * share / FAINT) for factor in (1.1, 0.9))
    assert told_share(pulls, plain.background, sure) < FAINT
    kinds = [[one.kind for one in find_regions(pulls, no_evidence(), scales).sightings] for scales in (sure, less_sure)]
    assert Kind.BACKGROUND not in kinds[0]
    assert kinds[1] == [Kind.BACKGROUND]


def test_a_lane_that_says_fault_began_when_it_began_to_say_so() -> None:
    pulls = scaled(nominal(), [2000], 0.0, fault=0.8)
    pulls = replace(pulls, forgiven_s=np.full(CELLS, 50.0, np.float32))
    (sighting,) = find_regions(pulls, no_evidence(), SCALES).sightings
    assert sighting.earlier_s == 50.0
    (sighting,) = find_regions(scaled(pulls, [2000], 1.0, fault=0.0), no_evidence(), SCALES).sightings
    assert sighting.earlier_s == 0.0, "lost without a flag"


def test_where_a_whole_layer_is_restless_its_own_spread_counts() -> None:
    rest = np.zeros(CELLS)
    own = layer_slice(5)
    rest[own] = np.abs(np.random.default_rng(3).standard_normal(own.stop - own.start)) * 6
    assert not find_regions(nominal(), no_evidence(), SCALES, lambda shown: np.where(shown, rest, 0.0)).sightings
