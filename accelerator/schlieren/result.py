"""What is found out about a shot, as the page, exports and scripts read it: evidence ``result`` of a verdict (JSON).

The picture of the best fit is not in it: `BestFit` holds all it follows from (`fit_picture` draws it again).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.channel import PARAMETERS, Channel, Vapour
from accelerator.schlieren.simulate.apparatus import Apparatus, Mask
from accelerator.schlieren.simulate.scene import Scene
from core.errors import ShiftwatchError
from core.verdict import Measurement

EVIDENCE = "result"
"""Name of the evidence of a verdict that holds a `ShotResult`."""
MEDIA_TYPE = "application/json"
PICTURES = ("image", "fit", "residual")
"""Names of the pictures that are drawn with it."""
RESIDUAL_SIGMA = 5.0
"""Where the scale of the residual ends."""
UNKNOWN, NOMINAL = "unknown", "nominal"
CAUSES = frozenset({*Cause, UNKNOWN, NOMINAL})
DEGENERACY = (
    "Peak ionisation is degenerate with density over detuning: a picture tells their product alone, so its error is "
    "never below those of the measured density and detuning."
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the channel: measured, or ``withheld`` for a reason and then without a value.

    Parameters
    ----------
    name, unit
        As in `accelerator.schlieren.channel.PARAMETERS`.
    value, sigma
        What was measured and its one-sigma error.
    floor
        The smallest error that any measurement of this shot can have (Cramer-Rao), where it could be computed.
    """

    name: str
    unit: str
    value: float | None = None
    sigma: float | None = None
    floor: float | None = None
    withheld: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError unless it is measured, with a finite value and a positive error, or withheld."""
        if self.name not in PARAMETERS or self.unit != PARAMETERS[self.name]:
            raise ValueError(f"no parameter is called {self.name!r} in {self.unit!r}")
        if (self.value is None) != (self.sigma is None) or (self.value is None) == (self.withheld is None):
            raise ValueError(f"{self.name} is neither measured nor withheld")
        if self.value is not None and not math.isfinite(_number(self.value)):
            raise ValueError(f"{self.name} is {self.value}")
        if any(not 0 < _number(one) < math.inf for one in (self.sigma, self.floor) if one is not None):
            raise ValueError(f"the errors of {self.name} are no errors: {self.sigma}, {self.floor}")


@dataclass(frozen=True, slots=True)
class Bench:
    """One setting of the apparatus as the picture shows it, beside what it usually is; names as of `Apparatus`."""

    name: str
    value: float
    sigma: float
    usual: float
    usual_sigma: float

    @property
    def pull(self) -> float:
        """How far from the usual, in standard deviations of what is usual."""
        return (self.value - self.usual) / self.usual_sigma if self.usual_sigma > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Check:
    """One number that says whether the result can be trusted; above ``limit`` it cannot."""

    name: str
    value: float
    limit: float

    @property
    def passed(self) -> bool:
        """Whether it speaks for the result."""
        return self.value <= self.limit


@dataclass(frozen=True, slots=True)
class Drift:
    """A slow change over the shots of a run, beyond what is tolerated (`accelerator.schlieren.drift`).

    Parameters
    ----------
    name, unit
        What drifts; the unit is ``%`` where the change is relative.
    cause
        The cause that it is a drift of.
    change, sigma
        How far it is from the beginning of the run, and the error of that.
    limit
        How far is tolerated.
    since
        When it began (ISO 8601, UTC).
    per_hour
        How fast it goes now.
    course
        How it went: unix time [s] and change of some shots, oldest first.
    """

    name: str
    unit: str
    cause: str
    change: float
    sigma: float
    limit: float
    since: str
    per_hour: float
    course: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class BestFit:
    """What the best fit says is there: channel, vapour, apparatus and the smooth unevenness (`camera.ripple_modes`)."""

    channel: Channel
    vapour: Vapour
    apparatus: Apparatus
    ripples: tuple[float, ...] = ()

    @classmethod
    def of(cls, scene: Scene, ripples: Sequence[float] = ()) -> "BestFit":
        """Return the best fit that is a scene."""
        return cls(scene.channel, scene.vapour, scene.apparatus, tuple(float(one) for one in ripples))

    @property
    def scene(self) -> Scene:
        """All that the picture follows from, but for unevenness and noise."""
        return Scene(self.channel, self.vapour, self.apparatus)


@dataclass(frozen=True, slots=True)
class ShotResult:
    """Everything found out about one shot.

    Parameters
    ----------
    observed_at
        When the shot was (ISO 8601, UTC).
    run, event, camera
        Which shot; None if the file does not say.
    parameters
        The five of `PARAMETERS` in their order, each measured or withheld.
    causes
        Probabilities by name: those of `Cause`, ``unknown`` and ``nominal``, the highest first.
    density_cm3, detuning_ghz, mask, laser_energy_mj
        What the measurement was made with, as measured; None if not known.
    checks
        Misfit of the fit, strangeness of the apparatus, unlikeness to all pictures seen.
    bench
        The apparatus as the picture shows it.
    best_fit
        What the fit says is there; None if nothing was fitted.
    drifts
        Slow changes over the run that are beyond what is tolerated, the worst first.
    blind
        In words, what this shot cannot tell.
    missing
        In words, what was missing, stale or odd in the file.
    """

    observed_at: str
    parameters: tuple[Parameter, ...]
    run: int | None = None
    event: int | None = None
    camera: str | None = None
    causes: Mapping[str, float] = field(default_factory=dict)
    density_cm3: float | None = None
    detuning_ghz: float | None = None
    mask: str | None = None
    laser_energy_mj: float | None = None
    checks: tuple[Check, ...] = ()
    bench: tuple[Bench, ...] = ()
    best_fit: BestFit | None = None
    drifts: tuple[Drift, ...] = ()
    blind: tuple[str, ...] = (DEGENERACY,)
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError if parameters or causes are not those there are."""
        if tuple(one.name for one in self.parameters) != tuple(PARAMETERS):
            raise ValueError("a result has the five parameters in their order")
        if unknown := set(self.causes) - CAUSES:
            raise ValueError(f"no cause is called {', '.join(sorted(unknown))}")
        if any(not 0 <= _number(one) <= 1 for one in self.causes.values()):
            raise ValueError("a cause has an impossible probability")

    def parameter(self, name: str) -> Parameter:
        """Return one of the five parameters."""
        return self.parameters[tuple(PARAMETERS).index(name)]

    @property
    def measurements(self) -> dict[str, Measurement]:
        """What was measured, as a verdict carries it."""
        return {
            one.name: Measurement(one.value, one.sigma, one.unit, one.floor)
            for one in self.parameters
            if one.value is not None
        }

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "ShotResult":
        """Return what `to_json` gave.

        Raises
        ------
        core.errors.ShiftwatchError
            It is nothing of the kind.
        """
        try:
            fitted = content["best_fit"]
            return cls(
                **{
                    **{one.name: content[one.name] for one in fields(cls)},
                    "parameters": tuple(Parameter(**one) for one in content["parameters"]),
                    "causes": dict(content["causes"]),
                    "checks": tuple(Check(**one) for one in content["checks"]),
                    "bench": tuple(Bench(**one) for one in content["bench"]),
                    "drifts": tuple(_drift(one) for one in content["drifts"]),
                    "best_fit": None if fitted is None else _best_fit(fitted),
                    "blind": tuple(map(str, content["blind"])),
                    "missing": tuple(map(str, content["missing"])),
                }
            )
        except (KeyError, TypeError, ValueError, AttributeError, ShiftwatchError) as error:
            raise ShiftwatchError(f"no result of a shot: {error!r}") from error


def withheld(reason: str) -> tuple[Parameter, ...]:
    """Return the five parameters, all withheld for one reason."""
    return tuple(Parameter(name, unit, withheld=reason) for name, unit in PARAMETERS.items())


def _drift(content: Mapping[str, Any]) -> Drift:
    course = tuple((_number(at), _number(change)) for at, change in content["course"])
    return Drift(**{**content, "course": course})


def _best_fit(content: Mapping[str, Any]) -> BestFit:
    bench = content["apparatus"]
    return BestFit(
        channel=Channel(**content["channel"]),
        vapour=Vapour(**content["vapour"]),
        apparatus=Apparatus(**{**bench, "mask": Mask(bench["mask"])}),
        ripples=tuple(_number(one) for one in content["ripples"]),
    )


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return float(value)
