"""Which open alarm an incident goes on as, and which alarms an observation says nothing good about: a pure function."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.contracts import Incident


@dataclass(frozen=True, slots=True)
class Ongoing:
    """An open alarm of an incident; ``active``: its cause is not over."""

    number: int
    kind: str
    element: str
    places: frozenset[str]
    active: bool


@dataclass(slots=True, eq=False)
class Spell:
    """Incidents of one observation that are one alarm, worst first: the open one ``number``, or a new one (None)."""

    number: int | None
    kind: str
    element: str
    places: frozenset[str]
    active: bool
    incidents: list[Incident] = field(default_factory=list)

    def fit(self, incident: Incident) -> tuple[bool, int, bool] | None:
        """Return how well an incident goes on as this, None if it cannot: active first, then places, then the name."""
        shared = len(self.places & incident.places)
        if incident.kind != self.kind or not (shared or incident.element == self.element):
            return None
        return self.active, shared, incident.element == self.element

    def take(self, incident: Incident) -> None:
        """Let an incident go on as this. A place stays part of it until it is over: regions waver at their edges."""
        self.places = self.places | incident.places if self.active else incident.places
        self.active = True
        self.incidents.append(incident)


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of the alarms: ``spells`` (worst first) are bad, those in ``held`` stay, all others are good."""

    spells: tuple[Spell, ...]
    held: frozenset[int]


def follow(incidents: Sequence[Incident], ongoing: Sequence[Ongoing], raises: Callable[[Incident], bool]) -> Plan:
    """Say what the incidents of one observation (worst first) mean for the open alarms.

    An incident goes on as the open alarm of its kind that fits best; several may go on as one (a region that fell
    apart). Where it fits more than one (regions that grew together), the others that are active are held. An incident
    that raises no alarm holds every active one that it fits.
    """
    spells = [Spell(one.number, one.kind, one.element, one.places, one.active) for one in ongoing]
    bad: list[Spell] = []
    held: set[int] = set()
    for incident in sorted(incidents, key=raises, reverse=True):
        fitting = [(fit, spell) for spell in spells if (fit := spell.fit(incident)) is not None]
        held |= {spell.number for _, spell in fitting if spell.active and spell.number is not None}
        if not raises(incident):
            continue
        if fitting:
            best = max(fitting, key=lambda pair: pair[0])[1]
        else:
            best = Spell(None, incident.kind, incident.element, frozenset(), active=False)
            spells.append(best)
        best.take(incident)
        if best not in bad:
            bad.append(best)
    return Plan(tuple(bad), frozenset(held - {spell.number for spell in bad}))
