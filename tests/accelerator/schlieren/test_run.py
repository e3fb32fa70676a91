"""What needs more than one shot: frozen frames, drifts, and that one cause is one alarm."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from accelerator.schlieren import run_memory
from accelerator.schlieren.causes import Cause
from accelerator.schlieren.channel import PARAMETERS
from accelerator.schlieren.drift import FOLLOWED, LATELY, drifts
from accelerator.schlieren.guidance import guidance, knows
from accelerator.schlieren.incidents import incidents
from accelerator.schlieren.monitor import MEMORY_FILE, RunMonitor, result_of
from accelerator.schlieren.result import EVIDENCE, MEDIA_TYPE, Bench, Parameter, ShotResult, withheld
from accelerator.schlieren.run_memory import KEPT, REFERENCE, Memory, Seen
from core.observation import Observation
from core.verdict import Cause as Named
from core.verdict import Evidence, Quality, Verdict, unreadable

BEGAN = datetime(2026, 6, 1, 6, 0, tzinfo=UTC)
PERIOD = timedelta(seconds=30)


def shot(number: int, frame: int | None = None, wrong: str | None = None, **conditions: float) -> Observation:
    """Return a shot whose frame is noise of its own, or that of another number."""
    rng = np.random.default_rng(number if frame is None else frame)
    told = {
        "run": 1,
        "event": number,
        "mask": "knife",
        "density_cm3": 4e14,
        "pixel_um": 31.25,
        "is": wrong,
        **conditions,
    }
    return Observation(
        system="schlieren",
        element="CAM",
        key=f"1_{number}_{number:012x}",
        observed_at=BEGAN + number * PERIOD,
        origin=f"{number}.h5",
        sha256=f"{number:064x}",
        conditions=told,
        payload={"image": rng.integers(90, 4000, (64, 64)).astype(np.uint16)},
    )


class Stub:
    """A detector that finds the knife where the observation's conditions put it, and the cause that they name."""

    def judge(self, observation: Observation) -> Verdict:
        told = observation.conditions
        cause = told.get("is")
        if cause == "unreadable":
            return unreadable("no density")
        measured = tuple(Parameter(name, unit, 1.0, 0.1, 0.1) for name, unit in PARAMETERS.items())
        knife = float(told.get("knife", 0.0) or 0.0)
        result = ShotResult(
            observed_at=observation.observed_at.isoformat(),
            parameters=withheld("bad") if cause else measured,
            bench=(Bench("knife_um", knife, 0.5, 0.0, 3.5),),
        )
        kept = {EVIDENCE: Evidence(json.dumps(result.to_json()).encode(), MEDIA_TYPE)}
        named = Named(str(cause), 0.9) if cause else None
        return Verdict(
            Quality.BAD if cause else Quality.GOOD, cause=named, measurements=result.measurements, evidence=kept
        )


def run(monitor: RunMonitor, shots: list[Observation]) -> list[Verdict]:
    return [monitor.judge(one) for one in shots]


def test_a_frame_seen_before_is_frozen_and_measures_nothing() -> None:
    monitor = RunMonitor(Stub())
    assert run(monitor, [shot(1), shot(2)])[1].quality is Quality.GOOD
    frozen = monitor.judge(shot(3, frame=2))
    assert (frozen.quality, frozen.cause and frozen.cause.name) == (Quality.BAD, "frozen")
    assert frozen.measurements == {}
    assert frozen.reason == "the camera gave the same frame as for run 1 shot 2"
    result = result_of(frozen)
    assert result is not None
    assert result.parameters == withheld(str(frozen.reason))
    assert result.bench == ()
    assert monitor.judge(shot(4)).quality is Quality.GOOD


def test_judging_a_shot_again_gives_the_same() -> None:
    monitor = RunMonitor(Stub())
    shots = [shot(number, density_cm3=4e14 * (1 + 0.002 * number)) for number in range(40)]
    first = run(monitor, shots)
    assert first[-1].quality is Quality.MEDIUM
    assert run(monitor, shots[30:]) == first[30:]
    assert monitor.judge(shot(7)).quality is Quality.GOOD


def test_a_black_frame_is_not_frozen() -> None:
    monitor = RunMonitor(Stub())
    black = {"image": np.zeros((64, 64), np.uint16)}
    for number in (1, 2, 3):
        verdict = monitor.judge(replace(shot(number, wrong="dark"), payload=black))
        assert verdict.cause == Named("dark", 0.9)


def test_a_stale_camera_that_repeats_is_stale() -> None:
    monitor = RunMonitor(Stub())
    monitor.judge(shot(1))
    verdict = monitor.judge(shot(2, frame=1, wrong="stale"))
    assert verdict.cause == Named("stale", 0.9)
    assert verdict.measurements == {}


def test_the_memory_outlives_the_process_and_is_shared(tmp_path: Path) -> None:
    run(RunMonitor(Stub(), tmp_path), [shot(1), shot(2)])
    other = RunMonitor(Stub(), tmp_path)
    assert other.judge(shot(3, frame=1)).quality is Quality.BAD
    RunMonitor(Stub(), tmp_path).judge(shot(4))
    assert other.judge(shot(5, frame=4)).quality is Quality.BAD


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1}', b'{"format": 1, "name": 2, "shots": 3}'])
def test_a_damaged_memory_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MEMORY_FILE).write_bytes(content)
    assert RunMonitor(Stub(), tmp_path).judge(shot(1)).quality is Quality.GOOD
    assert len(run_memory.load(tmp_path / MEMORY_FILE).shots) == 1


def test_a_disk_that_is_full_loses_no_shot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_memory, "replace_file", full)
    assert RunMonitor(Stub(), tmp_path).judge(shot(1)).quality is Quality.GOOD


def test_what_could_not_be_judged_is_passed_on() -> None:
    verdict = RunMonitor(Stub()).judge(shot(1, wrong="unreadable"))
    assert verdict.quality is Quality.NULL
    assert set(verdict.evidence) == {"image", "thumbnail"}


@pytest.mark.parametrize(
    ("name", "values", "cause"),
    [
        ("density_cm3", lambda n: 4e14 * (1 + 0.0015 * max(n - 20, 0)), "density_drift"),
        ("detuning_ghz", lambda n: -60.0 * (1 + 0.003 * max(n - 20, 0)), "detuning_drift"),
        ("knife", lambda n: -0.5 * max(n - 20, 0), "mask_drift"),
    ],
)
def test_a_slow_drift_is_seen_while_shots_are_good(name: str, values: Callable[[int], float], cause: str) -> None:
    rng = np.random.default_rng(1)
    scale = {"density_cm3": 2e12, "detuning_ghz": 0.6, "knife": 0.4}[name]
    shots = [shot(n, **{name: values(n) + scale * rng.standard_normal()}) for n in range(60)]  # type: ignore[arg-type]
    verdicts = run(RunMonitor(Stub()), shots)
    first = next(number for number, one in enumerate(verdicts) if one.quality is Quality.MEDIUM)
    assert 25 < first < 50
    assert all(one.quality is Quality.MEDIUM and one.cause and one.cause.name == cause for one in verdicts[first + 1 :])
    result = result_of(verdicts[-1])
    assert result is not None
    drift = result.drifts[0]
    began = (datetime.fromisoformat(drift.since) - BEGAN) / PERIOD
    assert 20 <= began <= 36
    truth = (values(59) - values(20)) / 39 * 120 * (1 if name == "knife" else 100 / values(0))
    assert drift.per_hour == pytest.approx(truth, rel=0.25)
    assert verdicts[-1].measurements


def test_a_new_run_begins_anew() -> None:
    monitor = RunMonitor(Stub())
    run(monitor, [shot(n) for n in range(30)])
    higher = run(monitor, [shot(n, run=2, density_cm3=6e14) for n in range(30, 60)])
    assert all(one.quality is Quality.GOOD for one in higher)


def test_too_few_shots_tell_no_drift() -> None:
    shots = [Seen(str(n), float(n), str(n), {"density_cm3": 4e14 if n < REFERENCE else 5e14}) for n in range(40)]
    memory = Memory()
    seen = []
    for one in shots:
        memory = memory.then("run", one)
        seen.append(bool(drifts(memory, one)))
    assert not any(seen[: REFERENCE + LATELY - 1])
    assert all(seen[REFERENCE + LATELY :])


def test_the_memory_is_bounded() -> None:
    memory = Memory()
    for n in range(KEPT + 50):
        memory = memory.then("run", Seen(str(n), float(n), str(n), {"density_cm3": float(n)}))
    assert len(memory.shots) == KEPT
    assert memory.reference["density_cm3"] == tuple(map(float, range(REFERENCE)))


def test_one_cause_is_one_incident_and_blind_shots_hold_the_others() -> None:
    monitor = RunMonitor(Stub())
    bad = shot(1, wrong="no_ionisation", laser_energy_mj=0.4)
    told = incidents(bad, monitor.judge(bad))
    assert [(one.kind, one.quality, one.cause) for one in told] == [("no_ionisation", Quality.BAD, "no_ionisation")]
    assert told[0].message == "No ionisation (90%): laser 0.4 mJ"
    dark = shot(2, wrong="dark")
    held = incidents(dark, monitor.judge(dark))
    assert [one.kind for one in held if one.quality is Quality.BAD] == ["dark"]
    assert {"no_ionisation", "defocus"} <= {one.kind for one in held if one.quality is Quality.MEDIUM}
    assert not {"density_drift", "frozen", "stale"} & {one.kind for one in held}
    assert not incidents(shot(3), monitor.judge(shot(3)))


def test_a_drift_is_an_incident_since_its_beginning() -> None:
    monitor = RunMonitor(Stub())
    shots = [shot(n, density_cm3=4e14 * (1 + 0.002 * max(n - 15, 0))) for n in range(60)]
    told = [incidents(one, verdict) for one, verdict in zip(shots, run(monitor, shots), strict=True)]
    assert not any(told[:25])
    last = told[-1]
    assert [(one.kind, one.quality) for one in last] == [("density_drift", Quality.BAD)]
    assert last[0].since < shots[25].observed_at
    assert last[0].message.startswith("Vapour density +8.4")


def test_every_cause_has_its_guidance() -> None:
    assert all(knows(cause) for cause in Cause)
    texts: Mapping[str, str] = {cause: guidance(cause) for cause in Cause}
    assert len(set(texts.values())) == len(texts)
    assert guidance("gremlins") == guidance("unknown") != guidance(None)
    assert {one.cause for one in FOLLOWED.values()} <= set(Cause)
