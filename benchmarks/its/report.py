"""Tables as Markdown, and the JSON that is kept with the revision it was measured at."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.its.figures import Row

RESULTS = Path(__file__).parent / "results"
Results = Mapping[str, Mapping[str, Row]]

MAIN = (
    ("AUC, 5 % background", "auc_5"), ("AUC, hardware", "auc_hardware"), ("recall, 5 %", "recall_5"),
    ("found within 5 cycles, 5 %", "found_5"),
    ("smallest fraction at 50 % recall", "smallest_50"),
    ("hardware found", "hardware_found"), ("right cause", "cause"), ("delay, cycles", "delay"),
)  # fmt: skip
SHIFTED = (
    ("false alarms per shift", "false_alarms"), ("recall, 5 %", "recall_5"),
    ("recall, 5 %, level of its own", "recall_5_own"),
    ("smallest at 50 %", "smallest_50"), ("smallest, level of its own", "smallest_50_own"),
    ("hardware found", "hardware_found"),
    ("right cause", "cause"),
)  # fmt: skip
OWN = (
    ("nominal shifts", "own_shifts"), ("alarms per shift", "own_false_alarms"),
    ("of these at run starts", "own_false_alarms_at_run_start"), ("cycles alarming", "own_alarming_share"),
    ("as the console counts", "own_false_incidents"), ("recall, 5 %", "own_recall_5"), ("found, 5 %", "own_found_5"),
    ("smallest at 50 %", "own_smallest_50"), ("hardware found", "own_hardware_found"), ("right cause", "own_cause"),
)  # fmt: skip
PLACES = ("hit", "covered", "pure", "size")


def main_table(results: Results, setting: str = "nominal") -> str:
    """Return one line per row: the figures of a setting at one false alarm per shift, 90 % intervals in brackets."""
    lines = [f"| method | {' | '.join(title for title, _ in MAIN)} | ms/cycle |", "|" + " --- |" * (len(MAIN) + 2)]
    for row, by_setting in results.items():
        found = by_setting[setting]
        cells = [_with_interval(found, key) for _, key in MAIN]
        lines.append(f"| {row} | {' | '.join(cells)} | {_number(found['ms_median'])} |")
    return "\n".join(lines)


def curve_table(results: Results, setting: str = "nominal", key: str = "curve") -> str:
    """Return recall per cycle against the fraction of background."""
    fractions = list(next(iter(results.values()))[setting][key])
    lines = [
        f"| method | {' | '.join(f'{100 * float(at):g} %' for at in fractions)} |",
        "|" + " --- |" * (len(fractions) + 1),
    ]
    lines += [
        f"| {row} | {' | '.join(_number(by[setting][key].get(at)) for at in fractions)} |"
        for row, by in results.items()
    ]
    return "\n".join(lines)


def cause_table(results: Results, key: str = "by_cause", setting: str = "nominal") -> str:
    """Return a figure by cause: by default the share of incidents found within 5 cycles."""
    causes = list(next(iter(results.values()))[setting][key])
    lines = [f"| method | {' | '.join(causes)} |", "|" + " --- |" * (len(causes) + 1)]
    lines += [
        f"| {row} | {' | '.join(_number(by[setting][key].get(at)) for at in causes)} |" for row, by in results.items()
    ]
    return "\n".join(lines)


def place_table(results: Results, setting: str = "nominal") -> str:
    """Return localisation: one faulty cell, several, background; the faulty cell in the region, covered, pure, size."""
    kinds = (("one faulty cell", "place_one_cell"), ("several", "place_cells"), ("background", "place_background"))
    titles = [f"{title}: {name}" for title, _ in kinds for name in PLACES]
    lines = [f"| method | {' | '.join(titles)} |", "|" + " --- |" * (len(titles) + 1)]
    for row, by in results.items():
        cells = [_number(by[setting][key][name]) for _, key in kinds for name in PLACES]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def shifted_table(results: Results, row: str) -> str:
    """Return how one row does in every setting, at the level of the nominal one."""
    lines = [f"| setting | {' | '.join(title for title, _ in SHIFTED)} |", "|" + " --- |" * (len(SHIFTED) + 1)]
    for setting, found in results[row].items():
        lines.append(f"| {setting} | {' | '.join(_with_interval(found, key) for _, key in SHIFTED)} |")
    return "\n".join(lines)


def own_table(results: Results) -> str:
    """Return what methods with a threshold of their own do with it, asked for one alarm per shift, no oracle."""
    lines = [f"| method | setting | {' | '.join(title for title, _ in OWN)} |", "|" + " --- |" * (len(OWN) + 2)]
    for row, by in results.items():
        for setting, found in by.items():
            if "own_false_alarms" in found:
                lines.append(f"| {row} | {setting} | {' | '.join(_with_interval(found, key) for _, key in OWN)} |")
    return "\n".join(lines)


def against_table(results: Results, key: str) -> str:
    """Return one figure of every row in every setting."""
    settings = list(next(iter(results.values())))
    lines = [f"| method | {' | '.join(settings)} |", "|" + " --- |" * (len(settings) + 1)]
    lines += [
        f"| {row} | {' | '.join(_with_interval(by[at], key) for at in settings)} |" for row, by in results.items()
    ]
    return "\n".join(lines)


def losses(results: Results, ours: str) -> list[str]:
    """Return every figure of the tables in which another row does better than ours."""
    lower = {"smallest_50", "delay", "false_alarms", "smallest_50_own"}
    keys = dict.fromkeys(key for _, key in (*MAIN, *SHIFTED))
    found = []
    for setting, own in results.get(ours, {}).items():
        for key in keys:
            for row, by in results.items():
                mine, theirs = own.get(key, math.nan), by[setting].get(key, math.nan)
                better = theirs < mine - 1e-9 if key in lower else theirs > mine + 1e-9
                if row != ours and better:
                    found.append(f"{setting}, {key}: {row} {_number(theirs)}, ours {_number(mine)}")
    return found


def _with_interval(found: Row, key: str) -> str:
    bounds = found.get(f"{key}_90")
    value = _number(found.get(key))
    if value == "-" or not bounds or any(bound is None for bound in bounds):
        return value
    return f"{value} [{_number(bounds[0])}, {_number(bounds[1])}]"


def _number(value: Any) -> str:
    if value is None or math.isnan(value):
        return "-"
    if math.isinf(value):
        return "never" if value > 0 else "-inf"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write figures as JSON: None for what there is not, "inf" for never."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_plain(content), indent=1) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf") if math.isinf(value) else round(value, 5)
    return value
