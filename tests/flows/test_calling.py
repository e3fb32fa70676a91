"""Heavy work runs in a process of its own, and what it says comes back."""

import pytest

from core.errors import SettingsError, ShiftwatchError
from flows.calling import call_apart
from flows.systems import SYSTEMS, find_entry, load, load_system
from tests.flows.fakes import FAKE


def test_arguments_and_result_go_there_and_back() -> None:
    assert call_apart("tests.flows.fakes:give", {"a": [1, None], "b": "ü"}) == {"a": [1, None], "b": "ü"}


@pytest.mark.parametrize(
    ("target", "arguments", "words"),
    [
        ("tests.flows.fakes:refuse", {"golden_dir": "/g"}, r"^too few golden boards in /g$"),
        ("tests.flows.fakes:nothing", {}, "cannot be imported"),
        ("tests.flows.fakes:give", {"self": object}, "not JSON serializable"),
        ("time:sleep", {"wrong": 1}, "time:sleep: TypeError"),
        ("os:abort", {}, "os:abort"),
    ],
)
def test_failures_are_told(target: str, arguments: dict[str, object], words: str) -> None:
    with pytest.raises((ShiftwatchError, TypeError), match=words):
        call_apart(target, arguments)


def test_it_does_not_wait_for_ever() -> None:
    with pytest.raises(ShiftwatchError, match=r"longer than 0\.01 s"):
        call_apart("tests.flows.fakes:give", {}, timeout_s=0.01)


def test_systems_are_found_by_name_or_by_path() -> None:
    assert load_system("tests.flows.fakes:FAKE") is FAKE
    assert find_entry("flex") is SYSTEMS["flex"]
    for wrong in ("nonsense", "no.such:THING", "tests.flows.fakes:NAME", "tests.flows.fakes:", ":"):
        with pytest.raises(SettingsError):
            load_system(wrong)
    with pytest.raises(SettingsError):
        load("nocolon")
