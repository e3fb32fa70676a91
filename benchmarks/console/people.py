"""What people did over the months: boards decided, alarms acknowledged, and the trail of both."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import insert, select

from core.alarms.events import ChangeKind
from core.store import Store
from core.store.console_models import AuditRow
from core.store.engine import WRITE
from core.store.models import AlarmEventRow, AlarmRow, Base, DecisionRow, ObservationRow
from core.store.views import Disposition

WAITING = 40
"""So many boards, the newest, were not decided yet."""
CHUNK = 20_000
PEOPLE = ("Anna Keller", "Ben Ng", "Carla Rossi")


def enter_deeds(store: Store, rng: np.random.Generator) -> None:
    """Decide all boards but the newest, and enter what was decided and acknowledged into the trail."""
    with store.database.reading() as session:
        known = session.execute(
            select(ObservationRow.id, ObservationRow.observed_at)
            .where(ObservationRow.system == "flex")
            .order_by(ObservationRow.id)
        )
        decisions = [_decision(number, at, rng) for number, at in list(known.tuples())[:-WAITING]]
        seen = session.execute(
            select(AlarmEventRow.alarm_id, AlarmEventRow.at, AlarmEventRow.author, AlarmRow.system)
            .join(AlarmRow, AlarmRow.id == AlarmEventRow.alarm_id)
            .where(AlarmEventRow.kind == ChangeKind.ACKNOWLEDGED)
        )
        deeds = [_deed("acknowledge", system, f"alarm {number}", at, who) for number, at, who, system in seen.tuples()]
    boards = (f"observation {one['observation_id']}" for one in decisions)
    deeds += [_deed("decide", "flex", subject, *_by(one)) for subject, one in zip(boards, decisions, strict=True)]
    _insert(store, DecisionRow, decisions)
    _insert(store, AuditRow, sorted(deeds, key=lambda deed: deed["at"]))


def _decision(number: int, at: Any, rng: np.random.Generator) -> dict[str, Any]:
    passed = rng.random() < 0.9
    return {
        "observation_id": number,
        "disposition": Disposition.PASSED if passed else Disposition.FAILED,
        "author": PEOPLE[int(rng.integers(len(PEOPLE)))],
        "at": at,
    }


def _by(decision: dict[str, Any]) -> tuple[Any, str]:
    return decision["at"], decision["author"]


def _deed(what: str, system: str, subject: str, at: Any, author: str) -> dict[str, Any]:
    return {
        "at": at, "author": author, "role": "shifter", "via": "page", "deed": what, "system": system,
        "subject": subject, "note": "", "allowed": True,
    }  # fmt: skip


def _insert(store: Store, table: type[Base], rows: list[dict[str, Any]]) -> None:
    for chunk in _chunks(rows):
        with store.database.engine.execution_options(**WRITE).begin() as connection:
            connection.execute(insert(table), chunk)


def _chunks(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    return (rows[first : first + CHUNK] for first in range(0, len(rows), CHUNK))
