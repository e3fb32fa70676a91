"""What waits for a person's decision and is older than what pages look through at every refresh."""

from collections.abc import Sequence

from sqlalchemy import exists, select

from core.store.engine import Database
from core.store.models import DecisionRow, ObservationRow
from core.store.queries import LOOKED_THROUGH, as_view, views
from core.store.views import ObservationView

_DECIDED = exists().where(DecisionRow.observation_id == ObservationRow.id)


def forgotten(database: Database, system: str, limit: int) -> list[int]:
    """Return the ids of undecided observations beyond the newest ``LOOKED_THROUGH``, last arrived first.

    What a backfill judged waits for nobody. The whole past of the system is looked through, half a second where 150,000
    were decided: not for every refresh.
    """
    own = select(ObservationRow.id).where(ObservationRow.system == system, ObservationRow.is_backfill.is_(False))
    own = own.order_by(ObservationRow.id.desc())
    with database.reading() as session:
        edge = session.scalar(own.offset(LOOKED_THROUGH).limit(1))
        if edge is None:
            return []
        return list(session.scalars(own.where(ObservationRow.id <= edge, ~_DECIDED).limit(limit)))


def undecided(database: Database, ids: Sequence[int]) -> list[ObservationView]:
    """Return those of some observations that nobody has decided yet, last arrived first."""
    query = views().where(ObservationRow.id.in_(list(ids)), ~_DECIDED).order_by(ObservationRow.id.desc())
    with database.reading() as session:
        return [as_view(row) for row in session.execute(query)]
