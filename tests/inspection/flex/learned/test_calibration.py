"""Calibration on the product's own good boards: who is trusted, and what the card tells."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from core.inference import Session  # noqa: E402
from core.thresholds import SpotThreshold  # noqa: E402
from inspection.flex.learned import calibration as subject  # noqa: E402
from inspection.flex.learned.calibration import Calibrated, calibrate_stack  # noqa: E402
from inspection.flex.learned.fusion import OFF_PADS, SUMS, Fusion  # noqa: E402
from inspection.flex.learned.parts import PARTS  # noqa: E402
from inspection.flex.learned.spot_network import SpotNetwork  # noqa: E402
from inspection.flex.learned.spot_training import export_spots  # noqa: E402


@pytest.fixture(scope="module")
def session():
    torch.manual_seed(6)
    network = SpotNetwork()
    network.head.weight.data *= 20  # untrained, it says nearly the same everywhere
    return Session(export_spots(network), "spots.onnx")


@pytest.mark.parametrize(
    ("learned", "held", "learners", "judges", "agree"),
    [
        (1.0, 1.0, 24, 8, True),
        (0.8, 1.2, 24, 8, True),
        (0.1, 1.5, 24, 8, False),  # the network knows its own boards: they say nothing of others
        (2.0, 0.5, 24, 8, True),  # learning cannot have done that: good boards differ
        (0.1, 1.5, 6, 2, True),  # two boards cannot tell
        (0.0, 0.0, 6, 2, True),
        (0.0, 1.0, 400, 400, False),
    ],
)
def test_learned_boards_are_trusted_when_both_kinds_agree(learned, held, learners, judges, agree):
    assert subject._agree([learned, held], learners, judges) is agree


def test_boards_that_were_all_learned_from_or_all_new_are_no_problem(stack, zones, session):
    """A package that is refitted on photos of other names has only new boards."""
    calibrated = calibrate_stack(stack, zones, session, [], range(4))
    assert calibrated.spots.observations == 4
    assert calibrated.learned_rate == 0


@pytest.fixture(scope="module")
def calibrated(stack, zones, session):
    return calibrate_stack(stack, zones, session, [0, 1], [2, 3])


def test_every_board_is_judged_and_the_worst_is_its_highest_spot(calibrated):
    assert len(calibrated.worst) == 4
    assert calibrated.held_back == (2, 3)
    assert set(calibrated.fusion.scales) <= {*PARTS, *SUMS}
    assert {"spots", "context", "position", "rebuilding"} <= set(calibrated.fusion.scales)
    assert set(calibrated.fusion.handicaps) == {*calibrated.fusion.scales, OFF_PADS}
    if calibrated.spots.observations == 4:
        assert [spots[0] for spots in calibrated.spots.spots] == pytest.approx(list(calibrated.worst))


def test_without_agreement_only_the_boards_held_back_count(stack, zones, session, monkeypatch, calibrated):
    seen = []

    def never(rates, learners, judges):
        seen.append((rates, learners, judges))
        return False

    monkeypatch.setattr(subject, "_agree", never)
    found = calibrate_stack(stack, zones, session, [0, 1], [2, 3])
    assert seen[-1] == ([found.learned_rate, found.held_back_rate], 2, 2)
    assert len(seen) == 4  # the network, the two sums in which it has a say, and the whole
    assert [spots[0] for spots in found.spots.spots] == pytest.approx(found.worst[2:])
    for name in ("context", "position", "rebuilding"):  # they did not learn from single boards: all boards count
        assert found.fusion.scales[name] == calibrated.fusion.scales[name]
    monkeypatch.setattr(subject, "_agree", lambda *_: True)
    assert calibrate_stack(stack, zones, session, [0, 1], [2, 3]).spots.observations == 4


def test_a_board_with_a_gross_defect_among_the_good_ones_is_pointed_at():
    spots = SpotThreshold.fit([[1.0, 0.5, 0.2], [0.9, 0.4, 0.1], [6.0, 0.3, 0.0]])
    found = Calibrated(Fusion({}, {}, {}), spots, (1.0, 0.9, 6.0), (2,), 1.0, 1.0)
    assert list(found.suspicious()) == [(2, 6.0)]


def test_the_card_is_plain_json(calibrated):
    content = json.loads(json.dumps(calibrated.to_json(), allow_nan=False))
    assert Fusion.from_json(content["fusion"], "card") == calibrated.fusion
    assert SpotThreshold.from_json(content["spots"]) == calibrated.spots
    metrics = json.loads(json.dumps(calibrated.metrics(), allow_nan=False))
    assert metrics["good_boards"] == 4
    assert metrics["boards_held_back_from_training"] == 2
    assert all(np.isfinite(value) for value in metrics.values())
