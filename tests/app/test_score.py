"""``shiftwatch score``: the contract for scripts, and every kind of file that is not a photo."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli import app
from app.scoring import apart, judge, to_json
from core.errors import InputError
from core.observation import Observation
from core.settings import load_settings
from tests.app.fake import NAME, SYSTEM, WordDetector

KEYS = {"quality", "score", "threshold", "p_value", "cause", "regions", "measurements", "model"}
OBSERVATION_KEYS = {"system", "element", "key", "observed_at", "origin", "sha256", "conditions"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHIFTWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def score(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["score", NAME, *arguments])


def words(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, word in files.items():
        (folder / f"{name}.png").write_text(word)
    return folder


def lines(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_all_good_exits_zero_with_one_json_object_per_file(tmp_path: Path) -> None:
    result = score(str(words(tmp_path / "in", b="GOOD", a="GOOD")), "--json")
    assert result.exit_code == 0
    first, second = lines(result)
    assert set(first) == {"observation", "verdict", "error"}
    assert set(first["observation"]) == OBSERVATION_KEYS
    assert set(first["verdict"]) == KEYS
    assert first["error"] is None
    assert [first["observation"]["element"], second["observation"]["element"]] == ["a", "b"]


def test_a_bad_one_exits_one_and_names_its_places(tmp_path: Path) -> None:
    result = score(str(words(tmp_path / "in", a="GOOD", b="BAD")), "--json")
    assert result.exit_code == 1
    region = lines(result)[1]["verdict"]["regions"][0]
    expected = {"x": 1, "y": 2, "width": 3, "height": 4, "score": 5.0, "p_value": 0.01, "cause": "Dusts"}
    assert region == {**expected, "probability": 0.9}


def test_unreadable_wins_over_bad_and_the_rest_is_still_judged(tmp_path: Path) -> None:
    result = score(str(words(tmp_path / "in", a="rubbish", b="BAD", c="GOOD")), "--json")
    assert result.exit_code == 2
    broken, bad, good = lines(result)
    assert "a.png" in broken["error"]
    assert "no word in it that is known" in broken["error"]
    assert broken["observation"]["origin"].endswith("a.png")
    assert set(broken["observation"]) == OBSERVATION_KEYS
    assert set(broken["verdict"]) == KEYS
    assert (bad["verdict"]["quality"], good["verdict"]["quality"]) == ("BAD", "GOOD")


def test_what_was_read_but_not_judged_names_file_and_reason(tmp_path: Path) -> None:
    result = score(str(words(tmp_path / "in", a="NULL") / "a.png"), "--json")
    assert result.exit_code == 2
    assert lines(result)[0]["error"].endswith("a.png: no board in the picture")


def test_infinity_is_no_json(tmp_path: Path) -> None:
    result = score(str(words(tmp_path / "in", a="ENDLESS")), "--json")
    assert lines(result)[0]["verdict"]["score"] is None


@pytest.mark.parametrize("path", ["missing.png", "empty", "in/pipe"])
def test_what_is_no_file_is_told(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    words(tmp_path / "in", z="GOOD")
    os.mkfifo(tmp_path / "in" / "pipe")
    result = score(path, str(tmp_path / "in" / "z.png"), "--json")
    assert result.exit_code == 2
    assert Path(path).name in lines(result)[0]["error"]
    assert lines(result)[1]["error"] is None


def test_a_folder_skips_hidden_files_notes_and_sidecars(tmp_path: Path) -> None:
    folder = words(tmp_path / "in", a="GOOD")
    for name in (".a.png.part", "a.json", "README.md", "list.csv"):
        (folder / name).write_text("rubbish")
    result = score(str(folder), "--json")
    assert (result.exit_code, len(lines(result))) == (0, 1)


def test_names_with_spaces_and_unicode(tmp_path: Path) -> None:
    result = score(str(words(tmp_path / "böard nr 1", **{"a ü €": "GOOD"})), "--json")
    assert lines(result)[0]["observation"]["element"] == "a ü €"


def test_the_table_is_readable_and_has_no_json(tmp_path: Path) -> None:
    result = score(str(words(tmp_path / "in", a="BAD", b="nonsense")))
    head, bad, broken = result.stdout.splitlines()
    assert head.startswith("verdict")
    assert "Dusts (90%)" in bad
    assert "no word in it that is known" in broken


@pytest.mark.parametrize(
    ("arguments", "words_in_error"),
    [
        (["score", "nosuch", "x.png"], "no system called 'nosuch'"),
        (["score", NAME, "x.png", "--reference", "t.png"], "only flex has"),
        (["score", NAME, "x.png", "--budget", "-1"], "greater than 0"),
        (["score", NAME, "x.png", "--budget", "nan"], "budget"),
        (["train", "nosuch", ".", "--product", "p"], "no system called 'nosuch'"),
        (["train", "flex", "nowhere", "--product", "p"], "nowhere: no such folder"),
        (["train", "flex", ".", "--product", "../p"], "plain name"),
        (["simulate", "nosuch", "--out", "x"], "no system called 'nosuch'"),
        (["score", "its", "x.npz", "--product", "p"], "its has no products"),
        (["score", "its", "x.npz", "--budget", "-1"], "greater than 0"),
        (["alarms", "list"], "shiftwatch db upgrade"),
    ],
)
def test_known_errors_are_one_line_and_status_two(tmp_path: Path, arguments: list[str], words_in_error: str) -> None:
    done = run(arguments, tmp_path)
    assert done.returncode == 2, done.stderr
    assert words_in_error in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("shiftwatch: ")


@pytest.mark.parametrize("url", ["http://host:8083/qc?RunNumber=1&CycleNumber=2", "https://host"])
def test_a_url_goes_to_the_systems_that_read_urls_and_is_told_as_it_was_written(url: str) -> None:
    def read(path: Path, settings: object) -> Observation:
        raise InputError("the QCDB", f"was asked for {path}")

    system, settings = replace(SYSTEM, read_file=read, reads_urls=True), load_settings()
    told = judge(system, WordDetector(), Path(url), settings)
    assert told.error == f"the QCDB: was asked for {Path(url)}"
    assert json.loads(to_json("fake", told))["observation"]["origin"] == url
    refused = judge(replace(system, reads_urls=False), WordDetector(), Path(url), settings)
    assert "no such file" in str(refused.error)


def test_judging_by_hand_leaves_the_memory_of_a_watch_alone(tmp_path: Path) -> None:
    settings = apart(load_settings(), tmp_path / "elsewhere")
    assert settings.home == tmp_path / "elsewhere"
    assert settings.site_models == tmp_path / "home" / "models"


def test_scoring_starts_without_torch_streamlit_or_prefect(tmp_path: Path) -> None:
    words(tmp_path / "in", a="GOOD")
    code = (
        "import sys; from app.scoring import Request, run; from pathlib import Path;"
        f"assert run(Request({NAME!r}, (Path('in'),), True)) == 0;"
        "heavy = {'torch', 'lightning', 'streamlit', 'prefect'} & set(sys.modules); assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from app.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)


def environment() -> dict[str, str]:
    root = Path(__file__).resolve().parents[2]
    return {**os.environ, "PYTHONPATH": str(root)}
