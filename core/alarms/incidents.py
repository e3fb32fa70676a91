"""Which open alarm an incident goes on as, and which alarms an observation says nothing good about: a pure function."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.contracts import Incident

MANY = "many places"
LEAST_ALIKE = 0.05
"""An incident goes on as an alarm only if they share this part of all their places, or began at the same time: a dead
lane is not the same as half a layer that lies around it."""


@dataclass(frozen=True, slots=True)
class Ongoing:
    """An open alarm of an incident, and when it began; ``active``: its cause is not over."""

    number: int
    kind: str
    element: str
    places: frozenset[str]
    active: bool
    since: datetime | None = None


@dataclass(slots=True, eq=False)
class Spell:
    """Incidents of one observation that are one alarm, worst first: the open one ``number``, or a new one (None)."""

    number: int | None
    kind: str
    element: str
    places: frozenset[str]
    active: bool
    since: datetime | None = None
    incidents: list[Incident] = field(default_factory=list)

    def fit(self, incident: Incident) -> tuple[bool, int, bool] | None:
        """Return how well an incident goes on as this, None if it cannot: active first, then places, then the name."""
        if incident.kind != self.kind or (self.element == MANY and not self.active):
            return None  # a flood that is over claims no place
        shared, named = len(self.places & incident.places), incident.element == self.element
        alike = shared >= LEAST_ALIKE * len(self.places | incident.places) or incident.since == self.since
        return (self.active, shared, named) if named or (shared and alike) else None

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


def follow(
    incidents: Sequence[Incident],
    ongoing: Sequence[Ongoing],
    raises: Callable[[Incident], bool],
    flood: int | None = None,
) -> Plan:
    """Say what the incidents of one observation (worst first) mean for the open alarms.

    An incident goes on as the open alarm of its kind that fits best; several may go on as one (a region that fell
    apart). Where it fits more than one (regions that grew together), the others that are active are held. An incident
    that raises no alarm holds every active one that it fits. More than ``flood`` new ones of a kind begin one alarm
    together, called ``MANY``; while that is active, others that are new join it.
    """
    spells = [Spell(one.number, one.kind, one.element, one.places, one.active, one.since) for one in ongoing]
    held: set[int] = set()
    new: list[Incident] = []
    for incident in incidents:
        fitting = [(fit, spell) for spell in spells if (fit := spell.fit(incident)) is not None]
        held |= {spell.number for _, spell in fitting if spell.active and spell.number is not None}
        if not raises(incident):
            continue
        if fitting:
            max(fitting, key=lambda pair: pair[0])[1].take(incident)
        else:
            new.append(incident)
    spells += _begun(new, spells, flood)
    rank = {id(incident): place for place, incident in enumerate(incidents)}
    bad = sorted((spell for spell in spells if spell.incidents), key=lambda spell: rank[id(spell.incidents[0])])
    return Plan(tuple(bad), frozenset(held - {spell.number for spell in bad}))


def _begun(new: Sequence[Incident], spells: Sequence[Spell], flood: int | None) -> list[Spell]:
    """Let new incidents begin alarms, or join that of a flood."""
    begun: list[Spell] = []
    for kind in dict.fromkeys(incident.kind for incident in new):
        own = [incident for incident in new if incident.kind == kind]
        many = next((spell for spell in spells if (spell.kind, spell.element) == (kind, MANY)), None)
        is_flood = flood is not None and len(own) > flood
        if is_flood and many is None:
            many = Spell(None, kind, MANY, frozenset(), active=False)
            begun.append(many)
        for incident in own:
            if many is not None and (is_flood or many.active):
                many.take(incident)
            else:
                _alone(incident, begun).take(incident)
    return begun


def _alone(incident: Incident, begun: list[Spell]) -> Spell:
    """The alarm that an incident begins: its own, or that of a worse one which it fits."""
    found = next((spell for spell in begun if spell.fit(incident) is not None), None)
    if found is None:
        found = Spell(None, incident.kind, incident.element, frozenset(), active=False)
        begun.append(found)
    return found
