"""``shiftwatch report``: maps judged together, as one page that can be printed and signed."""

import json
from datetime import UTC, datetime
from pathlib import Path

from accelerator.collimation import report
from accelerator.collimation.diagnosis import EVIDENCE, Diagnosis
from accelerator.collimation.display_words import map_words
from accelerator.collimation.report import Entry
from app.scoring import Request, Result, judged
from core.errors import SettingsError
from core.verdict import Quality

SYSTEM = "collimation"


def write(system: str, paths: tuple[Path, ...], out: Path, title: str | None = None) -> tuple[int, int]:
    """Judge the maps and write the report; return how many there are, and how many could not be judged.

    Raises
    ------
    SettingsError
        There are no reports of this system, or the file cannot be written.
    """
    if system != SYSTEM:
        raise SettingsError(f"report: there are no reports of {system!r}; there is: {SYSTEM}")
    entries = [entry(result) for result in judged(Request(system, paths, as_json=True))]
    text = report.html(entries, datetime.now(UTC), title or "Loss-map qualification")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"--out {out}: cannot be written ({error.strerror})") from None
    return len(entries), sum(one.quality is Quality.NULL for one in entries)


def entry(result: Result) -> Entry:
    """Return the entry of one judged file."""
    seen, verdict = result.observation, result.verdict
    conditions = seen.conditions if seen else {}
    kept = verdict.evidence.get(EVIDENCE)
    found = Diagnosis.from_json(json.loads(kept.content)) if kept else None
    known = {"beam": found.beam, "plane": found.plane, "state": found.state} if found else {}
    told = {**known, **{name: value for name, value in conditions.items() if value is not None}}
    origin = seen.origin if seen else str(result.path)
    return Entry(
        name=report.name_of(map_words(told), origin),
        beam=int(str(told["beam"])) if told.get("beam") in {1, 2} else None,
        plane=str(told["plane"]) if told.get("plane") else None,
        state=str(told["state"]) if told.get("state") else None,
        fill=str(told.get("fill") or ""),
        observed_at=seen.observed_at if seen else datetime.now(UTC),
        origin=origin,
        sha256=seen.sha256 if seen else "",
        quality=verdict.quality,
        reason=verdict.reason or result.error,
        model=f"{verdict.model.name} {verdict.model.version}" if verdict.model else "",
        diagnosis=found,
        measurements=verdict.measurements,
        pictures={name: one.content for name, one in verdict.evidence.items() if one.media_type == "image/png"},
    )
