"""Maps of others, never learnt from: tracked (xcoll), published, measured; what ours says beside truth."""

import json
from pathlib import Path

from accelerator.collimation.reading import read_file
from benchmarks.collimation import ours
from benchmarks.collimation.figures import Row
from core.settings import Settings

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "collimation"
CLASSES = {
    "lossmap_B1DPpos_250k_p": "off-momentum",
    "lossmap_crystals_B1H_50M_p": "crystal",
    "lossmap_fluka_crystals_B1H_1k_Pb208": "ion",
}


def measured(home: Path, data: Path = DATA) -> list[Row]:
    """Return a row for each map of others; none if they are not there."""
    files = [*sorted(data.glob("xcoll_dev/*_s[0-9]*.json")), *sorted(data.glob("xcoll_published/*.json"))]
    files = [path for path in files if not path.name.endswith(".meta.json")] + sorted(data.glob("digitised_*.csv"))
    detector = ours.load(home)
    with ours.without_pictures():
        return [_row(detector, path) for path in files]


def _row(detector: ours.CollimationDetector, path: Path) -> Row:
    said = ours.judge(detector, read_file(path, Settings()))
    truth = _truth(path)
    row: Row = {
        "map": path.stem, "truth": _words(truth) or CLASSES.get(path.stem, "nominal"),
        "quality": said.quality, "cause": said.cause, "element": said.element, "quantity": said.quantity,
        "value": said.value, "sigma": said.sigma, "ms": said.ms,
    }  # fmt: skip
    own = [size for element, quantity, size in truth if (element, quantity) == (said.element, said.quantity)]
    if own and said.value is not None:
        row["off_sigma"] = ours.in_sigma(str(said.element), str(said.quantity), abs(said.value - own[0]))
    row["right"] = _is_right(row, truth)
    return row


def _is_right(row: Row, truth: list[tuple[str, str, float]]) -> bool:
    if truth:
        return row["quality"] == ours.BAD and row["element"] in {element for element, _, _ in truth}
    expected = CLASSES.get(row["map"])
    return (
        row["quality"] in {"GOOD", "MEDIUM"} and row["element"] is None and (not expected or row["cause"] == expected)
    )


def _truth(path: Path) -> list[tuple[str, str, float]]:
    beside = path.with_name(f"{path.stem}.meta.json")
    if not beside.exists() or "nominal" in path.stem or "jitter" in path.stem:
        return []
    found = []
    for element, quantity, old, new in json.loads(beside.read_text())["changes"]:
        change = float(new) - float(old)
        found.append((str(element), str(quantity), change if quantity == "gap_sigma" else abs(change)))
    return found


def _words(truth: list[tuple[str, str, float]]) -> str:
    return ", ".join(f"{element} {quantity} {size:+.2f}" for element, quantity, size in truth)
