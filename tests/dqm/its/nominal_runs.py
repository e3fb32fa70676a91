"""Simulated runs for the tests of the reference: short, few, of several detectors; and their observations."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from core.observation import Observation
from dqm.its.simulate.beams import COLLISIONS, BeamType
from dqm.its.simulate.luminosity import Fill
from dqm.its.simulate.publishing import masked
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import RunSettings


def settings(beams: BeamType, number: int, hours: float = 1.2, rate: float = 1.0, **changes: object) -> RunSettings:
    """A run of another detector for every number; luminosities differ by some tenths."""
    usual = COLLISIONS[beams].rate_hz * rate * (0.8 + 0.1 * (number % 5))
    fill = Fill(rate_hz=usual, levelled_h=0.0 if number % 2 else 1e6, tau_h=8.0)
    run = RunSettings(
        beam_type=beams, fill=fill, run=500_000 + number, duration_s=hours * 3600, cycle_s=180.0, detector_seed=number
    )
    return replace(run, **changes)  # type: ignore[arg-type]


def observations(run: RunSettings, seed: int | None = None) -> Iterator[Observation]:
    """The cycles of a run, as the source would hand them out."""
    off = ", ".join(masked(run))
    for cycle in simulate_run(run, run.run if seed is None else seed):
        yield Observation(
            system="its",
            element="ITS",
            key=f"{run.run}/{cycle.number}",
            observed_at=run.began_at + timedelta(seconds=cycle.ended_s),
            origin="simulated",
            sha256="0" * 64,
            conditions={
                "run": run.run,
                "beam_type": run.beam_type.value,
                "cycle_s": cycle.ended_s - cycle.began_s,
                "run_age_s": cycle.ended_s,
                "masked": off,
            },
            payload=cycle.payload,
        )


def training(count: int = 5) -> Sequence[RunSettings]:
    """Nominal runs of detectors 1 to ``count``, both beam types."""
    return [settings(beams, number) for beams in BeamType for number in range(1, count + 1)]
