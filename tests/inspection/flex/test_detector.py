"""The detector: which product it finds, and what it says of good, bad and unusable input."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from core.errors import CalibrationError, ModelError  # noqa: E402
from core.observation import Observation  # noqa: E402
from core.settings import FlexSettings, Settings  # noqa: E402
from core.verdict import Quality  # noqa: E402
from inspection.flex import detector as subject  # noqa: E402
from inspection.flex.detector import FlexDetector, find_product  # noqa: E402
from tests.inspection.flex.taught import AT, other_product, photo  # noqa: E402


def seen(image, name="image"):
    return Observation("flex", "board", "key", AT, "/scans/board.jpg", "00", payload={name: image})


@pytest.fixture(scope="module")
def detector(taught):
    return FlexDetector.load(taught.settings)


def test_a_good_board_is_not_bad(detector):
    verdict = detector.judge(seen(photo(50).image))
    assert verdict.quality in {Quality.GOOD, Quality.MEDIUM}
    assert verdict.model is not None
    assert verdict.model.name == "flex-tiny"
    assert verdict.score is not None
    assert verdict.reason is None


@pytest.mark.parametrize(("seed", "kind"), [(60, "burn"), (62, "burn"), (60, "mask_particle")])
def test_a_gross_defect_is_the_first_region(detector, seed, kind):
    board = photo(seed, kind)
    verdict = detector.judge(seen(board.image))
    assert verdict.quality is Quality.BAD
    where, label = verdict.regions[0].where, board.labels[0]
    x, y = where["x"] + where["width"] / 2, where["y"] + where["height"] / 2
    assert label.x - 3 <= x <= label.x + label.width + 3
    assert label.y - 3 <= y <= label.y + label.height + 3
    assert verdict.score == pytest.approx(verdict.regions[0].score)
    assert verdict.score > verdict.measurements["alarm_level"].value


def test_the_same_board_always_gets_the_same_verdict(detector):
    board = seen(photo(60, "burn").image)
    first, again = (detector.judge(board) for _ in range(2))
    assert first == again
    assert {name: e.content for name, e in first.evidence.items()} == {n: e.content for n, e in again.evidence.items()}


def test_another_product_gets_no_verdict_but_a_reason(detector):
    verdict = detector.judge(seen(other_product(3)))
    assert verdict.quality is Quality.NULL
    assert "/scans/board.jpg" in verdict.reason
    assert "does not match the reference" in verdict.reason or "recognised" in verdict.reason
    assert verdict.model is not None
    assert verdict.regions == ()
    assert set(verdict.evidence) == {"plain", "board", "thumbnail"}, "the operator sees what came instead"


UNUSABLE = {
    "grey": np.zeros((524, 700), np.uint8),
    "float": np.zeros((524, 700, 3), np.float32),
    "16 bits": np.zeros((524, 700, 3), np.uint16),
    "four channels": np.zeros((524, 700, 4), np.uint8),
    "nothing": np.zeros((0, 0, 3), np.uint8),
    "one row": np.zeros((1, 700, 3), np.uint8),
    "black": np.zeros((524, 700, 3), np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (524, 700, 3)).astype(np.uint8),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_what_is_no_photo_gets_no_verdict_but_a_reason(detector, what):
    verdict = detector.judge(seen(UNUSABLE[what]))
    assert verdict.quality is Quality.NULL
    assert verdict.reason.startswith("/scans/board.jpg: ")


def test_an_observation_without_picture(detector):
    assert "not an RGB picture" in detector.judge(seen(np.zeros(3), name="spectrum")).reason


def test_a_read_only_and_strided_picture_is_judged(detector):
    image = photo(50).image
    mirrored_storage = np.ascontiguousarray(image[::-1, ::-1])[::-1, ::-1]
    mirrored_storage.setflags(write=False)
    assert detector.judge(seen(mirrored_storage)) == detector.judge(seen(image))


def test_a_budget_that_cannot_be_kept_is_told_when_the_detector_is_made(taught):
    flex = taught.settings.flex.model_copy(update={"false_spots_per_board": 100.0})
    with pytest.raises(CalibrationError, match="budget"):
        FlexDetector.load(taught.settings.model_copy(update={"flex": flex}))


def test_a_missing_product_lists_what_there_is(taught):
    with pytest.raises(ModelError, match=r"no product called 'no such'.*tiny"):
        find_product(taught.settings, "no such")
    assert find_product(taught.settings) == taught.package


def test_where_nothing_was_taught(tmp_path, monkeypatch):
    monkeypatch.setattr(subject, "SHIPPED_MODELS", tmp_path / "shipped")
    with pytest.raises(ModelError, match="there is: none"):
        FlexDetector.load(Settings(home=tmp_path))


def test_the_base_networks_are_no_product_and_the_site_comes_first(taught, untrained_base, tmp_path, monkeypatch):
    shipped = tmp_path / "shipped"
    for name in ("base", "tiny"):
        (shipped / name).mkdir(parents=True)
        (shipped / name / "card.json").write_text("{}")
    monkeypatch.setattr(subject, "SHIPPED_MODELS", shipped)
    with pytest.raises(ModelError) as caught:
        find_product(taught.settings, "x")
    assert str(caught.value).endswith("there is: tiny")
    assert find_product(taught.settings, "tiny") == taught.package
    assert find_product(Settings(home=tmp_path / "elsewhere"), "tiny") == shipped / "tiny"


def test_a_package_that_is_no_product_is_refused(untrained_base):
    settings = Settings(models=untrained_base.parent.parent, flex=FlexSettings(product=untrained_base.name))
    folder = untrained_base.parent
    (folder.parent / "flex").unlink(missing_ok=True)
    (folder.parent / "flex").symlink_to(folder)
    try:
        with pytest.raises(ModelError, match="not a package of a taught product"):
            FlexDetector.load(settings)
    finally:
        (folder.parent / "flex").unlink()


def test_a_damaged_package_is_refused(taught, tmp_path):
    copy = tmp_path / "models" / "flex" / "tiny"
    shutil.copytree(taught.package, copy)
    (copy / "spots.onnx").write_bytes(b"damaged")
    settings = taught.settings.model_copy(update={"models": tmp_path / "models"})
    with pytest.raises(ModelError, match=r"spots\.onnx: damaged"):
        FlexDetector.load(settings)


def test_observations_are_left_as_they_are(detector):
    observation = seen(photo(60, "burn").image)
    before = observation.payload["image"].copy()
    detector.judge(observation)
    assert np.array_equal(before, observation.payload["image"])
    assert replace(observation) == observation


HEAVY = {"torch", "lightning", "torchvision", "prefect", "streamlit", "matplotlib", "onnx", "efficientnet_lite_pytorch"}
JUDGE = """
import json, sys
from pathlib import Path
from core.settings import FlexSettings, Settings
from inspection.flex.detector import FlexDetector
from inspection.flex.source import read_file
settings = Settings(home=Path(sys.argv[1]), flex=FlexSettings(product=sys.argv[2]))
verdict = FlexDetector.load(settings).judge(read_file(Path(sys.argv[3]), settings))
print(json.dumps([verdict.quality, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def test_judging_an_image_loads_nothing_heavy(taught):
    """A watch is a new process every quarter of an hour: what it imports, it imports a hundred times a day."""
    arguments = [str(taught.settings.home), taught.settings.flex.product, str(taught.photos / "good_0.png")]
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", JUDGE, *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    quality, packages = json.loads(done.stdout.splitlines()[-1])
    assert quality in {"GOOD", "MEDIUM", "BAD"}
    assert "onnxruntime" in packages
    assert HEAVY.isdisjoint(packages), HEAVY & set(packages)
