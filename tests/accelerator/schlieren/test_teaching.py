"""A tiny model is taught from nothing, runs as a detector, and a run that was cut off goes on where it was."""

import pytest

torch = pytest.importorskip("torch")

from accelerator.schlieren.detector import SchlierenDetector  # noqa: E402
from accelerator.schlieren.shot_library import NAMED, observed  # noqa: E402
from accelerator.schlieren.simulate.apparatus import Mask  # noqa: E402
from accelerator.schlieren.simulate.shot import draw_shot  # noqa: E402
from accelerator.schlieren.teaching import Effort, train  # noqa: E402
from core.errors import InputError  # noqa: E402
from core.inference import load_package  # noqa: E402
from core.settings import SchlierenSettings, Settings  # noqa: E402
from core.verdict import Quality  # noqa: E402

TINY = Effort(width=8, start_steps=40, likeness_steps=20, naming_steps=60, nominal=48, each=3)


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A tiny model, the folder that it is in, and what was said while it was made."""
    folder, said = tmp_path_factory.mktemp("models"), []
    path = train("tiny", None, folder / "models" / "schlieren", effort=TINY, cache=folder / "cache", report=said.append)
    return path, folder, said


@pytest.mark.slow
def test_a_tiny_model_judges_shots(taught):
    import numpy as np

    path, folder, _ = taught
    assert path == folder / "models" / "schlieren" / "tiny"
    settings = Settings(home=folder, models=folder / "models", schlieren=SchlierenSettings(model="tiny"))
    detector = SchlierenDetector.load(settings)
    assert detector.model.name == "tiny"
    for mask in Mask:
        shot = draw_shot(np.random.default_rng(4), mask=mask)
        verdict = detector.judge(observed(shot, mask, settings.schlieren))
        assert verdict.quality is not Quality.NULL
        assert verdict.score > 0
        assert 0 < verdict.p_value <= 1
        assert set(verdict.measurements) in (
            {*()},
            {"position_um", "core_radius_um", "peak_ionisation", "transition_width_um", "tilt_mrad"},
        )


@pytest.mark.slow
def test_the_card_says_what_was_done(taught):
    card = load_package(taught[0]).card
    assert card.system == "schlieren"
    assert card.details["names"] == ["nominal", *(cause.value for cause in NAMED)]
    assert card.details["effort"]["start_steps"] == TINY.start_steps
    assert "nominal shots refused" in card.metrics


@pytest.mark.slow
def test_what_is_in_the_cache_is_not_made_again(taught):
    path, folder, _ = taught
    said = []
    again = train("again", None, folder / "again", effort=TINY, cache=folder / "cache", report=said.append)
    assert not any("step" in line for line in said)
    first, second = load_package(path).card, load_package(again).card
    assert {name: digest for name, digest in first.files.items() if name.startswith(("start", "likeness"))} == {
        name: digest for name, digest in second.files.items() if name.startswith(("start", "likeness"))
    }
    assert first.calibration == second.calibration


def test_nothing_is_learnt_from_real_shots(tmp_path):
    with pytest.raises(InputError, match="true parameters are not known"):
        train("any", tmp_path, tmp_path)


def test_the_command_knows_the_system(tmp_path, monkeypatch):
    from app.teaching import Lesson, teach
    from core.errors import SettingsError

    monkeypatch.setenv("SHIFTWATCH_HOME", str(tmp_path))
    with pytest.raises(SettingsError, match="no truth to calibrate on"):
        teach("schlieren", Lesson("any", None, refit=True), tmp_path, report=print)
    with pytest.raises(InputError, match="true parameters are not known"):
        teach("schlieren", Lesson("any", tmp_path), tmp_path, report=print)
