"""What holds alarms back, in the store: set and ended in the transaction of the observation that shows it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select

from core.alarms.events import Inhibit, Release
from core.alarms.inhibition import why_held
from core.contracts import Circumstance
from core.store.console_models import CircumstanceRow
from core.store.models import AlarmRow
from core.store.stepping import Turn, concerned, standing, step_row
from core.store.types import plain_name
from core.store.views import AlarmChange


def told(turn: Turn, subject: str, circumstances: Sequence[Circumstance], observed_at: datetime) -> None:
    """Let an observation of ``subject`` say which circumstances hold; an older one than the last has no say."""
    subject = plain_name(subject)
    query = select(CircumstanceRow).where(CircumstanceRow.system == turn.system, CircumstanceRow.subject == subject)
    rows = {row.name: row for row in turn.session.scalars(query)}
    if not rows and not circumstances:
        return
    if any(row.observed_at > observed_at for row in rows.values()):
        return
    for one in circumstances:
        row = rows.pop(plain_name(one.name), None)
        if row is None:
            row = CircumstanceRow(system=turn.system, name=one.name, subject=subject, since=observed_at)
            turn.session.add(row)
        row.reason, row.observed_at = one.reason, observed_at
        row.kinds = None if one.kinds is None else sorted(one.kinds)
    for row in rows.values():
        turn.session.delete(row)
    turn.session.flush()
    turn.standing = standing(turn.session, turn.system)


def silent(turn: Turn, name: str, reason: str | None, at: datetime) -> None:
    """Say that a source is silent, and why that is thought; or (None) that it is not."""
    key = (turn.system, plain_name(name), "")
    row = turn.session.get(CircumstanceRow, key)
    if reason is None:
        turn.session.execute(
            delete(CircumstanceRow).where(
                CircumstanceRow.system == key[0], CircumstanceRow.name == key[1], CircumstanceRow.subject == ""
            )
        )
    elif row is None:
        turn.session.add(
            CircumstanceRow(system=key[0], name=key[1], subject="", reason=reason, since=at, observed_at=at, kinds=None)
        )
    else:
        row.reason, row.observed_at = reason, at
    turn.session.flush()
    turn.standing = standing(turn.session, turn.system)


def reconcile(turn: Turn, at: datetime) -> list[AlarmChange]:
    """Inhibit or release every open alarm of the system for which that is due."""
    query = select(AlarmRow).where(AlarmRow.system == turn.system, AlarmRow.closed_at.is_(None))
    if not turn.standing:
        query = query.where(AlarmRow.inhibited_by.is_not(None))
    changes: list[AlarmChange] = []
    for row in turn.session.scalars(query.order_by(AlarmRow.id)).all():
        why = why_held(concerned(row, row.current), turn.standing)
        if why != (row.inhibited_by or ""):
            event = Inhibit(at, why) if why else Release(at)
            changes += step_row(turn.session, row, [event], turn.rule)
    return changes
