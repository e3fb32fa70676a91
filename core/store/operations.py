"""Signs of life of the flows and how far they came."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from core.store.models import HeartbeatRow, WatermarkRow


def heartbeat(session: Session, system: str, flow: str, at: datetime, *, ok: bool, detail: str) -> None:
    """Note that a flow succeeded or failed."""
    row = session.get(HeartbeatRow, (system, flow))
    if row is None:
        row = HeartbeatRow(system=system, flow=flow)
        session.add(row)
    row.at, row.ok, row.detail = at, ok, detail
    if ok:
        row.last_success_at = at
    else:
        row.last_failure_at = at


def forget_sign(session: Session, system: str, flow: str) -> None:
    """Let a flow be unknown again: it is no longer meant to give signs."""
    session.execute(delete(HeartbeatRow).where(HeartbeatRow.system == system, HeartbeatRow.flow == flow))


def watermark(session: Session, system: str, source: str) -> dict[str, Any] | None:
    """Return how far a source was taken in."""
    row = session.get(WatermarkRow, (system, source))
    return None if row is None else dict(row.mark)


def set_watermark(session: Session, system: str, source: str, mark: Mapping[str, Any]) -> None:
    """Remember how far a source was taken in."""
    session.merge(WatermarkRow(system=system, source=source, mark=dict(mark)))
