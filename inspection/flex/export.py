"""The ITk VISUAL_INSPECTION test run of a decided board, as the local database takes it.

The analysis of ``module-qc-analysis-tools`` 2.10.5 grades a board by substrings of its defect ids and lets one pass
whose red defect it does not know. Here every such defect is recorded twice, under its own id and the nearest graded
one, the comment of the tile says so, and our own verdict stands in ``Metadata.SHIFTWATCH``; :func:`analyse` is that
analysis, so that a record which it would grade better than we do is never handed out.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from core.errors import InputError
from core.settings import Settings
from core.store.views import Judgement, ObservationDetail, RegionDecision
from core.verdict import Quality
from inspection.flex.checklist import ONLY_RED, Colour, category_of, grade_key, graded_ids, grades_of

Run = dict[str, Any]
SIDES = ("front", "back")
TILES = 6


def record(
    detail: ObservationDetail, decisions: Sequence[RegionDecision], author: str, at: datetime, settings: Settings
) -> Run:
    """Return the test run of one decided photo.

    A region that the person did not reject is a red defect (yellow where they called it known, unless the check-list
    has the category in red only). ``passed`` is our own verdict: false with any red defect.

    Raises
    ------
    core.errors.InputError
        If the board could not be judged, or a region was not decided on: such a record would pass for a good one.
    """
    view = detail.view
    if view.quality is Quality.NULL:
        raise InputError(view.origin, f"was not judged ({view.reason}), so there is no inspection to record")
    defects = _defects(detail, decisions)
    side = str(view.conditions.get("side") or "front")
    serial = str(view.conditions.get("serial") or view.element)
    run = _skeleton(serial, author or settings.flex.operator, settings.flex.instrument, view.observed_at, at)
    run["passed"] = all(defect["colour"] != Colour.RED for defect in defects)
    run["results"]["Metadata"].update(_side(side, defects))
    run["results"]["Metadata"]["SHIFTWATCH"] = {
        "passed": run["passed"],
        "overall_grade": 3 if not run["passed"] else 2 if defects else 1,
        "unmapped_defects": sorted({f"{d['colour']}.{d['category']}" for d in defects if len(d["ids"]) > 1}),
        side: _ours(detail, decisions, defects),
    }
    if analyse(run)["passed"] and not run["passed"]:
        raise InputError(view.origin, "its record would pass although the board did not: it is not handed out")
    return run


def envelope(*runs: Run) -> list[list[Run]]:
    """Return test runs as they are posted to ``/localdb/qc_uploader_post`` or kept in a file: ``[[run, …]]``.

    Our ``passed`` is taken off: it is no part of a raw test run and stays in ``Metadata.SHIFTWATCH``.
    """
    return [[{key: value for key, value in run.items() if key != "passed"} for run in runs]]


def with_images(run: Run, side: str, image: str, tiles: Mapping[str, str]) -> Run:
    """Return a run with the GridFS ids that the local database gave the photo and the pictures of its tiles."""
    metadata = {**run["results"]["Metadata"], f"{side}_image": image, f"{side}_defect_images": dict(tiles)}
    return {**run, "results": {**run["results"], "Metadata": metadata}}


def tile_of(x: float, y: float, width: int, height: int) -> int:
    """Return the tile, 0 to 35, in which a point of a photo of ``width`` x ``height`` pixels lies.

    Six rows of six, from the upper left, along the row first: ``split_img`` of module-qc-nonelec-gui 0.0.8 cuts
    tile ``n`` at row ``n // 6``, column ``n % 6`` (its page shows ``n + 1``). That tool trims the photo to the board
    first; here the whole upright photo counts, so near a border of tiles the two may differ by one.
    """
    column = min(max(int(x * TILES / max(width, 1)), 0), TILES - 1)
    row = min(max(int(y * TILES / max(height, 1)), 0), TILES - 1)
    return TILES * row + column


def analyse(run: Mapping[str, Any]) -> dict[str, Any]:
    """Grade a test run as ``analysis-VISUAL_INSPECTION`` 2.10.5 does: ``{"grades", "passed", "lost"}``.

    ``lost`` lists the defect ids that it drops without a word.
    """
    grades = grades_of(run["serialNumber"])
    found = dict.fromkeys(grades.values(), 1)
    lost: list[str] = []
    metadata = run["results"]["Metadata"]
    for side in SIDES:
        for ids in (metadata.get(f"{side}_defects") or {}).values():
            for defect in ids:
                key = grade_key(defect, grades)
                if key is None:
                    lost.append(defect)
                else:
                    found[key] = max(found[key], _level(defect))
    return {"grades": found, "passed": max(found.values()) < 3, "lost": lost}


def _level(defect: str) -> int:
    return 2 if "yellow" in defect.lower() else 3 if "red" in defect.lower() else 1


def _defects(detail: ObservationDetail, decisions: Sequence[RegionDecision]) -> list[dict[str, Any]]:
    said = {decision.region_index: decision for decision in decisions}
    open_ones = [index + 1 for index in range(len(detail.regions)) if index not in said]
    if open_ones:
        raise InputError(detail.view.origin, f"place {open_ones[0]} was not decided on")
    grades = grades_of(str(detail.view.conditions.get("serial") or detail.view.element))
    defects = []
    for index, decision in said.items():
        if decision.judgement is Judgement.FALSE_ALARM or (index is None and decision.cause is None):
            continue
        region = detail.regions[index] if index is not None else {}
        category = category_of(decision.cause or region.get("cause"))
        known = decision.judgement is Judgement.KNOWN and category not in ONLY_RED
        colour = Colour.YELLOW if known else Colour.RED
        ids = graded_ids(colour, category, grades)
        tile = str(_tile(region, detail))
        defects.append(
            {"index": index, "tile": tile, "colour": colour, "category": category, "ids": ids, "note": decision.comment}
        )
    return defects


def _tile(region: Mapping[str, Any], detail: ObservationDetail) -> int:
    width, height = (int(detail.view.conditions.get(name) or 1) for name in ("width", "height"))
    x, y, w, h = (float(region.get(name) or 0) for name in ("x", "y", "width", "height"))
    return tile_of(x + w / 2, y + h / 2, width, height)


def _skeleton(serial: str, operator: str, instrument: str, taken: datetime, at: datetime) -> Run:
    ours = f"shiftwatch {_version()}"
    return {
        "serialNumber": serial,
        "testType": "VISUAL_INSPECTION",
        "subtestType": "",
        "results": {
            "property": {
                "OPERATOR": operator,
                "INSTRUMENT": instrument,
                "VISUAL_INSPECTION_MEASUREMENT_VERSION": ours,
            },
            "comment": "",
            "Metadata": {
                "QCHELPER_VERSION": ours,
                "ModuleSN": serial,
                "TimeStart": int(taken.timestamp()),  # the analysis stops without it
                "TimeEnd": int(at.timestamp()),
            },
            "Measurements": {},
        },
    }


def _side(side: str, defects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The keys of the inspected side; the other side is left out, for nobody looked at it."""
    ids: dict[str, list[str]] = defaultdict(list)
    notes: dict[str, list[str]] = defaultdict(list)
    for defect in defects:
        ids[defect["tile"]] += [name for name in defect["ids"] if name not in ids[defect["tile"]]]
        if len(defect["ids"]) > 1:
            notes[defect["tile"]].append(f"{defect['ids'][0]} is recorded as {defect['ids'][1]} too, to be graded")
        if defect["note"]:
            notes[defect["tile"]].append(str(defect["note"]))
    return {
        f"{side}_defects": dict(ids),
        f"{side}_comments": {tile: "; ".join(dict.fromkeys(texts)) for tile, texts in notes.items()},
        f"{side}_image": "",
        f"{side}_defect_images": {},
    }


def _ours(
    detail: ObservationDetail, decisions: Sequence[RegionDecision], defects: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What the schema has no place for: every proposed place with score, decision and picture, model, image."""
    view, said = detail.view, {decision.region_index: decision for decision in decisions}
    as_defect = {defect["index"]: defect for defect in defects}
    boxes = []
    for index, region in enumerate(detail.regions):
        box = {key: _finite(value) for key, value in region.items()}
        box |= {"tile": str(_tile(region, detail)), "decision": str(said[index].judgement)}
        box |= {"defect": list(as_defect[index]["ids"]) if index in as_defect else []}
        boxes.append(box | {"picture_sha256": detail.evidence.get(f"spot_{index + 1}")})
    return {
        "model": {"name": view.model.name, "version": view.model.version} if view.model else None,
        "image": {"sha256": view.sha256, "file": view.conditions.get("file"), "key": view.key},
        "quality": str(view.quality),
        "score": _finite(view.score),
        "threshold": _finite(view.threshold),
        "boxes": boxes,
    }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _version() -> str:
    try:
        return version("shiftwatch")
    except PackageNotFoundError:
        return "unknown"
