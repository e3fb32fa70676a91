"""The Schlieren benchmark: seeds are held out, figures are what they are called, aims that are missed are told."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.channel import PARAMETERS, Channel
from accelerator.schlieren.detector import SchlierenDetector
from accelerator.schlieren.simulate.apparatus import NOMINAL, WIDER, Mask
from accelerator.schlieren.simulate.plan import draw_plan
from benchmarks.schlieren import accuracy, anomalies, figures, methods, report, robustness, unseen
from benchmarks.schlieren.__main__ import PARTS, main
from benchmarks.schlieren.figures import Seen
from benchmarks.schlieren.methods import Answer
from benchmarks.schlieren.scenes import DEVELOPMENT, HELD_OUT, QUICK, SECOND, Plan, cases, ensembles, floor_of

FLOOR = dict.fromkeys(PARAMETERS, 2.0)


def seen(errors, sigma=2.0, *, accepted=True, reason=None):
    """A shot whose values are off by so much."""
    truth = Channel()
    values = {name: getattr(truth, name) + error for name, error in zip(PARAMETERS, errors, strict=True)}
    case = SimpleNamespace(truth=truth, ensemble="x", seed=1, half_radius_um=800 + 150 * np.sqrt(np.log(2)))
    answer = Answer(accepted, values if accepted else {}, dict.fromkeys(PARAMETERS, sigma), 5.0, reason=reason)
    return Seen(case, FLOOR, answer)


def test_seeds_are_held_out():
    assert Plan().seed == HELD_OUT
    assert DEVELOPMENT + 100_000 < HELD_OUT
    assert len(ensembles(Plan())) == 2 * (2 + len(SECOND))
    assert all(size < 100_000 for size in ensembles(Plan()).values())
    assert set(ensembles(QUICK, "wider")) == {"wider, knife", "wider, stop"}


def test_shots_of_wider_ranges_are_drawn_from_those(tmp_path):
    found = list(cases(Plan(wider=6), "wider, stop", tmp_path))
    benches = [one.true.apparatus for one in found]
    assert len({bench.electrons for bench in benches}) == 6
    assert all(bench.mask is Mask.STOP for bench in benches)
    beyond = [
        name
        for bench in benches
        for name, (low, high) in NOMINAL.items()
        if not low <= getattr(bench, name) <= high and WIDER[name][0] <= getattr(bench, name) <= WIDER[name][1]
    ]
    assert len(beyond) > 5
    assert all(one.observation.conditions["mask"] == "stop" for one in found)
    floors = floor_of(found[0])
    assert set(floors) == set(PARAMETERS)
    assert 0.05 < floors["position_um"] < 3


def test_bias_resolution_and_coverage_are_what_they_are_called():
    rng = np.random.default_rng(3)
    drawn = rng.normal(1.0, 2.0, (4000, 5))
    row = figures.figures([seen(errors) for errors in drawn])
    for told in row["parameters"].values():
        assert told["bias"] == pytest.approx(0.5, abs=0.06)
        assert told["robust"] == pytest.approx(1.0, abs=0.05)
        assert told["rms"] == pytest.approx(np.sqrt(1 + 0.25), abs=0.05)
        assert told["bias_over_resolution"] == pytest.approx(0.5, abs=0.06)
        assert told["own"] == 1
        assert told["within_68"] == pytest.approx(0.6247, abs=0.03)  # of N(0.5, 1) within 1
    assert row["refused"] == row["badly_wrong"] == 0
    assert row["half_radius"]["bias_um"] == pytest.approx(1 + np.sqrt(np.log(2)), abs=0.15)


def test_what_is_refused_counts_nowhere_else():
    found = [seen([0.1] * 5)] * 6 + [seen([0, 0, 0, 11, 0])] + [seen([99] * 5, accepted=False, reason="fit: 3.2")] * 3
    row = figures.figures(found)
    assert (row["shots"], row["accepted"], row["badly_wrong_shots"]) == (10, 7, 1)
    assert row["refused"] == pytest.approx(0.3)
    assert row["reasons"] == {"fit": 3}
    assert "transition_width_um +5.5" in row["worst"][0]
    low, high = figures.interval(0, 3000)
    assert low == 0
    assert high == pytest.approx(0.001, rel=0.01)


def test_missed_aims_and_losses_are_told():
    good = figures.figures([seen(errors) for errors in np.random.default_rng(4).normal(0, 2.0, (800, 5))])
    poor = figures.figures([seen(errors) for errors in np.random.default_rng(5).normal(1.5, 3.5, (800, 5))])
    assert report.aims({"wider, knife": {"ours": good}}, "ours") == []
    told = "\n".join(report.aims({"wider, knife": {"ours": poor}}, "ours"))
    for words in ("r0: ", "floors rms, at most 1.5", "bias is", "within one sigma"):
        assert words in told
    lost = report.losses({"wider, knife": {"ours": poor, "peer": good}}, "ours", "peer")
    assert len(lost) == 10
    assert report.losses({"wider, knife": {"ours": good, "peer": poor}}, "ours", "peer") == []
    table = report.accuracy_table({"wider, knife": {"ours": good, "peer": poor}})
    assert len(table.splitlines()) == 4


def said(kind, quality, score, cause=None):
    return anomalies.Said(kind, "knife", 1, quality, cause, score, None)


def test_recall_is_at_one_per_cent_of_nominal_shots():
    nominal = [said("nominal", "GOOD", index / 200) for index in range(199)] + [said("nominal", "BAD", 2.0)]
    wrong = [said("defocus", "BAD", 3.0, "defocus"), said("defocus", "BAD", 2.5, "dust"), said("defocus", "GOOD", 0.2)]
    odd = [said("fringes", "BAD", np.inf, "unknown"), said("fringes", "MEDIUM", 1.5)]
    found = anomalies.figures([*nominal, *wrong, *odd])
    assert found["nominal_bad"] == pytest.approx(1 / 200)
    assert 0.98 < found["level"] < 1.0
    assert found["recall_named"] == pytest.approx(2 / 3)
    assert found["recall_unseen"] == pytest.approx(0.5)
    assert found["recall_unseen_at_1_percent"] == 1
    rows = {row["kind"]: row for row in found["rows"]}
    assert rows["defocus"]["right name (of bad)"] == pytest.approx(0.5)
    assert rows["fringes"]["called unknown"] == 1
    assert len(found["missed"]) == 2
    assert "200 nominal shots" in anomalies.text(found)


@pytest.mark.parametrize("kind", list(unseen.KINDS))
def test_unseen_kinds_change_the_picture_and_no_training_has_them(kind):
    assert kind.replace(" ", "_") not in set(Cause)
    scene = draw_plan(np.random.default_rng(6), Mask.KNIFE).scene
    usual, odd = unseen.expected_electrons(scene), unseen.KINDS[kind](scene, np.random.default_rng(7))
    bright = usual > 0.2 * usual.max()
    assert np.abs(odd / usual - 1)[bright].max() > 0.08
    shot = unseen.draw_unseen(np.random.default_rng(6), kind, Mask.KNIFE)
    assert shot.frame.shape == (256, 256)
    assert shot.frame.max() > 300


def test_one_setting_is_changed_at_a_time():
    plan = draw_plan(np.random.default_rng(7), Mask.KNIFE)
    for name in robustness.ranges():
        values = robustness.values_of(name)
        assert len(values) >= 4
        moved = robustness.changed(plan, name, values[0])
        assert moved != plan
    assert robustness.changed(plan, "defocus_mm", 33.0).scene.apparatus.defocus_mm == 33.0
    wrong = robustness.changed(plan, "detuning error", 0.05)
    assert wrong.scene == plan.scene
    assert wrong.measured.detuning_ghz == pytest.approx(1.05 * plan.scene.vapour.detuning_ghz)
    assert max(robustness.values_of("peak_ionisation")) <= 1


def test_curves_of_robustness_are_drawn(tmp_path):
    pytest.importorskip("matplotlib", reason="extra `bench` is not installed")
    rows = [
        {"setting": "defocus_mm", "mask": "knife", "value": 6.0 * at, "half widths": at, "refused": abs(at) / 8}
        | {f"{name}: {what}": 1.0 + abs(at) for name in PARAMETERS for what in ("rms over floor", "within 1 sigma")}
        for at in robustness.HALF_WIDTHS
    ]
    robustness.draw(rows, tmp_path)
    assert (tmp_path / "robustness-knife.png").stat().st_size > 5000
    assert not (tmp_path / "robustness-stop.png").exists()
    assert robustness.table(rows).count("|") > 20


@pytest.mark.slow
def test_a_tiny_run_compares_detector_and_fit(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(accuracy, "ensembles", lambda plan, only: {"nominal, knife": 1})
    assert set(PARTS) >= {"accuracy", "anomalies", "speed", "robustness"}
    assert (
        main(
            ["--quick", "--development", "--part", "accuracy", "--shots", "1", "--fitted", "1", "--out", str(tmp_path)]
        )
        == 0
    )
    assert "least squares" in capsys.readouterr().out
    assert (tmp_path / "development-quick-accuracy.json").is_file()


def test_what_is_not_good_is_not_accepted(tmp_path):
    (case,) = cases(replace(QUICK, nominal=1), "nominal, knife", tmp_path)
    detectors = {mask: SchlierenDetector.load(settings) for mask, settings in [(Mask.KNIFE, settings_of(case))]}
    dark = replace(case.observation, payload={"image": np.full((256, 256), 100, np.uint16)})
    answer = methods.ours(detectors[Mask.KNIFE], replace(case, observation=dark))
    assert not answer.accepted
    assert answer.values == {}
    assert answer.quality in {"BAD", "MEDIUM", "NULL"}


def settings_of(case):
    from benchmarks.schlieren.scenes import settings_for

    return settings_for(case.true.apparatus.mask)
