"""What a simulated run is: beams, times, the detector that takes it, its faults, and named shifts of the generator."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from types import MappingProxyType

from core.errors import SettingsError
from dqm.its.simulate.acceptance import Vertex
from dqm.its.simulate.beams import BeamType
from dqm.its.simulate.faults import Fault
from dqm.its.simulate.luminosity import Fill


@dataclass(frozen=True, slots=True)
class Shift:
    """How far the generator is moved from its nominal settings; the default moves nothing."""

    vertex_z_cm: float = 0.0
    vertex_sigma_factor: float = 1.0
    noise_factor: float = 1.0
    inefficiency_factor: float = 1.0
    luminosity_factor: float = 1.0
    background_angle_factor: float = 1.0
    background_phi_factor: float = 1.0


SHIFTS: Mapping[str, Shift] = MappingProxyType(
    {
        "nominal": Shift(),
        "vertex": Shift(vertex_z_cm=1.0, vertex_sigma_factor=1.1),
        "noise": Shift(noise_factor=3.0),
        "efficiency": Shift(inefficiency_factor=3.0),
        "luminosity": Shift(luminosity_factor=1.5),
        "background angle": Shift(background_angle_factor=1.6, background_phi_factor=1.5),
    }
)
"""Named shifts for held-out tests: +1 cm and 10 % wider vertex; noise x 3; inefficiency x 3 (0.5 to 1.5 %); luminosity
x 1.5; background particles at 1.6 times the angle to z, spread over 1.5 times the angle in phi."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """One run.

    Parameters
    ----------
    beam_type, fill
        Beams and their luminosity in time; ``began_in_fill_s`` says when in the fill the run starts.
    run, fill_number, period
        Numbers as in the QC's metadata.
    began_at, duration_s, cycle_s
        Start (aware UTC), length, length of a QC cycle (30 to 180 s at the experiment). The last cycle is cut.
    sampled, hits_sampled
        Share of the time frames that the cluster and track tasks, and the hit task, see.
    ramp_s
        Time after the start of the run before all data flow: the first cycles have few entries.
    vertex
        Where interactions are; it wanders by ``vertex_wander_cm`` along z.
    detector_seed
        Which detector takes the run: efficiency, noise and dead chips of every chip.
    halo
        Beam background that is always there, as a share of the clusters of one side of the inner barrel at the start of
        the fill; None: what is usual for the beams.
    recoveries_per_hour
        Lanes that stop and are restarted without anybody's help.
    faults, shift
        What goes wrong, and how the generator is moved.
    """

    beam_type: BeamType = BeamType.PP
    fill: Fill = field(default_factory=Fill)
    began_in_fill_s: float = 1800.0
    run: int = 550_000
    fill_number: int = 10_000
    period: str = "LHC26sim"
    began_at: datetime = datetime(2026, 5, 1, 6, 0, tzinfo=UTC)
    duration_s: float = 8 * 3600.0
    cycle_s: float = 60.0
    sampled: float = 0.3
    hits_sampled: float = 0.05
    ramp_s: float = 20.0
    vertex: Vertex | None = None
    vertex_wander_cm: float = 0.15
    detector_seed: int = 1
    halo: float | None = None
    recoveries_per_hour: float = 6.0
    faults: tuple[Fault, ...] = ()
    shift: Shift = Shift()

    def __post_init__(self) -> None:
        """Raise SettingsError for what no run can have."""
        positive = ("duration_s", "cycle_s", "sampled", "hits_sampled")
        wrong = [name for name in positive if not getattr(self, name) > 0]
        wrong += [name for name in ("sampled", "hits_sampled") if getattr(self, name) > 1]
        wrong += [name for name in ("ramp_s", "recoveries_per_hour", "began_in_fill_s") if getattr(self, name) < 0]
        wrong += [] if self.halo is None or self.halo >= 0 else ["halo"]
        wrong += [] if self.began_at.tzinfo else ["began_at"]
        if wrong:
            raise SettingsError(f"a simulated run cannot have {', '.join(f'{w}={getattr(self, w)}' for w in wrong)}")

    def without_faults(self) -> "RunSettings":
        """Return the same run with nothing wrong."""
        return replace(self, faults=())


def shift_named(name: str) -> Shift:
    """Return one of `SHIFTS`; raises SettingsError for another name."""
    if name not in SHIFTS:
        raise SettingsError(f"there is no shift {name!r}, only {', '.join(SHIFTS)}")
    return SHIFTS[name]


def describe(shift: Shift) -> str:
    """Return what a shift moves, as ``noise_factor=3.0``."""
    usual = Shift()
    moved = [
        f"{f.name}={getattr(shift, f.name)}" for f in fields(shift) if getattr(shift, f.name) != getattr(usual, f.name)
    ]
    return ", ".join(moved) or "nothing"
