"""Figures of merit on answers that are made by hand, and one tiny benchmark from end to end."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.its import __main__ as command
from benchmarks.its import scenes, tables
from benchmarks.its.cycles import Labels, cycles, make
from benchmarks.its.figures import (
    Answers,
    Run,
    alarming_share,
    at_level,
    cause_accuracy,
    confusion,
    cycle_auc,
    delay,
    false_alarms,
    false_incidents,
    fixed,
    found,
    levels_of,
    localisation,
    mean_delay,
    recall,
    smallest_fraction,
)
from benchmarks.its.measure import Judged, Told, judge_line, judged
from benchmarks.its.methods import methods_named
from benchmarks.its.report import losses, main_table
from benchmarks.its.scenes import Plan, Scene
from dqm.its.causes import Cause
from dqm.its.layout import CELLS
from dqm.its.simulate.beams import BeamType
from dqm.its.simulate.settings import RunSettings


def run(
    scores, *, active=None, cells=(), regions=None, causes=None, cause=None, fraction=None, beams=BeamType.PP, **told
) -> Run:
    """One run with these scores; ``active`` share of fault per cycle, ``regions`` cells with values per cycle."""
    active = [0.0] * len(scores) if active is None else active
    wrong = None if cause is None else Cause(cause)
    scene = Scene("shift" if wrong is None else "fault", "nominal", 0, RunSettings(beam_type=beams), 7, wrong, fraction)
    labels = tuple(Labels(cause if share else None, share, tuple(cells) if share else (), 0.0) for share in active)
    regions = [{}] * len(scores) if regions is None else regions
    nothing = (None,) * len(scores)
    answer = Told(
        np.array(scores, float),
        tuple(told.get("alarms", nothing)),
        tuple(causes or nothing),
        tuple(tuple(region) for region in regions),
        tuple(tuple(region.values()) for region in regions),
        tuple(told.get("incidents", ((),) * len(scores))),
    )
    return Run(Judged(scene, labels, {}, {}), answer)


def above(level: float):
    return lambda one: one.scores > level


def test_level_is_set_for_each_kind_of_beams():
    shifts = [(run([1, 9, 1, 1, 1, 1, 5]),), (run([3, 1], beams=BeamType.PBPB), run([2, 1], beams=BeamType.PBPB))]
    assert levels_of(shifts) == {"pp": 5.0, "PbPb": 2.0}
    alarming = at_level(shifts)
    assert false_alarms(shifts, alarming) == 1.0
    assert alarming(run([4, 6])).tolist() == [False, True]
    assert alarming(run([1.5, 2.5], beams=BeamType.PBPB)).tolist() == [False, True]


def test_only_fully_faulty_cycles_count_for_recall():
    one = run([9, 9, 0, 9, 0], active=[0, 0.4, 1, 1, 1], cause="dead chip")
    assert recall([one], above(1)) == pytest.approx(1 / 3)
    assert recall([one, run([9, 9], active=[0, 1], cause="dead chip")], above(1)) == pytest.approx((1 / 3 + 1) / 2)


def test_delay_counts_from_the_cycle_of_the_onset():
    late = run([0, 0, 0, 0, 9], active=[0, 0.2, 1, 1, 1], cause="dead chip")
    never = run([9, 0, 0], active=[0, 1, 1], cause="dead chip")  # what was before does not count
    assert delay(late, above(1)) == 3
    assert delay(never, above(1)) == np.inf
    assert found([late, never], above(1)) == 0.5
    assert mean_delay([late, never], above(1)) == 3


def test_found_only_within_five_cycles():
    six = run([0] * 6 + [9], active=[0] + [1] * 6, cause="dead chip")
    assert found([six], above(1)) == 0
    assert mean_delay([six], above(1)) == 5


def background(fraction: float, scores: list[float]) -> Run:
    return run(scores, active=[1.0] * len(scores), cause="beam background A", fraction=fraction)


def test_smallest_fraction_is_read_off_the_curve():
    runs = [background(0.01, [0, 0, 0, 0]), background(0.04, [9, 9, 9, 9])]
    assert smallest_fraction(runs, above(1)) == pytest.approx(0.02)  # half way on a log scale
    assert smallest_fraction([background(0.01, [0, 0])], above(1)) == np.inf
    assert smallest_fraction([background(0.01, [9, 9])], above(1)) == 0.01
    dip = [background(0.01, [9, 9]), background(0.02, [0, 0]), background(0.04, [9, 9])]
    assert smallest_fraction(dip, above(1)) > 0.02  # what is found by chance lower down does not count


def test_auc_compares_within_one_kind_of_beams():
    shifts = [(run([0, 1]),), (run([10, 11], beams=BeamType.PBPB),)]
    faults = [
        run([5, 5], active=[0, 1], cause="dead chip"),
        run([5, 9], active=[0, 1], cause="dead chip", beams=BeamType.PBPB),
    ]
    assert cycle_auc(shifts, faults) == pytest.approx((1 + 0) / 2)


def test_causes_are_judged_where_there_is_an_alarm():
    one = run(
        [9, 9, 0, 9],
        active=[0, 1, 1, 1],
        cause="dead chip",
        causes=["hot pixel", "dead chip", "hot pixel", "hot pixel"],
    )
    assert cause_accuracy([one], above(1)) == 0.5
    assert np.isnan(cause_accuracy([run([9], active=[1], cause="dead chip", causes=["beam background"])], above(1)))
    assert confusion([one], above(1)) == {"dead chip": {"dead chip": 1, "hot pixel": 1}}


def test_everything_is_no_place():
    everything = dict.fromkeys(range(CELLS), 9.0)
    one = run([9.0], active=[1.0], cells=[5], cause="dead chip", regions=[everything])
    where = localisation([one], above(1), {"pp": 1.0}, None)
    assert (where.hit, where.covered, where.size) == (1.0, 1.0, 1.0)
    assert where.pure == pytest.approx(1 / CELLS)


def test_region_is_what_is_above_the_level_or_the_cut():
    one = run([9.0], active=[1.0], cells=[5, 6], cause="dead stave", regions=[{5: 9.0, 8: 4.0, 6: 3.0}])
    by_level = localisation([one], above(1), {"pp": 5.0}, None)
    assert (by_level.covered, by_level.pure, by_level.size) == (0.5, 1.0, 1 / CELLS)
    by_cut = localisation([one], above(1), {"pp": 5.0}, 2.0)
    assert (by_cut.covered, by_cut.pure) == (1.0, pytest.approx(2 / 3))
    nothing_above = localisation([one], above(1), {"pp": 50.0}, None)
    assert nothing_above.size == 1 / CELLS  # at least the highest


def test_overlapping_incidents_are_one_alarm():
    told = [
        ("place; L0_03/4",),
        ("place; L0_03/4 L0_03/5", "background; a"),
        (),
        (),
        ("place; L0_03/5",),
        ("place; L5_01/lane_2",),
    ]
    one = run([0] * 6, incidents=told, alarms=[True, True, False, False, True, True])
    assert false_incidents([(one,)]) == 3
    assert false_incidents([(one,)], ("background",)) == 1
    assert false_alarms([(one,)], fixed) == 1
    nowhere = run([0, 0], alarms=[True, False])
    assert np.isnan(false_incidents([(nowhere,)]))
    assert alarming_share([(nowhere,), (one,)], fixed) == 5 / 8
    long_after = run([0] * 6, incidents=[("place; a",), (), (), (), (), ("place; a",)])
    assert false_incidents([(long_after,)]) == 2


def test_resampling_keeps_fractions_of_one_seed_together():
    runs = tuple(background(at, [9, 9]) for at in (0.01, 0.05))
    case = tables.Case("row", None, Answers(((run([1, 2]),),), runs), Answers(((run([1, 2]),),), ()))
    drawn = case.drawn(np.random.default_rng(1))
    assert sorted(one.judged.scene.fraction for one in drawn.there.faults) == [0.01, 0.05]
    row = tables.figures(case, draws=3)
    assert row["recall_5"] == 1.0
    assert row["recall_5_90"] == [1.0, 1.0]


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A plan of short runs, cached in a folder of its own."""
    drawn = scenes._drawn
    monkeypatch.setenv("SHIFTWATCH_BENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(scenes, "HISTORY_RUNS", 2)
    monkeypatch.setattr(scenes, "HEALTHY_CYCLES", 1)
    monkeypatch.setattr(scenes, "FAULTY_CYCLES", 2)
    monkeypatch.setattr(
        scenes, "_drawn", lambda *args: tuple(replace(one, duration_s=720.0) for one in drawn(*args)[:1])
    )
    return Plan(
        shifts=2,
        everyone=1,
        few_shifts=0,
        tries=1,
        few_tries=0,
        few_faults=0,
        learnt=2,
        fractions=(0.3,),
        settings=("nominal",),
    )


@pytest.mark.slow
def test_a_tiny_benchmark_from_end_to_end(tiny, monkeypatch, tmp_path):
    monkeypatch.setattr(command, "QUICK", tiny)
    monkeypatch.setattr("benchmarks.its.autoencoder._STEPS", 5)
    assert command.main(["--quick", "--draws", "2", "--only", "c", "--out", str(tmp_path / "out")]) == 0
    written = json.loads((tmp_path / "out" / "quick.json").read_text())
    assert written["stamp"]["revision"]
    rows = written["rows"]
    assert {"long clusters", "NMF, cell", "autoencoder x 3 cycles"} <= set(rows)
    assert rows["long clusters"]["nominal"]["curve"]["0.3"] == 1.0  # 30 % of background cannot be missed
    assert rows["long clusters"]["nominal"]["cause"] is None  # it does not name the side
    assert rows["NMF, cell"]["nominal"]["ms_median"] > 0


@pytest.mark.slow
def test_what_was_judged_is_kept_and_truth_stays_with_the_benchmark(tiny):
    scene = next(scenes.faults(tiny, "nominal"))
    observation, labels = list(cycles(scene))[-1]
    assert labels.cause == "beam background A"
    assert "background" not in json.dumps(dict(observation.conditions))
    (method,) = (one for one in methods_named(tiny, "long")[0])
    judge_line(tiny, [scene], [method], print)
    before = judged(scene, [method])
    assert before.labels[-1] == labels
    judge_line(tiny, [scene], [replace(method, warmed=lambda _: pytest.fail("judged again"))], print)
    assert make(scene).exists()
    assert judged(scene, [method]).rows["long clusters"].scores.tolist() == before.rows["long clusters"].scores.tolist()


def test_losses_list_what_others_do_better():
    ours, other = {"recall_5": 0.9, "smallest_50": 0.01}, {"recall_5": 0.95, "smallest_50": 0.02}
    lost = losses({"ours": {"nominal": ours}, "other": {"nominal": other}}, "ours")
    assert lost == ["nominal, recall_5: other 0.95, ours 0.9"]
    table = main_table({"ours": {"nominal": {**ours, "ms_median": 3.0, "recall_5_90": [0.8, 1.0]}}})
    assert "0.9 [0.8, 1]" in table
