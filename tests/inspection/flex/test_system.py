"""FLEX as one of the monitored systems, from a file to its verdict."""

import pytest

from core.alarms.severity import Severity
from core.contracts import Detector, Source, System
from core.settings import FlexSettings, Settings
from core.verdict import Quality
from inspection.flex.system import FLEX, guidance


def test_it_is_what_the_flows_expect(tmp_path):
    assert isinstance(FLEX, System)
    assert FLEX.name == "flex"
    assert FLEX.title
    source: Source = FLEX.source(Settings(home=tmp_path))
    assert source.name == "inbox"
    assert list(source.arrivals(lambda tickets: set())) == []


def test_bad_is_an_alarm_and_so_is_a_board_that_could_not_be_judged():
    assert FLEX.rule.severities[Quality.BAD] is Severity.MAJOR
    assert FLEX.rule.severities[Quality.NULL] is Severity.INVALID
    assert Quality.MEDIUM not in FLEX.rule.severities
    assert Quality.GOOD not in FLEX.rule.severities


def test_guidance_says_what_to_do():
    assert "photo again" in guidance(None)
    assert "Set the board aside" in guidance("Dusts")
    assert FLEX.guidance is guidance


@pytest.mark.parametrize("seconds", [None, 90.0])
def test_silence_is_as_the_settings_say(tmp_path, seconds):
    settings = Settings(home=tmp_path, flex=FlexSettings(silent_after_s=seconds))
    assert FLEX.silent_after_s(settings) == seconds


def test_a_file_is_read_and_judged(taught):
    detector: Detector = FLEX.detector(taught.settings)
    observation = FLEX.read_file(taught.photos / "good_3.png", taught.settings)
    assert observation.element == "good_3"
    verdict = detector.judge(observation)
    assert verdict.quality in {Quality.GOOD, Quality.MEDIUM}
    assert verdict.measurements["registration_residual"].value < 1
