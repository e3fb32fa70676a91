"""The past cut into parts: where order matters, whole runs or fills, else a handful of arrivals each."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from core.contracts import Archive, Arrival, System
from core.settings import Settings
from core.store import Store
from flows.past import SOURCE, Errand, Glimpse, Part, pointed_at

AT_ONCE = 100
"""Arrivals of a part where order does not matter."""
SLACK = timedelta(days=1)
"""A file that was last changed so long before the span was not observed in it, whatever its clock's zone."""
Look = Callable[[Sequence[Part]], Iterator[tuple[int, list[Glimpse]]]]
"""Looks at parts in any order and says which one it looked at."""


def divide(errand: Errand, system: System, settings: Settings, store: Store, look: Look) -> list[Part]:
    """Return the parts that have something to be judged, oldest first as far as that is known.

    Parts never share what an observation is tied to, so each gives the same whoever judges the others.
    """
    read_with = pointed_at(settings, system, errand.archive)
    if system.archive is not None:
        archive = system.archive(read_with)
        try:
            return list(_stretches(errand, system, archive, store))
        finally:
            archive.close()
    source = system.source(read_with)
    arrivals = list(source.arrivals(lambda _: set()))
    if system.ties is None:
        recent = [one for one in arrivals if not _is_older(one, errand.span.begins - SLACK)]
        done = _done(store, system, source.name, recent)
        return _portions(errand, [one for one in recent if one.ticket not in done])
    done = _done(store, system, source.name, arrivals)
    return _tied(errand, arrivals, _looked_at(errand, arrivals, look), done)


def _stretches(errand: Errand, system: System, archive: Archive, store: Store) -> Iterator[Part]:
    for stretch in archive.stretches(errand.span.begins, errand.span.ends):
        done = _done(store, system, archive.name, stretch)
        begins = errand.span.begins.timestamp()
        if any(float(one.detail["at_unix_s"]) >= begins and one.ticket not in done for one in stretch):
            yield Part(errand, stretch, in_order=True)


def _portions(errand: Errand, arrivals: Sequence[Arrival]) -> list[Part]:
    return [Part(errand, tuple(arrivals[first : first + AT_ONCE])) for first in range(0, len(arrivals), AT_ONCE)]


def _looked_at(errand: Errand, arrivals: Sequence[Arrival], look: Look) -> list[Glimpse]:
    portions = _portions(errand, arrivals)
    found: dict[int, list[Glimpse]] = dict(look(portions))
    return [glimpse for number in range(len(portions)) for glimpse in found[number]]


def _tied(errand: Errand, arrivals: Sequence[Arrival], glimpses: Sequence[Glimpse], done: set[str]) -> list[Part]:
    """Parts of what is tied together, by time, up to the last that was asked for; and of what stands alone."""
    known = [(one, glimpse.at, glimpse.ties) for one, glimpse in zip(arrivals, glimpses, strict=True)]
    alone = [one for one, at, ties in known if not ties and one.ticket not in done]
    parts = []
    tied = [(one, at, ties) for one, at, ties in known if ties and at is not None]
    for group in _groups([ties for _, _, ties in tied]):
        members = sorted((tied[number][1], tied[number][0].origin, tied[number][0]) for number in group)
        wanted = [place for place, (at, _, _) in enumerate(members) if errand.span.holds(at)]
        if any(members[place][2].ticket not in done for place in wanted):
            upto = members[: wanted[-1] + 1]
            parts.append((upto[0][0], Part(errand, tuple(one for _, _, one in upto), in_order=True)))
    return [part for _, part in sorted(parts, key=lambda pair: pair[0])] + _portions(errand, alone)


def _groups(ties: Sequence[frozenset[str]]) -> list[list[int]]:
    """Numbers of what hangs together by names that are shared, directly or through others."""
    leader: dict[str, str] = {}

    def lead(name: str) -> str:
        while leader.setdefault(name, name) != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    for names in ties:
        first, *others = sorted(names)
        for other in others:
            leader[lead(other)] = lead(first)
    groups = defaultdict[str, list[int]](list)
    for number, names in enumerate(ties):
        groups[lead(min(names))].append(number)
    return list(groups.values())


def _done(store: Store, system: System, source: str, arrivals: Sequence[Arrival]) -> set[str]:
    tickets = [one.ticket for one in arrivals]
    return store.settled(system.name, SOURCE, tickets) | store.settled(system.name, source, tickets)


def _is_older(arrival: Arrival, than: datetime) -> bool:
    try:
        return Path(arrival.origin).stat().st_mtime < than.timestamp()
    except (OSError, ValueError):
        return False
