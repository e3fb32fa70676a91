"""The benchmark of loss patterns: seeds are held out, peers do what they say, figures are what they are called."""

from dataclasses import replace

import numpy as np
import pytest

from accelerator.collimation.channels import names
from accelerator.collimation.lossmap import Domain, pattern
from benchmarks.collimation import figures, maps, peers, report, streams
from benchmarks.collimation.ours import Answer
from benchmarks.collimation.scenes import (
    CLASSES,
    CODES,
    ENSEMBLES,
    HELD_OUT,
    NOMINAL,
    QUICK,
    REFERENCE_SEEDS,
    Case,
    Plan,
    cases,
)


def test_seeds_are_held_out_and_no_map_comes_twice():
    every = [case for name in ENSEMBLES for case in cases(Plan(), name)]
    seeds = {case.seed for case in every}
    assert len(seeds) == len(every)
    assert min(seeds) >= HELD_OUT
    assert max(seeds) < REFERENCE_SEEDS


@pytest.mark.parametrize("ensemble", ["protons 1M", "monitors"])
def test_every_kind_of_case_becomes_a_map_of_its_beam(ensemble):
    chosen = {case.group: case for case in cases(QUICK, ensemble)}
    assert set(chosen) == {NOMINAL, CODES, *CLASSES}
    for case in chosen.values():
        seen = pattern(maps.observation(case))
        assert (seen.beam, seen.plane, seen.state) == (case.beam, case.plane, "collisions")
        assert seen.values.max() > 0
        assert "truth" not in str(dict(seen.context))


def test_counts_stay_in_their_channels():
    counts = np.arange(len(names(2)))
    seen = pattern(maps.protons(2, "H", counts, "everest", "x"))
    assert np.array_equal(seen.values, counts)


def test_another_code_moves_losses_as_the_facts_say():
    case = Case("protons 1M", CODES, HELD_OUT, 1, "H", code="fluka")
    usual, other = (pattern(maps.observation(one)) for one in (replace(case, code=""), case))
    primary = [at for at, name in enumerate(usual.channels) if name.startswith("tcp.") and "6l7" in name]
    assert other.shares[primary].sum() < usual.shares[primary].sum()
    assert other.of("warm ir7 b1") > 0.02 * other.total


def test_ratio_of_likelihoods_is_one_per_degree_of_freedom_on_its_own_kind():
    rng = np.random.default_rng(HELD_OUT)
    share = np.full(len(names(1)), 1.0 / len(names(1)))
    drawn = [pattern(maps.protons(1, "H", rng.multinomial(100_000, share), "everest", f"{at}")) for at in range(30)]
    judge = peers.Pooled.learn(drawn[:20])
    assert np.mean([judge.judge(one).score for one in drawn[20:]]) == pytest.approx(1.0, abs=0.2)
    share[5] *= 3
    loud = pattern(maps.protons(1, "H", rng.multinomial(100_000, share / share.sum()), "everest", "loud"))
    assert judge.judge(loud).score > 5
    assert judge.judge(loud).element == loud.channels[5]


def test_fixed_ratios_pass_what_they_learnt_and_see_a_stage_that_takes_twice_as_much():
    known = [pattern(one) for one in maps.references("protons 1M", 1, "H", 5)]
    judge = peers.Ratios.learn(known)
    assert max(judge.judge(one).score for one in known) < 1
    stage = np.array([name.startswith(("tcsg", "tcspm")) and "7.b1" in name for name in known[0].channels])
    loud = replace(known[0], values=np.where(stage, 2 * known[0].values, known[0].values))
    assert judge.judge(loud).score > 1


@pytest.mark.parametrize("name", ["PCA + LOF", "IsolationForest"])
def test_learnt_peers_score_a_broken_map_higher(name):
    pytest.importorskip("sklearn", reason="extra `bench` is not installed")
    known = [pattern(one) for one in maps.references("protons 1M", 1, "H", 40)]
    judge = peers.PEERS[name](known[:30])
    assert known[0].domain is Domain.PROTONS
    loud = replace(known[0], values=known[0].values[::-1].copy())
    assert judge.judge(loud).score > max(judge.judge(one).score for one in known[30:])


def seen(group, score, element=None, answer=None, settings=(), size=0.0):
    case = Case("protons 1M", group, HELD_OUT, 1, "H", settings, size)
    return figures.Seen(case, score, element, 1.0, answer)


def test_auc_counts_ties_half():
    assert figures.auc([2, 1], [1, 0]) == pytest.approx(0.875)


def test_smallest_is_above_every_size_that_fails():
    found = [seen("TCT15 inwards", score, size=size) for size, score in ((-1, 5), (-2, 0), (-3, 5), (-3.6, 5))]
    assert figures.smallest(found, "TCT15 inwards", 1.0) == -3
    assert figures.smallest(found, "TCT15 inwards", 9.0) is None


def test_sizes_count_only_where_setting_and_quantity_are_right():
    from accelerator.collimation.diagnosis import Quantity
    from accelerator.collimation.simulate.faults import Setting

    true = (Setting("tcp.c6l7.b1", Quantity.GAP, 1.0),)
    right = Answer(9.0, "BAD", "tcp.c6l7.b1", "gap_sigma", 1.2, 0.1, "TCP retracted", 1.0)
    errors, pulls = figures.sizes(
        [
            seen("TCP7 retracted", 9, answer=right, settings=true),
            seen("TCP7 retracted", 9, answer=right._replace(quantity="offset_mm"), settings=true),
        ]
    )
    assert errors == [pytest.approx(0.2)]
    assert pulls == [pytest.approx(2.0)]


def test_warnings_close_to_each_other_are_one():
    says = [streams.Said(60.0 * at, "MEDIUM" if at in {2, 4, 12} else "GOOD", "tcp.c6l7.b1", None) for at in range(20)]
    assert [one.ends_s for one in streams.warnings(says)] == [120.0, 720.0]
    assert streams.warnings([streams.Said(60.0, "MEDIUM", None, "cannot tell")]) == []


def test_what_is_lost_is_told():
    row = dict.fromkeys((*report.HIGHER, *report.LOWER), 0.5) | {"smallest": dict.fromkeys(CLASSES, 1.0)}
    better = row | {"auc": 0.6, "smallest": {**row["smallest"], "TCP7 retracted": 0.3}}
    told = report.losses({"x": {"ours": row, "peer": better}}, ["ours"])
    assert len(told) == 2
    assert "auc" in told[0]
