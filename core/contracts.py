"""What a system must offer to fit in: a Source, a Detector and the System that ties them together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from core.alarms.severity import Severity
from core.drilling import DrillFault
from core.observation import Observation
from core.settings import Settings
from core.verdict import Quality, Verdict


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something new at a source, not yet read.

    ``ticket`` identifies this state of this thing (flex: path, size and modification time), so that the store
    can remember that it was dealt with, whatever came of it.
    """

    ticket: str
    origin: str
    detail: Mapping[str, Any] = field(default_factory=dict)


class Source(Protocol):
    """Where observations come from. Tickets already settled are told to it, so it may be asked again at any time."""

    name: str

    def arrivals(self, settled: Callable[[Sequence[str]], set[str]]) -> Iterator[Arrival]:
        """Yield what is new and complete, oldest first. ``settled(tickets)`` returns those already dealt with."""
        ...

    def read(self, arrival: Arrival) -> Observation:
        """Read one arrival.

        Raises
        ------
        core.errors.IncompleteInputError
            It is still being written: it will be offered again.
        core.errors.InputError
            It can never be used: the text names file and reason.
        """
        ...


@runtime_checkable
class Stirring(Protocol):
    """A source that can say at little cost whether something may have come, so that nothing waits for the next look."""

    def has_news(self) -> bool:
        """Whether it is worth looking again now."""
        ...


class Archive(Protocol):
    """The past of a source that is no folder: what lies in a span, in stretches that are judged each in order."""

    name: str
    youngest_s: float
    """What is younger belongs to the watch, which may still take it in."""

    def stretches(self, begins: datetime, ends: datetime) -> Iterator[tuple[Arrival, ...]]:
        """Yield what was observed in a span, whole stretches that depend on nothing outside of them, oldest first.

        Each arrival says in ``detail["at_unix_s"]`` about when it was observed.
        """
        ...

    def read(self, arrival: Arrival) -> Observation:
        """Read one arrival, as a source does."""
        ...

    def close(self) -> None:
        """Give connections back."""
        ...


class Detector(Protocol):
    """Judges observations; never raises for a bad observation, but returns a NULL verdict with the reason."""

    def judge(self, observation: Observation) -> Verdict:
        """Return the verdict on one observation."""
        ...


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """When verdicts of a system become an alarm (words of EPICS/Phoebus).

    Raised after ``count`` bad verdicts of one element (another number for a severity in ``counts``), or once it was bad
    for ``delay_s`` (0: at once); over after ``clear_count`` good ones in a row; ``latch``: stays until cleared *and*
    acknowledged; ``severities``: what a quality counts as (not listed: OK); ``flood``: more incidents than this that
    begin at once are one alarm; ``overdue_after_s``: nobody acknowledged it for so long (None: that does not matter).
    """

    delay_s: float = 0.0
    count: int = 1
    clear_count: int = 1
    latch: bool = True
    counts: Mapping[Severity, int] = field(default_factory=dict)
    flood: int | None = None
    overdue_after_s: float | None = 900.0
    severities: Mapping[Quality, Severity] = field(
        default_factory=lambda: {Quality.BAD: Severity.MAJOR, Quality.NULL: Severity.INVALID}
    )


@dataclass(frozen=True, slots=True)
class Incident:
    """Something wrong at some places, as one observation shows it; from one observation to the next it is one alarm.

    Parameters
    ----------
    kind
        Incidents of different kinds are never one, wherever they are.
    places
        Where: an incident goes on as the open alarm of its kind that it shares a place with.
    element
        What people call the place: an incident also goes on as the open alarm of its kind with the same name.
    quality
        One that is no alarm by the rule (MEDIUM) begins none, but keeps an open one from recovering.
    since
        When it began (aware).
    cause, message
        Name of the proposed cause, and the line that the alarm shows.
    """

    kind: str
    places: frozenset[str]
    element: str
    quality: Quality
    since: datetime
    cause: str | None
    message: str

    def __post_init__(self) -> None:
        if not self.kind or not self.element:
            raise ValueError("an incident without kind or element")


@dataclass(frozen=True, slots=True)
class Circumstance:
    """Something an observation shows that makes alarms need nobody for now, such as no beam.

    They are held back, visible and with this reason, until an observation of the same element does not show it.
    ``kinds``: of incidents, "" for what is no incident (it could not be judged); None: all, and such an observation
    says nothing of any alarm, neither good nor bad.
    """

    name: str
    reason: str
    kinds: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class System:
    """One of the monitored systems, as ``flows/systems.py`` lists it.

    Without ``incidents`` an observation that is judged bad is one alarm of its element; with it, the incidents that it
    tells are (``core.alarms.incidents``). ``circumstances``: what holds alarms back. ``reads_urls``: whether
    ``read_file`` also takes a URL. ``find_model``: the model package that its detector judges with.
    ``poll_s``: how often its source is looked at, where that is not ``settings.poll_s``. ``drills``: the faults that
    can be put on top of what its source gives; without them ``no_drills`` says why that cannot honestly be done.
    ``ties``: where verdicts depend on what was judged before, the names of what an observation belongs to (its run, its
    fill): those that share a name are judged in order by one detector. ``archive``: the past, where it is no folder.
    """

    name: str
    title: str
    source: Callable[[Settings], Source]
    detector: Callable[[Settings], Detector]
    read_file: Callable[[Path, Settings], Observation]
    rule: AlarmRule
    guidance: Callable[[str | None], str]
    silent_after_s: Callable[[Settings], float | None]
    incidents: Callable[[Observation, Verdict], Sequence[Incident]] | None = None
    circumstances: Callable[[Observation, Verdict], Sequence[Circumstance]] | None = None
    reads_urls: bool = False
    find_model: Callable[[Settings], Path] | None = None
    poll_s: Callable[[Settings], float] | None = None
    drills: Callable[[], Sequence[DrillFault]] | None = None
    no_drills: str = ""
    ties: Callable[[Observation], frozenset[str]] | None = None
    archive: Callable[[Settings], Archive] | None = None


@dataclass(frozen=True, slots=True)
class Altered:
    """What a drill made of an arrival: which drill, and what is committed in its place should the drill be over."""

    drill: int
    untouched: "Settled"


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one arrival, ready to be committed.

    ``incidents`` and ``circumstances`` are None where its system tells none, or nothing is known of them. ``altered``:
    the verdict is of a copy that a drill altered.
    """

    arrival: Arrival
    observation: Observation | None
    verdict: Verdict
    processed_at: datetime
    incidents: tuple[Incident, ...] | None = None
    circumstances: tuple[Circumstance, ...] | None = None
    altered: Altered | None = None
