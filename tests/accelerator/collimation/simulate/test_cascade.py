"""The Monte Carlo beside the published map of 50 million protons and what tracking shows of faults."""

import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba", reason="only the training side has numba")

from accelerator.collimation.channels import channels
from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.simulate.comparison import by_row
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.simulate.library import Case, Key, Library, Plan, build, simulate
from accelerator.collimation.simulate.materials import MATERIALS, Column, numbers
from accelerator.collimation.simulate.scattering import through_jaw
from accelerator.collimation.states import State

PUBLISHED = {"TCP.C": 0.835, "TCP.B": 0.036, "TCSG7": 0.127, "TCLA7": 6.8e-4, "TCT": 3.5e-4, "cold": 4.2e-4}
"""xcoll's authors, Everest, B1H, 50 M protons (facts/collimation.md, A2)."""
PRIMARY, VERTICAL = "tcp.c6l7.b1", "tcp.d6l7.b1"


def _rows(plane: str, *settings: Setting, protons: int = 4000) -> dict[str, float]:
    counts = simulate(Key(1, plane, State.COLLISIONS), Case("grid", settings, -1, protons), 5)
    return by_row({one.name: float(n) for one, n in zip(channels(1), counts, strict=True)}, 1)


def test_a_jaw_hit_head_on_absorbs_by_the_inelastic_length() -> None:
    row = numbers(MATERIALS["CFC"], 6800.0)
    lost = sum(through_jaw(row, 0.6, 5e-3, 0.0, 0.0, 0.0, 6800.0)[4] == 0.0 for _ in range(4000)) / 4000
    length = row[Column.INTERACTION_LENGTH_M] / row[Column.INELASTIC]
    assert 0.3 < length < 0.6
    assert lost == pytest.approx(1 - math.exp(-0.6 / length), abs=0.03)


def test_nominal_horizontal_map_is_that_of_the_published_one() -> None:
    rows = _rows("H", protons=40_000)
    assert rows["TCP.C"] == pytest.approx(PUBLISHED["TCP.C"], rel=0.06)
    assert rows["TCP.B"] == pytest.approx(PUBLISHED["TCP.B"], rel=0.35)
    assert rows["TCSG7"] == pytest.approx(PUBLISHED["TCSG7"], rel=0.25)
    for name in ("TCLA7", "TCT", "cold"):
        assert PUBLISHED[name] / 2.5 < rows[name] < PUBLISHED[name] * 2.5


def test_the_same_seed_gives_the_same_losses() -> None:
    key, case = Key(1, "H", State.COLLISIONS), Case("grid", (), -1, 300)
    assert (simulate(key, case, 3) == simulate(key, case, 3)).all()
    assert (simulate(key, case, 3) != simulate(key, case, 4)).any()


def test_beam_2_cleans_like_beam_1() -> None:
    counts = simulate(Key(2, "V", State.COLLISIONS), Case("grid", (), -1, 3000), 5)
    rows = by_row({one.name: float(n) for one, n in zip(channels(2), counts, strict=True)}, 2)
    assert 0.65 < rows["TCP.D"] < 0.9


def test_a_retracted_primary_hands_over_to_the_skew_one() -> None:
    nominal, retracted = _rows("H"), _rows("H", Setting(PRIMARY, Quantity.GAP, 1.0))
    assert retracted["TCP.C"] < nominal["TCP.C"] - 0.1
    assert retracted["TCP.B"] > 3 * nominal["TCP.B"]


def test_a_primary_off_centre_does_the_opposite_to_the_skew_one() -> None:
    nominal, off = (_rows("V", *one, protons=12_000) for one in ((), (Setting(VERTICAL, Quantity.OFFSET, 0.25),)))
    assert off["TCP.B"] < nominal["TCP.B"] / 2
    assert off["TCP.C"] > 1.5 * nominal["TCP.C"]


def test_a_secondary_inside_the_primary_takes_the_losses() -> None:
    assert _rows("H", Setting("tcspm.b4l7.b1", Quantity.GAP, -2.0))["TCSG7"] > 0.85


def test_off_momentum_losses_begin_in_ir3() -> None:
    rows = _rows("DP-", protons=300)
    assert rows["IR3"] > 0.6


def test_a_library_is_written_and_read_and_does_not_depend_on_the_number_of_jobs(tmp_path: Path) -> None:
    plan = Plan(nominal=200, grid=0, tolerance=100, tolerance_cases=2, drawn=100, drawn_cases=3)
    key = Key(1, "H", State.COLLISIONS)
    made = build(key, plan, 1)
    read = Library.read(made.write(tmp_path))
    assert read.key == key
    assert (read.counts == made.counts).all()
    assert [read.settings(at) for at in range(len(read.kind))] == [made.settings(at) for at in range(len(made.kind))]
    assert np.allclose(read.shares().sum(axis=1), 1.0)
    assert (build(key, plan, 2).counts == made.counts).all()
