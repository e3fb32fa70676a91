"""Streams of the simulated machine, whose model error the model does not know: nominal, a jump, a drift."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from accelerator.collimation import display, fill_memory
from accelerator.collimation.detector import CollimationDetector
from accelerator.collimation.diagnosis import CASCADES, SHRINKING, Quantity
from accelerator.collimation.monitor import MEMORY_FILE
from accelerator.collimation.observing import stream_observation
from accelerator.collimation.seconds import BACKGROUND_GY_PER_S, seconds_of, steady_shares
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.simulate.fill import FillPlan, Wrong, phases
from accelerator.collimation.simulate.stream import simulate_fill
from accelerator.collimation.stream import tidied
from accelerator.collimation.system import incidents
from core.alarms.severity import Severity
from core.alarms.state import Phase
from core.settings import Settings
from core.store.views import AlarmView
from core.verdict import Quality


def pieces(plan, seed=1, piece_s=300):
    for number, piece in enumerate(simulate_fill(plan, seed, piece_s)):
        tidy, _ = tidied(piece.stream, "simulated")
        observation = stream_observation(tidy, {}, f"piece {number}", f"{number:064d}")
        yield replace(observation, key=f"piece {number}")


def stable(hours, **known):
    return FillPlan(phases=phases(hours, whole=False), model_error=0.5, **known)


@pytest.fixture
def detector(tmp_path):
    return CollimationDetector.load(Settings(home=tmp_path))


def test_a_sudden_fault_is_found_within_ten_seconds(detector):
    wrong = Wrong(Setting("tcsg.d4l7.b1", Quantity.GAP, -2.0), begins_s=700.0)
    plan = stable(0.25, wrong=(wrong,))
    verdicts = [(one, detector.judge(one)) for one in pieces(plan)]
    assert [verdict.quality for _, verdict in verdicts[:2]] == [Quality.GOOD] * 2
    observation, last = verdicts[2]
    assert last.quality is Quality.BAD
    assert last.regions[0].where["element"] == "tcsg.d4l7.b1"
    began = datetime.fromisoformat(str(last.regions[0].where["since"]))
    true = plan.begins_at.astimezone(UTC).timestamp() + 700.0
    assert abs(began.timestamp() - true) <= 10
    (incident,) = incidents(observation, last)
    assert incident.element == "tcsg.d4l7.b1"


def test_the_last_piece_judged_again_gives_the_same_also_in_another_process(tmp_path):
    first = CollimationDetector.load(Settings(home=tmp_path))
    seen = list(pieces(stable(0.25)))
    verdicts = [first.judge(one) for one in seen]
    again = CollimationDetector.load(Settings(home=tmp_path))
    assert again.judge(seen[-1]).to_json() == verdicts[-1].to_json()
    assert first.judge(seen[-1]).to_json() == verdicts[-1].to_json()


def test_no_beam_is_no_alarm(detector):
    observation = next(iter(pieces(stable(0.1))))
    quiet = {**observation.payload, "intensity_b1": np.zeros(300), "intensity_b2": np.zeros(300)}
    verdict = detector.judge(replace(observation, payload=quiet))
    assert verdict.quality is Quality.GOOD
    assert verdict.cause.name == "no beam"


def test_a_short_or_empty_piece_is_survived(detector):
    observation = next(iter(pieces(stable(0.1))))
    payload = observation.payload
    signal = np.asarray(payload["signal_gy_per_s"])
    for broken in (signal[:3], np.full_like(signal, np.nan), np.zeros_like(signal)):
        cut = {name: value[: len(broken)] if name != "monitor" else value for name, value in payload.items()}
        verdict = detector.judge(replace(observation, payload={**cut, "signal_gy_per_s": broken}))
        assert verdict.quality in {Quality.GOOD, Quality.MEDIUM, Quality.NULL}


def test_dust_of_two_seconds_leaves_no_trace():
    rng = np.random.default_rng(0)
    values = np.tile([1.0, 0.1, 0.01], (60, 1)) * (1 + 0.01 * rng.normal(size=(60, 3)))
    values[30:32, 2] = 5.0
    steady = steady_shares(values, 5)
    assert steady.shape == (56, 3)
    assert (steady[:, 2] / steady.sum(axis=1)).max() < 0.02


def test_seconds_of_channels_have_background_taken_off():
    observation = next(iter(pieces(stable(0.1))))
    one = seconds_of(observation, 1)
    assert one.values.shape == (300, len(one.channels))
    primary = one.channels.index("tcp.c6l7.b1")
    assert one.values[:, primary].mean() > 100 * one.noise[primary] / np.sqrt(300)
    assert abs(one.values[:, one.channels.index("cold arc 78 b1")].mean()) < 3e-7
    assert one.blocks(60).shape[0] == 5


def test_what_monitors_read_without_beam_is_remembered_and_taken_off(tmp_path):
    observation = next(iter(pieces(stable(0.1))))
    own = CollimationDetector.load(Settings(home=tmp_path))
    level = np.full_like(np.asarray(observation.payload["signal_gy_per_s"]), 2e-6)
    quiet = {**observation.payload, "intensity_b1": np.zeros(300), "intensity_b2": np.zeros(300)}
    own.judge(replace(observation, payload={**quiet, "signal_gy_per_s": level}))
    (written,) = tmp_path.rglob(MEMORY_FILE)
    known = fill_memory.load(written).after.background
    one = seconds_of(observation, 1)
    assert np.array(known["1"])[one.there] == pytest.approx(2e-6 - BACKGROUND_GY_PER_S, rel=1e-3)
    less = one.less(np.array(known["1"]))
    assert less.values[:, one.there] == pytest.approx((one.values - np.array(known["1"]))[:, one.there])
    assert (less.offset[one.there] < one.offset[one.there]).all()
    assert not less.values[:, ~one.there].any()


def test_ramp_squeeze_and_first_minutes_of_a_nominal_fill_are_no_alarm(detector):
    """Before patterns are learnt, a background and a burst of the other beam were called a fault here."""
    plan = FillPlan(phases=phases(0.05), model_error=0.5, machine_seed=3005, fill=3005)
    told = [detector.judge(one) for one in pieces(plan, seed=4005, piece_s=60)]
    assert len(told) > 60
    assert [verdict.reason for verdict in told if verdict.quality is Quality.BAD] == []
    assert not [region for verdict in told for region in verdict.regions]


def test_each_beam_with_something_wrong_has_a_cascade_of_its_own_that_its_alarm_shows(detector):
    """Once an alarm of beam 2 showed beam 1, because that was the worse one."""
    wrong = tuple(
        Wrong(Setting(element, Quantity.GAP, -2.0), begins_s=450.0) for element in ("tcsg.d4l7.b1", "tcspm.b4r7.b2")
    )
    judged = [(one, detector.judge(one)) for one in pieces(stable(0.15, wrong=wrong))]
    assert not {*CASCADES.values()} & {*judged[0][1].evidence}
    observation, verdict = judged[-1]
    kinds = {one.kind for one in incidents(observation, verdict)}
    assert kinds == {"beam 1", "beam 2"}
    own = {kind: display.alarm_picture(alarm(kind), verdict.evidence) for kind in kinds}
    assert own == {"beam 1": "cascade_b1", "beam 2": "cascade_b2"}
    drawn = [verdict.evidence[name].content for name in own.values()]
    assert drawn[0] != drawn[1]
    assert verdict.evidence["cascade"].content in drawn


@pytest.mark.slow
@pytest.mark.parametrize(
    ("jump", "beam"), [("tcspm.b4l7.b1", "beam 1"), ("tcspm.b4r7.b2", "beam 2")], ids=["same beam", "other beam"]
)
def test_a_margin_goes_on_shrinking_beside_a_sudden_fault(detector, jump, beam):
    """Once a sudden fault took the place of the drift in its beam, whose alarm ended and was raised again."""
    wrong = (
        Wrong(Setting("tcp.c6l7.b1", Quantity.GAP, 1.45), 70 * 60.0, 1.0),
        Wrong(Setting(jump, Quantity.GAP, -2.0), 140 * 60.0),
    )
    course = []
    for one in pieces(stable(165 / 60, wrong=wrong, machine_seed=2026), seed=3, piece_s=120):
        verdict = detector.judge(one)
        course.append({(told.kind, told.cause): told for told in incidents(one, verdict)})
    drift = ("beam 1", SHRINKING)
    first = next(number for number, told in enumerate(course) if drift in told)
    assert first < 65
    told_since = {told[drift].since for told in course[first:] if drift in told}
    assert [number for number, told in enumerate(course) if number >= first and drift not in told] == []
    assert len(told_since) == 1
    sudden = [{told.element for told in of.values() if told.cause != SHRINKING} for of in course]
    assert not any(sudden[:70])
    assert all(sudden[72:])
    assert set().union(*sudden) == {jump}
    assert beam in {kind for kind, cause in course[-1] if cause != SHRINKING}


def test_an_alarm_shows_the_cascade_where_there_is_only_one():
    assert display.alarm_picture(alarm("beam 2"), {"cascade", "ring"}) == "cascade"
    assert display.alarm_picture(alarm("beam 2"), {"cascade", "ring", "cascade_b1"}) is None
    assert display.alarm_picture(alarm("beam 2"), set()) is None


def alarm(kind):
    return AlarmView(
        **dict.fromkeys(
            ("recovered_at", "closed_at", "acknowledged_by", "acknowledged_at", "shelved_by", "shelved_until"), None
        ),
        shelved_reason=None,
        id=1,
        system="collimation",
        element="tcp.c6l7.b1",
        severity=Severity.MAJOR,
        current=Severity.MAJOR,
        phase=Phase.UNACKNOWLEDGED,
        message="",
        count=1,
        bad_since=datetime.now(UTC),
        raised_at=datetime.now(UTC),
        observation_id=1,
        kind=kind,
    )


def test_a_disk_that_is_full_loses_the_memory_and_not_the_piece(detector, monkeypatch):
    def refused(*_):
        raise OSError(28, "No space left on device")

    first, second = [one for _, one in zip(range(2), pieces(stable(0.2)), strict=False)]
    monkeypatch.setattr(fill_memory, "save", refused)
    assert detector.judge(first).quality is Quality.GOOD
    assert detector.judge(second).quality is Quality.GOOD
    monkeypatch.undo()
    again = detector.judge(second)
    assert again.quality is Quality.GOOD
