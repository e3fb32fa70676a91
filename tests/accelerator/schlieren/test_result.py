"""The result of a shot as it is stored, and what is refused."""

import json
from dataclasses import replace

import pytest

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.channel import PARAMETERS, Channel, Vapour
from accelerator.schlieren.result import (
    DEGENERACY,
    Bench,
    BestFit,
    Check,
    Drift,
    Parameter,
    ShotResult,
    withheld,
)
from accelerator.schlieren.simulate.apparatus import Apparatus, Mask
from core.errors import ShiftwatchError
from core.verdict import Measurement

MEASURED = ShotResult(
    observed_at="2026-06-01T06:00:00+00:00",
    parameters=tuple(Parameter(name, unit, 1.0, 0.2, 0.1) for name, unit in PARAMETERS.items()),
    run=1000,
    event=7,
    camera="CAM",
    causes={"nominal": 0.98, Cause.DUST: 0.02},
    density_cm3=4e14,
    detuning_ghz=-60.0,
    mask="stop",
    laser_energy_mj=119.0,
    checks=(Check("misfit", 1.1, 2.2),),
    bench=(Bench("stop_y_um", 4.0, 1.0, 0.0, 2.9),),
    best_fit=BestFit(Channel(tilt_mrad=2.0), Vapour(), Apparatus(mask=Mask.STOP, bin_columns=16), (0.01, -0.02)),
    drifts=(
        Drift("density_cm3", "%", "density_drift", 3.2, 0.2, 3.0, "2026-06-01T05:40:00+00:00", 9.0, ((1.0, 0.1),)),
    ),
    missing=("laser_energy is missing",),
)


def test_it_survives_json() -> None:
    assert ShotResult.from_json(json.loads(json.dumps(MEASURED.to_json()))) == MEASURED
    nothing = replace(MEASURED, parameters=withheld("dark"), best_fit=None, causes={"dark": 0.99})
    assert ShotResult.from_json(json.loads(json.dumps(nothing.to_json()))) == nothing
    assert nothing.measurements == {}
    assert DEGENERACY in nothing.blind


def test_measurements_carry_their_floor() -> None:
    found = MEASURED.measurements
    assert list(found) == list(PARAMETERS)
    assert found["tilt_mrad"] == Measurement(1.0, 0.2, "mrad", 0.1)
    assert found["tilt_mrad"].to_json() == {"value": 1.0, "sigma": 0.2, "unit": "mrad", "floor": 0.1}
    assert "floor" not in Measurement(1.0, 0.2, "mm").to_json()


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": []},
        {"causes": {"gremlins": 0.5}},
        {"causes": {"dust": 1.5}},
        {"causes": 3},
        {"checks": [{"name": "misfit"}]},
        {"best_fit": {"channel": {}}},
        {"best_fit": {**MEASURED.to_json()["best_fit"], "apparatus": {"mask": "mirror"}}},
    ],
)
def test_what_is_no_result_is_refused(change: dict[str, object]) -> None:
    content = json.loads(json.dumps(MEASURED.to_json()))
    with pytest.raises(ShiftwatchError, match="no result of a shot"):
        ShotResult.from_json({**content, **change})
    with pytest.raises(ShiftwatchError, match="no result of a shot"):
        ShotResult.from_json({})


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": 1.0},
        {"value": 1.0, "sigma": 0.0},
        {"value": 1.0, "sigma": 0.1, "withheld": "dark"},
        {"value": float("nan"), "sigma": 0.1},
        {"value": 1.0, "sigma": float("inf")},
        {"value": 1.0, "sigma": 0.1, "floor": -1.0},
        {"value": 1.0, "sigma": 0.1, "unit": "mm"},
        {},
    ],
)
def test_a_parameter_is_measured_or_withheld(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"position_um|no parameter"):
        Parameter(**{"name": "position_um", "unit": "um", **wrong})  # type: ignore[arg-type]


def test_how_far_the_bench_is_from_usual() -> None:
    assert Bench("knife_um", 7.0, 1.0, 1.0, 3.0).pull == 2.0
    assert Check("misfit", 2.0, 2.2).passed
    assert not Check("misfit", 2.3, 2.2).passed
