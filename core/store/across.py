"""What is compared across systems: means of followed numbers by step of time, and when alarms began."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import JSON, BigInteger, ColumnElement, Float, case, cast, func, literal, select, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.alarms.events import ChangeKind
from core.coincidence.followed import Followed, Modes, Part
from core.coincidence.history import STEP_S, Onset
from core.store.alarm_rows import alarm_view
from core.store.drill_marks import revealed_alarms, revealed_observations
from core.store.engine import Database
from core.store.models import AlarmEventRow, AlarmRow, ObservationRow, VerdictRow
from core.store.views import AlarmView
from core.verdict import Quality

OF_THE_WATCH, OF_THE_ELEMENT = "the watch", "an element"
"""Kinds of alarms that are no incidents: those about the watch itself, and those about what was observed."""


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """What came of a system in each step of ``STEP_S`` from number ``first`` on (counted from 1970).

    ``counts`` (steps, qualities in the order of ``Quality``); ``values`` (followed, steps), NaN for none; ``modes``:
    "" where none is told, and where it changed within the step.
    """

    first: int
    counts: NDArray[np.int64]
    values: NDArray[np.float64]
    modes: NDArray[np.str_]


def steps(
    database: Database, system: str, followed: Sequence[Followed], modes: Modes | None, first: int, last: int
) -> Steps:
    """Return what came of a system in the steps from ``first`` to before ``last``: means, made by the database."""
    size = max(last - first, 0)
    counts = np.zeros((size, len(Quality)), np.int64)
    values = np.full((len(followed), size), np.nan)
    told = np.full(size, "", dtype="U16")
    with database.reading() as session:
        for number, low, high, *numbers in _rows(session, system, followed, modes, first, last):
            place = int(number) - first
            counts[place] = numbers[: len(Quality)]
            values[:, place] = [np.nan if one is None else one for one in numbers[len(Quality) :]]
            told[place] = low if low is not None and low == high else ""
    return Steps(first, counts, values, told)


def _rows(
    session: Session, system: str, followed: Sequence[Followed], modes: Modes | None, first: int, last: int
) -> Iterable[Sequence[Any]]:
    postgres = session.get_bind().dialect.name == "postgresql"
    number = _step(ObservationRow.observed_at, postgres=postgres).label("number")
    mode = literal("") if modes is None else _text(modes, postgres=postgres)
    query = (
        select(
            number,
            func.min(mode),
            func.max(mode),
            *(func.sum(case((VerdictRow.quality == one, 1), else_=0)) for one in Quality),
            *(func.avg(_number(one, postgres=postgres)) for one in followed),
        )
        .join(VerdictRow, VerdictRow.observation_id == ObservationRow.id)
        .where(ObservationRow.system == system, ObservationRow.id.not_in(revealed_observations()))
        .where(ObservationRow.observed_at >= _instant(first), ObservationRow.observed_at < _instant(last))
        .group_by(number)
    )
    return session.execute(query).tuples()


def _step(column: InstrumentedAttribute[datetime], *, postgres: bool) -> ColumnElement[int]:
    if postgres:
        return cast(func.floor(func.extract("epoch", column) / STEP_S), BigInteger)
    return cast(func.strftime("%s", column), BigInteger) // STEP_S


def _instant(number: int) -> datetime:
    return datetime.fromtimestamp(number * STEP_S, UTC)


def _number(one: Followed, *, postgres: bool) -> ColumnElement[float | None]:
    """A number in an observation; what is there but no number counts as nothing."""
    is_measured = one.part is Part.MEASUREMENTS
    column = type_coerce(VerdictRow.measurements if is_measured else ObservationRow.conditions, JSON)
    path = (one.name, "value") if is_measured else (one.name,)
    if postgres:
        found = column[path]
        number = case((func.jsonb_typeof(found) == "number", found.as_float()))
    else:
        written = "$" + "".join(f'."{part}"' for part in path)
        kind = func.json_type(column, written)
        number = case((kind.in_(("integer", "real")), cast(func.json_extract(column, written), Float)))
    chosen: ColumnElement[float | None] = number
    return chosen if one.element is None else case((ObservationRow.element == one.element, chosen))


def _text(modes: Modes, *, postgres: bool) -> ColumnElement[str]:
    column = type_coerce(ObservationRow.conditions, JSON)
    found = column[(modes.name,)].as_string() if postgres else func.json_extract(column, f'$."{modes.name}"')
    return found if modes.element is None else case((ObservationRow.element == modes.element, found))


def onsets(database: Database, since: datetime, until: datetime) -> list[Onset]:
    """Return when alarms began or came back, by the time in the data where that is known, oldest first."""
    query = (
        select(
            AlarmEventRow.kind,
            AlarmEventRow.at,
            ObservationRow.observed_at,
            AlarmRow.id,
            AlarmRow.system,
            AlarmRow.kind,
            AlarmRow.bad_since,
            AlarmRow.observation_id,
        )
        .join(AlarmRow, AlarmRow.id == AlarmEventRow.alarm_id)
        .outerjoin(ObservationRow, ObservationRow.id == AlarmEventRow.observation_id)
        .where(AlarmEventRow.at >= since, AlarmEventRow.at < until)
        .where(AlarmEventRow.kind.in_((ChangeKind.RAISED, ChangeKind.RELAPSED)))
        .where(AlarmRow.id.not_in(revealed_alarms()))
        .order_by(AlarmEventRow.at, AlarmEventRow.id)
    )
    with database.reading() as session:
        found = [_onset(*row) for row in session.execute(query).tuples()]
    return sorted(found, key=lambda one: (one.at_s, one.alarm_id))


def _onset(
    change: ChangeKind,
    at: datetime,
    observed_at: datetime | None,
    alarm_id: int,
    system: str,
    kind: str,
    bad_since: datetime | None,
    observation_id: int | None,
) -> Onset:
    began = observed_at or at
    if kind and change is ChangeKind.RAISED and bad_since is not None:
        began = min(began, bad_since)
    stream = kind or (OF_THE_WATCH if observation_id is None else OF_THE_ELEMENT)
    return Onset(began.timestamp(), system, stream, alarm_id)


def alarms_open_in(database: Database, since: datetime, until: datetime, limit: int) -> list[AlarmView]:
    """Return the alarms that were open at some time within a span, oldest first; the newest if they are many."""
    open_then = AlarmRow.closed_at.is_(None) | (AlarmRow.closed_at >= since)
    query = select(AlarmRow).where(open_then, AlarmRow.raised_at < until).order_by(AlarmRow.id.desc()).limit(limit)
    with database.reading() as session:
        return [alarm_view(row) for row in session.scalars(query)][::-1]


def alarms(database: Database, numbers: Sequence[int]) -> dict[int, AlarmView]:
    """Return alarms by their ids."""
    with database.reading() as session:
        found = session.scalars(select(AlarmRow).where(AlarmRow.id.in_(list(numbers)), AlarmRow.raised_at.is_not(None)))
        return {row.id: alarm_view(row) for row in found}
