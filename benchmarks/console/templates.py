"""Verdicts as the shipped models give them, to be repeated a million times: regions, measurements, pictures and all."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.simulating import simulate
from core.contracts import Arrival, Settled
from core.settings import Settings
from core.store import Store, rows
from core.store.models import ArtefactRow
from core.verdict import Quality
from flows.systems import load_system

FILES = {"flex": (4, 0, 2), "its": (6, 1, 3), "collimation": (4, 0, 1), "schlieren": (6, 0, 3)}
"""How many nominal files, faults in them, and faults in as many others."""


@dataclass(frozen=True, slots=True)
class Template:
    """What the rows of one judged observation are made of."""

    system: str
    element: str
    quality: Quality
    observation: dict[str, Any]
    verdict: dict[str, Any]
    evidence: tuple[tuple[str, str], ...]


def templates(store: Store) -> dict[str, list[Template]]:
    """Judge simulated files of every system, keep their pictures in ``store``, return what their rows hold."""
    found: dict[str, list[Template]] = {}
    for name, (count, none, some) in FILES.items():
        system = load_system(name)
        with TemporaryDirectory() as folder:
            settings = Settings(home=Path(folder))
            detector = system.detector(settings)
            files = [
                path
                for faults in (none, some)
                for path in simulate(name, Path(folder) / str(faults), count=count, defects=faults, seed=7 + faults)
            ]
            judged = [(system.read_file(path, settings), path) for path in files]
            found[name] = [
                _template(store, Settled(Arrival(str(path), seen.origin), seen, detector.judge(seen), seen.observed_at))
                for seen, path in judged
            ]
    return found


def _template(store: Store, item: Settled) -> Template:
    assert item.observation is not None
    seen = item.observation
    stored = rows.put_evidence(store.artefacts, item.verdict)
    with store.database.writing(seen.system) as session:
        for one in stored:
            if session.get(ArtefactRow, one.digest) is None:
                session.add(ArtefactRow(**rows.artefact_values(one, item.processed_at)))
                session.flush()
    return Template(
        seen.system,
        seen.element,
        item.verdict.quality,
        rows.observation_values(seen.system, item, (seen.element, seen.key)),
        rows.verdict_values(seen.system, item, 0, None),
        tuple((one.name, one.digest) for one in stored),
    )
