"""The baselines on cycles that are made by hand."""

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.stats import betabinom, chi2

from benchmarks.its import autoencoder, binomial, checks, factors, template
from benchmarks.its.scenes import HELD_OUT
from benchmarks.its.seen import ROFS_HZ, SAMPLED, Seen
from core.observation import Observation
from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS, cell_of, chips_per_cell, layer_slice, readout_places, stave_of_cell, unflatten
from dqm.its.objects import OBJECTS

TYPICAL = np.repeat(
    [1.0, 0.7, 0.5, 0.03, 0.02, 0.01, 0.008], np.diff([0, *np.cumsum([of.staves * of.cells for of in LAYERS])])
)


def seen(occupation=TYPICAL, *, beams="pp", size=3.0, hits=1e-7, masked="", run=1, seconds=180.0, **payload) -> Seen:
    """A cycle with this row of clusters/ROF/chip, tracks and vertices as they should be."""
    arrays = {name: np.zeros(found.shape) for name, found in OBJECTS.items()}
    for kind, row in (("cluster_occupation", occupation), ("cluster_size", size), ("hit_occupancy", hits)):
        for layer, values in enumerate(unflatten(np.broadcast_to(np.asarray(row, float), CELLS))):
            arrays[f"{kind}_L{layer}"] = values
    arrays["track_clusters"][4:8] = (1, 2, 3, 2)
    arrays["angular"][:] = 1.0
    arrays["vertex_z"][1490:1510] = 10
    arrays["vertex_xy"][49:51, 49:51] = 10
    arrays.update(payload)
    conditions = {"run": run, "beam_type": beams, "cycle_s": seconds, "masked": masked}
    return Seen(
        Observation("its", "ITS", "1/1", datetime(2026, 1, 1, tzinfo=UTC), "hand", "0" * 64, conditions, arrays)
    )


def fluctuating(rng: np.random.Generator, factor: float = 1.0) -> Seen:
    frames = 180.0 * SAMPLED * ROFS_HZ["pp"] * chips_per_cell()
    return seen(rng.poisson(factor * TYPICAL * frames) / frames)


def changed(cell: str, factor: float) -> np.ndarray:
    row = TYPICAL.copy()
    row[cell_of(cell)] *= factor
    return row


def test_counts_come_back_from_the_ratio():
    assert seen().counts[0] == pytest.approx(180 * SAMPLED * ROFS_HZ["pp"], rel=1e-6)
    assert seen().counts[-1] == pytest.approx(7 * 0.008 * 180 * SAMPLED * ROFS_HZ["pp"], rel=1e-4)


def test_a_healthy_cycle_passes_the_checks():
    worst = max(float(ratio.max()) for ratio in checks.check_ratios(seen()).values())
    assert worst == pytest.approx(0.6, abs=0.05)  # clusters of 3 pixels, 5 allowed


def test_limits_of_occupancy_go_with_the_beams():
    row = changed("L0_03/4", 6.0)
    assert checks.check_ratios(seen(row))["cluster occupancy"][cell_of("L0_03/4")] == pytest.approx(6 / 5)
    assert checks.check_ratios(seen(row, beams="PbPb"))["cluster occupancy"].max() < 0.1


@pytest.mark.parametrize(
    ("stave", "masked", "fires"),
    [("L4_03", "", True), ("L4_14", "", False), ("L4_29", "", False), ("L4_03", "L4_03", False)],
)
def test_empty_staves_are_seen_but_for_those_that_the_check_forgets(stave, masked, fires):
    row = TYPICAL.copy()
    row[stave_of_cell() == LAYERS[4].first_stave + int(stave[-2:])] = 0.0
    assert (checks.check_ratios(seen(row, masked=masked))["empty stave"].max() > 1) == fires


def test_three_empty_staves_of_a_quadrant_are_too_many():
    hits = np.full(CELLS, 1e-7)
    hits[np.isin(stave_of_cell(), LAYERS[6].first_stave + np.arange(2))] = 0
    two = checks.check_ratios(seen(hits=hits))["empty staves in a quadrant"].max()
    hits[stave_of_cell() == LAYERS[6].first_stave + 2] = 0
    three = checks.check_ratios(seen(hits=hits))["empty staves in a quadrant"].max()
    assert two < 1 < three == pytest.approx(3 / 48 / 0.05)


def test_tracks_vertices_and_lanes_are_held_against_their_limits():
    vertex_z = np.zeros(3000)
    vertex_z[1500 + 120] = 5  # 1.2 cm
    faults = np.zeros(OBJECTS["lane_fault"].shape)
    fees, lanes = readout_places()
    for chip in range(3):
        faults[fees[chip], lanes[chip]] = 7
    angular = np.ones(OBJECTS["angular"].shape)
    angular[:20] = 2.0
    ratios = checks.check_ratios(seen(vertex_z=vertex_z, lane_fault=faults, angular=angular))
    assert ratios["vertex z"][0] == pytest.approx(1.2, abs=0.01)
    assert ratios["lanes in FAULT of a stave"][:9].max() == pytest.approx(3 / 2)
    assert ratios["eta asymmetry"][0] > 3
    assert ratios["phi asymmetry"][0] < 0.2


def test_limits_set_anew_are_those_of_the_history():
    judge = checks.learn_limits([[seen(size=4.0), seen(size=4.2)]])
    told = judge.judge(seen(size=4.4), good=True)
    assert told[checks.TUNED].score == pytest.approx(4.4 / 4.2)
    assert told[checks.FIXED].score == pytest.approx(4.4 / 5)
    assert told[checks.FIXED].alarm is False
    assert judge.judge(seen(size=5.1), good=True)[checks.FIXED].alarm is True


def test_long_clusters_are_counted_with_their_number_per_second():
    plot = np.zeros(OBJECTS["long_clusters_L0"].shape)
    plot[5, 3], plot[7, 1] = 10, 60  # 30 and 60 long clusters
    (told,) = checks.LongClusters().judge(seen(long_clusters_L0=plot), good=True).values()
    assert told.score == pytest.approx(90 / 180)
    assert list(told.cells[:2]) == [7, 5]
    assert told.values[1] == pytest.approx(0.5)


def test_probability_is_the_beta_binomial_one():
    reference = binomial.Reference.of(np.array([[40.0, 60.0, 100.0]]))
    count = np.array([30.0, 20.0, 50.0])
    scale = 1 / np.sqrt(1 + (np.array([40, 60, 100]) * 1e-4) ** 2)
    alpha = np.round(np.array([40, 60, 100]) * scale) + 1
    beta = np.round(200 * scale) - alpha + 2
    assert reference.log_probability(count, 100.0)[0] == pytest.approx(betabinom.logpmf(count, 100, alpha, beta))


def test_a_reference_is_never_better_than_one_per_cent():
    reference = np.full((1, 100), 1e8)
    count = np.full(100, 1e6)
    count[3] *= 1.03
    count[4] *= 1.10
    pull = binomial.pulls(count, reference)
    assert pull[0] < 1
    away = (1.03 / 1.0013 - 1) / 0.01  # of 1 % each; a relative probability counts as a p-value
    assert pull[3] == pytest.approx(np.sqrt(chi2.isf(np.exp(-(away**2) / 2), 1)), abs=0.1)
    assert 3 < pull[3] + 1 < pull[4] < 11


def test_looking_at_many_bins_makes_a_pull_smaller():
    assert binomial.max_pull(np.array([4.0]), 1)[0] == pytest.approx(4.0)
    assert binomial.max_pull(np.array([4.0]), 1000)[0] == pytest.approx(
        np.sqrt(chi2.isf(1 - (1 - chi2.sf(16, 1)) ** 1000, 1))
    )


def test_beta_binomial_names_the_chip_that_changed():
    rng = np.random.default_rng(1)
    judge = binomial.compare_to([[fluctuating(rng, factor)] for factor in (0.9, 1.0, 1.1)])
    quiet = judge.judge(fluctuating(rng, 1.2), good=True)
    loud = judge.judge(seen(changed("L1_05/2", 1.3)), good=True)
    assert quiet[binomial.MANY].score < 1
    assert loud[binomial.MANY].score > 10
    assert loud[binomial.ONE].cells[0] == cell_of("L1_05/2")
    assert loud[binomial.CHI2].score > 10 * quiet[binomial.CHI2].score


def test_a_template_follows_good_cycles_and_only_those():
    rng = np.random.default_rng(2)
    judge = template.learn_template([[fluctuating(rng) for _ in range(60)]])
    share, _ = template.normalised(seen())
    assert judge.template.mean[:108] == pytest.approx(share[:108], rel=2e-3)
    before = judge.template
    loud = judge.judge(seen(changed("L0_03/4", 1.2)), good=False)
    assert loud[template.PULL].cells[0] == cell_of("L0_03/4")
    assert loud[template.CHI2].score > 20
    assert judge.template is before
    other = judge.fork()
    other.judge(seen(), good=True)
    assert judge.template is before is not other.template


def test_factors_rebuild_what_they_learnt_and_nothing_else():
    rng = np.random.default_rng(3)
    maps = rng.uniform(0.5, 1.5, (12, 2)) @ rng.uniform(0.1, 1.0, (2, 40))
    patterns = factors.factorise(maps)
    assert patterns.shape == (5, 40)
    assert np.abs(factors.residuals(maps, patterns)).max() < 0.03 * maps.mean()
    odd = maps[:1].copy()
    odd[0, 7] += 1.0
    assert int(np.argmax(factors.residuals(odd, patterns)[0])) == 7


def test_a_stave_counts_only_where_two_in_five_cells_are_off():
    rng = np.random.default_rng(4)
    judge = factors.learn_patterns([[fluctuating(rng) for _ in range(12)]])
    row = TYPICAL.copy()
    row[:3] *= 0.5  # three of nine chips
    three = judge.judge(seen(row), good=False)
    row[3] *= 0.5
    four = judge.judge(seen(row), good=False)
    assert four[factors.STAVE].score > 50 * three[factors.STAVE].score
    assert three[factors.CELL].score > 1000


def test_images_and_rows_go_both_ways():
    row = np.arange(float(CELLS))
    pictures = autoencoder.images(row)
    assert [picture.shape for picture in pictures] == [(9, 48), (16, 54), (28, 90)]
    assert np.array_equal(autoencoder.row_of(pictures), row)


def test_autoencoder_multiplies_cycles_of_one_run(monkeypatch):
    monkeypatch.setattr(autoencoder, "_STEPS", 30)
    rng = np.random.default_rng(5)
    learnt = autoencoder.learn({1: [fluctuating(rng) for _ in range(8)]})
    judge = autoencoder.Autoencoder(learnt, autoencoder.usual_map([seen()]))
    row = changed("L0_03/4", 1.5)
    quiet = [judge.judge(fluctuating(rng), good=True)[autoencoder.PRODUCT].score for _ in range(3)]
    loud = [judge.judge(seen(row), good=False)[autoencoder.PRODUCT] for _ in range(3)]
    assert max(quiet) < loud[0].score < loud[1].score < loud[2].score
    assert loud[2].cells[0] == cell_of("L0_03/4")
    anew = judge.judge(seen(row, run=2), good=False)[autoencoder.PRODUCT].score
    assert anew == pytest.approx(loud[2].score, rel=0.01)  # the run before does not count


def test_dead_cells_and_luminosity_are_corrected_for():
    row = TYPICAL.copy()
    row[40] = 0.0
    usual = autoencoder.usual_map([seen(row)])
    assert usual[40] == 0
    assert np.abs(autoencoder.corrected(seen(1.7 * row), usual)).max() < 1e-6
    assert np.abs(autoencoder.corrected(seen(1.7 * row), usual)[layer_slice(0)]).max() < 1e-6


def test_seeds_are_held_out():
    from benchmarks.its.scenes import Plan, faults, history, learning, shifts

    plan = Plan()
    scenes = [
        *learning(plan),
        *shifts(plan, "nominal"),
        *faults(plan, "vertex"),
        *history(("noise", "pp", HELD_OUT), 180.0),
    ]
    assert min(min(scene.seed, scene.run.detector_seed) for scene in scenes) >= HELD_OUT
    assert len({scene.key for scene in scenes}) == len(scenes)
    lessons = {scene.run.detector_seed for scene in learning(plan)}
    assert not lessons & {scene.run.detector_seed for scene in scenes if scene.part != "learning"}
