"""Tables as Markdown, and the JSON that is kept with the revision it was measured at."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import running
from benchmarks.collimation.figures import Row
from benchmarks.collimation.scenes import CLASSES

RESULTS = Path(__file__).parent / "results"
MAIN = (
    ("AUC", "auc"), ("AUC, codes among the good", "auc_codes"), ("recall at no false alarm", "recall"),
    ("the same, codes among the good", "recall_codes"), ("codes above that level", "codes_above"),
    ("right collimator (caught)", "named"), ("caught and right", "named_of_all"), ("CPU ms", "ms"),
)  # fmt: skip
OWN = (
    ("nominal BAD", ("own_false", "nominal")), ("nominal MEDIUM", ("own_medium", "nominal")),
    ("codes BAD", ("own_false", "codes")), ("codes MEDIUM", ("own_medium", "codes")), ("faults BAD", ("own_recall",)),
    ("faults MEDIUM", ("own_cannot_tell",)), ("first collimator right", ("own_named",)),
    ("sizes", ("sized",)), ("median error, sigma", ("size_error_median",)), ("within 0.3 sigma", ("size_within_0_3",)),
    ("within 68 %", ("coverage_68",)), ("within 95 %", ("coverage_95",)),
)  # fmt: skip
HIGHER = ("auc", "auc_codes", "recall", "recall_codes", "named", "named_of_all")
LOWER = ("codes_above", "ms")


def main_table(rows: Mapping[str, Row]) -> str:
    """Return a line per method."""
    lines = [f"| method | {' | '.join(title for title, _ in MAIN)} |", "|" + " --- |" * (len(MAIN) + 1)]
    lines += [f"| {name} | {' | '.join(number(row[key]) for _, key in MAIN)} |" for name, row in rows.items()]
    return "\n".join(lines)


def own_table(by_ensemble: Mapping[str, Mapping[str, Row]]) -> str:
    """Return what ours does at the thresholds that ship."""
    lines = [f"| maps | method | {' | '.join(title for title, _ in OWN)} |", "|" + " --- |" * (len(OWN) + 2)]
    for ensemble, rows in by_ensemble.items():
        for name, row in rows.items():
            if "own_recall" in row:
                cells = [number(row[path[0]][path[1]] if len(path) == 2 else row[path[0]]) for _, path in OWN]
                lines.append(f"| {ensemble} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def smallest_table(rows: Mapping[str, Row], key: str = "smallest") -> str:
    """Return the smallest error of each class that is seen in half of the maps."""
    lines = [f"| class (sizes tried) | {' | '.join(rows)} |", "|" + " --- |" * (len(rows) + 1)]
    for name, kind in CLASSES.items():
        tried = ", ".join(f"{size:g}" for size in kind.sizes)
        unit = kind.quantity.value.rsplit("_", maxsplit=1)[-1]
        cells = [number(row[key][name]) if row[key][name] is not None else "none" for row in rows.values()]
        lines.append(f"| {name} ({tried} {unit}) | {' | '.join(cells)} |")
    return "\n".join(lines)


def others_table(rows: Sequence[Row]) -> str:
    """Return a line per map of others."""
    keys = ("map", "truth", "quality", "cause", "element", "quantity", "value", "sigma", "off_sigma", "right")
    lines = [f"| {' | '.join(keys)} |", "|" + " --- |" * len(keys)]
    lines += [f"| {' | '.join(_cell(row.get(key)) for key in keys)} |" for row in rows]
    return "\n".join(lines)


def streams_text(found: Row) -> str:
    """Return what streams gave."""
    hour, nominal = found["hour"], found["nominal"]
    delays = [one["delay_s"] for one in found["sudden"]]
    named = sum(one["first"] == one["element"] for one in found["sudden"])
    per_ten, bad = (number(nominal[f"{kind}_per_10_fills_of_12_h"]) for kind in ("warnings", "bad"))
    wall, cpu = number(hour["wall_s_per_h"]), number(hour["cpu_s_per_h"])
    lines = [
        f"- an hour of {hour['monitors']} monitors: {wall} s on one core ({cpu} s of CPU), pictures included",
        f"- a secondary jumps inside the primary: {delays} s, collimator right in {named} of {len(delays)}",
        f"- {len(nominal['fills'])} nominal fills: {per_ten} warnings per 10 fills of 12 h, of them BAD {bad}",
    ]
    for one in found["drifts"]:
        after, before, false = number(one["warned_after_h"]), number(one["before_gone_h"]), len(one["others_before"])
        how = f"warned after {after} h, {before} h before its margin is gone; {false} other warnings before"
        lines.append(f"- {one['element']} drifts by 0.1 sigma/h: {how}")
    return "\n".join(lines)


def losses(by_ensemble: Mapping[str, Mapping[str, Row]], ours: Sequence[str]) -> list[str]:
    """Return every figure in which a peer does better than the better of ours."""
    found = []
    for ensemble, rows in by_ensemble.items():
        own = [row for name, row in rows.items() if name in ours]
        for key in (*HIGHER, *LOWER):
            sign = 1 if key in HIGHER else -1
            best = max(sign * row[key] for row in own if not math.isnan(row[key]))
            found += [
                f"- {ensemble}, {key}: {name} {number(row[key])}, ours at best {number(sign * best)}"
                for name, row in rows.items()
                if name not in ours and sign * row[key] > best + 1e-9
            ]
        for kind in CLASSES:
            mine = min(_size(row, kind) for row in own)
            found += [
                f"- {ensemble}, smallest {kind}: {name} {number(_size(row, kind))}, ours at best {number(mine)}"
                for name, row in rows.items()
                if name not in ours and _size(row, kind) < mine - 1e-9
            ]
    return found


def _size(row: Row, kind: str) -> float:
    size = row["smallest"][kind]
    return math.inf if size is None else abs(size)


def _cell(value: Any) -> str:
    return number(value) if isinstance(value, float) else "-" if value is None else str(value)


def number(value: Any) -> str:
    """Return a number as people write it."""
    if value is None or math.isnan(value):
        return "-"
    if math.isinf(value):
        return "none"
    if isinstance(value, int):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def stamp() -> Row:
    """Return when, where and at which revision figures were measured, and which model was judged with."""
    return {**running.stamp(), "model": model_version()}


def model_version() -> str:
    """Return the version in the card of the model that ships."""
    from accelerator.collimation.detector import SHIPPED, SHIPPED_MODELS

    return str(json.loads((SHIPPED_MODELS / SHIPPED / "card.json").read_text())["version"])


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write figures as JSON: None for what there is not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_plain(content), indent=1) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) or math.isinf(value) else round(value, 5)
    return value
