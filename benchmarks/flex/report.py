"""Rows of figures as Markdown tables and as JSON that later runs can be laid beside."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
Row = dict[str, Any]

FLEX98_COLUMNS = (
    ("method", "name"),
    ("boards learnt", "boards_learnt"),
    ("AUPRO 5 %", "aupro_05"),
    ("AUPRO 30 %", "aupro_30"),
    ("recall @0.1", "recall_0.1"),
    ("recall @1", "recall_1"),
    ("recall @5", "recall_5"),
    ("recall @1, kinds alike", "recall_1_kinds_alike"),
    ("pad scratches @1", "pad_scratch_1"),
    ("image AUROC", "image_auroc"),
    ("CPU s/Mpix", "cpu_s_per_mpix"),
    ("peak MiB, scoring", "peak_mb"),
    ("false spots, asked 1", "false_asked_1"),
)
DEEPPCB_COLUMNS = (
    ("method", "name"),
    ("mAP IoU .33", "map_33"),
    ("best F", "best_f"),
    ("recall @0.25 false boxes/image", "recall_0.25"),
    ("CPU s/image", "cpu_s_per_image"),
)
SPEED_COLUMNS = (
    ("method", "name"),
    ("megapixels", "megapixels"),
    ("wall s", "wall_s"),
    ("CPU s", "cpu_s"),
    ("of which network s", "inside_s"),
    ("peak MiB", "peak_mb"),
)


def table(rows: Sequence[Row], columns: Sequence[tuple[str, str]], run: str) -> str:
    """Markdown; intervals in brackets; rows of an earlier run are marked."""
    lines = ["| " + " | ".join(title for title, _ in columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(_cell(row, key, run) for _, key in columns) + " |" for row in rows]
    if any(row.get("run") != run for row in rows):
        lines.append("\n† measured in an earlier run (see the JSON file for when, and on what machine).")
    return "\n".join(lines)


def recall_table(rows: Sequence[Row], by: str) -> str:
    """Recall at one false spot per board, kind by kind or by least visibility (`by`)."""
    key = f"recall_1_by_{by}"
    rows = [row for row in rows if key in row]
    columns = list(dict.fromkeys(column for row in rows for column in row[key]))
    lines = ["| method | " + " | ".join(column.replace("_", " ") for column in columns) + " |"]
    lines.append("|" + " --- |" * (len(columns) + 1))
    for row in rows:
        values = [math.nan if row[key].get(column) is None else row[key][column] for column in columns]
        lines.append(f"| {row['name']} | " + " | ".join(_number(value) for value in values) + " |")
    return "\n".join(lines)


def _cell(row: Row, key: str, run: str) -> str:
    if key == "name":
        return str(row["name"]) + ("" if row.get("run") == run else " †")
    if "error" in row:
        return "failed"
    value = row.get(key)
    if isinstance(value, dict):
        low, high = value["interval_90"]
        return f"{value['mean']:.2f} [{low:.2f}, {high:.2f}]"
    if value is None:
        return "-"
    if isinstance(value, str | int):
        return str(value)
    bounds = row.get(f"{key}_90")
    return _number(value) + (f" [{_number(bounds[0])}, {_number(bounds[1])}]" if bounds else "")


def _number(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3f}" if value < 2 else f"{value:.1f}"


def merge_rows(path: Path, fresh: Sequence[Row], order: Sequence[str]) -> list[Row]:
    """Rows kept in a results file with fresh ones in place of their namesakes; the file is rewritten.

    Rows of another drawn test set (`heldout`) are dropped: they cannot stand beside these.
    """
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    sets = {row.get("heldout") for row in fresh}
    kept = [row for row in kept if not fresh or row.get("heldout") in sets]
    by_name = {row["name"]: row for row in kept} | {row["name"]: row for row in fresh}
    names = [name for name in order if name in by_name]
    rows = [by_name[name] for name in [*names, *sorted(set(by_name) - set(names))]]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_finite(rows), indent=1) + "\n", encoding="utf-8")
    return rows


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: None instead."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
