"""What the store gives out and takes in: frozen dataclasses, never database objects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.alarms.events import ChangeKind
from core.alarms.severity import Severity
from core.alarms.state import Phase
from core.observation import Condition
from core.signs import STARTERS, WATCH
from core.verdict import Cause, Measurement, Model, Quality


class Outcome(StrEnum):
    """What became of an arrival."""

    JUDGED = "judged"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"


class Judgement(StrEnum):
    """What a person says of a verdict or of one of its regions."""

    RIGHT = "right"
    FALSE_ALARM = "false_alarm"
    KNOWN = "known"
    WRONG_CAUSE = "wrong_cause"


class Disposition(StrEnum):
    """What a person decided on the whole observation; set aside: it could not be judged, nothing is said of it."""

    PASSED = "passed"
    FAILED = "failed"
    SET_ASIDE = "set_aside"


class Alias(StrEnum):
    """MLflow's words: the champion judges, the challenger is compared with it."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"


@dataclass(frozen=True, slots=True)
class ObservationView:
    """An observation with its verdict, as lists show it."""

    id: int
    system: str
    element: str
    key: str
    observed_at: datetime
    processed_at: datetime
    origin: str
    sha256: str
    conditions: Mapping[str, Condition]
    quality: Quality
    score: float | None
    threshold: float | None
    p_value: float | None
    cause: Cause | None
    model: Model | None
    reason: str | None
    region_count: int
    thumbnail: str | None
    alarm_id: int | None
    disposition: Disposition | None
    is_backfill: bool = False
    """It was judged long after: nobody was alarmed."""


@dataclass(frozen=True, slots=True)
class FeedbackView:
    """What one person said, of the observation or of one region of it (``region_index``)."""

    id: int
    observation_id: int
    region_index: int | None
    judgement: Judgement
    cause: str | None
    comment: str
    author: str
    at: datetime
    alarm_id: int | None
    decision_id: int | None


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record made for the outside, such as an ITk VISUAL_INSPECTION test run."""

    id: int
    observation_id: int
    kind: str
    content: Mapping[str, Any]
    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DecisionView:
    """One submission of a person on an observation; the newest counts."""

    id: int
    observation_id: int
    disposition: Disposition
    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ObservationDetail:
    """Everything known of one observation.

    ``regions`` are flat dictionaries as in the scripting contract, worst first; ``evidence`` maps names to
    artefact digests; ``feedback``, ``decisions`` and ``records`` are oldest first.
    """

    view: ObservationView
    regions: tuple[Mapping[str, Any], ...]
    measurements: Mapping[str, Measurement]
    evidence: Mapping[str, str]
    feedback: tuple[FeedbackView, ...]
    decisions: tuple[DecisionView, ...]
    records: tuple[RecordView, ...]
    alarm_id: int | None


@dataclass(frozen=True, slots=True)
class RegionDecision:
    """A person's word on one region: accepted (``right``), rejected (``false_alarm``) or of another class.

    ``region_index`` counts from 0 in the verdict's order (None: the observation as a whole); ``cause`` is the class
    the person settled on.
    """

    region_index: int | None
    judgement: Judgement
    cause: str | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class AlarmView:
    """One occurrence of an alarm on one element, from its raising to its closing.

    ``severity`` is the latched (highest) one, ``current`` that of the latest verdict; ``bad_since`` is the time
    of observation, ``raised_at`` that of processing; ``count`` is the number of bad verdicts so far. Of an incident:
    ``kind``, ``places`` and proposed ``cause``; otherwise these are empty. ``asked_at``: since when it asks for a
    person, ``overdue_at``: since when for too long; ``inhibited_by``: why it needs nobody for now; a notice never does.
    """

    id: int
    system: str
    element: str
    severity: Severity
    current: Severity
    phase: Phase
    message: str
    count: int
    bad_since: datetime
    raised_at: datetime
    recovered_at: datetime | None
    closed_at: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    shelved_by: str | None
    shelved_until: datetime | None
    shelved_reason: str | None
    observation_id: int | None
    kind: str = ""
    places: tuple[str, ...] = ()
    cause: str | None = None
    asked_at: datetime | None = None
    overdue_at: datetime | None = None
    inhibited_by: str | None = None
    inhibited_at: datetime | None = None
    is_notice: bool = False

    @property
    def began_at(self) -> datetime:
        """When it began: of something that is followed through time, in the data; else when it was judged."""
        return self.bad_since if self.kind else self.raised_at

    @property
    def is_open(self) -> bool:
        """Whether it still waits for recovery or acknowledgement."""
        return self.closed_at is None

    def is_shelved(self, now: datetime) -> bool:
        """Whether it is set aside at ``now``."""
        return self.shelved_until is not None and now < self.shelved_until

    def needs_person(self, now: datetime) -> bool:
        """Whether it is an open alarm that nothing holds back: not shelved, not inhibited, no notice."""
        return self.is_open and not (self.is_shelved(now) or self.inhibited_by is not None or self.is_notice)


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """One line of the append-only alarm history."""

    id: int
    alarm_id: int
    system: str
    element: str
    kind: ChangeKind
    at: datetime
    severity: Severity
    author: str
    note: str
    until: datetime | None
    observation_id: int | None


@dataclass(frozen=True, slots=True)
class AlarmDetail:
    """An alarm and its history, oldest first."""

    view: AlarmView
    events: tuple[AlarmChange, ...]


@dataclass(frozen=True, slots=True)
class PastAlarm:
    """A closed alarm that was like another. ``said``: how often people judged it how; ``cause``, ``note``: their last
    word on what it was."""

    view: AlarmView
    said: Mapping[Judgement, int]
    cause: str | None
    note: str


@dataclass(frozen=True, slots=True)
class GuidanceView:
    """One version of what to do about a cause (``topic``); without ``needs_action`` its alarms are notices."""

    system: str
    topic: str
    version: int
    text: str
    contact: str
    needs_action: bool
    respond_min: float | None
    author: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ChannelState:
    """How the deliveries of a channel of notifications go. ``error`` holds no secret of its address."""

    channel: str
    waiting: int
    last_sent_at: datetime | None
    failing_since: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class AuditView:
    """One line of the trail of what people did, or (not ``allowed``) were refused."""

    id: int
    at: datetime
    author: str
    role: str
    via: str
    deed: str
    system: str
    subject: str
    note: str
    allowed: bool


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last sign of life of one flow of a system."""

    system: str
    flow: str
    at: datetime
    ok: bool
    detail: str
    last_success_at: datetime | None
    last_failure_at: datetime | None


@dataclass(frozen=True, slots=True)
class SystemState:
    """The overview of one system. ``counts`` covers what was processed within the window; alarms that are shelved or
    inhibited, and notices, are counted apart and in neither ``open_alarms`` nor ``unacknowledged``. ``usual_gap_s``:
    how far apart the newest observations are as a rule (median), None if there are too few to tell."""

    system: str
    last_observed_at: datetime | None
    last_processed_at: datetime | None
    counts: Mapping[Quality, int] = field(default_factory=dict)
    open_alarms: Mapping[Severity, int] = field(default_factory=dict)
    unacknowledged: int = 0
    shelved: int = 0
    inhibited: int = 0
    notices: int = 0
    heartbeats: tuple[Heartbeat, ...] = ()
    usual_gap_s: float | None = None

    @property
    def worst(self) -> Severity:
        """The highest severity among the open alarms."""
        return max((s for s, n in self.open_alarms.items() if n), default=Severity.OK)

    @property
    def heartbeat(self) -> Heartbeat | None:
        """The last sign of life of its watch."""
        return self.sign(WATCH)

    @property
    def is_handed_over(self) -> bool:
        """Whether runs of its watch hand over to each other: a schedule starts them, here or on other hosts."""
        return any(beat.flow in STARTERS for beat in self.heartbeats)

    def sign(self, part: str) -> Heartbeat | None:
        """Return the last sign of life of one of its parts (``core.signs``), None if it never gave one."""
        return next((beat for beat in self.heartbeats if beat.flow == part), None)


@dataclass(frozen=True, slots=True)
class TicketView:
    """What became of one arrival at a source; a duplicate points to the first observation."""

    system: str
    source: str
    ticket: str
    outcome: Outcome
    reason: str | None
    observation_id: int
    settled_at: datetime


@dataclass(frozen=True, slots=True)
class ModelView:
    """One registered version of a model and the aliases that point to it now."""

    id: int
    system: str
    name: str
    version: str
    digest: str
    path: str
    card: Mapping[str, Any]
    registered_at: datetime
    aliases: tuple[Alias, ...] = ()


@dataclass(frozen=True, slots=True)
class AliasView:
    """One line of the append-only history of an alias; ``version`` None means that it was taken away."""

    id: int
    system: str
    name: str
    alias: Alias
    version: str | None
    author: str
    reason: str
    at: datetime
