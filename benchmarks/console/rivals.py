"""Model versions of every system, one in charge, one in its shadow on the newest observations."""

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import insert, select

from core.inference import load_package
from core.settings import Settings
from core.store import Store
from core.store.engine import WRITE
from core.store.model_models import ShadowVerdictRow
from core.store.models import VerdictRow
from core.store.views import Alias
from core.verdict import Quality
from flows.systems import load_system

SYSTEMS = ("its", "collimation", "schlieren", "flex")
SHADOWED = 5_000
RIVAL = "rival0000000"


@cache
def judged_by(system: str) -> dict[str, Any]:
    """Return the model columns of a verdict: those of the model that ships."""
    find = load_system(system).find_model
    assert find is not None
    card = load_package(find(Settings())).card
    return {"model_name": card.name, "model_version": card.version}


def enter_rivals(store: Store, now: datetime, rng: np.random.Generator) -> None:
    """Register the shipped model as champion and a made-up one as challenger, with shadow verdicts."""
    for system in SYSTEMS:
        own = judged_by(system)
        find = load_system(system).find_model
        assert find is not None
        card = load_package(find(Settings())).card.model_dump(mode="json")
        name, version = own["model_name"], own["model_version"]
        for one in (version, RIVAL):
            store.register_model(system, name, one, one * 5, "/nowhere", card, now)
        store.set_alias(system, name, Alias.CHAMPION, version, "shiftwatch", "installed with the program", now)
        store.set_alias(system, name, Alias.CHALLENGER, RIVAL, "Anna Keller", "is it better?", now)
        rows = list(_shadows(store, system, name, now, rng))
        with store.database.engine.execution_options(**WRITE).begin() as connection:
            connection.execute(insert(ShadowVerdictRow), rows)


def _shadows(store: Store, system: str, name: str, now: datetime, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    query = select(VerdictRow.observation_id, VerdictRow.quality, VerdictRow.score).where(VerdictRow.system == system)
    with store.database.reading() as session:
        newest = session.execute(query.order_by(VerdictRow.processed_at.desc()).limit(SHADOWED)).tuples().all()
    for number, quality, score in newest:
        other = quality if rng.random() < 0.95 else Quality(str(rng.choice(list(Quality)[:3])))
        yield {
            "observation_id": number, "model_name": name, "model_version": RIVAL, "system": system,
            "processed_at": now, "quality": other, "score": None if score is None else score + float(rng.normal()),
            "threshold": None, "p_value": None, "cause": None, "reason": None, "took_s": 0.1, "replay_id": None,
        }  # fmt: skip
