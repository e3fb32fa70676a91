"""Memory of the server while a page stays open and new observations with pictures of their own keep coming."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session as Transaction

from benchmarks.console.serving import Server
from benchmarks.console.session import Session
from core.store import Store
from core.store.models import ArtefactRow, EvidenceRow, ObservationRow, VerdictRow

REFRESHES, SETTLED, EVERY = 500, 100, 5
"""Refreshes in all, refreshes after which memory is looked at (until then caches fill), and between two arrivals."""
LOOKED_AT = {"overview": "its", "its": "its", "plasma": "schlieren"}


def open_for_long(server: Server, url: str, home: Path, refreshes: int = REFRESHES) -> list[dict[str, Any]]:
    """Return the memory of the server while pages refresh 500 times each."""
    found = []
    with Store.open(url, home / "artefacts") as store:
        for page, system in LOOKED_AT.items():
            with Session(server.address) as session:
                session.open("" if page == "overview" else page)
                seen, errors = [], 0
                for number in range(refreshes):
                    if number % EVERY == 0:
                        arrive(store, system, f"{page}-{number}-{datetime.now(UTC).timestamp()}")
                    errors += sum(session.refresh(one).errors for one in session.fragments)
                    seen.append(server.memory_mb())
            found.append(_told(page, seen, errors))
            print(found[-1], flush=True)
    return found


def arrive(store: Store, system: str, key: str) -> None:
    """Enter the newest observation of a system once more, as a new one with pictures of its own."""
    with store.database.writing(system) as session:
        last = session.scalars(
            select(ObservationRow).where(ObservationRow.system == system).order_by(ObservationRow.id.desc()).limit(1)
        ).one()
        verdict = session.get_one(VerdictRow, last.id)
        now = datetime.now(UTC)
        fresh = _columns(last) | {"key": key, "observed_at": max(now, last.observed_at + timedelta(seconds=1))}
        fresh.pop("id")
        number = session.execute(insert(ObservationRow).returning(ObservationRow.id), [fresh]).scalar_one()
        judged = _columns(verdict) | {"observation_id": number, "processed_at": now, "alarm_id": None}
        session.execute(insert(VerdictRow), [judged])
        _pictures(store, session, last.id, number, key, now)


def _pictures(store: Store, session: Transaction, old: int, new: int, key: str, now: datetime) -> None:
    """The same pictures under digests of their own: decoders ignore what follows the end of a PNG."""
    for one in session.scalars(select(EvidenceRow).where(EvidenceRow.observation_id == old)).all():
        kept = session.get_one(ArtefactRow, one.digest)
        content = store.artefacts.get(one.digest)
        if kept.media_type == "image/png":
            content += key.encode()
        digest = store.artefacts.put(content, kept.media_type)
        if session.get(ArtefactRow, digest) is None:
            values = {"digest": digest, "media_type": kept.media_type, "bytes": len(content), "created_at": now}
            session.execute(insert(ArtefactRow), [values])
        session.execute(insert(EvidenceRow), [{"observation_id": new, "name": one.name, "digest": digest}])


def _columns(row: Any) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__mapper__.column_attrs}


def _told(page: str, seen: list[float], errors: int) -> dict[str, Any]:
    settled = seen[min(SETTLED, len(seen)) - 1]
    return {
        "page": page,
        "refreshes": len(seen),
        "arrivals": -(-len(seen) // EVERY),
        f"mb_after_{SETTLED}": round(settled, 1),
        "mb_at_end": round(seen[-1], 1),
        "growth": round(seen[-1] / settled - 1, 4),
        "errors": errors,
        "load": round(os.getloadavg()[0], 1),
    }
