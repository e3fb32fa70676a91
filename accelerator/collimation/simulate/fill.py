"""The plan of a simulated fill: its phases, the beams, what goes wrong and when."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.states import State

INJECTION_GEV, TOP_GEV = 450.0, 6800.0


class Phase(NamedTuple):
    """A beam mode for some seconds, with the settings and optics of a state."""

    beam_mode: str
    seconds: float
    state: State
    begin_gev: float
    end_gev: float
    beta_star_m: float
    has_beam: bool = True
    collides: bool = False


class Wrong(NamedTuple):
    """A settings error from a second of the fill on: at once, or growing by ``per_hour`` up to its full size."""

    setting: Setting
    begins_s: float
    per_hour: float | None = None

    def at(self, second: float) -> Setting | None:
        """Return the error as it is at a second, None before it begins."""
        if second < self.begins_s:
            return None
        full = self.setting.change
        if self.per_hour is None:
            return self.setting
        grown = abs(self.per_hour) * (second - self.begins_s) / 3600
        return Setting(
            self.setting.element, self.setting.quantity, max(-abs(full), min(abs(full), grown * _sign(full)))
        )


class BlowUp(NamedTuple):
    """A loss map: the damper blows up a bunch of a beam in a plane (H, V)."""

    at_s: float
    beam: int
    plane: str
    seconds: int = 12
    protons: float = 6e10


class Ufo(NamedTuple):
    """A dust particle falls into a beam: a second of losses at a place in the ring."""

    at_s: float
    beam: int
    s_m: float
    protons: float = 2e7


def _sign(value: float) -> float:
    return 1.0 if value >= 0 else -1.0


def phases(stable_h: float, *, whole: bool = True) -> tuple[Phase, ...]:
    """Return the phases of a fill with so many hours of stable beams; not ``whole``: those only."""
    stable = Phase("STABLE", stable_h * 3600, State.COLLISIONS, TOP_GEV, TOP_GEV, 0.3, collides=True)
    if not whole:
        return (stable,)
    low, top = INJECTION_GEV, TOP_GEV
    return (
        Phase("NOBEAM", 120, State.INJECTION, low, low, 11.0, has_beam=False),
        Phase("INJPHYS", 1500, State.INJECTION, low, low, 11.0),
        Phase("RAMP", 1210, State.FLAT_TOP, low, top, 11.0),
        Phase("FLATTOP", 240, State.FLAT_TOP, top, top, 11.0),
        Phase("SQUEEZE", 900, State.SQUEEZE, top, top, 0.3),
        Phase("ADJUST", 300, State.SQUEEZE, top, top, 0.3),
        stable,
        Phase("NOBEAM", 180, State.COLLISIONS, top, top, 0.3, has_beam=False),
    )


@dataclass(frozen=True, slots=True)
class FillPlan:
    """A fill.

    Parameters
    ----------
    machine_seed
        The same for all fills of one machine: tolerances of its collimators, factors and backgrounds of its monitors.
    model_error
        Scale of the difference between this machine and the emulator (`model_error`); 0: none.
    ufos_per_hour
        Drawn besides those that are listed.
    """

    fill: int = 9999
    begins_at: datetime = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
    phases: tuple[Phase, ...] = field(default_factory=lambda: phases(12.0))
    intensity: float = 2.9e14
    lifetime_h: float = 25.0
    halo_lifetime_h: float = 120.0
    wrong: tuple[Wrong, ...] = ()
    blowups: tuple[BlowUp, ...] = ()
    ufos: tuple[Ufo, ...] = ()
    ufos_per_hour: float = 4.0
    machine_seed: int = 2018
    model_error: float = 0.0
    dead_part: float = 0.003

    @property
    def seconds(self) -> int:
        """Length in seconds."""
        return int(sum(phase.seconds for phase in self.phases))
