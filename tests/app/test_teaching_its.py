"""``shiftwatch train its``: a reference of chip hit maps from runs, that ``score`` then judges with."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from core.errors import InputError
from dqm.its.pixels.files import write_run
from tests.dqm.its.pixels.telescopes import telescope


class Nodding:
    """Stands in for the detector of cycles, which chip hits do not need."""


@pytest.fixture
def runs(home: Path) -> Path:
    folder = home / "runs"
    folder.mkdir()
    for run in range(12):
        write_run(folder / f"run_{run:04d}.npz", telescope(run))
    return folder


def test_what_was_learnt_judges_other_runs(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dqm.its.detector.ItsDetector.load", lambda settings: Nodding())
    cli = CliRunner()
    other = runs.parent / "other.npz"
    write_run(other, telescope(100))
    untaught = json.loads(cli.invoke(app, ["score", "its", str(other), "--json"]).stdout)
    assert "no reference of chip hit maps was learnt yet" in untaught["error"]
    taught = cli.invoke(app, ["train", "its", str(runs), "--product", "pixels"])
    assert taught.exit_code == 0, taught.output
    assert "learning from 12 runs" in taught.output
    listed = cli.invoke(app, ["models", "list", "its"]).stdout
    assert "champion" in listed
    judged = json.loads(cli.invoke(app, ["score", "its", str(other), "--json"]).stdout)
    assert judged["error"] is None
    known = {region["element"]: region["known"] for region in judged["verdict"]["regions"]}
    assert known["plane 0/double column 46"] == "yes"


@pytest.mark.parametrize(("product", "error"), [("cycles", InputError), ("pixels", InputError)])
def test_what_cannot_be_taught_is_told(home: Path, product: str, error: type[Exception]) -> None:
    (home / "empty").mkdir()
    told = CliRunner().invoke(app, ["train", "its", str(home / "empty"), "--product", product])
    assert isinstance(told.exception, error)
