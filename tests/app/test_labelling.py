"""The labelled set: one line for each thing, with its input if it is still what was judged, and its pictures."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.labelling import export
from core.contracts import AlarmRule, Arrival, Settled
from core.errors import SettingsError
from core.observation import Observation
from core.store import Store
from core.store.views import Judgement
from core.verdict import Cause, Evidence, Model, Quality, Region, Verdict

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def judged(store: Store, folder: Path, name: str) -> int:
    """Store a bad board judged from a file of its own."""
    path = folder / f"{name}.png"
    path.write_bytes(name.encode())
    seen = Observation("flex", name, name, NOW, str(path), sha256(name.encode()).hexdigest(), {"serial": name})
    verdict = Verdict(
        Quality.BAD,
        score=3.0,
        cause=Cause("scratch", 0.7),
        regions=(Region({"x": 1, "y": 2, "width": 3, "height": 4}, 3.0, 0.01, Cause("scratch", 0.7)),),
        model=Model("board", "abc"),
        evidence={"thumbnail": Evidence(b"jpeg", "image/jpeg")},
    )
    store.record("flex", "inbox", [Settled(Arrival(name, seen.origin), seen, verdict, NOW)], AlarmRule())
    number = store.find("flex", name, name)
    assert number is not None
    return number


def test_export(shelf: Store, tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    first, second, third = (judged(shelf, scans, name) for name in ("one", "two", "three"))
    shelf.add_feedback(first, "ana", NOW, Judgement.RIGHT, 0)
    shelf.add_feedback(second, "ana", NOW, Judgement.FALSE_ALARM, None, None, "<b>nothing</b>")
    shelf.add_feedback(third, "ana", NOW, Judgement.WRONG_CAUSE, 0, "dust")
    (scans / "two.png").write_bytes(b"another photo by now")
    (scans / "three.png").unlink()
    out = tmp_path / "set"
    done = CliRunner().invoke(app, ["feedback", "export", "flex", "--out", str(out)])
    assert done.output == f"{out}: 3 labels, 1 of them with the input that was judged\n"
    lines = [json.loads(line) for line in (out / "labels.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["element"], line["truth"], line["judgement"]) for line in lines] == [
        ("one", "scratch", "right"),
        ("two", "nominal", "false_alarm"),
        ("three", "dust", "wrong_cause"),
    ]
    assert lines[0]["region"]["width"] == 3
    assert (out / lines[0]["input"]).read_bytes() == b"one"
    assert (out / lines[0]["evidence"]["thumbnail"]).read_bytes() == b"jpeg"
    assert lines[1]["input"] is None
    assert lines[1]["comment"] == "<b>nothing</b>"
    assert export(shelf, "flex", out) == (3, 1)
    told = CliRunner().invoke(app, ["feedback", "precision", "flex"]).output
    assert "67%" in told
    assert "abc" in told
    assert "nobody has answered on its yet" in CliRunner().invoke(app, ["feedback", "precision", "its"]).output


def test_what_cannot_be_written_or_read_is_told(shelf: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be written"):
        export(shelf, "flex", tmp_path / "file" / "set")
    done = CliRunner().invoke(app, ["feedback", "export", "flex", "--out", "x", "--since", "yesterday"])
    assert isinstance(done.exception, SettingsError)
