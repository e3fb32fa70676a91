"""What the detector finds out about a loss pattern, as the page, the report and scripts read it (JSON, no pickle)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.errors import ShiftwatchError

EVIDENCE = "diagnosis"
"""Name of the evidence of a verdict that holds a `Diagnosis` as JSON."""
MEDIA_TYPE = "application/json"
SHRINKING = "margin shrinking"
"""The cause of a verdict on a margin that drifts away over a fill."""
CASCADES = {1: "cascade_b1", 2: "cascade_b2"}
"""Names of the evidence that holds the cascade of a beam with something wrong, where a piece tells of both beams."""


class Quantity(StrEnum):
    """A setting that can be wrong; the unit is in the name."""

    GAP = "gap_sigma"
    OFFSET = "offset_mm"
    TILT = "tilt_urad"
    ORBIT = "orbit_mm"


class Answer(StrEnum):
    """What kind of answer a loss pattern allows."""

    NOMINAL = "nominal"
    BROKEN = "broken"
    """The hierarchy is broken or a setting is wrong: the hypotheses say which."""
    UNKNOWN = "unknown"
    """Unlike anything nominal, and unlike every fault that is known."""
    OTHER_CLASS = "other class"
    """A legitimate map of another kind: off-momentum, crystal, ion, asynchronous dump, injection."""
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One possible settings error: ``value`` (± ``sigma``) of ``quantity`` where ``nominal`` is meant.

    ``cause`` is the class, like ``TCP retracted``; ``probability`` is that of the posterior.
    """

    element: str
    quantity: Quantity
    value: float
    nominal: float
    sigma: float
    probability: float
    cause: str
    jaw_sigma: float | None = None
    """Where it puts the jaw nearest to the beam: what a map measures, whether a gap or an offset is wrong."""
    jaw_sigma_error: float | None = None


@dataclass(frozen=True, slots=True)
class Margin:
    """The distance in sigma between two stages (``inner`` must shade ``outer``) of a beam and plane, e.g. TCP, TCSG.

    ``nominal_sigma`` is what the settings mean it to be, ``value_sigma`` what the losses say, ± ``sigma`` (None: the
    losses do not constrain it).
    """

    beam: int
    plane: str
    inner: str
    outer: str
    nominal_sigma: float
    value_sigma: float
    sigma: float | None
    element: str = ""
    """The collimator that makes the margin as small as it is."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One line of the pattern: a collimator, or a group of monitors like ``IR7 DS``.

    Values are shares of all losses of the beam; ``low`` and ``high`` are the nominal band (95 %) of this state,
    ``corrected`` what is expected once the first hypothesis is put right; ``pull`` is the deviation in standard
    deviations of the nominal ensemble.
    """

    name: str
    family: str
    beam: int
    s_m: float
    observed: float
    expected: float
    low: float
    high: float
    pull: float
    corrected: float | None = None


@dataclass(frozen=True, slots=True)
class Trend:
    """A margin over the fill: it would be gone at ``gone_at`` (ISO time, None: not in sight) with its 68 % interval."""

    margin: str
    times: tuple[str, ...]
    values_sigma: tuple[float, ...]
    errors_sigma: tuple[float, ...]
    slope_sigma_per_h: float
    slope_error_sigma_per_h: float
    gone_at: str | None = None
    gone_earliest: str | None = None
    gone_latest: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything found out about one loss pattern.

    ``hypotheses`` are ranked by probability; ``blind`` says in words what this measurement cannot see; ``facts`` holds
    further lines for people by name.
    """

    answer: Answer
    map_class: str
    """``betatron``, ``off-momentum``, ``crystal``, ``ion``, ``asynchronous dump``, ``injection``, ``no beam``."""
    beam: int | None
    plane: str | None
    state: str | None
    probability: float
    """That the answer is right."""
    hypotheses: tuple[Hypothesis, ...] = ()
    margins: tuple[Margin, ...] = ()
    channels: tuple[Channel, ...] = ()
    trends: tuple[Trend, ...] = ()
    blind: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        lists = ("hypotheses", "margins", "channels", "trends")
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in lists}
        return {**plain, **{name: [_plain(one) for one in getattr(self, name)] for name in lists}}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Diagnosis":
        """Return what `to_json` gave.

        Raises
        ------
        core.errors.ShiftwatchError
            It is nothing of the kind.
        """
        try:
            return cls(
                **{name: content[name] for name in ("map_class", "beam", "plane", "state", "probability")},
                answer=Answer(content["answer"]),
                hypotheses=tuple(
                    Hypothesis(**{**one, "quantity": Quantity(one["quantity"])}) for one in content["hypotheses"]
                ),
                margins=tuple(Margin(**one) for one in content["margins"]),
                channels=tuple(Channel(**one) for one in content["channels"]),
                trends=tuple(_trend(one) for one in content["trends"]),
                blind=tuple(content["blind"]),
                facts=dict(content["facts"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ShiftwatchError(f"no diagnosis of a loss pattern: {error!r}") from error


def _plain(one: Hypothesis | Margin | Channel | Trend) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}


def _trend(content: Mapping[str, Any]) -> Trend:
    lists = {name: tuple(content[name]) for name in ("times", "values_sigma", "errors_sigma")}
    return Trend(**{**content, **lists})
