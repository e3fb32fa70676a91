"""What was found out about a shot as the record that page and exports read."""

from collections.abc import Mapping

from accelerator.schlieren.measuring import Measured
from accelerator.schlieren.result import Check, Parameter, ShotResult
from core.observation import Observation


def record(
    observation: Observation,
    parameters: tuple[Parameter, ...],
    causes: Mapping[str, float] | None = None,
    measured: Measured | None = None,
    checks: tuple[Check, ...] = (),
) -> ShotResult:
    """Return the record of a shot."""
    conditions = observation.conditions
    run, event = (conditions.get(name) for name in ("run", "event"))
    return ShotResult(
        observed_at=observation.observed_at.isoformat(),
        parameters=parameters,
        run=int(run) if isinstance(run, int) else None,
        event=int(event) if isinstance(event, int) else None,
        camera=str(conditions["camera"]) if conditions.get("camera") else None,
        causes=dict(sorted((causes or {}).items(), key=lambda one: -one[1])),
        density_cm3=_number(conditions.get("density_cm3")),
        detuning_ghz=_number(conditions.get("detuning_ghz")),
        mask=str(conditions["mask"]) if conditions.get("mask") else None,
        laser_energy_mj=_number(conditions.get("laser_energy_mj")),
        checks=checks,
        bench=measured.bench() if measured else (),
        best_fit=measured.best_fit() if measured else None,
        missing=tuple(filter(None, str(conditions.get("notes") or "").split("; "))),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
