"""A store as large as wanted: verdicts of every system, alarms with their whole lives, answers, shadow verdicts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert, text

from benchmarks.console.people import enter_deeds
from benchmarks.console.rivals import enter_rivals, judged_by
from benchmarks.console.templates import Template, templates
from core.alarms.events import ChangeKind
from core.alarms.severity import Severity
from core.store import Store
from core.store.engine import WRITE
from core.store.models import AlarmEventRow, AlarmRow, Base, EvidenceRow, FeedbackRow, ObservationRow, VerdictRow
from core.store.views import Judgement
from core.verdict import Quality

SHARES = {"its": 0.4, "collimation": 0.2, "schlieren": 0.25, "flex": 0.15}
QUALITIES = {Quality.GOOD: 0.92, Quality.MEDIUM: 0.05, Quality.BAD: 0.02, Quality.NULL: 0.01}
DAYS = 120
EVIDENCE_OF = 50_000
OPEN = 25
CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Size:
    """How much is put in."""

    verdicts: int = 1_000_000
    alarms: int = 10_000
    answers: int = 3_000


def fill(url: str, home: Path, size: Size, seed: int = 6) -> None:
    """Make the store at ``url`` and fill it; the newest observation is of now."""
    rng, now = np.random.default_rng(seed), datetime.now(UTC)
    with Store.open(url, home / "artefacts") as store:
        store.upgrade()
        known = templates(store)
        alarms = list(_alarms(size.alarms, now, rng))
        _insert(store, AlarmRow, (row for row, _ in alarms))
        _insert(store, AlarmEventRow, (event for _, events in alarms for event in events))
        first = 1
        for system, share in SHARES.items():
            first = _observations(store, known[system], int(size.verdicts * share), now, rng, first)
        enter_rivals(store, now, rng)
        enter_deeds(store, rng)
        _insert(store, FeedbackRow, _answers(size.answers, size.verdicts, now, rng))
        for system in SHARES:
            store.heartbeat(system, "watch", now, ok=True)
        _finish(store)


def _observations(
    store: Store, known: list[Template], count: int, now: datetime, rng: np.random.Generator, first: int
) -> int:
    """Insert ``count`` observations of one system, oldest first; return the next free id."""
    picks = _picks(known, count, rng)
    step = timedelta(days=DAYS) / count
    times = [now - (count - 1 - number) * step for number in range(count)]
    scores = rng.gumbel(size=count)
    for begin in range(0, count, CHUNK):
        numbers = range(begin, min(begin + CHUNK, count))
        _insert(store, ObservationRow, (_observation(picks[n], first + n, times[n]) for n in numbers))
        _insert(store, VerdictRow, (_verdict(picks[n], first + n, times[n], scores[n]) for n in numbers))
    kept = range(max(0, count - EVIDENCE_OF), count)
    _insert(
        store,
        EvidenceRow,
        (
            {"observation_id": first + n, "name": name, "digest": digest}
            for n in kept
            for name, digest in picks[n].evidence
        ),
    )
    return first + count


def _picks(known: list[Template], count: int, rng: np.random.Generator) -> list[Template]:
    """Which template each observation repeats; a quality that no template has is taken from another."""
    by_quality = {quality: [one for one in known if one.quality is quality] for quality in QUALITIES}
    wanted = rng.choice(list(QUALITIES), size=count, p=list(QUALITIES.values()))
    draw = rng.random(count)
    return [_pick(by_quality[Quality(one)] or known, share) for one, share in zip(wanted, draw, strict=True)]


def _pick(group: list[Template], share: float) -> Template:
    return group[int(share * len(group))]


def _observation(one: Template, number: int, at: datetime) -> dict[str, Any]:
    element = one.element if one.system != "flex" else f"20UPGPQ{number:07d}"
    return one.observation | {"id": number, "element": element, "key": f"k{number}", "observed_at": at}


def _verdict(one: Template, number: int, at: datetime, score: float) -> dict[str, Any]:
    changed = {"observation_id": number, "processed_at": at + timedelta(seconds=2)}
    return (
        one.verdict
        | judged_by(one.system)
        | changed
        | {"score": float(score) if one.verdict["score"] is not None else None}
    )


def _alarms(
    count: int, now: datetime, rng: np.random.Generator
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield the rows of alarms with those of their history; the newest are open, some come in floods."""
    ages = np.sort(rng.uniform(0, DAYS * 86_400, count))[::-1]
    burst = rng.random(count) < 0.2
    ages[burst] = np.round(ages[burst] / 7200) * 7200 + rng.uniform(0, 600, int(burst.sum()))
    systems = rng.choice(list(SHARES), size=count, p=[0.5, 0.2, 0.15, 0.15])
    for number, (age, system) in enumerate(zip(np.sort(ages)[::-1], systems, strict=True), start=1):
        is_open = number > count - OPEN
        yield _alarm(number, str(system), now - timedelta(seconds=float(age)), rng, is_open=is_open)


def _alarm(
    number: int, system: str, at: datetime, rng: np.random.Generator, *, is_open: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    severity = Severity([Severity.MINOR, Severity.INVALID, Severity.MAJOR][int(rng.choice(3, p=[0.7, 0.2, 0.1]))])
    lasted, seen = timedelta(seconds=float(rng.exponential(900))), timedelta(seconds=float(rng.exponential(240)))
    over, acknowledged = at + lasted, at + seen
    closed = max(over, acknowledged)
    element = f"place {number}" if is_open else f"place {int(rng.zipf(1.4)) % 400}"
    author = "" if is_open else str(rng.choice(["Anna Keller", "Ben Ng", "Carla Rossi"]))
    row = {
        "id": number, "system": system, "element": element, "severity": severity, "message": f"something at {element}",
        "current": severity if is_open else Severity.OK, "bad_since": at, "bad_count": 3, "observed_at": at,
        "raised_at": at, "recovered_at": None if is_open else over, "closed_at": None if is_open else closed,
        "acknowledged_by": author or None, "acknowledged_at": None if is_open else acknowledged, "shelved_by": None,
        "shelved_reason": None, "shelved_until": None, "observation_id": None, "kind": "", "subject": None,
        "places": [], "cause": None, "good_count": 0,
    }  # fmt: skip
    events = [(ChangeKind.RAISED, at, "")]
    if not is_open:
        events += [(ChangeKind.ACKNOWLEDGED, acknowledged, author), (ChangeKind.RECOVERED, over, "")]
        events += [(ChangeKind.CLEARED, closed, "")]
    fixed = {"alarm_id": number, "severity": severity, "note": "", "until": None, "observation_id": None}
    ordered = sorted(events, key=lambda event: event[1])
    return row, [fixed | {"kind": kind, "at": when, "author": who} for kind, when, who in ordered]


def _answers(count: int, verdicts: int, now: datetime, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    judgements = rng.choice(list(Judgement), size=count, p=[0.6, 0.25, 0.1, 0.05])
    ages = rng.uniform(0, DAYS * 86_400, count)
    for number, judgement, age in zip(rng.integers(1, verdicts + 1, count), judgements, ages, strict=True):
        yield {
            "observation_id": int(number), "decision_id": None, "alarm_id": None, "region_index": None, "cause": None,
            "judgement": Judgement(judgement), "comment": "", "author": "Anna Keller",
            "at": now - timedelta(seconds=float(age)),
        }  # fmt: skip


def _insert(store: Store, table: type[Base], values: Iterator[dict[str, Any]]) -> None:
    while rows := list(islice(values, CHUNK)):
        with store.database.engine.execution_options(**WRITE).begin() as connection:
            connection.execute(insert(table), rows)


def _finish(store: Store) -> None:
    """Set the counters of ids that were given by hand, and let the database learn what it holds."""
    with store.database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        if connection.dialect.name == "postgresql":
            for name in ("observation", "alarm"):
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"))  # noqa: S608
            connection.execute(text("VACUUM ANALYZE"))
        else:
            connection.exec_driver_sql("ANALYZE")
